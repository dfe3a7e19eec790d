//! The writer: committing for all who wait, in each process one at a time.
//!
//! Jobs come over a channel; those that came while the last transaction was being committed are
//! applied together in the next one and answered when it is durable. So concurrent writers share a
//! flush and nobody is told of what could still be lost.
//!
//! Where commits are durable two threads take turns: while one flushes the log and answers, the other
//! gathers and commits. So a flush takes nobody's time but that of those who wait for it. Between its
//! commit and its flush a transaction is there for everybody, but a power cut may undo it, with all that
//! came after it: whoever acts on it acts on something that nobody was promised yet.
//!
//! A batch that fails is rolled back and its jobs are run again one by one, each in a transaction
//! of its own: the error of one is not the trouble of the others. Batches are bounded in rows, and
//! the bound follows the time that a batch takes, so that other processes get their turn.

#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    DatabaseError, Direct, Durability, Opening, Turnstile,
    log::{Copied, Flushes, Growth, Log},
};

/// The most jobs that wait; further ones wait to wait.
const WAITING_MAX: usize = 1024;
/// The most rows of a batch ([`Apply::rows`]).
const ROWS_MAX: usize = 1024;
/// The fewest rows that the bound shrinks to.
const ROWS_MIN: usize = 16;
/// A batch that took longer halves the bound.
const BATCH_TIME: Duration = Duration::from_millis(60);

/// What is to be done once a batch is durable, or is there although it could not be made durable.
pub type Announcement = Box<dyn FnOnce() + Send>;

/// What an owner does with its jobs.
pub trait Apply: Send + 'static {
    /// One change that somebody waits for.
    type Job: Send + 'static;
    /// What that somebody is told.
    type Answer: Send + 'static;
    /// What can go wrong.
    type Error: From<DatabaseError> + Send + 'static;

    /// About how many rows a job writes.
    fn rows(_job: &Self::Job) -> usize {
        1
    }

    /// Whether its answer promises that it is durable, in a database whose commits are. What isn't
    /// may be undone by a crash of the machine, together with all that came after it, until
    /// something durable is committed.
    fn durable(_job: &Self::Job) -> bool {
        true
    }

    /// Applies jobs inside a transaction and gives an answer for each, in their order. May be
    /// called again with the same jobs if the transaction came to nothing, so it must keep nothing
    /// in `self` that a rollback doesn't undo.
    fn apply(
        &mut self,
        connection: &Direct,
        jobs: &[Self::Job],
    ) -> Result<Vec<Self::Answer>, Self::Error>;

    /// After the commit: everybody sees it now, and nothing of ours takes it back, even if it does
    /// not become durable and an error is what the callers hear. Gives what is to be done just before
    /// the answers, durable or not, since it is there: to ring bells, say.
    fn committed(&mut self, _jobs: &[Self::Job], _answers: &[Self::Answer]) -> Announcement {
        Box::new(|| {})
    }
}

/// The way to the writer. A clone leads to the same one; it ends after the last is dropped
/// and every job is answered.
pub struct Writer<A: Apply> {
    jobs: mpsc::Sender<Pending<A>>,
}

struct Pending<A: Apply> {
    job: A::Job,
    answer: Waiting<A>,
}

/// Who waits for an answer.
type Waiting<A> = oneshot::Sender<Answer<A>>;
type Answer<A> = Result<<A as Apply>::Answer, <A as Apply>::Error>;

impl<A: Apply> Writer<A> {
    pub(crate) fn start(opening: Opening, apply: A) -> Result<Self, DatabaseError> {
        let turnstile = Turnstile::of(&opening.path)?;
        let (jobs, receiver) = mpsc::channel(WAITING_MAX);
        let path = opening.path.clone();
        let threads = if opening.durability == Durability::Full { 2 } else { 1 };
        let flushes = Arc::new(Flushes::default());
        let committer = Arc::new(Mutex::new(Committer {
            opening: opening.clone(),
            turnstile,
            apply,
            receiver,
            left_over: None,
            connection: None,
            flushes: flushes.clone(),
            growth: Growth::default(),
            rows_max: ROWS_MAX,
        }));
        for _ in 0..threads {
            let (committer, flushes) = (committer.clone(), flushes.clone());
            let opening = opening.clone();
            // What is woken after a commit wants to know the runtime.
            let runtime = tokio::runtime::Handle::current();
            let run = move || {
                let _inside = runtime.enter();
                run(&committer, &flushes, &opening);
            };
            let started = std::thread::Builder::new().name("writer".to_owned()).spawn(run);
            let doing = "start the writer of";
            let at = |source| DatabaseError::File { doing, path: path.clone(), source };
            started.map_err(at)?;
        }
        Ok(Self { jobs })
    }

