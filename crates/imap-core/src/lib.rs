//! IMAP, rev1 (RFC 3501) and rev2 (RFC 9051), as a machine: bytes in, one step out.
//!
//! [`server::Session`] is the whole of it: it frames and parses commands, decides which is legal
//! when, speaks TLS, SASL and IDLE, keeps the selected mailbox's sequence numbers, and asks the
//! agent one question for each family of commands. The agent's answers render what they send with
//! [`response`], straight into the wire's output.
//!
//! This crate knows no accounts, no mailboxes and no files, opens nothing and reads no clock. What
//! an attacker controls is every byte of the input; what that can make grow is bounded by
//! [`server::Limits`].

pub mod calendar;
pub mod capability;
pub mod client;
pub mod command;
mod frame;
mod language;
pub mod listing;
pub mod metadata;
mod object_id;
mod order;
mod parse;
pub mod response;
mod sequence_set;
pub mod server;
pub mod thread;
pub mod trace;
mod uid_runs;
pub mod url;
mod utf7;
pub mod view;

pub use language::Language;
pub use object_id::ObjectId;
pub use sequence_set::SequenceSet;
pub use uid_runs::UidRuns;

/// A mailbox name in modified UTF-7 (RFC 3501 §5.1.3).
pub fn mailbox_name_on_wire(name: &str) -> String {
    utf7::encode(name)
}

/// A mailbox name as it is read by people, from modified UTF-7 (RFC 3501 §5.1.3); none if it is not
/// correct.
pub fn mailbox_name(wire: &str) -> Option<String> {
    utf7::decode(wire).ok()
}
