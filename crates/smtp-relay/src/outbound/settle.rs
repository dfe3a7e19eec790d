//! The end of a lease: what its outcomes mean is `message_queue::conclude`'s; where the
//! notifications go is the directory's.

use agent_kit::now;
use mail_types::{Address, EnhancedStatus, Outcome, Problem, Scope};
use message_queue::{
    Lease, NewRecipient, Settlement,
    conclude::{Ended, RouteNotification, conclude},
};
use smtp_server::{count_outcome, notified, postmaster};

use super::{Finished, Shared, work::Work};

/// Settles work that is done, with its notifications on stable storage.
pub(super) async fn finish(shared: &Shared, work: Work) {
    for (lease, ends) in work.into_ends() {
        let settlement = settlement(shared, lease, ends).await;
        hand_over(shared, Finished { settlement, hold: None });
    }
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

impl RouteNotification for Shared {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        notified(&self.directory, to, now()).await
    }

    async fn postmaster(&self) -> Result<Vec<NewRecipient>, String> {
        postmaster(&self.directory, now()).await
    }
}