    /// Has a job done; returns after its commit. Once begun it is done even if the caller is
    /// dropped.
    pub async fn submit(&self, job: A::Job) -> Result<A::Answer, A::Error> {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Pending { job, answer }).await.is_err() {
            return Err(DatabaseError::Stopped.into());
        }
        answered.await.unwrap_or_else(|_| Err(DatabaseError::Stopped.into()))
    }
}

impl<A: Apply> Clone for Writer<A> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<A: Apply> std::fmt::Debug for Writer<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

/// One of the writer's threads.
fn run<A: Apply>(committer: &Mutex<Committer<A>>, flushes: &Flushes, opening: &Opening) {
    let mut copied = Copied::default();
    loop {
        let (jobs, done) = {
            let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(Batch { jobs, waiting }) = committer.gather() else { return };
            let done = committer.commit(&jobs, waiting);
            (jobs, done)
        };
        drop(jobs);
        let Some(Done { answers, announcements, log, log_has_grown }) = done else { continue };
        let flushed = log.map_or(Ok(()), |log| flushes.flush(&log));
        // Then the next transaction copies all that is there.
        let have_failed = flushes.have_failed();
        for announce in announcements {
            // A panic is no reason to leave the others unanswered.
            if catch_unwind(AssertUnwindSafe(announce)).is_err() {
                tracing::error!("what was to be done after a commit has panicked");
            }
        }
        match flushed {
            Ok(()) => tell(answers),
            Err(error) => tell(answers.into_iter().map(|one| fail::<A>(one, &error)).collect()),
        }
        if !log_has_grown {
            continue;
        }
        let mut copy = || checkpoint(committer, opening, &mut copied);
        let done = if have_failed { Ok(()) } else { copy() };
        committer.lock().unwrap_or_else(PoisonError::into_inner).growth.copied();
        if let Err(error) = done {
            tracing::error!(%error, "a log cannot be copied into its database now");
        }
    }
}

/// Copies the log into the database while the other thread goes on, which stops for the last of it
/// only: a log that somebody writes is never copied as a whole, nor does SQLite flush what it has
/// copied before it is.
///
/// If the other thread waits for a job, so does the end of this: then nothing is added to the log.
fn checkpoint<A: Apply>(
    committer: &Mutex<Committer<A>>,
    opening: &Opening,
    copied: &mut Copied,
) -> Result<(), DatabaseError> {
    let connection = Direct::open(opening)?;
    connection.checkpoint()?;
    copied.flush(opening)?;
    connection.checkpoint()?;
    let committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
    let _turn = committer.turnstile.enter_here()?;
    connection.checkpoint()
}

/// An answer that was good would promise what is not durable.
fn fail<A: Apply>(
    (waiting, answer): (Waiting<A>, Answer<A>),
    error: &DatabaseError,
) -> (Waiting<A>, Answer<A>) {
    (waiting, answer.and_then(|_| Err(error.again().into())))
}

/// Jobs, and who waits for their answers.
struct Batch<A: Apply> {
    jobs: Vec<A::Job>,
    waiting: Vec<Waiting<A>>,
}

/// A batch that is committed.
struct Done<A: Apply> {
    answers: Vec<(Waiting<A>, Answer<A>)>,
    announcements: Vec<Announcement>,
    /// To be flushed before the answers.
    log: Option<Arc<Log>>,
    /// Whether it is to be copied into the database behind them.
    log_has_grown: bool,
}

/// Whoever holds it gathers jobs and commits them.
struct Committer<A: Apply> {
    opening: Opening,
    turnstile: Turnstile,
    apply: A,
    receiver: mpsc::Receiver<Pending<A>>,
    left_over: Option<Pending<A>>,
    connection: Option<Connected>,
    flushes: Arc<Flushes>,
    growth: Growth,
    rows_max: usize,
}

/// The log goes before the connection that keeps it there.
struct Connected {
    log: Option<Arc<Log>>,
    direct: Direct,
}

impl Connected {
    fn open(opening: &Opening) -> Result<Self, DatabaseError> {
        let direct = Direct::open(opening)?;
        if opening.durability == Durability::Full {
            // The flush that a copy begins with would be in the way of whoever waits for this thread.
            direct.leave_log();
        }
        Ok(Self { log: None, direct })
    }
}

impl<A: Apply> Committer<A> {
    /// Waits for a job, and takes those that have come meanwhile; nothing after the last one.
    fn gather(&mut self) -> Option<Batch<A>> {
        let (mut jobs, mut waiting, mut rows) = (Vec::new(), Vec::new(), 0usize);
        let mut next = self.left_over.take().or_else(|| self.receiver.blocking_recv());
        next.as_ref()?;
        while let Some(pending) = next.take().or_else(|| self.receiver.try_recv().ok()) {
            let more = A::rows(&pending.job).max(1);
            if !jobs.is_empty() && rows.saturating_add(more) > self.rows_max {
                self.left_over = Some(pending);
                break;
            }
            rows = rows.saturating_add(more);
            jobs.push(pending.job);
            waiting.push(pending.answer);
        }
        Some(Batch { jobs, waiting })
    }

