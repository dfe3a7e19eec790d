//! mime-core over whole messages: the corpus of `tests/corpus`, an oracle, any cut, any octets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests may stop at the first surprise"
)]

mod any_octets;
mod build;
mod charsets;
#[path = "../../../../tests/fuzz/checks/mod.rs"]
mod checks;
mod corpus;
mod expected;
mod hostile;
mod korean;
mod mutation;
mod oracle;
mod rendering;
mod report;
mod seven_bit;
mod standards;
mod structure;
mod surrogate;
