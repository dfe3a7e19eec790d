//! A reception with a real queue behind it, in front of a client in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod content;
mod envelope;
mod house;
