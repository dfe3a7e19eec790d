//! IMAP access to the mail store: the agent behind ports 143 and 993.
//!
//! `imap_core::server::Session` speaks the protocol and asks; [`handler`] answers, one file of
//! [`commands`] a family. What a session holds while it idles is the id of its mailbox and a watch
//! on it: no index handle, no transaction, no message.
//!
//! Invariants: nothing is written to the client while an index transaction is open; what changes a
//! mailbox is done before its tagged OK is rendered; message bytes go from file to client by
//! pieces, at the client's pace. This agent can't open the queue.

mod commands;
mod handler;
mod key_resets;
mod notifying;
mod numbering;
mod place;
mod presence;
mod progress;
mod quota;
mod search;
mod selected;
mod service;
mod trace;
mod trouble;

pub use service::run;
