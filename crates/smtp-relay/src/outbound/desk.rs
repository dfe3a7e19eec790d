//! The one task that leases and settles, and begins whatever the schedule has a place for.
//!
//! Invariants: what was leased is settled, unless the process stops before; a task that breaks takes
//! nothing with it ([`Consumer::broken`]). Nothing here waits for a conversation.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use agent_kit::{GRACE, now};
use mail_types::{EnhancedStatus, Outcome, Problem, Scope, Timestamp};
use message_queue::{
    Consumer, Lateness, Lease, LeaseRequest, Queue, Settlement, conclude, operator::Filter,
};
use tokio::{
    sync::mpsc,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, timeout_at},
};

use super::{
    Finished, Shared, courier,
    ground::Ground,
    schedule::{Conversation, Errand, Left, Start},
    search, settle,
    work::Work,
};

/// The pause after the queue could not be written.
pub(super) const QUEUE_ILL: Duration = Duration::from_secs(2);
/// The shortest wait for the next due time: whatever the queue says, no spinning.
pub(super) const WAIT_MIN: Duration = Duration::from_millis(20);
/// How often old events are pruned.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// Keeps the queue in order, beside all else.
async fn maintain(queue: Queue) {
    if let Err(error) = queue.maintain(now()).await {
        tracing::error!(%error, "the queue cannot be kept in order");
    }
}

/// The one task that leases and settles.
pub(super) struct Desk {
    shared: Arc<Shared>,
    consumer: Consumer,
    done: mpsc::UnboundedReceiver<Finished>,
    settlements: Vec<Settlement>,
    holds: Vec<(Filter, String)>,
    tasks: JoinSet<()>,
    /// What each task is about.
    about: HashMap<Id, Task>,
}

/// What a task does.
enum Task {
    Search(Errand),
    Conversation(Conversation),
    Settling,
}

impl Desk {
    pub(super) fn new(
        shared: Arc<Shared>,
        consumer: Consumer,
        done: mpsc::UnboundedReceiver<Finished>,
    ) -> Self {
        Self {
            shared,
            consumer,
            done,
            settlements: Vec::new(),
            holds: Vec::new(),
            tasks: JoinSet::new(),
            about: HashMap::new(),
        }
    }

    pub(super) async fn work(mut self) {
        let mut maintained = None;
        while !self.shared.stop.is_asked() {
            let at_most = self.turn().await;
            self.start();
            if maintained.is_none_or(|at| now().since(at) >= MAINTENANCE) {
                maintained = Some(now());
                tokio::spawn(maintain(self.shared.queue.clone()));
            }
            self.wait(at_most).await;
        }
        self.finish().await;
    }

    /// Begins whatever there is a place for.
    fn start(&mut self) {
        for lease in self.consumer.broken() {
            let task = self.tasks.spawn(settle::broken(self.shared.clone(), lease));
            self.about.insert(task.id(), Task::Settling);
        }
        loop {
            let Some(start) = self.shared.schedule().start(now()) else { break };
            let shared = self.shared.clone();
            let (task, about) = match start {
                Start::Find(errand) => {
                    let search = search::find(shared, errand.clone());
                    (self.tasks.spawn(search), Task::Search(errand))
                }
                Start::Converse { conversation, host, plan } => {
                    let talk = courier::converse(shared, conversation, host, plan);
                    (self.tasks.spawn(talk), Task::Conversation(conversation))
                }
                Start::Postpone { mail, problem } => {
                    self.postpone(mail, problem);
                    continue;
                }
            };
            self.about.insert(task.id(), about);
        }
        // Whoever rests may have something to do, or make room.
        self.shared.news.notify_waiters();
    }

    fn postpone(&mut self, mail: Vec<Work>, problem: Option<Problem>) {
        let task = self.tasks.spawn(postpone(self.shared.clone(), mail, problem));
        self.about.insert(task.id(), Task::Settling);
    }

    /// A task has ended; whatever place it had is free. Returns whether it was a search.
    fn ended(&mut self, joined: Result<(Id, ()), JoinError>) -> bool {
        let (id, broke) = match joined {
            Ok((id, ())) => (id, false),
            Err(error) => {
                tracing::error!(%error, "a task broke; what it had in hand is tried again");
                (error.id(), true)
            }
        };
        match self.about.remove(&id) {
            Some(Task::Search(errand)) => {
                if broke {
                    let mail = self.shared.schedule().nowhere(&errand, true);
                    // Not at once: whatever broke the search may break the next one. RFC 3463 §3.4,
                    // X.3.5: system incorrectly configured.
                    let status = EnhancedStatus::new(4, 3, 5);
                    let problem =
                        Problem::new(status, Scope::Host, "the search for its hosts broke");
                    self.postpone(mail, Some(problem));
                }
                true
            }
            Some(Task::Conversation(conversation)) if broke => {
                self.shared.schedule().ended(conversation, Left::Well, now());
                false
            }
            _ => false,
        }
    }

