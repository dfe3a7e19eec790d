//! What an attempt's outcome means for one recipient: tried again when, given up, told to whom. Pure.

use std::time::Duration;

use mail_types::{EnhancedStatus, Outcome, Problem, Timestamp};
use message_queue::{
    LeaseRecipient,
    report::What,
    retry::{self, Next, Schedule},
};

/// How patient we are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// When to try again, and when to give up.
    pub(crate) schedule: Schedule,
    /// When to tell the sender that a message is late; zero for never.
    pub(crate) delay_notice_after: Duration,
}

/// What follows for the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The outcome, which is a failure now if the time is over.
    pub(crate) outcome: Outcome,
    /// When a deferred one is tried again.
    pub(crate) next_at: Option<Timestamp>,
    /// What there is to tell to the sender, if he wants to know.
    pub(crate) what: Option<What>,
}

/// An outcome, and what must be known with it.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// How the attempt ended.
    pub(crate) outcome: Outcome,
    /// Whether the next hop took the duty to report success (RFC 3461 §5.2.1).
    pub(crate) dsn_passed_on: bool,
}

/// Judges the outcome of the attempt that ended at `now`.
pub(crate) fn judge(
    recipient: &LeaseRecipient,
    queued_at: Timestamp,
    end: End,
    policy: &Policy,
    now: Timestamp,
    seed: u64,
) -> Verdict {
    let outcome = end.outcome;
    match &outcome {
        // RFC 3461 §5.2.2: who passes it to a host without DSN says "relayed" himself.
        Outcome::Delivered { .. } => {
            let what = (!end.dsn_passed_on).then_some(What::Relayed);
            Verdict { outcome, next_at: None, what }
        }
        Outcome::Failed(_) => Verdict { outcome, next_at: None, what: Some(What::Failed) },
        Outcome::Deferred(problem) => {
            let attempts = recipient.attempts.saturating_add(1);
            match retry::next_attempt(&policy.schedule, attempts, queued_at, now, seed) {
                Next::At(next) => {
                    let what = is_late(recipient, queued_at, policy, now)
                        .then(|| What::Delayed(queued_at.plus(policy.schedule.give_up_after)));
                    Verdict { outcome, next_at: Some(next), what }
                }
                Next::GiveUp => {
                    let outcome = Outcome::Failed(given_up(problem));
                    Verdict { outcome, next_at: None, what: Some(What::Failed) }
                }
            }
        }
    }
}

fn is_late(
    recipient: &LeaseRecipient,
    queued_at: Timestamp,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let after = policy.delay_notice_after;
    !after.is_zero() && !recipient.delay_told && now.since(queued_at) >= after
}

/// RFC 3463 §3.5, X.4.7: delivery time expired. The last problem stays readable.
fn given_up(last: &Problem) -> Problem {
    Problem {
        status: EnhancedStatus::new(5, 4, 7),
        text: format!("it could not be delivered for too long; at last: {}", last.text),
        ..last.clone()
    }
}
