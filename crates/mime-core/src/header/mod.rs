//! Header fields: where they begin and end, and what the structured ones say.
//!
//! A header ends at its first blank line and nowhere else: a line that is no field does not end it.
//! Line ends are CRLF or LF.

pub mod address;
pub mod content;
pub mod date;
mod fields;
mod filter;
mod message_id;
pub mod origin;
pub mod params;
pub mod stream;
pub(crate) mod write;

pub(crate) use fields::blank_controls;
pub use fields::{Field, Fields, fields, find, header_length, unfold};
pub use filter::FieldFilter;
pub use message_id::message_ids;
