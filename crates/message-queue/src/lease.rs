//! What a consumer has leased: one entry's recipients in one lane.

use std::sync::{Arc, Mutex, PoisonError};

use mail_types::{
    AccountId, Address, BodyKind, DsnReturn, Handling, Lane, Notify, OriginalRecipient, QueueId,
    RecipientNumber, ReversePath, Timestamp,
};

use crate::{Content, Expanded, FileInto, Origin};

/// The right to hand an entry over to some of its recipients; [`crate::Consumer::settle`] consumes
/// it. Dropped unsettled, it stays leased until its consumer is dropped or dead; torn down with a
/// task that panics, it comes back to its consumer ([`crate::Consumer::broken`]).
#[derive(Debug)]
#[must_use]
pub struct Lease {
    pub(crate) token: LeaseToken,
    /// Where it goes when whoever has it panics.
    pub(crate) home: Option<Home>,
    /// How often that has happened.
    pub(crate) breaks: u32,
    /// The entry.
    pub entry: LeaseEntry,
    /// The lane of all its recipients here.
    pub lane: Lane,
    /// The recipients, at least one.
    pub recipients: Vec<LeaseRecipient>,
}

/// The leases of a consumer whose holders have panicked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Home(Arc<Mutex<Vec<Lease>>>);

impl Home {
    /// Takes them.
    pub(crate) fn take(&self) -> Vec<Lease> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn bring(&self, lease: Lease) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
    }
}

/// What tells a lease from an earlier one of the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub(crate) i64);

/// The entry of a lease.
#[derive(Debug, Clone)]
pub struct LeaseEntry {
    /// Its id.
    pub id: QueueId,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Where notifications go.
    pub reverse_path: ReversePath,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// What MAIL FROM declared.
    pub body: BodyKind,
    /// Whether it needs SMTPUTF8.
    pub smtputf8: bool,
    /// RET.
    pub ret: Option<DsnReturn>,
    /// ENVID, decoded.
    pub envid: Option<String>,
    /// How it is to be treated on its way.
    pub handling: Handling,
    /// Where it came from.
    pub origin: Origin,
    /// The Message-ID field's content.
    pub message_id: Option<String>,
    /// The message.
    pub content: Content,
}

/// A recipient of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecipient {
    /// Its place in the entry.
    pub number: RecipientNumber,
    /// Where it goes.
    pub address: Address,
    /// ORCPT.
    pub original: Option<OriginalRecipient>,
    /// The reverse-path to use, the entry's or its own.
    pub reverse_path: ReversePath,
    /// Which notifications the sender wants.
    pub notify: Notify,
    /// The account whose mailbox it is.
    pub account: Option<AccountId>,
    /// Where to put it, when elsewhere than in the inbox.
    pub file_into: Option<FileInto>,
    /// The list whose member it is: what the entry says of notifications is not its matter.
    pub list: Option<Address>,
    /// Header lines put before the content.
    pub head: Vec<u8>,
    /// Nothing is delivered to it: it has become others, and ends with its report.
    pub expanded: Option<Expanded>,
    /// Attempts that came to nothing so far.
    pub attempts: u32,
    /// What the last of them came to, in words.
    pub last_problem: Option<String>,
    /// Whether the sender was told of a delay already.
    pub delay_told: bool,
    /// Whether he was told that the time is over by which he wanted it delivered.
    pub overdue_told: bool,
    /// From when its attempts are counted: when it was queued, or until when its sender had it held.
    pub since: Timestamp,
}

impl Lease {
    /// A lease that no queue has given, for a simulation: it can be worked on, and every queue
    /// finds it superseded.
    pub fn imagined(entry: LeaseEntry, lane: Lane, recipients: Vec<LeaseRecipient>) -> Self {
        // Below all that are ever given out.
        Self { token: LeaseToken(-1), home: None, breaks: 0, entry, lane, recipients }
    }

    /// How often whoever had it has panicked.
    pub fn breaks(&self) -> u32 {
        self.breaks
    }

    /// The token, for logs.
    pub fn token(&self) -> LeaseToken {
        self.token
    }
}

impl Drop for Lease {
    /// Nobody else can give back what a panic tears down: the frames that had it are gone.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        if let Some(home) = self.home.take() {
            let again = Self {
                token: self.token,
                home: Some(home.clone()),
                breaks: self.breaks.saturating_add(1),
                entry: self.entry.clone(),
                lane: self.lane.clone(),
                recipients: std::mem::take(&mut self.recipients),
            };
            home.bring(again);
        }
    }
}