    fn commit(&mut self, jobs: &[A::Job], waiting: Vec<Waiting<A>>) -> Option<Done<A>> {
        let begun = Instant::now();
        // A panic is the trouble of one batch: nothing of it was promised, its transaction ends
        // with its connection, and who waits hears that there is no answer.
        let done = catch_unwind(AssertUnwindSafe(|| self.batch(jobs, waiting)));
        if done.is_err() {
            self.connection = None;
        }
        let rows = jobs.iter().map(|job| A::rows(job).max(1)).fold(0, usize::saturating_add);
        self.rows_max = next_bound(self.rows_max, rows, begun.elapsed());
        done.ok()
    }

    fn batch(&mut self, jobs: &[A::Job], waiting: Vec<Waiting<A>>) -> Done<A> {
        let (mut announcements, mut log) = (Vec::new(), None);
        let mut transaction = |jobs: &[A::Job]| {
            let committed = self.transaction(jobs)?;
            announcements.push(committed.announcement);
            log = committed.log.or(log.take());
            Ok::<_, A::Error>(committed.answers)
        };
        let answers = match transaction(jobs) {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if jobs.len() == 1 => vec![Err(error)],
            Err(_) => {
                let alone = |job| {
                    let answers = transaction(std::slice::from_ref(job))?;
                    answers.into_iter().next().ok_or_else(|| DatabaseError::Stopped.into())
                };
                jobs.iter().map(alone).collect::<Vec<_>>()
            }
        };
        let answers = waiting.into_iter().zip(answers).collect();
        let log_has_grown = self.opening.durability == Durability::Full
            && self.growth.is_due(Direct::log_pages(), self.opening.log_pages);
        Done { answers, announcements, log, log_has_grown }
    }

    /// One transaction over `jobs`; after an error nothing of it is left.
    fn transaction(&mut self, jobs: &[A::Job]) -> Result<Committed<A>, A::Error> {
        let turn = self.turnstile.enter_here()?;
        let mut connected = match self.connection.take() {
            Some(connected) => connected,
            None => Connected::open(&self.opening)?,
        };
        let promised = self.opening.durability == Durability::Full && jobs.iter().any(A::durable);
        let done = self
            .flushes
            .mend(&connected.direct)
            .map_err(A::Error::from)
            .and_then(|()| within(&mut connected, &self.opening, &mut self.apply, jobs));
        let log = connected.log.clone().filter(|_| promised);
        if connected.direct.is_clean() {
            self.connection = Some(connected);
        } else {
            // SQLite's lock goes with it, before the next one's turn.
            drop(connected);
        }
        drop(turn);
        let answers = done?;
        let announcement = self.apply.committed(jobs, &answers);
        Ok(Committed { answers, announcement, log })
    }
}

/// What a transaction came to.
struct Committed<A: Apply> {
    answers: Vec<A::Answer>,
    announcement: Announcement,
    log: Option<Arc<Log>>,
}

/// Answers those who wait. Several are answered in a task: whoever is woken by a thread of the runtime
/// goes on there, while from here each would be handed over by itself.
fn tell<T: Send + 'static>(answers: Vec<(oneshot::Sender<T>, T)>) {
    let several = answers.len() > 1;
    let all = move || {
        for (waiting, answer) in answers {
            // Perhaps nobody waits any more: the work is done all the same.
            let _ = waiting.send(answer);
        }
    };
    if several {
        tokio::spawn(async move { all() });
    } else {
        all();
    }
}

fn within<A: Apply>(
    connected: &mut Connected,
    opening: &Opening,
    apply: &mut A,
    jobs: &[A::Job],
) -> Result<Vec<A::Answer>, A::Error> {
    let Connected { log, direct } = connected;
    direct.execute("begin immediate", &[])?;
    let done = open_log(log, opening)
        .map_err(A::Error::from)
        .and_then(|()| apply.apply(direct, jobs))
        .and_then(|answers| {
            direct.execute("commit", &[])?;
            Ok(answers)
        });
    if done.is_err() && !direct.is_clean() {
        // If this fails too, the connection is broken and is not used again.
        let _ = direct.execute("rollback", &[]);
    }
    done
}

/// Opens the log once the connection has used it, where commits are to be durable.
fn open_log(log: &mut Option<Arc<Log>>, opening: &Opening) -> Result<(), DatabaseError> {
    if log.is_none() && opening.durability == Durability::Full {
        *log = Some(Arc::new(Log::beside(&opening.path, &opening.files)?));
    }
    Ok(())
}

/// The bound of the next batch, from the rows and the time of the last.
fn next_bound(bound: usize, rows: usize, took: Duration) -> usize {
    if took > BATCH_TIME {
        (rows / 2).clamp(ROWS_MIN, ROWS_MAX)
    } else if rows >= bound / 2 {
        bound.saturating_mul(2).min(ROWS_MAX)
    } else {
        bound
    }
}
