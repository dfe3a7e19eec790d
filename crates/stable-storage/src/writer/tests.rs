//! What writers promise, and when.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::*;
use crate::{Database, Files, Migration, Operation, Watch};

/// What takes longer has gone wrong.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Sees every flush of a log before it is done.
struct Flushed(Box<dyn Fn() -> io::Result<()> + Send + Sync>);

impl Watch for Flushed {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        if matches!(operation, Operation::Sync(_)) { (self.0)() } else { Ok(()) }
    }

    fn after(&self, _: &Operation<'_>) {}
}

async fn watched(
    folder: &Path,
    before_flush: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) -> Database {
    let files = Files::watched(Arc::new(Flushed(Box::new(before_flush))));
    let opening = Opening::new(folder.join("some.db"), TABLE);
    Database::open_or_migrate(Opening { files, ..opening }).await.unwrap()
}

/// What somebody else sees.
fn seen(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("select count(*) from a", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn while_a_flush_lasts_the_next_commit_is_made_and_nobody_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.db");
    let (begun, begins) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    let before_flush = move || {
        let _ = begun.send(());
        let _ = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        Ok(())
    };
    let database = watched(folder.path(), before_flush).await;
    let writer = database.writer(Insert).unwrap();
    let submit = |number| {
        let writer = writer.clone();
        tokio::spawn(async move { writer.submit(number).await })
    };
    let first = submit(1);
    let begins = tokio::task::spawn_blocking(move || begins.recv_timeout(PATIENCE));
    begins.await.unwrap().unwrap();
    assert_eq!(seen(&path), 1, "it is committed");
    let second = submit(2);
    let other = path.clone();
    let both = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        while seen(&other) < 2 && begun.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        seen(&other)
    });
    assert_eq!(both.await.unwrap(), 2, "the second is committed beside the flush of the first");
    assert!(!first.is_finished() && !second.is_finished(), "and nobody was told anything");
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert!(!second.is_finished(), "its flush has not been done");
    go_on.send(()).unwrap();
    assert_eq!(second.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn what_was_not_flushed_is_not_promised_and_a_new_log_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (path, fails) = (folder.path().join("some.db"), Arc::new(AtomicBool::new(false)));
    let failing = fails.clone();
    let before_flush = move || match failing.load(Ordering::Relaxed) {
        true => Err(io::Error::other("the disk of this test")),
        false => Ok(()),
    };
    let database = watched(folder.path(), before_flush).await;
    let writer = database.writer(Insert).unwrap();
    assert_eq!(writer.submit(1).await.unwrap(), 1);
    fails.store(true, Ordering::Relaxed);
    for number in [2, 3] {
        let error = writer.submit(number).await.unwrap_err();
        assert!(matches!(error, DatabaseError::File { doing: "flush", .. }), "{error}");
    }
    let log = || std::fs::metadata(folder.path().join("some.db-wal")).unwrap().len();
    let before = log();
    fails.store(false, Ordering::Relaxed);
    assert_eq!(writer.submit(4).await.unwrap(), 4);
    assert!(log() < before + 4096, "the log was emptied first");
    assert_eq!(seen(&path), 4, "what is there stays");
}

/// Says what was committed; at three digits it panics.
struct Announcing(std::sync::mpsc::Sender<i64>);

impl Apply for Announcing {
    type Job = i64;
    type Answer = i64;
    type Error = DatabaseError;

    fn apply(&mut self, connection: &Direct, jobs: &[i64]) -> Result<Vec<i64>, DatabaseError> {
        Insert.apply(connection, jobs)
    }

    fn committed(&mut self, jobs: &[i64], _: &[i64]) -> Announcement {
        let (announced, jobs) = (self.0.clone(), jobs.to_vec());
        Box::new(move || {
            for job in jobs {
                assert!(job < 100, "the panic of this test");
                announced.send(job).unwrap();
            }
        })
    }
}

#[tokio::test]
async fn what_is_committed_is_announced_whatever_else_fails() {
    let folder = tempfile::tempdir().unwrap();
    let fails = AtomicBool::new(true);
    let before_flush = move || match fails.swap(false, Ordering::Relaxed) {
        true => Err(io::Error::other("the disk of this test")),
        false => Ok(()),
    };
    let database = watched(folder.path(), before_flush).await;
    let (announced, announcements) = std::sync::mpsc::channel();
    let writer = database.writer(Announcing(announced)).unwrap();
    writer.submit(1).await.unwrap_err();
    assert_eq!(announcements.try_recv(), Ok(1), "it is there, though not durable");
    // More than there are threads.
    for number in 100..104 {
        assert_eq!(writer.submit(number).await.unwrap(), number);
    }
    assert_eq!(writer.submit(2).await.unwrap(), 2);
    assert_eq!(announcements.try_recv(), Ok(2));
}

/// The first flush of a log fails; says at each copy into the database how many there were.
struct FirstFails {
    flushes: AtomicUsize,
    copies: std::sync::mpsc::Sender<usize>,
}

impl Watch for FirstFails {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let Operation::Sync(path) = operation else { return Ok(()) };
        if path.ends_with("some.db") {
            let _ = self.copies.send(self.flushes.load(Ordering::SeqCst));
        } else if self.flushes.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(io::Error::other("the disk of this test"));
        }
        Ok(())
    }

    fn after(&self, _: &Operation<'_>) {}
}

#[tokio::test]
async fn a_log_whose_flush_failed_is_not_copied_as_usual_and_later_ones_are() {
    let folder = tempfile::tempdir().unwrap();
    let (copies, copied) = std::sync::mpsc::channel();
    let files = Files::watched(Arc::new(FirstFails { flushes: AtomicUsize::new(0), copies }));
    let opening = Opening::new(folder.path().join("some.db"), TABLE);
    let opening = Opening { files, log_pages: 1, ..opening };
    let database = Database::open_or_migrate(opening).await.unwrap();
    let writer = database.writer(Insert).unwrap();
    writer.submit(0).await.unwrap_err();
    let begun = Instant::now();
    let flushes = loop {
        let number = i64::try_from(begun.elapsed().as_nanos()).unwrap();
        writer.submit(number).await.unwrap();
        if let Ok(flushes) = copied.try_recv() {
            break flushes;
        }
        assert!(begun.elapsed() < PATIENCE, "no log is copied any more");
    };
    assert!(flushes > 1, "{flushes}");
}

#[tokio::test]
async fn a_log_that_is_always_written_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let opening = Opening::new(folder.path().join("some.db"), TABLE);
    let opening = Opening { log_pages: 20, ..opening };
    let database = Database::open_or_migrate(opening).await.unwrap();
    let writer = database.writer(Insert).unwrap();
    for number in 0..400 {
        writer.submit(number).await.unwrap();
    }
    // Two pages a commit.
    let pages = std::fs::metadata(folder.path().join("some.db-wal")).unwrap().len() / 4096;
    assert!(pages < 400, "{pages}");
    assert_eq!(count(&database).await, 400);
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
