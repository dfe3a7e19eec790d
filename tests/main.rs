//! Tests of the whole: the rules of the house, and stories told with real processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says it"
)]

mod house;
mod stack;
mod stories;
