//! From outcomes to a settlement, the same for all consumers: tried again when, given up, told to
//! whom, and a line in the log for each recipient.
//!
//! [`judge`] and [`judge_all`] are pure. [`conclude`] writes the notifications that follow to stable storage, so that
//! the settlement can queue them in the transaction that ends their cause; who gets them is the
//! consumer's to route. A failure that nobody can be told of now is no failure yet: it waits.

use std::time::Duration;

use mail_types::{
    Address, Domain, EnhancedStatus, Outcome, Problem, QueueId, RecipientNumber, ReversePath,
    Scope, Timestamp,
};
use mime_core::report::Language;

use crate::{
    Lease, LeaseRecipient, NewRecipient, Notification, Queue, Settlement,
    report::{self, Due, Notices, Reported, Reporter, To, What},
    retry::{self, Next, Obstacle, Schedule},
    term::{self, EXPIRED, Term},
};

/// How patient a consumer is.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When to try again, and when to give up.
    pub schedule: Schedule,
    /// When to tell the sender that a message is late; zero for never.
    pub delay_notice_after: Duration,
    /// What notifications are like.
    pub notices: Notices,
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

    /// The languages in which whoever has this address is told, if they are others than those of
    /// all notices.
    fn languages(&self, to: &Address) -> Option<&'static [Language]> {
        let _ = to;
        None
    }

    /// The same for this host's postmaster.
    fn postmaster(&self) -> impl Future<Output = Result<Vec<NewRecipient>, String>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// Judges the outcome of an attempt that ended at `now`. `seed` spreads the next attempts of those
/// that failed together.
pub fn judge(
    recipient: &LeaseRecipient,
    term: impl Into<Term>,
    ended: Ended,
    policy: &Policy,
    now: Timestamp,
    seed: u64,
) -> Verdict {
    let (outcome, term) = (ended.outcome, term.into());
    match &outcome {
        Outcome::Delivered { .. } => Verdict { outcome, next_at: None, what: ended.on_success },
        Outcome::Failed(_) => Verdict { outcome, next_at: None, what: Some(What::Failed) },
        Outcome::Deferred(problem) if term.is_over(now) => {
            let outcome = Outcome::Failed(given_up(EXPIRED, problem));
            Verdict { outcome, next_at: None, what: Some(What::Failed) }
        }
        Outcome::Deferred(problem) => {
            let attempts = recipient.attempts.saturating_add(1);
            let (schedule, obstacle) = (&policy.schedule, Obstacle::of(problem));
            match retry::next_attempt(schedule, obstacle, attempts, term.since, now, seed) {
                Next::At(next) => {
                    let what = delay(recipient, term, policy, now);
                    Verdict { outcome, next_at: Some(term.next(next, now)), what }
                }
                Next::GiveUp => {
                    let why = "it could not be delivered for too long";
                    let outcome = Outcome::Failed(given_up(why, problem));
                    Verdict { outcome, next_at: None, what: Some(What::Failed) }
                }
            }
        }
    }
}

/// What follows from an attempt for a lease.
#[derive(Debug)]
pub struct Judged {
    /// For each recipient that was tried.
    pub verdicts: Vec<(RecipientNumber, Verdict)>,
    /// The notifications that are due.
    pub due: Vec<Due>,
    /// Recipients, tried or not, whose sender needs not be told again that their time is over.
    pub overdue: Vec<RecipientNumber>,
}

/// Judges how an attempt ended for a lease.
pub fn judge_all(lease: &Lease, ended: Vec<Ended>, policy: &Policy, now: Timestamp) -> Judged {
    let seed = seed(lease.entry.id);
    let mut verdicts: Vec<(RecipientNumber, Verdict)> = Vec::new();
    for one in ended {
        if let Some(recipient) = lease.recipients.iter().find(|r| r.number == one.number) {
            let number = one.number;
            let term = Term::of(&lease.entry, recipient);
            verdicts.push((number, judge(recipient, term, one, policy, now, seed)));
        }
    }
    let mut reported: Vec<Reported> = verdicts
        .iter()
        .filter_map(|(number, verdict)| {
            let outcome = verdict.outcome.clone();
            verdict.what.map(|what| Reported { number: *number, what, outcome })
        })
        .collect();
    let untried = untold(lease, &verdicts, now);
    reported.extend(untried.iter().map(|recipient| overdue(recipient, policy)));
    let of_verdict = |(number, verdict): &(RecipientNumber, Verdict)| {
        matches!(verdict.what, Some(What::Overdue(_))).then_some(*number)
    };
    let overdue = untried.iter().map(|recipient| recipient.number);
    let overdue = overdue.chain(verdicts.iter().filter_map(of_verdict)).collect();
    let due = report::due(lease, &reported, policy.notices.double_bounces);
    Judged { verdicts, due, overdue }
}

