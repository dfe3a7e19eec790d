//! The queue from outside: one executable, a module a subject.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests may stop at the first surprise"
)]

mod story;

mod backup;
mod broken;
mod check;
mod crash;
mod deadline;
mod depth;
mod flow;
mod full_disk;
mod kill;
mod model;
mod notes;
mod operate;
mod operator;
mod pause;
mod quarantine;
mod report;
mod sending;
mod sharing;
mod turns;
mod unflushed;
