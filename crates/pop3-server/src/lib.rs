//! POP3 access to the mail store: an account's inbox is its maildrop.
//!
//! The protocol is `pop3-core`'s; here stand the answers to its questions ([`answers`]), what the
//! operator wants of a maildrop ([`policy`]) and the loop that begins conversations ([`service`]). Messages are read in pieces and written as
//! fast as the client takes them; a session holds no message and no open database.
//!
//! Invariant: messages are removed in one operation of the store, after QUIT and at no other
//! moment. The lock of the maildrop lives as long as the conversation and dies with the process.

mod answers;
mod maildrop;
mod policy;
mod service;

pub use service::run;
