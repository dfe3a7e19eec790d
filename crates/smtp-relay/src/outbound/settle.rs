//! The end of a lease: what each outcome means, the notifications it causes, the lines in the log.

use agent_kit::now;
use mail_types::{
    EnhancedStatus, Outcome, Problem, RecipientNumber, ReversePath, Scope, Timestamp,
};
use message_queue::{
    FileInto, Lease, LeaseRecipient, NewRecipient, Notification, Settlement,
    report::{self, Due, Reported, What},
};

use super::{
    Shared,
    judgement::{Verdict, judge},
    work::Work,
};

/// Makes the settlement of work that is done, with its notifications on stable storage.
pub(super) async fn settlement(shared: &Shared, work: Work) -> Settlement {
    let now = now();
    let (lease, ends) = (work.lease, work.ends);
    let seed = seed(&lease.entry.id.bytes());
    let policy = shared.policy();
    let mut verdicts: Vec<(RecipientNumber, Verdict)> = Vec::new();
    for recipient in &lease.recipients {
        let Some((_, end)) = ends.iter().find(|(number, _)| *number == recipient.number) else {
            continue;
        };
        let verdict = judge(recipient, lease.entry.queued_at, end.clone(), &policy, now, seed);
        verdicts.push((recipient.number, verdict));
    }
    let reported: Vec<Reported> = verdicts
        .iter()
        .filter_map(|(number, verdict)| {
            let outcome = verdict.outcome.clone();
            verdict.what.map(|what| Reported { number: *number, what, outcome })
        })
        .collect();
    let mut notifications = Vec::new();
    let mut told = Vec::new();
    for due in report::due(&lease, &reported) {
        match notification(shared, &lease, &due, now).await {
            Ok(notification) => {
                told.extend(due.delayed());
                notifications.extend(notification);
            }
            Err(error) => {
                tracing::error!(queue_id = %lease.entry.id, error, "no notification can be written");
                // Whoever would be told of a failure must be told: the failure waits with it.
                for recipient in returning_to(&lease.recipients, &due) {
                    postpone(&mut verdicts, recipient.number, &policy, now);
                }
            }
        }
    }
    for (number, verdict) in &verdicts {
        if let Some(recipient) = lease.recipients.iter().find(|one| one.number == *number) {
            log(&lease.entry.id.to_string(), recipient, verdict);
        }
    }
    let mut settlement = Settlement::of(lease);
    for (number, verdict) in verdicts {
        settlement.recipient(number, verdict.outcome, verdict.next_at);
    }
    for number in told {
        settlement.delay_told(number);
    }
    for notification in notifications {
        settlement.notify(notification);
    }
    settlement
}

/// Puts a lease back that the route holds: out of the way of those that can go, until it is marked
/// as held, which the queue does not do with leased ones.
pub(super) fn held(shared: &Shared, lease: Lease, reason: &str) -> Settlement {
    let next_at = now().plus(shared.policy().schedule.longest);
    let numbers: Vec<_> = lease.recipients.iter().map(|recipient| recipient.number).collect();
    // RFC 3463 §3.4, X.3.2: system not accepting network messages.
    let status = EnhancedStatus::new(4, 3, 2);
    let problem = Problem::new(status, Scope::Host, format!("held: {reason}"));
    tracing::info!(queue_id = %lease.entry.id, lane = %lease.lane, reason, "held");
    let mut settlement = Settlement::of(lease);
    for number in numbers {
        settlement.recipient(number, Outcome::Deferred(problem.clone()), Some(next_at));
    }
    settlement
}

/// Writes and routes a notification; nothing if its address leads to nobody.
async fn notification(
    shared: &Shared,
    lease: &Lease,
    due: &Due,
    now: Timestamp,
) -> Result<Option<Notification>, String> {
    let route = shared.directory.route(&due.to).await.map_err(|error| error.to_string())?;
    if let directory::Route::Refused(refusal) = &route {
        tracing::error!(
            queue_id = %lease.entry.id, sender = %due.to, %refusal,
            "nobody can be told what became of a message"
        );
        return Ok(None);
    }
    let recipients = route.targets().iter().map(|target| NewRecipient {
        account: target.account,
        file_into: target
            .mailbox
            .clone()
            .map(|mailbox| FileInto { mailbox, flags: mail_types::FlagSet::default() }),
        ..NewRecipient::new(target.address.clone(), target.lane.clone())
    });
    let host = &shared.config.hostname;
    report::write(&shared.queue, lease, due, recipients.collect(), host, now)
        .await
        .map(Some)
        .map_err(|error| error.to_string())
}

fn returning_to<'a>(
    recipients: &'a [LeaseRecipient],
    due: &'a Due,
) -> impl Iterator<Item = &'a LeaseRecipient> {
    recipients.iter().filter(|recipient| recipient.reverse_path.address() == Some(&due.to))
}

/// Turns a failure that nobody can be told of now into one that is looked at again soon.
fn postpone(
    verdicts: &mut [(RecipientNumber, Verdict)],
    number: RecipientNumber,
    policy: &super::judgement::Policy,
    now: Timestamp,
) {
    let verdict = verdicts.iter_mut().find(|(one, _)| *one == number).map(|(_, verdict)| verdict);
    let Some(verdict) = verdict.filter(|verdict| verdict.what == Some(What::Failed)) else {
        return;
    };
    if let Outcome::Failed(problem) = &verdict.outcome {
        let text = format!("its sender could not be told yet that {}", problem.text);
        let problem = Problem::new(EnhancedStatus::new(4, 3, 0), Scope::Recipient, text);
        verdict.outcome = Outcome::Deferred(problem);
        verdict.next_at = Some(now.plus(policy.schedule.first));
    }
}

/// One line for each recipient.
fn log(queue_id: &str, recipient: &LeaseRecipient, verdict: &Verdict) {
    let address = &recipient.address;
    match &verdict.outcome {
        Outcome::Delivered { by, reply } => {
            tracing::info!(queue_id, recipient = %address, host = by, %reply, "delivered");
        }
        Outcome::Deferred(problem) => {
            let next = verdict.next_at.map(|at| at.secs());
            tracing::info!(queue_id, recipient = %address, %problem, next_attempt = next, "deferred");
        }
        // RFC 5321 §4.5.5: what has no return address causes no notification; somebody should
        // look at it all the same.
        Outcome::Failed(problem) if recipient.reverse_path == ReversePath::Null => {
            tracing::error!(queue_id, recipient = %address, %problem, "failed, and has no sender to be told");
        }
        Outcome::Failed(problem) => {
            tracing::info!(queue_id, recipient = %address, %problem, "failed");
        }
    }
}

/// Spreads the retries of entries that failed together.
fn seed(id: &[u8]) -> u64 {
    id.iter().fold(0, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte))
}
