//! The end of a lease: what its outcomes mean is `message_queue::conclude`'s; where the
//! notifications go is the directory's.

use std::{sync::Arc, time::Duration};

use agent_kit::now;
use mail_types::{Address, EnhancedStatus, Outcome, Problem, Scope, Timestamp};
use message_queue::{
    Consumes, LateIn, Lease, NewRecipient, Settlement,
    conclude::{Ended, RouteNotification, conclude},
};
use mime_core::report::Language;
use smtp_server::{count_outcome, notified, postmaster};
use tokio::time::sleep;

use super::{Finished, Shared, work::Work};

/// How often what is late is looked for where nobody leases.
const LATE_EVERY: Duration = Duration::from_secs(60);

/// Settles work that is done, with its notifications on stable storage.
pub(super) async fn finish(shared: &Shared, work: Work) {
    for (lease, ends) in work.into_ends() {
        let settlement = settlement(shared, lease, ends).await;
        hand_over(shared, Finished { settlement, hold: None });
    }
}

/// Settles what a task had that broke: nobody knows how far it came. It is tried again, or given up
/// if its time is over, like what any other trouble puts off.
pub(super) async fn broken(shared: Arc<Shared>, lease: Lease) {
    let settlement = if lease.breaks() > 1 {
        // It may be the settlement itself that breaks.
        later(lease, now().plus(shared.policy().schedule.first))
    } else {
        let ends = lease.recipients.iter().map(|recipient| Ended {
            number: recipient.number,
            outcome: Outcome::Deferred(broke()),
            on_success: None,
        });
        let ends = ends.collect();
        settlement(&shared, lease, ends).await
    };
    hand_over(&shared, Finished { settlement, hold: None });
}

/// RFC 3463 §3.4, X.3.5: system incorrectly configured, or broken.
fn broke() -> Problem {
    let text = "the attempt broke off by an error of this server; the message may arrive twice";
    Problem::new(EnhancedStatus::new(4, 3, 5), Scope::Message, text)
}

fn later(lease: Lease, not_before: Timestamp) -> Settlement {
    let numbers: Vec<_> = lease.recipients.iter().map(|recipient| recipient.number).collect();
    let mut settlement = Settlement::of(lease);
    numbers.into_iter().for_each(|number| settlement.later(number, not_before));
    settlement
}

/// The settlement that follows from these ends, with its notifications on stable storage.
pub(super) async fn settlement(shared: &Shared, lease: Lease, ends: Vec<Ended>) -> Settlement {
    ends.iter().for_each(|end| count_outcome(&end.outcome, lease.entry.content.len()));
    let (queue, host) = (&shared.queue, &shared.config.hostname);
    conclude(queue, lease, ends, &shared.policy(), host, now(), shared).await
}

/// Gives a settlement to whoever writes it.
pub(super) fn hand_over(shared: &Shared, finished: Finished) {
    // If nobody listens any more, the process is at its end, and the lease with it.
    let _ = shared.finished.send(finished);
}

/// Puts back what the route holds: out of the way of those that can go, until it is marked as held,
/// which the queue does not do with leased ones.
pub(super) fn held(shared: &Shared, work: Work, reason: &str) -> Vec<Settlement> {
    let next_at = now().plus(shared.policy().schedule.longest);
    // RFC 3463 §3.4, X.3.2: system not accepting network messages.
    let status = EnhancedStatus::new(4, 3, 2);
    let problem = Problem::new(status, Scope::Host, format!("held: {reason}"));
    let held = |(lease, _): (Lease, _)| {
        tracing::info!(queue_id = %lease.entry.id, lane = %lease.lane, reason, "held");
        let numbers: Vec<_> = lease.recipients.iter().map(|recipient| recipient.number).collect();
        let mut settlement = Settlement::of(lease);
        for number in numbers {
            settlement.recipient(number, Outcome::Deferred(problem.clone()), Some(next_at));
        }
        settlement
    };
    work.into_ends().map(held).collect()
}

/// Ends what is to be returned at a time that has come although nobody leases it, and tells those
/// who want to know (RFC 2852 §4.1.3), until the stop.
pub(super) async fn end_late(shared: Arc<Shared>) {
    while !shared.stop.is_asked() {
        let held_for = shared.reload.current().routes.hold_reasons();
        let which = LateIn { consumes: Consumes::Remote, held_for: &held_for };
        let (policy, host) = (shared.policy(), &shared.config.hostname);
        if let Err(error) = shared.queue.end_late(which, &policy, host, &*shared, now()).await {
            tracing::error!(%error, "what is late in the queue cannot be looked for");
        }
        tokio::select! {
            () = shared.stop.asked() => {}
            () = sleep(LATE_EVERY) => {}
        }
    }
}

impl RouteNotification for Shared {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        notified(&self.directory, to, now()).await
    }

    fn languages(&self, to: &Address) -> Option<&'static [Language]> {
        let language = self.reload.current().notices.languages.of(to);
        language.map(|language| Language::named(language.as_str()))
    }

    async fn postmaster(&self) -> Result<Vec<NewRecipient>, String> {
        postmaster(&self.directory, now()).await
    }
}
