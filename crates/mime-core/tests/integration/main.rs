//! mime-core over whole messages: the corpus of `tests/corpus`, an oracle, any cut, any octets.

mod any_octets;
mod corpus;
mod korean;
mod oracle;
mod report;
mod seven_bit;
mod structure;
