//! Those who hand messages on.
//!
//! A consumer holds a lock on a file for as long as it lives; its name stands in the lanes that it
//! leases from. Whoever leases next looks whether the other holders still live, and frees what the
//! dead had: no clock ends a living holder's lease.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_types::{Lane, Timestamp};
use stable_storage::{BellListener, Holder, LifeLock, on_blocking_thread};

use crate::{
    Lease, Queue, QueueError, Settled, Settlement, chance,
    decode::{self, Unreadable},
    encode,
    jobs::{Answer, Job, LeaseJob, SettleJob, TurnJob},
    lease::Home,
    sql::{LeaseRows, RecipientRow},
};

/// However quiet the bell is, a consumer looks again after this time: a ring may be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// What can't be read for now is tried again after this time.
const READ_AGAIN: Duration = Duration::from_secs(5 * 60);

/// Which part of the queue a consumer empties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumes {
    /// The local lane.
    Local,
    /// All other lanes.
    Remote,
}

/// What a consumer has room for.
///
/// Who is leased first is docs/queue.md's section on turns: within a lane by priority, then senders
/// take turns; lanes take turns as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The most leases (an entry in a lane) altogether.
    pub leases_max: u32,
    /// Of them, the most that come again: that were tried before, were to wait for a time, or were
    /// let go by the operator. Everything comes again from a dead destination; whoever has room for
    /// that kept apart from room for the rest is not held up by it.
    pub again_max: u32,
    /// The most of one lane.
    pub per_lane_max: u32,
    /// Lanes that have no room now.
    pub except: Vec<Lane>,
}

/// What was leased.
#[derive(Debug)]
pub struct Leased {
    /// The leases, in the order of their turns within a lane.
    pub leases: Vec<Lease>,
    /// When the next recipient of a lane that was not excepted is due: now, if one has had no room;
    /// nothing if none waits.
    pub next_due: Option<Timestamp>,
    /// Lanes that the operator has paused while this consumer had leases of them: what has not
    /// begun is to be given back untried.
    pub paused: Vec<Lane>,
    /// Lanes whose servers somebody says are worth an attempt, whatever is known of them. Each is
    /// told to one consumer, once.
    pub woken: Vec<Lane>,
}

/// One process's access to its part of the queue. Dropped, whatever it still has leased is free.
///
/// Don't drop a call of it that is under way, unless the consumer is dropped as well: what such a
/// call has leased stays leased, and nobody has it.
#[derive(Debug)]
pub struct Consumer {
    queue: Queue,
    consumes: Consumes,
    life: LifeLock,
    bell: BellListener,
    /// What could not be set aside yet, and the token that it is leased by.
    aside: Mutex<Vec<(Vec<Unreadable>, Option<i64>)>>,
    /// The tokens of turns that failed: what such a one leased is leased all the same if it was
    /// committed and could not be made durable, and nobody was told of it.
    untold: Mutex<Vec<i64>>,
    /// What could not be given back yet.
    later: Mutex<Vec<RecipientRow>>,
    /// What tasks had that panicked.
    home: Home,
}

impl Consumer {
    pub(crate) async fn start(queue: Queue, consumes: Consumes) -> Result<Self, QueueError> {
        let bell = queue.bells().of(consumes);
        let bell = bell.listen().map_err(|source| QueueError::File {
            doing: "listen in",
            path: bell.folder().to_owned(),
            source,
        })?;
        let (folder, salt) = (queue.holders(), chance::random());
        let life = on_blocking_thread(move || LifeLock::take(&folder, salt)).await;
        let life = life.map_err(|source| QueueError::File {
            doing: "take a lock in",
            path: queue.holders(),
            source,
        })?;
        Ok(Self {
            queue,
            consumes,
            life,
            bell,
            aside: Mutex::default(),
            untold: Mutex::default(),
            later: Mutex::default(),
            home: Home::default(),
        })
    }

