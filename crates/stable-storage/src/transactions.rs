//! A writer whose jobs are closures: for owners whose writes are too few or too different to be
//! worth statements that take many jobs at once.

use std::{any::Any, future::Future, pin::Pin};

use sqlx::SqliteConnection;

use crate::{Apply, DatabaseError, Writer};

/// What a closure does inside its transaction.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// Applies closures one after the other, many in a transaction.
#[derive(Debug)]
pub struct Transactions;

/// A closure whose types are forgotten.
type Closure =
    dyn for<'c> Fn(&'c mut SqliteConnection) -> Work<'c, Box<dyn Any + Send>, Erased> + Send + Sync;

/// The error of a closure, or of the database around it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Erased {
    Database(DatabaseError),
    Own(Box<dyn Any + Send>),
}

impl From<DatabaseError> for Erased {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl Apply for Transactions {
    type Job = Box<Closure>;
    type Answer = Box<dyn Any + Send>;
    type Error = Erased;

    async fn apply(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[Self::Job],
    ) -> Result<Vec<Self::Answer>, Self::Error> {
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(job(connection).await?);
        }
        Ok(answers)
    }
}

impl Writer<Transactions> {
    /// Runs `work` in a transaction, perhaps together with that of others, and returns after the
    /// commit. An error undoes what `work` did, and only that. `work` may be run twice (the first
    /// run being undone), so it changes nothing but the database.
    ///
    /// Write it as `|connection| Box::pin(async move { .. })`, cloning in what it needs.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection) -> Work<'c, T, E> + Send + Sync + 'static,
    {
        let job: Box<Closure> = Box::new(move |connection| {
            let running = work(connection);
            Box::pin(async move {
                match running.await {
                    Ok(value) => Ok(Box::new(value) as Box<dyn Any + Send>),
                    Err(error) => Err(Erased::Own(Box::new(error))),
                }
            })
        });
        match self.submit(job).await {
            // The types are those put in above, so both fall-backs are never reached.
            Ok(value) => value.downcast().map(|v| *v).map_err(|_| DatabaseError::Stopped.into()),
            Err(Erased::Own(error)) => {
                Err(error.downcast().map_or_else(|_| DatabaseError::Stopped.into(), |e| *e))
            }
            Err(Erased::Database(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Migration, Opening};

    const TABLE: &[Migration] =
        &[Migration { name: "table", sql: "create table a (b integer unique)" }];

    async fn insert(writer: &Writer<Transactions>, number: i64) -> Result<i64, DatabaseError> {
        writer
            .run(move |connection| {
                Box::pin(async move {
                    sqlx::query("insert into a values (?)")
                        .bind(number)
                        .execute(&mut *connection)
                        .await?;
                    Ok(number)
                })
            })
            .await
    }

    #[tokio::test]
    async fn one_error_is_not_the_trouble_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening::new(folder.path().join("some.db"), TABLE);
        let database = Database::open_or_migrate(opening).await.unwrap();
        let writer = database.transactions().unwrap();
        // 0..9 twice: each second one breaks the unique index, in the same batch or not.
        let all = (0..20).map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move { insert(&writer, n % 10).await })
        });
        let mut good = 0;
        for result in all.collect::<Vec<_>>() {
            good += usize::from(result.await.unwrap().is_ok());
        }
        assert_eq!(good, 10);
        let rows: i64 = sqlx::query_scalar("select count(*) from a")
            .fetch_one(database.reader())
            .await
            .unwrap();
        assert_eq!(rows, 10);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_processes_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening::new(folder.path().join("some.db"), TABLE);
        // Two handles on one file behave as two processes do: locks belong to open files.
        let one = Database::open_or_migrate(opening.clone()).await.unwrap();
        let other = Database::open(opening).await.unwrap();
        let run = |writer: Writer<Transactions>, from: i64| {
            tokio::spawn(async move {
                for n in from..from + 50 {
                    insert(&writer, n).await.unwrap();
                }
            })
        };
        let (a, b) = (run(one.transactions().unwrap(), 0), run(other.transactions().unwrap(), 100));
        a.await.unwrap();
        b.await.unwrap();
        let rows: i64 =
            sqlx::query_scalar("select count(*) from a").fetch_one(one.reader()).await.unwrap();
        assert_eq!(rows, 100);
    }
}
