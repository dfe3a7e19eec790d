//! From outcomes to a settlement, the same for all consumers: tried again when, given up, told to
//! whom, and a line in the log for each recipient.
//!
//! [`judge`] is pure. [`conclude`] writes the notifications that follow to stable storage, so that
//! the settlement can queue them in the transaction that ends their cause; who gets them is the
//! consumer's to route. A failure that nobody can be told of now is no failure yet: it waits.

use std::time::Duration;

use mail_types::{
    Address, Domain, EnhancedStatus, Outcome, Problem, QueueId, RecipientNumber, ReversePath,
    Scope, Timestamp,
};

use crate::{
    Lease, LeaseRecipient, NewRecipient, Notification, Queue, Settlement,
    report::{self, Due, Reported, What},
    retry::{self, Next, Obstacle, Schedule},
};

/// How patient a consumer is.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When to try again, and when to give up.
    pub schedule: Schedule,
    /// When to tell the sender that a message is late; zero for never.
    pub delay_notice_after: Duration,
}

/// How the attempt for one recipient ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Which recipient.
    pub number: RecipientNumber,
    /// What came of it.
    pub outcome: Outcome,
    /// What a sender who asked for it is told of a success: nothing, if the next hop took over the
    /// duty to report (RFC 3461 §5.2.1).
    pub on_success: Option<What>,
}

/// What follows for a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome, which is a failure now if the time is over.
    pub outcome: Outcome,
    /// When a deferred one is tried again.
    pub next_at: Option<Timestamp>,
    /// What there is to tell to the sender, if he wants to know.
    pub what: Option<What>,
}

/// Where notifications go: the consumer asks the directory, which this crate does not know.
pub trait RouteNotification: Sync {
    /// The recipients that an address leads to; none if nobody can be told. `Err` in words if it
    /// cannot be said now.
    fn route(&self, to: &Address)
    -> impl Future<Output = Result<Vec<NewRecipient>, String>> + Send;
}

/// Judges the outcome of an attempt that ended at `now`. `seed` spreads the next attempts of those
/// that failed together.
pub fn judge(
    recipient: &LeaseRecipient,
    queued_at: Timestamp,
    ended: Ended,
    policy: &Policy,
    now: Timestamp,
    seed: u64,
) -> Verdict {
    let outcome = ended.outcome;
    match &outcome {
        Outcome::Delivered { .. } => Verdict { outcome, next_at: None, what: ended.on_success },
        Outcome::Failed(_) => Verdict { outcome, next_at: None, what: Some(What::Failed) },
        Outcome::Deferred(problem) => {
            let attempts = recipient.attempts.saturating_add(1);
            let (schedule, obstacle) = (&policy.schedule, Obstacle::of(problem));
            match retry::next_attempt(schedule, obstacle, attempts, queued_at, now, seed) {
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

/// Makes the settlement of a lease, with its notifications on stable storage.
pub async fn conclude(
    queue: &Queue,
    lease: Lease,
    ended: Vec<Ended>,
    policy: &Policy,
    reporting_mta: &Domain,
    now: Timestamp,
    routes: &impl RouteNotification,
) -> Settlement {
    let seed = seed(lease.entry.id);
    let mut verdicts: Vec<(RecipientNumber, Verdict)> = Vec::new();
    for one in ended {
        if let Some(recipient) = lease.recipients.iter().find(|r| r.number == one.number) {
            let number = one.number;
            verdicts
                .push((number, judge(recipient, lease.entry.queued_at, one, policy, now, seed)));
        }
    }
    let reported: Vec<Reported> = verdicts
        .iter()
        .filter_map(|(number, verdict)| {
            let outcome = verdict.outcome.clone();
            verdict.what.map(|what| Reported { number: *number, what, outcome })
        })
        .collect();
    let (mut notifications, mut told) = (Vec::new(), Vec::new());
    for due in report::due(&lease, &reported) {
        match notification(queue, &lease, &due, reporting_mta, now, routes).await {
            Ok(notification) => {
                told.extend(due.delayed());
                notifications.extend(notification);
            }
            Err(error) => {
                tracing::error!(queue_id = %lease.entry.id, error, "no notification can be written");
                postpone(&mut verdicts, &lease, &due, policy, now);
            }
        }
    }
    for (number, verdict) in &verdicts {
        if let Some(recipient) = lease.recipients.iter().find(|one| one.number == *number) {
            log(lease.entry.id, recipient, verdict);
        }
    }
    let mut settlement = Settlement::of(lease);
    for (number, verdict) in verdicts {
        settlement.recipient(number, verdict.outcome, verdict.next_at);
    }
    told.into_iter().for_each(|number| settlement.delay_told(number));
    notifications.into_iter().for_each(|notification| settlement.notify(notification));
    settlement
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

/// Writes a notification; nothing if its address leads to nobody.
async fn notification(
    queue: &Queue,
    lease: &Lease,
    due: &Due,
    reporting_mta: &Domain,
    now: Timestamp,
    routes: &impl RouteNotification,
) -> Result<Option<Notification>, String> {
    let recipients = routes.route(&due.to).await?;
    if recipients.is_empty() {
        tracing::error!(
            queue_id = %lease.entry.id, sender = %due.to,
            "nobody can be told what became of a message"
        );
        return Ok(None);
    }
    let written = report::write(queue, lease, due, recipients, reporting_mta, now).await;
    written.map(Some).map_err(|error| error.to_string())
}

/// Turns failures that nobody can be told of now into what is looked at again soon.
fn postpone(
    verdicts: &mut [(RecipientNumber, Verdict)],
    lease: &Lease,
    due: &Due,
    policy: &Policy,
    now: Timestamp,
) {
    let returns = |number| {
        let recipient = lease.recipients.iter().find(|recipient| recipient.number == number);
        recipient.is_some_and(|recipient| recipient.reverse_path.address() == Some(&due.to))
    };
    for (number, verdict) in verdicts.iter_mut() {
        if let Outcome::Failed(problem) = &verdict.outcome
            && returns(*number)
        {
            let text = format!("its sender could not be told yet that {}", problem.text);
            let problem = Problem::new(EnhancedStatus::new(4, 3, 0), Scope::Recipient, text);
            verdict.outcome = Outcome::Deferred(problem);
            verdict.next_at = Some(now.plus(policy.schedule.first));
        }
    }
}

/// One line for each recipient.
fn log(queue_id: QueueId, recipient: &LeaseRecipient, verdict: &Verdict) {
    let address = &recipient.address;
    match &verdict.outcome {
        Outcome::Delivered { by, reply } => {
            tracing::info!(%queue_id, recipient = %address, by, %reply, "delivered");
        }
        Outcome::Deferred(problem) => {
            let next = verdict.next_at.map(Timestamp::secs);
            tracing::info!(%queue_id, recipient = %address, %problem, next_attempt = next, "deferred");
        }
        // RFC 5321 §4.5.5: what has no return address causes no notification; somebody should
        // look at it all the same.
        Outcome::Failed(problem) if recipient.reverse_path == ReversePath::Null => {
            tracing::error!(%queue_id, recipient = %address, %problem, "failed, and has no sender to be told");
        }
        Outcome::Failed(problem) => {
            tracing::info!(%queue_id, recipient = %address, %problem, "failed");
        }
    }
}

/// Spreads the retries of entries that failed together.
fn seed(id: QueueId) -> u64 {
    id.bytes().iter().fold(0, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte))
}
