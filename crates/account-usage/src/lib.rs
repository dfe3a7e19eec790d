//! Bytes and messages per account, published and read.
//!
//! Whoever changes a mailbox publishes the account's totals here, so that others (the relay, when
//! it is asked for a recipient) can tell whether there is room without seeing mailboxes; and so
//! that the one who writes warnings learns that a threshold is crossed. There are only ids, counts
//! and times in this database.
//!
//! Invariants: of two publications for one account the one with the greater version stays, in
//! whichever order and from whichever process they come, so the last one is exact. A threshold that
//! is crossed stays due until somebody says that it was told of; it becomes due again only after
//! the account was below it.
//!
//! This crate counts nothing itself and knows no mailbox; limits are given to it. What it says of a
//! domain is the sum of what its accounts have published: mail that is on its way is not in it.

mod database;
mod reader;
mod room;
mod warnings;

use mail_types::MailVolume;

pub use database::{UsagePublisher, migrate};
pub use reader::UsageReader;
pub use room::{Patience, Room};
pub use warnings::{DueWarning, Thresholds};

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

impl Usage {
    /// How much mail that is.
    pub fn volume(&self) -> MailVolume {
        MailVolume { octets: self.octets, messages: self.messages }
    }
}
