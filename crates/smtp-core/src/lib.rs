//! SMTP as a machine: both sides of the conversation (RFC 5321 and its extensions), no sockets.
//!
//! The server side is [`server::Session`]: bytes in, one step out. It knows the protocol: syntax
//! ([`command`]), order, limits, replies ([`reply`]) and the way content is marked off ([`data`]).
//! It does not know who may send, which mailboxes exist or where a message goes: those are the
//! questions it asks. Nor does it read a clock, log, or hold more of a message than the driver's
//! buffer does.

pub mod client;
pub mod command;
pub mod data;
pub mod reply;
pub mod server;
