//! One conversation with one destination: host after host, message after message.

use std::{collections::VecDeque, sync::Arc};

use mail_types::{Domain, EnhancedStatus, Lane, Outcome, Problem, Reply};
use message_queue::operator::{Filter, State};
use smtp_client::{Extensions, Host, Outbox, Outgoing, Report};

use super::{
    Finished, Shared,
    carry::Hop,
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
    let (parked, authentic) = (VecDeque::new(), false);
    let lane = lane.clone();
    Courier { shared, lane, work: None, only: None, parked, authentic }.bring(domain).await
}

/// Takes the lane's messages, one after the other, to whoever the destination is.
struct Courier {
    shared: Arc<Shared>,
    lane: Lane,
    work: Option<Work>,
    /// These and nothing else: where the route holds, what the operator has released all the same;
    /// later, what hosts asked before could not carry.
    only: Option<VecDeque<Work>>,
    /// What the host could not carry.
    parked: VecDeque<Work>,
    /// Whether the host has proved who it is.
    authentic: bool,
}

impl Courier {
    async fn bring(&mut self, domain: &Domain) -> Ended {
        let mut destination = destination::of(&self.shared, domain).await;
        if let Destination::Hold(reason) = destination {
            let released = self.hold_all(&reason);
            if released.is_empty() {
                return Ended::Reached;
            }
            self.only = Some(released);
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
        let mut left = hosts;
        while let [host, rest @ ..] = left {
            if shared.stop.is_asked() || !self.has_something() {
                break;
            }
            left = rest;
            last = self.ask(host).await;
            if last.is_ok() {
                break;
            }
        }
        if shared.stop.is_asked() {
            // A stop is no trouble of theirs: what is left stays leased, and dies with the process.
            return Ok(());
        }
        let all_asked = last.is_ok() && left.len() + 1 == hosts.len();
        self.ask_others(left, all_asked).await;
        last
    }

    async fn ask(&mut self, host: &Host) -> Result<(), Problem> {
        let shared = self.shared.clone();
        self.authentic = host.security.authenticates();
        let end = shared.client.converse(host, self).await;
        if let Err(problem) = &end {
            tracing::debug!(lane = %self.lane, %problem, "a host is in trouble");
        }
        end
    }

    /// Offers to further hosts what one before could not carry, and ends what none can.
    async fn ask_others(&mut self, hosts: &[Host], mut all_asked: bool) {
        let (work, only) = (self.work.take(), self.only.take());
        for host in hosts {
            if self.parked.is_empty() || self.shared.stop.is_asked() {
                break;
            }
            let mut again = std::mem::take(&mut self.parked);
            again.iter_mut().for_each(Work::unpark);
            self.only = Some(again);
            all_asked &= self.ask(host).await.is_ok();
            self.parked.extend(self.work.take());
            self.parked.extend(self.only.take().unwrap_or_default());
        }
        (self.work, self.only) = (work, only);
        for mut work in std::mem::take(&mut self.parked) {
            if !self.shared.stop.is_asked() {
                work.end_uncarried(all_asked);
            }
            self.finish(work).await;
        }
    }

    fn has_something(&self) -> bool {
        let waits = match &self.only {
            Some(only) => !only.is_empty(),
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
        if let Some(only) = &mut self.only {
            return only.pop_front();
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
            if let Some(outgoing) = work.next(Hop { offered, authentic: self.authentic }).await {
                self.work = Some(work);
                return Some(outgoing);
            }
            match work.is_parked() {
                true => self.parked.push_back(work),
                false => self.finish(work).await,
            }
        }
    }

    fn has_more(&self) -> bool {
        self.has_something()
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
