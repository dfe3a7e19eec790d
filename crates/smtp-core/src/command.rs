//! Command lines as values (RFC 5321 §4.1.1).
//!
//! The peer controls the whole line; it arrives here without its CRLF, as UTF-8 without control
//! characters, and not longer than the session's limit. Whether the command is legal now is not
//! known here.

mod by;
mod hold;
mod inquiry;
mod mail;
mod parameter;
mod path;
mod rcpt;
mod unitext;
mod verb;
mod xclient;
mod xtext;

pub use by::By;
pub use hold::Hold;
pub(crate) use hold::render_date_time;
pub use inquiry::Node;
pub(crate) use inquiry::{etrn_node, verify_argument};
pub use mail::MailFrom;
pub use rcpt::RcptTo;
pub(crate) use verb::{Auth, Chunk, Verb, hello_name};
pub(crate) use xclient::Xclient;
pub use xtext::{decode_xtext, encode_xtext};
