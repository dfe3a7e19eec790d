//! The MDA: from the queue into mailboxes.
//!
//! Leases the local lane of the queue, writes each recipient's copy (Return-Path and Delivered-To
//! before the content, RFC 5321 §4.4) into its mailbox, and settles. Whatever waits for one account
//! while its mailboxes are busy is delivered together, in one transaction.
//!
//! Invariants: a recipient is settled as delivered only when its message is durable and visible in
//! the mailbox; whatever stops this process in between, the next one delivers the same message to
//! the same name, and the store does it once. What can't be delivered now is deferred, and is
//! lost in no case.
//!
//! The agent listens only where the configuration has it take mail by LMTP (`lmtp`), which goes into
//! the queue like any other. It knows no password.

mod copy;
mod desk;
mod handover;
mod last_look;
mod lmtp;
mod once;
mod room;
mod service;
mod settle;
mod upkeep;
mod warnings;

pub use service::run;
