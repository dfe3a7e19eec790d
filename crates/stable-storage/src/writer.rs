//! The writer: one thread a database and process, committing for all who wait.
//!
//! Jobs come over a channel; those that came while the last transaction was being committed are
//! applied together in the next one and answered after its commit. So concurrent writers share a
//! flush and nobody is told of what could still be lost.
//!
//! A batch that fails is rolled back and its jobs are run again one by one, each in a transaction
//! of its own: the error of one is not the trouble of the others. Batches are bounded in rows, and
//! the bound follows the time that a batch takes, so that other processes get their turn.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use crate::{DatabaseError, Direct, Durability, Opening, Turnstile};

/// The most jobs that wait; further ones wait to wait.
const WAITING_MAX: usize = 1024;
/// The most rows of a batch ([`Apply::rows`]).
const ROWS_MAX: usize = 1024;
/// The fewest rows that the bound shrinks to.
const ROWS_MIN: usize = 16;
/// A batch that took longer halves the bound.
const BATCH_TIME: Duration = Duration::from_millis(60);

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

    /// After the commit, just before the answers: the moment to ring bells.
    fn committed(&mut self, _jobs: &[Self::Job], _answers: &[Self::Answer]) {}
}

/// The way to the writer. A clone leads to the same one; it ends after the last is dropped
/// and every job is answered.
pub struct Writer<A: Apply> {
    jobs: mpsc::Sender<Pending<A>>,
}

struct Pending<A: Apply> {
    job: A::Job,
    answer: oneshot::Sender<Result<A::Answer, A::Error>>,
}

impl<A: Apply> Writer<A> {
    pub(crate) fn start(opening: Opening, apply: A) -> Result<Self, DatabaseError> {
        let turnstile = Turnstile::of(&opening.path)?;
        let (jobs, receiver) = mpsc::channel(WAITING_MAX);
        let path = opening.path.clone();
        let task = Task { opening, turnstile, apply, connection: None, rows_max: ROWS_MAX };
        // What is woken after a commit wants to know the runtime.
        let runtime = tokio::runtime::Handle::current();
        let run = move || {
            let _inside = runtime.enter();
            task.run(receiver);
        };
        let started = std::thread::Builder::new().name("writer".to_owned()).spawn(run);
        let doing = "start the writer of";
        started.map_err(|source| DatabaseError::File { doing, path, source })?;
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

struct Task<A: Apply> {
    opening: Opening,
    turnstile: Turnstile,
    apply: A,
    connection: Option<Direct>,
    rows_max: usize,
}

impl<A: Apply> Task<A> {
    fn run(mut self, mut receiver: mpsc::Receiver<Pending<A>>) {
        let mut left_over: Option<Pending<A>> = None;
        while let Some(first) = left_over.take().or_else(|| receiver.blocking_recv()) {
            let (mut jobs, mut answers, mut rows) = (Vec::new(), Vec::new(), 0usize);
            let mut next = Some(first);
            while let Some(pending) = next.take().or_else(|| receiver.try_recv().ok()) {
                let more = A::rows(&pending.job).max(1);
                if !jobs.is_empty() && rows.saturating_add(more) > self.rows_max {
                    left_over = Some(pending);
                    break;
                }
                rows = rows.saturating_add(more);
                jobs.push(pending.job);
                answers.push(pending.answer);
            }
            let begun = Instant::now();
            // A panic is the trouble of one batch: nothing of it was promised, its transaction ends
            // with its connection, and who waits hears that there is no answer.
            let done = catch_unwind(AssertUnwindSafe(|| self.batch(&jobs, answers)));
            if done.is_err() {
                self.connection = None;
            }
            self.rows_max = next_bound(self.rows_max, rows, begun.elapsed());
        }
    }

    fn batch(
        &mut self,
        jobs: &[A::Job],
        answers: Vec<oneshot::Sender<Result<A::Answer, A::Error>>>,
    ) {
        let mut answers = answers.into_iter();
        let failed = match self.transaction(jobs) {
            Ok(results) => {
                tell(answers.zip(results).collect());
                return;
            }
            Err(error) => error,
        };
        if jobs.len() == 1 {
            if let Some(answer) = answers.next() {
                let _ = answer.send(Err(failed));
            }
            return;
        }
        for (job, answer) in jobs.iter().zip(answers) {
            let result = self.transaction(std::slice::from_ref(job));
            let alone = result.and_then(|results| {
                results.into_iter().next().ok_or_else(|| DatabaseError::Stopped.into())
            });
            let _ = answer.send(alone);
        }
    }

    /// One transaction over `jobs`; after an error nothing of it is left.
    fn transaction(&mut self, jobs: &[A::Job]) -> Result<Vec<A::Answer>, A::Error> {
        let turn = self.turnstile.enter_here()?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Direct::open(&self.opening)?,
        };
        if self.opening.durability == Durability::Full {
            let promised = jobs.iter().any(A::durable);
            connection.set_durability(if promised {
                Durability::Full
            } else {
                Durability::Normal
            })?;
        }
        let done = within(&connection, &mut self.apply, jobs);
        if connection.is_clean() {
            self.connection = Some(connection);
        } else {
            // SQLite's lock goes with it, before the next one's turn.
            drop(connection);
        }
        drop(turn);
        let answers = done?;
        self.apply.committed(jobs, &answers);
        Ok(answers)
    }
}

/// Answers those who wait. Several are answered in a task: whoever is woken by a thread of the runtime
/// goes on there, while from here each would be handed over by itself.
fn tell<T, E>(answers: Vec<(oneshot::Sender<Result<T, E>>, T)>)
where
    T: Send + 'static,
    E: Send + 'static,
{
    let several = answers.len() > 1;
    let all = move || {
        for (answer, result) in answers {
            // Perhaps nobody waits any more: the work is done all the same.
            let _ = answer.send(Ok(result));
        }
    };
    if several {
        tokio::spawn(async move { all() });
    } else {
        all();
    }
}

fn within<A: Apply>(
    connection: &Direct,
    apply: &mut A,
    jobs: &[A::Job],
) -> Result<Vec<A::Answer>, A::Error> {
    connection.execute("begin immediate", &[])?;
    let done = apply.apply(connection, jobs).and_then(|answers| {
        connection.execute("commit", &[])?;
        Ok(answers)
    });
    if done.is_err() && !connection.is_clean() {
        // If this fails too, the connection is broken and is not used again.
        let _ = connection.execute("rollback", &[]);
    }
    done
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Migration};