/// Those who were not tried, because their sender is to be told first that they are late.
fn untold<'l>(
    lease: &'l Lease,
    verdicts: &[(RecipientNumber, Verdict)],
    now: Timestamp,
) -> Vec<&'l LeaseRecipient> {
    let untold = |recipient: &&LeaseRecipient| {
        let tried = verdicts.iter().any(|(number, _)| *number == recipient.number);
        !tried && !recipient.overdue_told && Term::of(&lease.entry, recipient).is_late(now)
    };
    lease.recipients.iter().filter(untold).collect()
}

/// RFC 2852 §4.1.3: what is told of it.
fn overdue(recipient: &LeaseRecipient, policy: &Policy) -> Reported {
    let last = recipient.last_problem.as_deref().unwrap_or("its turn has not come yet");
    let outcome = Outcome::Deferred(Problem::new(term::expired(4), Scope::Message, last));
    let until = recipient.since.plus(policy.schedule.give_up_after);
    Reported { number: recipient.number, what: What::Overdue(until), outcome }
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
    let Judged { mut verdicts, due, mut overdue } = judge_all(&lease, ended, policy, now);
    let (mut notifications, mut told, mut soon) = (Vec::new(), Vec::new(), Vec::new());
    for due in due {
        let own = match &due.to {
            To::Sender(to) => routes.languages(to),
            To::Postmaster => None,
        };
        let languages = own.unwrap_or(policy.notices.languages);
        let by = Reporter { host: reporting_mta, languages };
        match notification(queue, &lease, &due, by, now, routes).await {
            Ok(notification) => {
                told.extend(due.delayed());
                notifications.extend(notification);
            }
            Err(error) => {
                tracing::error!(queue_id = %lease.entry.id, error, "no notification can be written");
                postpone(&mut verdicts, &lease, &due, policy, now);
                overdue.retain(|number| !due.tells_of(*number));
                soon.extend(
                    due.numbers()
                        .filter(|number| verdicts.iter().all(|(tried, _)| tried != number)),
                );
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
    soon.into_iter().for_each(|number| settlement.later(number, now.plus(policy.schedule.first)));
    told.into_iter().for_each(|number| settlement.delay_told(number));
    overdue.into_iter().for_each(|number| settlement.overdue_told(number));
    notifications.into_iter().for_each(|notification| settlement.notify(notification));
    settlement
}

/// What there is to tell of a recipient that is tried on.
fn delay(recipient: &LeaseRecipient, term: Term, policy: &Policy, now: Timestamp) -> Option<What> {
    let until = term.since.plus(policy.schedule.give_up_after);
    if term.is_late(now) && !recipient.overdue_told {
        return Some(What::Overdue(until));
    }
    let after = policy.delay_notice_after;
    let late = !after.is_zero() && !recipient.delay_told && now.since(term.since) >= after;
    late.then_some(What::Delayed(until))
}

/// RFC 3463 §3.5, X.4.7: delivery time expired. The last problem stays readable.
fn given_up(why: &str, last: &Problem) -> Problem {
    Problem {
        status: term::expired(5),
        text: format!("{why}; at last: {}", last.text),
        ..last.clone()
    }
}

/// Writes a notification; nothing if its address leads to nobody.
async fn notification(
    queue: &Queue,
    lease: &Lease,
    due: &Due,
    by: Reporter<'_>,
    now: Timestamp,
    routes: &impl RouteNotification,
) -> Result<Option<Notification>, String> {
    let recipients = match &due.to {
        To::Sender(to) => routes.route(to).await?,
        To::Postmaster => routes.postmaster().await?,
    };
    if recipients.is_empty() {
        tracing::error!(
            queue_id = %lease.entry.id, sender = %due.to,
            "nobody can be told what became of a message"
        );
        return Ok(None);
    }
    let written = report::write(queue, lease, due, recipients, by, now).await;
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
        recipient.is_some_and(|recipient| match &due.to {
            To::Sender(to) => recipient.reverse_path.address() == Some(to),
            To::Postmaster => recipient.reverse_path == ReversePath::Null,
        })
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
