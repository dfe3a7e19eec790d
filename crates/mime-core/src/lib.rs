//! The message format: structure, header fields, envelope and body structure, reports.
//!
//! Every sequence of octets is a message: nothing here fails on bad input, it gives a defined
//! answer and names the defects. Work is linear in the input and memory is bounded, both by limits
//! that [`structure::Limits`] names.
//!
//! This crate knows no protocol, no files, no clock and no accounts: times, boundaries and message
//! ids are arguments; offsets count the octets that were fed. mail-parser, an independent
//! reader of messages, is what its tests compare with, and is named nowhere else.

pub mod body_structure;
pub mod build;
mod compact;
pub mod elsewhere;
pub mod envelope;
pub mod file_name;
pub mod fixup;
pub mod header;
mod lines;
pub mod reading;
pub mod report;
pub mod section;
pub mod seven_bit;
pub mod smtputf8;
pub mod sorting;
pub mod structure;
pub mod surrogate;
pub mod text;
pub mod thread;
pub mod transfer;

pub use body_structure::BodyStructure;
pub use compact::Corrupt;
pub use envelope::Envelope;

/// Octets as they stand in a message: mostly ASCII, but nothing may rely on it.
pub type Octets = Box<[u8]>;
