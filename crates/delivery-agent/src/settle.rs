//! The end of a lease: what each outcome means, the notifications it causes, the lines in the log.

use agent_kit::now;
use directory::Route;
use mail_types::{
    EnhancedStatus, FlagSet, Outcome, Problem, RecipientNumber, ReversePath, Scope, Timestamp,
};
use message_queue::{
    FileInto, Lease, NewRecipient, Notification, Settlement,
    report::{self, Due, Reported, What},
};

use crate::{
    Shared,
    judgement::{Policy, Verdict, judge},
};

/// Makes the settlement of a lease, with its notifications on stable storage.
pub(crate) async fn settlement(
    shared: &Shared,
    lease: Lease,
    ends: Vec<(RecipientNumber, Outcome)>,
) -> Settlement {
    let (now, policy) = (now(), Policy::from(&shared.config.delivery.retry));
    let mut verdicts: Vec<(RecipientNumber, Verdict)> = Vec::new();
    for (number, outcome) in ends {
        if let Some(recipient) = lease.recipients.iter().find(|one| one.number == number) {
            let queued_at = lease.entry.queued_at;
            verdicts.push((number, judge(recipient, queued_at, outcome, &policy, now)));
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
        match notification(shared, &lease, &due, now).await {
            Ok(notification) => {
                told.extend(due.delayed());
                notifications.extend(notification);
            }
            Err(error) => {
                tracing::error!(queue_id = %lease.entry.id, error, "no notification can be written");
                postpone(&lease, &due, &mut verdicts, now.plus(policy.schedule.first));
            }
        }
    }
    verdicts.iter().for_each(|(number, verdict)| log(&lease, *number, verdict));
    let mut settlement = Settlement::of(lease);
    for (number, verdict) in verdicts {
        settlement.recipient(number, verdict.outcome, verdict.next_at);
    }
    told.into_iter().for_each(|number| settlement.delay_told(number));
    notifications.into_iter().for_each(|notification| settlement.notify(notification));
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
    if let Route::Refused(refusal) = &route {
        let queue_id = lease.entry.id;
        tracing::error!(%queue_id, sender = %due.to, %refusal, "nobody can be told what became of a message");
        return Ok(None);
    }
    let recipients = route.targets().iter().map(|target| NewRecipient {
        account: target.account,
        file_into: target
            .mailbox
            .clone()
            .map(|mailbox| FileInto { mailbox, flags: FlagSet::new() }),
        ..NewRecipient::new(target.address.clone(), target.lane.clone())
    });
    let host = &shared.config.hostname;
    report::write(&shared.queue, lease, due, recipients.collect(), host, now)
        .await
        .map(Some)
        .map_err(|error| error.to_string())
}

/// Whoever would be told of a failure must be told: the failure waits until that can be written.
fn postpone(
    lease: &Lease,
    due: &Due,
    verdicts: &mut [(RecipientNumber, Verdict)],
    next_at: Timestamp,
) {
    for (number, verdict) in verdicts {
        let recipient = lease.recipients.iter().find(|one| one.number == *number);
        let concerned = recipient.and_then(|one| one.reverse_path.address()) == Some(&due.to);
        if let Outcome::Failed(problem) = &verdict.outcome
            && concerned
        {
            let text = format!("its sender could not be told yet that {}", problem.text);
            let problem = Problem::new(EnhancedStatus::new(4, 3, 0), Scope::Recipient, text);
            verdict.outcome = Outcome::Deferred(problem);
            verdict.next_at = Some(next_at);
            verdict.what = None;
        }
    }
}

/// One line for each recipient.
fn log(lease: &Lease, number: RecipientNumber, verdict: &Verdict) {
    let Some(recipient) = lease.recipients.iter().find(|one| one.number == number) else { return };
    let (queue_id, address) = (lease.entry.id, &recipient.address);
    match &verdict.outcome {
        Outcome::Delivered { by, .. } => {
            let delay_ms = u64::try_from(now().since(lease.entry.queued_at).as_millis());
            tracing::info!(%queue_id, recipient = %address, by, delay_ms = delay_ms.unwrap_or(0), "delivered");
        }
        Outcome::Deferred(problem) => {
            let next_attempt = verdict.next_at.map(Timestamp::secs);
            tracing::info!(%queue_id, recipient = %address, %problem, next_attempt, "deferred");
        }
        // RFC 5321 §4.5.5: what has no return address causes no notification; somebody should
        // look at it all the same.
        Outcome::Failed(problem) if recipient.reverse_path == ReversePath::Null => {
            tracing::error!(%queue_id, recipient = %address, %problem, "failed, and has no sender to be told");
        }
        Outcome::Failed(problem) => {
            let reported = verdict.what == Some(What::Failed);
            tracing::info!(%queue_id, recipient = %address, %problem, reported, "failed");
        }
    }
}
