//! One conversation with one destination: host after host, message after message.

use std::{collections::VecDeque, sync::Arc};

use mail_types::{Domain, EnhancedStatus, Lane, Outcome, Problem, Reply};
use message_queue::operator::{Filter, State};
use smtp_client::{Extensions, Host, Outbox, Outgoing, Report};

use super::{
    Finished, Shared,
    content::Source,
    destination::{self, Destination},
    schedule::Ended,
    settle::{held, settlement},
    work::Work,
};

/// Works on a lane until nothing waits in it, or it turns out to be in trouble.
pub(super) async fn converse(shared: Arc<Shared>, lane: Lane) -> Ended {
    // The remote consumer leases nothing of the local lane.
    let Lane::Remote(domain) = &lane else { return Ended::Trouble };
    let mut courier = Courier { shared, lane: lane.clone(), work: None, released: None };
    courier.bring(domain).await
}

/// Takes the lane's messages, one after the other, to whoever the destination is.
struct Courier {
    shared: Arc<Shared>,
    lane: Lane,
    work: Option<Work>,
    /// Where the route holds: what the operator has released all the same, and nothing else.
    released: Option<VecDeque<Work>>,
}

impl Courier {
    async fn bring(&mut self, domain: &Domain) -> Ended {
        let mut destination = destination::of(&self.shared, domain).await;
        if let Destination::Hold(reason) = destination {
            let released = self.hold_all(&reason);
            if released.is_empty() {
                return Ended::Reached;
            }
            self.released = Some(released);
            destination = destination::by_mx(&self.shared, domain).await;
        }
        match destination {
            Destination::Hosts(hosts) => match self.visit(&hosts).await {
                Ok(()) => {
                    self.settle_begun().await;
                    return Ended::Reached;
                }
                Err(problem) => self.end_all(&outcome_of(problem)).await,
            },
            Destination::Unknown(problem) => self.end_all(&outcome_of(problem)).await,
            Destination::Discard => {
                let by = "nobody: the configured route discards it".to_owned();
                let reply = Reply::new(250, Some(EnhancedStatus::new(2, 0, 0)), "discarded");
                self.end_all(&Outcome::Delivered { by, reply }).await;
                return Ended::Reached;
            }
            // Looked at above; the DNS holds nothing.
            Destination::Hold(_) => {}
        }
        Ended::Trouble
    }

    /// Host after host (RFC 5321 §5.1), as long as there is something that none of them has
    /// decided about.
    async fn visit(&mut self, hosts: &[Host]) -> Result<(), Problem> {
        let shared = self.shared.clone();
        let mut last = Ok(());
        for host in hosts {
            if shared.stop.is_asked() || !self.has_something() {
                break;
            }
            last = shared.client.converse(host, self).await;
            match &last {
                Ok(()) => break,
                Err(problem) => {
                    tracing::debug!(lane = %self.lane, %problem, "a host is in trouble");
                }
            }
        }
        // A stop is no trouble of theirs: what is left stays leased, and dies with the process.
        if shared.stop.is_asked() { Ok(()) } else { last }
    }

    fn has_something(&self) -> bool {
        let waits = match &self.released {
            Some(released) => !released.is_empty(),
            None => self.shared.schedule().waits(&self.lane),
        };
        waits || self.work.as_ref().is_some_and(Work::is_open)
    }

    /// Ends what is begun and what waits in the lane, all with the same outcome.
    async fn end_all(&mut self, outcome: &Outcome) {
        while let Some(mut work) = self.work.take().or_else(|| self.take_next()) {
            work.end_rest(outcome);
            self.finish(work).await;
        }
    }

    /// Holds what waits in the lane, but for what was held for this reason before: that the
    /// operator has released, and may expect one attempt. In the demo nobody may.
    fn hold_all(&mut self, reason: &str) -> VecDeque<Work> {
        let mut released = VecDeque::new();
        while let Some(work) = self.take_next() {
            if !self.shared.config.demo && work.was_held_for(reason) {
                released.push_back(work);
                continue;
            }
            let filter = Filter {
                id: Some(work.lease.entry.id),
                lane: Some(self.lane.clone()),
                state: Some(State::Waiting),
                ..Filter::default()
            };
            let settlement = held(&self.shared, work.lease, reason);
            self.hand_over(Finished { settlement, hold: Some((filter, reason.to_owned())) });
        }
        released
    }

    /// What was decided before a stop must be settled; the rest waits as it did.
    async fn settle_begun(&mut self) {
        if let Some(work) = self.work.take() {
            self.finish(work).await;
        }
    }

    fn take_next(&mut self) -> Option<Work> {
        if let Some(released) = &mut self.released {
            return released.pop_front();
        }
        self.shared.schedule().next_of(&self.lane).map(Work::of)
    }

    async fn finish(&self, work: Work) {
        let settlement = settlement(&self.shared, work).await;
        self.hand_over(Finished { settlement, hold: None });
    }

    fn hand_over(&self, finished: Finished) {
        // If nobody listens any more, the process is at its end, and the lease with it.
        let _ = self.shared.finished.send(finished);
    }
}

impl Outbox for Courier {
    type Content = Source;

    async fn next(&mut self, offered: &Extensions) -> Option<Outgoing<Source>> {
        loop {
            let mut work = self.work.take().or_else(|| self.take_next())?;
            if let Some(outgoing) = work.next(offered).await {
                self.work = Some(work);
                return Some(outgoing);
            }
            self.finish(work).await;
        }
    }

    async fn done(&mut self, report: Report) {
        if let Some(work) = &mut self.work {
            work.done(report);
        }
    }
}

/// What a host's trouble means for a message: only "never" is a failure.
fn outcome_of(problem: Problem) -> Outcome {
    if problem.status.class() == 5 { Outcome::Failed(problem) } else { Outcome::Deferred(problem) }
}
