//! The end of a lease: what its outcomes mean is `message_queue::conclude`'s; where the
//! notifications go is the directory's.

use agent_kit::now;
use directory::Route;
use mail_types::{Address, EnhancedStatus, FlagSet, Outcome, Problem, Scope};
use message_queue::{
    FileInto, Lease, NewRecipient, Settlement,
    conclude::{RouteNotification, conclude},
};

use super::{Shared, work::Work};

/// Makes the settlement of work that is done, with its notifications on stable storage.
pub(super) async fn settlement(shared: &Shared, work: Work) -> Settlement {
    let (queue, host) = (&shared.queue, &shared.config.hostname);
    conclude(queue, work.lease, work.ends, &shared.policy(), host, now(), shared).await
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

impl RouteNotification for Shared {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        let route = self.directory.route(to).await.map_err(|error| error.to_string())?;
        if let Route::Refused(refusal) = &route {
            tracing::warn!(%to, %refusal, "a notification leads to nobody");
        }
        let recipient = |target: &directory::Target| {
            let file_into = target.mailbox.clone().map(|mailbox| {
                let flags = FlagSet::default();
                FileInto { mailbox, flags }
            });
            let new = NewRecipient::new(target.address.clone(), target.lane.clone());
            NewRecipient { account: target.account, file_into, ..new }
        };
        Ok(route.targets().iter().map(recipient).collect())
    }
}