    /// Settles what is done and leases what there is room for. Returns how long to wait at most.
    async fn turn(&mut self) -> Duration {
        let now = now();
        let room = self.shared.schedule().request(now);
        let whole = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let request = room.map(|room| LeaseRequest {
            leases_max: whole(room.leases),
            again_max: whole(room.again),
            per_lane_max: whole(room.per_lane),
            except: room.except,
        });
        let turned = match request {
            None => self.consumer.settle(&mut self.settlements, now).await.map(|_| None),
            Some(request) => self
                .consumer
                .settle_and_lease(&mut self.settlements, &request, now)
                .await
                .map(|(_, leased)| Some(leased)),
        };
        match turned {
            Err(error) => {
                // The settlements stay with us, and are tried again.
                tracing::error!(%error, "the queue cannot be written");
                QUEUE_ILL
            }
            Ok(leased) => {
                self.hold(now).await;
                let Some(leased) = leased else { return Duration::MAX };
                let mut mail = Vec::with_capacity(leased.leases.len());
                for lease in leased.leases {
                    let Some(lease) = self.in_time(lease, now).await else { continue };
                    let errand = search::errand_of(&self.shared, &lease).await;
                    mail.push(Work::of(errand, lease));
                }
                let mut schedule = self.shared.schedule();
                leased.woken.iter().for_each(|lane| schedule.wake(lane));
                for work in mail {
                    schedule.leased(work.errand.clone(), work, now);
                }
                let withdrawn = leased.paused.iter().flat_map(|lane| schedule.withdraw(lane));
                let leases = withdrawn.flat_map(Work::into_ends).map(|(lease, _)| lease);
                self.settlements.extend(leases.map(Settlement::of));
                if !self.settlements.is_empty() {
                    return WAIT_MIN;
                }
                leased.next_due.map_or(Duration::MAX, |due| due.since(now).max(WAIT_MIN))
            }
        }
    }

    /// Gives back a lease that may be tried now; one that is late ends, or its sender is told first
    /// (RFC 2852 §4.1.3).
    async fn in_time(&mut self, lease: Lease, now: Timestamp) -> Option<Lease> {
        let ends = match lease.lateness(now) {
            Lateness::InTime => return Some(lease),
            Lateness::Tell => Vec::new(),
            Lateness::Over(outcome) => {
                let end =
                    |number| conclude::Ended { number, outcome: outcome.clone(), on_success: None };
                lease.recipients.iter().map(|recipient| end(recipient.number)).collect()
            }
        };
        self.settlements.push(settle::settlement(&self.shared, lease, ends).await);
        None
    }

    /// Waits for the queue's bell, the next due time, the end of a lease or of a conversation, or
    /// the stop. What a search has found, or what waits for one more conversation, can begin without
    /// a look into the queue.
    async fn wait(&mut self, at_most: Duration) {
        let since = Instant::now();
        loop {
            let now = now();
            let again = self.shared.schedule().look_again(now).map(|at| at.since(now));
            let searched = tokio::select! {
                () = self.shared.stop.asked() => false,
                () = self.consumer.wait(at_most.saturating_sub(since.elapsed())) => false,
                finished = self.done.recv() => {
                    self.take(finished);
                    false
                }
                joined = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    joined.is_some_and(|joined| self.ended(joined))
                }
                () = sleep(again.unwrap_or_default()), if again.is_some() => true,
            };
            let mut only_searches = searched;
            while let Some(joined) = self.tasks.try_join_next_with_id() {
                only_searches &= self.ended(joined);
            }
            while let Ok(finished) = self.done.try_recv() {
                only_searches = false;
                self.take(Some(finished));
            }
            if !only_searches {
                return;
            }
            self.start();
        }
    }

    fn take(&mut self, finished: Option<Finished>) {
        if let Some(finished) = finished {
            self.settlements.push(finished.settlement);
            self.holds.extend(finished.hold);
        }
    }

    /// Holds what a route holds. If it fails, the recipients wait, and are held at their next turn.
    async fn hold(&mut self, now: Timestamp) {
        for (filter, reason) in std::mem::take(&mut self.holds) {
            if let Err(error) = self.shared.queue.hold(&filter, &reason, now).await {
                tracing::error!(%error, "a message cannot be held");
            }
        }
    }

    /// The stop: what is on the wire may end, within the time that conversations have.
    async fn finish(&mut self) {
        let deadline = self.shared.stop.deadline();
        let deadline = deadline.unwrap_or_else(|| Instant::now() + GRACE);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            tracing::warn!("conversations with other servers were cut off by the stop");
        }
        while let Ok(finished) = self.done.try_recv() {
            self.take(Some(finished));
        }
        let now = now();
        match self.consumer.settle(&mut self.settlements, now).await {
            Ok(_) => self.hold(now).await,
            Err(error) => tracing::error!(%error, "the last outcomes cannot be written"),
        }
    }
}

/// Puts off what can't be tried, since its hosts rest.
pub(super) async fn postpone(ground: Arc<impl Ground>, mail: Vec<Work>, problem: Option<Problem>) {
    // Whatever happens, it does not stay leased.
    let problem = problem.unwrap_or_else(|| {
        // RFC 3463 §3.5, X.4.1: no answer from host.
        Problem::new(EnhancedStatus::new(4, 4, 1), Scope::Host, "no host is left")
    });
    let text = format!("not tried now, as the host was in trouble before: {}", problem.text);
    search::end(&*ground, mail, &Outcome::Deferred(Problem { text, ..problem })).await;
}