    /// Leases what is due at `now`.
    pub async fn lease(
        &self,
        request: &LeaseRequest,
        now: Timestamp,
    ) -> Result<Leased, QueueError> {
        self.settle_and_lease(&mut Vec::new(), request, now).await.map(|(_, leased)| leased)
    }

    /// Settles leases: outcomes, journey and notifications are one transaction. When it returns
    /// well, `settlements` is empty; after an error it is as it was, nothing is promised, and the
    /// same settlements may be tried again: what is settled all the same counts as superseded then.
    pub async fn settle(
        &self,
        settlements: &mut Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Settled, QueueError> {
        let job = TurnJob { settle: SettleJob::of(settlements, now)?, lease: None };
        let (settled, _) = self.turn(job, settlements).await?;
        Ok(settled)
    }

    /// Settles leases and takes new ones in the same transaction.
    pub async fn settle_and_lease(
        &self,
        settlements: &mut Vec<Settlement>,
        request: &LeaseRequest,
        now: Timestamp,
    ) -> Result<(Settled, Leased), QueueError> {
        let job = || LeaseJob::new(self.consumes, self.life.name(), request, now);
        let turn = TurnJob { settle: SettleJob::of(settlements, now)?, lease: Some(job()) };
        let (settled, mut rows) = self.turn(turn, settlements).await?;
        // From here on rows are leased: whatever fails, they are handed out, since nobody else is
        // told of them.
        let freed = self.free_the_dead(&rows.other_holders).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what dead consumers had leased cannot be freed");
            false
        });
        if freed && rows.recipients.is_empty() {
            let again = TurnJob { settle: None, lease: Some(job()) };
            match self.turn(again, &mut Vec::new()).await {
                Ok((_, more)) => rows = rows.then(more),
                Err(error) => {
                    tracing::error!(%error, "what was freed cannot be leased now");
                    rows.next_due = Some(now.millis());
                }
            }
        } else if freed {
            // What the request has room for is taken in part: the rest is for the next look.
            rows.next_due = Some(now.millis());
        }
        let leased = self.open(rows, now).await?;
        Ok((settled, leased))
    }

    /// Waits for the bell, or until `at_most` has passed. Returns early now and then: look, and
    /// wait again.
    pub async fn wait(&self, at_most: Duration) {
        let rung = tokio::time::timeout(at_most.min(LOOK_AGAIN), self.bell.rung()).await;
        if rung.is_ok() {
            while self.bell.try_rung().is_some() {}
        }
    }

    /// The leases that tasks had which have panicked since this was asked last: what became of their
    /// recipients is not known, and they are to be settled like all others.
    pub fn broken(&self) -> Vec<Lease> {
        self.home.take()
    }

    /// The queue it takes from.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    async fn turn(
        &self,
        job: TurnJob,
        settlements: &mut Vec<Settlement>,
    ) -> Result<(Settled, LeaseRows), QueueError> {
        if job.settle.is_none() && job.lease.is_none() {
            return Ok((Settled { settled: 0, superseded: 0 }, LeaseRows::default()));
        }
        self.free_untold().await;
        let recipients = settlements.iter().map(|s| s.lease.recipients.len()).sum::<usize>();
        let token = job.lease.as_ref().map(LeaseJob::token);
        let answer = self.queue.submit(Job::Turn(Box::new(job))).await;
        let done = match answer {
            Ok(Answer::Turned(done)) => done,
            other => {
                self.untold().extend(token);
                return Err(other.err().unwrap_or_else(QueueError::wrong_answer));
            }
        };
        settlements.clear();
        self.queue.remove_contents(done.settled.finished_files).await;
        let settled = done.settled.settled;
        let superseded = recipients.saturating_sub(settled);
        Ok((Settled { settled, superseded }, done.leased))
    }

    /// Makes what turns that failed have leased wait again.
    async fn free_untold(&self) {
        let tokens = std::mem::take(&mut *self.untold());
        if tokens.is_empty() {
            return;
        }
        let holder = self.life.name().to_owned();
        let job = Job::FreeUntold { tokens: encode::numbers(&tokens), holder };
        if let Err(error) = self.queue.submit(job).await {
            tracing::error!(%error, "what nobody was told of cannot be freed now");
            self.untold().extend(tokens);
        }
    }

    /// Whether some of these holders were dead, and what they had is free now.
    async fn free_the_dead(&self, holders: &[String]) -> Result<bool, QueueError> {
        if holders.is_empty() {
            return Ok(false);
        }
        let (folder, holders): (PathBuf, _) = (self.queue.holders(), holders.to_vec());
        let dead = on_blocking_thread(move || {
            let mut dead = Vec::new();
            for holder in holders {
                if LifeLock::holder(&folder, &holder)? == Holder::Dead {
                    dead.push(holder);
                }
            }
            Ok::<_, QueueError>(dead)
        })
        .await?;
        if dead.is_empty() {
            return Ok(false);
        }
        tracing::info!(holders = ?dead, "freeing what a dead consumer had leased");
        self.queue.submit(Job::FreeDead(dead)).await?;
        Ok(true)
    }

    /// Sets aside what can't be read of a lease, and what was left of earlier ones: an error leaves
    /// it leased, for the next time. Nobody waits for it.
    async fn set_aside(&self, what: Vec<Unreadable>, token: Option<i64>, now: Timestamp) {
        let mut all = std::mem::take(&mut *self.aside());
        let what: Vec<_> = what.into_iter().filter(|unreadable| !unreadable.for_now).collect();
        if !what.is_empty() {
            all.push((what, token));
        }
        for (what, token) in all {
            let job = Job::SetAside { what: what.clone(), token, now };
            if let Err(error) = self.queue.submit(job).await {
                tracing::error!(%error, "what cannot be read cannot be set aside now");
                self.aside().push((what, token));
            }
        }
    }

    /// Gives back what can't be read for now, and what was left of earlier leases.
    async fn give_back(&self, rows: Vec<RecipientRow>, now: Timestamp) {
        let mut all = std::mem::take(&mut *self.later());
        all.extend(rows);
        if all.is_empty() {
            return;
        }
        let settle = SettleJob::given_back(&all, now.plus(READ_AGAIN), now);
        let job = TurnJob { settle: Some(settle), lease: None };
        if let Err(error) = self.queue.submit(Job::Turn(Box::new(job))).await {
            tracing::error!(%error, "what cannot be read cannot be given back now");
            self.later().extend(all);
        }
    }

    fn untold(&self) -> MutexGuard<'_, Vec<i64>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn later(&self) -> MutexGuard<'_, Vec<RecipientRow>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn aside(&self) -> MutexGuard<'_, Vec<(Vec<Unreadable>, Option<i64>)>> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes leases of rows; what can't be read is set aside.
    async fn open(&self, rows: LeaseRows, now: Timestamp) -> Result<Leased, QueueError> {
        let next_due = rows.next_due.map(Timestamp::from_millis);
        let lanes =
            |names: &[String]| names.iter().filter_map(|name| Lane::parse(name).ok()).collect();
        let (paused, woken) = (lanes(&rows.paused), lanes(&rows.woken));
        let token = rows.recipients.first().map(|row| row.token);
        let (spool, files) = (self.queue.spool(), self.queue.files().clone());
        let has_files = rows.entries.iter().any(|entry| entry.file.is_some());
        let open = move || Ok::<_, QueueError>(decode::open(rows, &spool, &files));
        // Without a file there is nothing to wait for. This fails only where the runtime stops, and
        // the consumer with it.
        let mut opened = if has_files { on_blocking_thread(open).await? } else { open()? };
        opened.leases.iter_mut().for_each(|lease| lease.home = Some(self.home.clone()));
        for unreadable in &opened.unreadable {
            tracing::error!(
                queue_id = unreadable.entry,
                why = unreadable.why,
                "a queue entry cannot be read and {}",
                if unreadable.for_now { "waits" } else { "is set aside" }
            );
        }
        self.give_back(opened.later, now).await;
        self.set_aside(opened.unreadable, token, now).await;
        Ok(Leased { leases: opened.leases, next_due, paused, woken })
    }
}
