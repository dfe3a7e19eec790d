//! The writer task: one a database and process, committing for all who wait.
//!
//! Jobs come over a channel; those that came while the last transaction was being committed are
//! applied together in the next one and answered after its commit. So concurrent writers share a
//! flush and nobody is told of what could still be lost.
//!
//! A batch that fails is rolled back and its jobs are run again one by one, each in a transaction
//! of its own: the error of one is not the trouble of the others. Batches are bounded in rows, and
//! the bound follows the time that a batch takes, so that other processes get their turn.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{DatabaseError, Opening, Turnstile, database};

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
    type Job: Send + Sync + 'static;
    /// What that somebody is told.
    type Answer: Send + 'static;
    /// What can go wrong.
    type Error: From<DatabaseError> + Send + 'static;

    /// About how many rows a job writes.
    fn rows(_job: &Self::Job) -> usize {
        1
    }

    /// Applies jobs inside a transaction and gives an answer for each, in their order. May be
    /// called again with the same jobs if the transaction came to nothing, so it must keep nothing
    /// in `self` that a rollback doesn't undo. One statement for all jobs, not one for each: each
    /// awaited statement costs as much as hundreds of rows.
    fn apply(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[Self::Job],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Self::Error>> + Send;

    /// After the commit, just before the answers: the moment to ring bells.
    fn committed(&mut self, _jobs: &[Self::Job], _answers: &[Self::Answer]) {}
}

/// The way to the writer task. A clone leads to the same one; it ends after the last is dropped
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
        let task = Task { opening, turnstile, apply, connection: None, rows_max: ROWS_MAX };
        tokio::spawn(task.run(receiver));
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
    connection: Option<SqliteConnection>,
    rows_max: usize,
}

impl<A: Apply> Task<A> {
    async fn run(mut self, mut receiver: mpsc::Receiver<Pending<A>>) {
        let mut left_over = None;
        while let Some(first) = match left_over.take() {
            Some(pending) => Some(pending),
            None => receiver.recv().await,
        } {
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
            self.batch(jobs, answers).await;
            self.rows_max = next_bound(self.rows_max, rows, begun.elapsed());
        }
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
    }

    async fn batch(
        &mut self,
        jobs: Vec<A::Job>,
        answers: Vec<oneshot::Sender<Result<A::Answer, A::Error>>>,
    ) {
        let mut answers = answers.into_iter();
        let failed = match self.transaction(&jobs).await {
            Ok(results) => {
                for (answer, result) in answers.zip(results) {
                    // Perhaps nobody waits any more: the work is done all the same.
                    let _ = answer.send(Ok(result));
                }
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
            let result = self.transaction(std::slice::from_ref(job)).await;
            let alone = result.and_then(|results| {
                results.into_iter().next().ok_or_else(|| DatabaseError::Stopped.into())
            });
            let _ = answer.send(alone);
        }
    }

    /// One transaction over `jobs`; after an error nothing of it is left.
    async fn transaction(&mut self, jobs: &[A::Job]) -> Result<Vec<A::Answer>, A::Error> {
        let _turn = self.turnstile.enter().await?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => database::connect(&self.opening, false).await?,
        };
        let done = Self::within(&mut connection, &mut self.apply, jobs).await;
        if done.is_ok() || connection.ping().await.is_ok() && !connection.is_in_transaction() {
            self.connection = Some(connection);
        }
        let answers = done?;
        self.apply.committed(jobs, &answers);
        Ok(answers)
    }

    async fn within(
        connection: &mut SqliteConnection,
        apply: &mut A,
        jobs: &[A::Job],
    ) -> Result<Vec<A::Answer>, A::Error> {
        let begun = connection.begin_with("begin immediate").await;
        let mut transaction = begun.map_err(DatabaseError::Statement)?;
        match apply.apply(&mut transaction, jobs).await {
            Ok(answers) => {
                transaction.commit().await.map_err(DatabaseError::Statement)?;
                Ok(answers)
            }
            Err(error) => {
                // If this fails too, SQLite has rolled back by itself (a full disk), or the
                // connection is broken and is not used again.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
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
