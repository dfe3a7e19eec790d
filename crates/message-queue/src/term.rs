//! How long a recipient may wait, beyond what the schedule of attempts says: until its sender had it
//! held (RFC 4865), and by when its sender wants it delivered (RFC 2852). Pure.

use mail_types::{DeliverBy, EnhancedStatus, Late, Outcome, Problem, Scope, Timestamp};

use crate::{Lease, LeaseEntry, LeaseRecipient};

/// The times that count for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// From when its attempts are counted: when it was queued, or until when its sender had it held.
    pub since: Timestamp,
    /// By when it is to be delivered, if that lay ahead when it was queued. What was late before is
    /// not ours to tell: the zero and negative times of RFC 2852 §4 are information.
    pub deliver_by: Option<DeliverBy>,
}

/// What the time says about a lease before anything is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lateness {
    /// Try it.
    InTime,
    /// Its sender is to be told first that it is late: conclude the lease without any end. It is due
    /// again at once.
    Tell,
    /// Nothing may be tried any more: everybody ends with this.
    Over(Outcome),
}

impl Term {
    /// Of a recipient of an entry.
    pub fn of(entry: &LeaseEntry, recipient: &LeaseRecipient) -> Self {
        let ahead = |by: &DeliverBy| by.late == Late::Return || by.at > entry.queued_at;
        Self { since: recipient.since, deliver_by: entry.handling.deliver_by.filter(ahead) }
    }

    /// Whether its time is over, and it is to be returned (RFC 2852 §4.1.3).
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.deliver_by.is_some_and(|by| by.late == Late::Return && by.at <= now)
    }

    /// Whether it is late, and its sender is to be told (RFC 2852 §4.1.3).
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        self.deliver_by.is_some_and(|by| by.late == Late::Notify && by.at <= now)
    }

    /// No later than this is it looked at again.
    pub(crate) fn next(&self, next: Timestamp, now: Timestamp) -> Timestamp {
        match self.deliver_by {
            Some(by) if by.at > now => next.min(by.at),
            _ => next,
        }
    }
}

/// Of what nothing but the time of its queueing is known.
impl From<Timestamp> for Term {
    fn from(since: Timestamp) -> Self {
        Self { since, deliver_by: None }
    }
}

impl Lease {
    /// What the time says about it.
    pub fn lateness(&self, now: Timestamp) -> Lateness {
        let over = self.recipients.iter().find(|one| Term::of(&self.entry, one).is_over(now));
        if let Some(recipient) = over {
            let text = match &recipient.last_problem {
                Some(last) => format!("{EXPIRED}; at last: {last}"),
                None => EXPIRED.to_owned(),
            };
            let problem = Problem::new(expired(5), Scope::Message, text);
            return Lateness::Over(Outcome::Failed(problem));
        }
        let untold =
            |one: &LeaseRecipient| Term::of(&self.entry, one).is_late(now) && !one.overdue_told;
        match self.recipients.iter().any(untold) {
            true => Lateness::Tell,
            false => Lateness::InTime,
        }
    }
}

/// What a sender reads when his time is over.
pub(crate) const EXPIRED: &str =
    "it could not be delivered within the time that its sender has set";

/// RFC 3463 §3.5, X.4.7: delivery time expired.
pub(crate) fn expired(class: u8) -> EnhancedStatus {
    EnhancedStatus::new(class, 4, 7)
}
