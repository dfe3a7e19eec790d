//! Where an errand leads: finds it, and sees to what leads to nobody.

use std::{collections::VecDeque, sync::Arc};

use agent_kit::now;
use mail_types::{EnhancedStatus, Lane, Outcome, Problem, Reply};
use message_queue::{
    Lease,
    operator::{Filter, State},
};

use super::{
    Finished, Shared,
    destination::{self, Destination},
    ground::Ground,
    policy::Demands,
    schedule::Errand,
    settle::{self, held},
    work::Work,
};

/// The rule of mail that goes by the DNS although its route holds it.
pub(super) const RELEASED: &str = "released";

/// Finds the way of an errand.
pub(super) async fn find(shared: Arc<Shared>, errand: Errand) {
    // The remote consumer leases nothing of the local lane.
    let Lane::Remote(domain) = &errand.lane else { return };
    let demands = if errand.relaxed { Demands::Ours } else { Demands::All };
    let destination = match errand.rule.as_deref() {
        Some(RELEASED) => destination::by_mx(&shared.ways, domain, demands).await,
        rule => destination::of(&shared.ways, domain, rule, demands).await,
    };
    match destination {
        Destination::Hosts(plan) => {
            shared.schedule().found(&errand, plan.way(), Arc::new(plan), now());
        }
        Destination::Unknown(problem) => {
            let mail = shared.schedule().nowhere(&errand, true);
            end(&*shared, mail, &outcome_of(problem)).await;
        }
        Destination::Discard => {
            let by = "nobody: the configured route discards it".to_owned();
            let reply = Reply::new(250, Some(EnhancedStatus::new(2, 0, 0)), "discarded");
            let mail = shared.schedule().nowhere(&errand, false);
            end(&*shared, mail, &Outcome::Delivered { by, reply }).await;
        }
        Destination::Hold(reason) => {
            let mail = shared.schedule().nowhere(&errand, false);
            for work in hold(&shared, &errand, mail, &reason) {
                let released = Errand { rule: Some(RELEASED.into()), ..errand.clone() };
                shared.schedule().leased(released, work, now());
            }
        }
    }
}

/// What a lease is an errand of. The recipients of one lease have one reverse-path but for forwards;
/// the first's decides.
pub(super) async fn errand_of(shared: &Shared, lease: &Lease) -> Errand {
    let config = shared.reload.current();
    let rules = &config.sender_routes;
    let account = match lease.entry.account {
        Some(id) if rules.has_accounts() => {
            shared.directory.account(id).await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the directory cannot be asked whose mail goes another way");
                None
            })
        }
        _ => None,
    };
    let sender = lease.recipients.first().and_then(|first| first.reverse_path.address());
    let rule = rules.of(account.as_ref().map(|account| &account.address), sender);
    let relaxed = lease.entry.handling.tls_optional;
    Errand { lane: lease.lane.clone(), rule: rule.map(Into::into), relaxed }
}

/// Ends all of this with the same outcome.
pub(super) async fn end(ground: &impl Ground, mail: Vec<Work>, outcome: &Outcome) {
    for mut work in mail {
        work.end_rest(outcome);
        ground.finish(work).await;
    }
}

/// What a host's trouble means for a message: only "never" is a failure.
pub(super) fn outcome_of(problem: Problem) -> Outcome {
    if problem.status.class() == 5 { Outcome::Failed(problem) } else { Outcome::Deferred(problem) }
}

/// Holds mail, but for what was held for this reason before: that the operator has released, and
/// may expect one attempt. In the demo nobody may.
fn hold(shared: &Shared, errand: &Errand, mail: Vec<Work>, reason: &str) -> VecDeque<Work> {
    let mut released = VecDeque::new();
    for work in mail {
        if !shared.config.demo && work.was_held_for(reason) {
            released.push_back(work);
            continue;
        }
        let filter = Filter {
            id: Some(work.id()),
            lane: Some(errand.lane.clone()),
            state: Some(State::Waiting),
            ..Filter::default()
        };
        for settlement in held(shared, work, reason) {
            let hold = Some((filter.clone(), reason.to_owned()));
            settle::hand_over(shared, Finished { settlement, hold });
        }
    }
    released
}
