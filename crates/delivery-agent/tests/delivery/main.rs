//! The agent between a real queue, directory and store.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the parts that tests share are outside of tests for the lint"
)]

mod house;
mod lmtp;
mod once;
mod quota;
mod stories;
mod upkeep;
