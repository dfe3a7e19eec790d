//! What the end of an attempt means for one recipient: tried again when, given up, told to whom.
//! Pure.

use std::time::Duration;

use mail_types::{EnhancedStatus, Outcome, Problem, Timestamp};
use message_queue::{
    LeaseRecipient,
    report::What,
    retry::{self, Next, Schedule},
};

/// How patient the agent is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// When to try again, and when to give up.
    pub(crate) schedule: Schedule,
    /// When to tell the sender that a message is late; zero for never.
    pub(crate) delay_notice_after: Duration,
}

impl From<&config::Retry> for Policy {
    fn from(retry: &config::Retry) -> Self {
        Self {
            schedule: Schedule {
                first: retry.first_retry,
                longest: retry.max_retry,
                give_up_after: retry.give_up_after,
            },
            delay_notice_after: retry.delay_notice_after,
        }
    }
}

/// What follows for the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The outcome, which is a failure now if its time is over.
    pub(crate) outcome: Outcome,
    /// When a deferred one is tried again.
    pub(crate) next_at: Option<Timestamp>,
    /// What there is to tell to the sender, if he wants to know.
    pub(crate) what: Option<What>,
}

/// Judges the outcome of an attempt that ended at `now`.
pub(crate) fn judge(
    recipient: &LeaseRecipient,
    queued_at: Timestamp,
    outcome: Outcome,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let problem = match &outcome {
        Outcome::Delivered { .. } => {
            return Verdict { outcome, next_at: None, what: Some(What::Delivered) };
        }
        Outcome::Failed(_) => return Verdict { outcome, next_at: None, what: Some(What::Failed) },
        Outcome::Deferred(problem) => problem,
    };
    let attempts = recipient.attempts.saturating_add(1);
    let seed = u64::from(recipient.number.0).wrapping_add(queued_at.millis().unsigned_abs());
    match retry::next_attempt(&policy.schedule, attempts, queued_at, now, seed) {
        Next::At(next) => {
            let after = policy.delay_notice_after;
            let late = !after.is_zero() && !recipient.delay_told && now.since(queued_at) >= after;
            let until = queued_at.plus(policy.schedule.give_up_after);
            Verdict { outcome, next_at: Some(next), what: late.then_some(What::Delayed(until)) }
        }
        Next::GiveUp => {
            // A full mailbox stays the reason; everything else ran out of time
            // (RFC 3463 §3.5, X.4.7).
            let status = match (problem.status.subject(), problem.status.detail()) {
                (2, 2) => EnhancedStatus::new(5, 2, 2),
                _ => EnhancedStatus::new(5, 4, 7),
            };
            let text = format!("it could not be delivered for too long; at last: {}", problem.text);
            let given_up = Problem { status, text, ..problem.clone() };
            let outcome = Outcome::Failed(given_up);
            Verdict { outcome, next_at: None, what: Some(What::Failed) }
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{Address, Notify, RecipientNumber, Reply, ReversePath, Scope};

    use super::*;

    const QUEUED: Timestamp = Timestamp::from_secs(1_000_000);

    fn check(outcome: Outcome, hours: u64, delay_told: bool) -> Verdict {
        let recipient = LeaseRecipient {
            number: RecipientNumber(0),
            address: Address::parse("a@example.org").unwrap(),
            original: None,
            reverse_path: ReversePath::Null,
            notify: Notify::DEFAULT,
            account: None,
            file_into: None,
            head: Vec::new(),
            attempts: 3,
            last_problem: None,
            delay_told,
        };
        let policy = Policy {
            schedule: Schedule::default(),
            delay_notice_after: Duration::from_secs(4 * 3600),
        };
        let now = QUEUED.plus(Duration::from_secs(hours * 3600));
        judge(&recipient, QUEUED, outcome, &policy, now)
    }

    #[test]
    fn a_deferred_one_waits_then_is_late_then_given_up() {
        let full = || Problem::new(EnhancedStatus::new(4, 2, 2), Scope::Recipient, "full");
        let early = check(Outcome::Deferred(full()), 1, false);
        assert!(early.next_at.is_some() && early.what.is_none());
        let late = check(Outcome::Deferred(full()), 5, false);
        assert!(matches!(late.what, Some(What::Delayed(_))));
        assert_eq!(check(Outcome::Deferred(full()), 5, true).what, None, "told once");
        let over = check(Outcome::Deferred(full()), 24 * 5, true);
        assert_eq!(over.what, Some(What::Failed));
        let Outcome::Failed(problem) = over.outcome else { panic!("given up") };
        assert_eq!(problem.status, EnhancedStatus::new(5, 2, 2));
    }

    #[test]
    fn the_other_ends_stay_as_they_are() {
        let reply = Reply::new(250, None, "ok");
        let delivered = check(Outcome::Delivered { by: "x".into(), reply }, 1, false);
        assert_eq!((delivered.next_at, delivered.what), (None, Some(What::Delivered)));
        let unknown = Problem::new(EnhancedStatus::new(5, 1, 1), Scope::Recipient, "unknown");
        assert_eq!(check(Outcome::Failed(unknown), 0, false).what, Some(What::Failed));
    }
}
