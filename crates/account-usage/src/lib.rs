//! Bytes and messages per account, published and read.
//!
//! Whoever changes a mailbox publishes the account's totals here, so that others (the relay, when
//! it is asked for a recipient) can tell whether there is room without seeing mailboxes. There are
//! only ids and counts in this database.
//!
//! Invariant: of two publications for one account the one with the greater version stays, in
//! whichever order and from whichever process they come; so the last one is exact.
//!
//! This crate counts nothing itself and knows no mailbox; limits are given to it.

mod database;
mod quota;

pub use database::{UsagePublisher, UsageReader, migrate};
pub use quota::{Over, Quota};

/// What an account's mailboxes hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Octets of all messages in wire form.
    pub octets: u64,
    /// Messages.
    pub messages: u64,
    /// Grows with every change of the mailboxes.
    pub version: i64,
}
