//! One conversation with one destination: host after host, message after message.

use std::sync::Arc;

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
    let mut courier = Courier { shared, lane: lane.clone(), work: None };
    courier.bring(domain).await
}

/// Takes the lane's messages, one after the other, to whoever the destination is.
struct Courier {
    shared: Arc<Shared>,
    lane: Lane,
    work: Option<Work>,
}

impl Courier {
    async fn bring(&mut self, domain: &Domain) -> Ended {
        match destination::of(&self.shared, domain).await {
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
            Destination::Hold(reason) => {
                self.hold_all(&reason);
                return Ended::Reached;
            }
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
        self.work.as_ref().is_some_and(Work::is_open) || self.shared.schedule().waits(&self.lane)
    }

    /// Ends what is begun and what waits in the lane, all with the same outcome.
    async fn end_all(&mut self, outcome: &Outcome) {
        while let Some(mut work) = self.work.take().or_else(|| self.take_next()) {
            work.end_rest(outcome);
            self.finish(work).await;
        }
    }

    /// Holds what waits in the lane.
    fn hold_all(&self, reason: &str) {
        while let Some(work) = self.take_next() {
            let filter = Filter {
                id: Some(work.lease.entry.id),
                lane: Some(self.lane.clone()),
                state: Some(State::Waiting),
                ..Filter::default()
            };
            let settlement = held(&self.shared, work.lease, reason);
            self.hand_over(Finished { settlement, hold: Some((filter, reason.to_owned())) });
        }
    }

    /// What was decided before a stop must be settled; the rest waits as it did.
    async fn settle_begun(&mut self) {
        if let Some(work) = self.work.take() {
            self.finish(work).await;
        }
    }

    fn take_next(&self) -> Option<Work> {
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
