//! The store as its users see it, its disk as other tools see it, and both after every stop.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the parts that tests share are outside of tests for the lint"
)]

mod backup;
mod check;
mod crash;
mod foreign;
mod full_disk;
mod kill;
mod many;
mod model;
mod notes;
mod objects;
mod once;
mod operations;
mod quota;
mod rebuild;
mod removed;
mod saved;
mod sharing;
mod sorting;
mod taking_over;
mod world;
