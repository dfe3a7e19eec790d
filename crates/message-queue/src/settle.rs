//! How a lease ends.

use mail_types::{Outcome, RecipientNumber, Timestamp};

use crate::{Lease, NewEntry, SealedDraft, sql::told};

/// The end of one lease: an outcome for each of its recipients, and the notifications they cause.
#[derive(Debug)]
#[must_use]
pub struct Settlement {
    pub(crate) lease: Lease,
    pub(crate) ends: Vec<End>,
    pub(crate) notifications: Vec<Notification>,
}

/// The end of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) number: RecipientNumber,
    /// None if nothing was tried.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) next_at: Option<Timestamp>,
    /// One of [`told`].
    pub(crate) told: i64,
    /// Whether it is held, as it was, rather than to wait.
    pub(crate) held: bool,
}

/// A notification that is queued in the transaction that settles its cause.
#[derive(Debug)]
pub struct Notification {
    /// Its envelope, routed by whoever settles.
    pub entry: NewEntry,
    /// Its content, on stable storage.
    pub content: SealedDraft,
}

impl Settlement {
    /// Begins the settlement of a lease. A recipient about whom nothing is said waits again, as it
    /// was before.
    pub fn of(lease: Lease) -> Self {
        Self { lease, ends: Vec::new(), notifications: Vec::new() }
    }

    /// The lease that is settled.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Says how it ended for a recipient. `next_at` is when a deferred one is tried again; without
    /// it at once.
    pub fn recipient(
        &mut self,
        number: RecipientNumber,
        outcome: Outcome,
        next_at: Option<Timestamp>,
    ) {
        let told = told::NOTHING;
        self.end(End { number, outcome: Some(outcome), next_at, told, held: false });
    }

    /// Gives a recipient back untried: it waits as it did before, and not before this time.
    pub fn later(&mut self, number: RecipientNumber, not_before: Timestamp) {
        let told = told::NOTHING;
        self.end(End { number, outcome: None, next_at: Some(not_before), told, held: false });
    }

    fn end(&mut self, mut end: End) {
        if let Some(place) = self.ends.iter().position(|other| other.number == end.number) {
            // What was told stays told.
            end.told = end.told.max(self.ends.swap_remove(place).told);
        }
        self.ends.push(end);
    }

    /// Remembers that the sender is told of this recipient's delay by a notification of this
    /// settlement, so that he is told once.
    pub fn delay_told(&mut self, number: RecipientNumber) {
        self.told(number, told::DELAY);
    }

    /// Remembers that the sender needs not be told any more that the time is over by which he wanted
    /// it delivered.
    pub fn overdue_told(&mut self, number: RecipientNumber) {
        self.told(number, told::OVERDUE);
    }

    fn told(&mut self, number: RecipientNumber, told: i64) {
        let end = self.end_of(number);
        end.told = end.told.max(told);
    }

    /// Says of a recipient that was held, and has not come to its end, that it is held as before.
    pub(crate) fn still_held(&mut self, number: RecipientNumber) {
        self.end_of(number).held = true;
    }

    fn end_of(&mut self, number: RecipientNumber) -> &mut End {
        let place = self.ends.iter().position(|end| end.number == number);
        let place = place.unwrap_or_else(|| {
            let told = told::NOTHING;
            self.ends.push(End { number, outcome: None, next_at: None, told, held: false });
            self.ends.len().saturating_sub(1)
        });
        #[expect(clippy::indexing_slicing, reason = "it was found there, or just put there")]
        &mut self.ends[place]
    }

    /// Adds a notification.
    pub fn notify(&mut self, notification: Notification) {
        self.notifications.push(notification);
    }
}

/// What a settlement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Recipients that were settled.
    pub settled: usize,
    /// Recipients whose lease was another one's by then: nothing was changed for them.
    pub superseded: usize,
}