    const TABLE: &[Migration] =
        &[Migration { name: "table", sql: "create table a (b integer unique)" }];

    /// Inserts numbers.
    struct Insert;

    impl Apply for Insert {
        type Job = i64;
        type Answer = i64;
        type Error = DatabaseError;

        fn apply(&mut self, connection: &Direct, jobs: &[i64]) -> Result<Vec<i64>, DatabaseError> {
            for number in jobs {
                connection.execute("insert into a values ($1)", &[number])?;
            }
            Ok(jobs.to_vec())
        }
    }

    async fn count(database: &Database) -> i64 {
        sqlx::query_scalar("select count(*) from a").fetch_one(database.reader()).await.unwrap()
    }

    #[tokio::test]
    async fn one_error_is_not_the_trouble_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening::new(folder.path().join("some.db"), TABLE);
        let database = Database::open_or_migrate(opening).await.unwrap();
        let writer = database.writer(Insert).unwrap();
        // 0..9 twice: each second one breaks the unique index, in the same batch or not.
        let all = (0..20).map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.submit(n % 10).await })
        });
        let mut good = 0;
        for result in all.collect::<Vec<_>>() {
            good += usize::from(result.await.unwrap().is_ok());
        }
        assert_eq!(good, 10);
        assert_eq!(count(&database).await, 10);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_processes_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening::new(folder.path().join("some.db"), TABLE);
        // Two handles on one file behave as two processes do: locks belong to open files.
        let one = Database::open_or_migrate(opening.clone()).await.unwrap();
        let other = Database::open(opening).await.unwrap();
        let run = |writer: Writer<Insert>, from: i64| {
            tokio::spawn(async move {
                for n in from..from + 50 {
                    assert_eq!(writer.submit(n).await.unwrap(), n);
                }
            })
        };
        let (a, b) = (run(one.writer(Insert).unwrap(), 0), run(other.writer(Insert).unwrap(), 100));
        a.await.unwrap();
        b.await.unwrap();
        assert_eq!(count(&one).await, 100);
    }

    /// Panics at one number.
    struct Careless;

    impl Apply for Careless {
        type Job = i64;
        type Answer = i64;
        type Error = DatabaseError;

        fn apply(&mut self, connection: &Direct, jobs: &[i64]) -> Result<Vec<i64>, DatabaseError> {
            let done = Insert.apply(connection, jobs)?;
            assert!(!jobs.contains(&13), "the panic of this test");
            Ok(done)
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_trouble_of_its_batch() {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening::new(folder.path().join("some.db"), TABLE);
        let database = Database::open_or_migrate(opening).await.unwrap();
        let writer = database.writer(Careless).unwrap();
        assert!(matches!(writer.submit(13).await, Err(DatabaseError::Stopped)));
        assert_eq!(writer.submit(14).await.unwrap(), 14);
        assert_eq!(count(&database).await, 1, "nothing of the batch is left");
    }

    #[test]
    fn the_bound_follows_the_time() {
        let (quick, slow) = (BATCH_TIME / 2, BATCH_TIME * 2);
        let rows = [
            // bound, rows, time, next bound
            (ROWS_MAX, ROWS_MAX, quick, ROWS_MAX),
            (ROWS_MAX, ROWS_MAX, slow, ROWS_MAX / 2),
            (ROWS_MAX, 10, slow, ROWS_MIN),
            (64, 64, quick, 128),
            (64, 31, quick, 64),
            (ROWS_MIN, 1, slow, ROWS_MIN),
            // One job may be larger than any bound.
            (64, 1_000_000, slow, ROWS_MAX),
        ];
        for (bound, rows, took, expected) in rows {
            assert_eq!(next_bound(bound, rows, took), expected, "{bound} {rows} {took:?}");
        }
    }
}
