//! Opening SQLite: WAL, small caches, few threads.
//!
//! Each connection costs sqlx a thread: readers are opened when wanted and closed when idle. The one
//! writer of a process has threads of its own ([`crate::Writer`]).

use std::{path::PathBuf, time::Duration};

use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{Apply, DatabaseError, Files, Migration, Writer, at_once, migration};

/// How long SQLite itself waits for somebody who writes past the turnstile (a checkpoint).
pub(crate) const BUSY: Duration = Duration::from_secs(10);
/// Readers that were idle for so long are closed.
const IDLE: Duration = Duration::from_secs(20);

/// Rows that a query may find before anybody takes the first.
const ROWS_AHEAD: usize = 1000;

/// What a commit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Durable when it returns: whatever a reply promises.
    Full,
    /// Durable some time later; a crash of the machine loses the last ones, never the database.
    Normal,
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Its file.
    pub path: PathBuf,
    /// What a commit is worth.
    pub durability: Durability,
    /// The steps to the tables that this program knows.
    pub migrations: &'static [Migration],
    /// The most reading connections at once, at least 1; each is a thread while it is in use.
    pub readers_max: u32,
    /// The page cache of a connection, KiB.
    pub cache_kib: u32,
    /// How many pages the log has before they are copied into the database, those that changed
    /// often once. Twice as much of the log is kept as a file: commits that write over old bytes
    /// are synced faster than those that make a file longer.
    pub log_pages: u32,
    /// Whether it is only read here (by a process that may write for WAL's sake alone).
    pub query_only: bool,
    /// What the writer flushes the log through.
    pub files: Files,
}

impl Opening {
    /// Full durability, two readers, half a MiB of cache.
    pub fn new(path: impl Into<PathBuf>, migrations: &'static [Migration]) -> Self {
        Self {
            path: path.into(),
            durability: Durability::Full,
            migrations,
            readers_max: 2,
            cache_kib: 512,
            log_pages: 1000,
            query_only: false,
            files: Files::real(),
        }
    }
}

/// An open database. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Database {
    opening: Opening,
    readers: SqlitePool,
}

impl Database {
    /// Opens a database whose tables are up to date; another schema is an error that says what to
    /// do.
    pub async fn open(opening: Opening) -> Result<Self, DatabaseError> {
        // What one may not look at is told apart when it is opened.
        if matches!(opening.path.try_exists(), Ok(false)) {
            return Err(DatabaseError::Missing { path: opening.path });
        }
        let database = Self { readers: readers(&opening), opening };
        let path = || database.opening.path.clone();
        let mut reader = database
            .readers
            .acquire()
            .await
            .map_err(|source| DatabaseError::Open { path: path(), source })?;
        migration::check(&mut reader, &database.opening).await?;
        drop(reader);
        Ok(database)
    }

    /// Makes the database or brings its tables up to date first, under an exclusive lock. For
    /// `postrider migrate`, for tests, and for what has no start to migrate at (an account's index).
    pub async fn open_or_migrate(opening: Opening) -> Result<Self, DatabaseError> {
        // The first look too: SQLite does not wait for the one that turns a new file into a WAL
        // database, and whoever looks meanwhile stands in its way.
        let _held = migration::lock(&opening).await?;
        match Self::open(opening.clone()).await {
            Err(DatabaseError::Missing { .. } | DatabaseError::SchemaOlder { .. }) => {
                migration::migrate(&opening).await?;
                Self::open(opening).await
            }
            other => other,
        }
    }

    /// A single connection that may write, and nothing else: for what is opened often and has no
    /// start to migrate at. It is the one that looks at the tables, so that one thread is begun.
    pub async fn connect_or_migrate(opening: &Opening) -> Result<SqliteConnection, DatabaseError> {
        let _held = migration::lock(opening).await?;
        if matches!(opening.path.try_exists(), Ok(true)) {
            let mut connection = connect(opening, false).await?;
            match migration::check(&mut connection, opening).await {
                Err(DatabaseError::SchemaOlder { .. }) => {
                    migration::apply(&mut connection, opening).await?;
                    return Ok(connection);
                }
                checked => return checked.map(|()| connection),
            }
        }
        migration::migrate(opening).await?;
        connect(opening, false).await
    }

    /// To read: pass it where sqlx wants an executor. Reads see the last commit.
    pub fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// Starts the writer for an owner's kind of jobs; one a database and process. Inside a tokio
    /// runtime.
    pub fn writer<A: Apply>(&self, apply: A) -> Result<Writer<A>, DatabaseError> {
        Writer::start(self.opening.clone(), apply)
    }

    /// A connection of one's own that may write, for an owner whose transactions enclose other work
    /// (files that must agree with the rows). Enter the [`crate::Turnstile`] before each of them.
    pub async fn connection(&self) -> Result<SqliteConnection, DatabaseError> {
        connect(&self.opening, false).await
    }

    /// Its file and how it was opened.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Closes the readers. Writers close when they are dropped and their jobs are done.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}

fn readers(opening: &Opening) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(opening.readers_max.max(1))
        .min_connections(0)
        .idle_timeout(IDLE)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(opening, true))
}

/// One connection, for a writer or a migration.
pub(crate) async fn connect(
    opening: &Opening,
    reads_only: bool,
) -> Result<SqliteConnection, DatabaseError> {
    options(opening, reads_only)
        .connect()
        .await
        .map_err(|source| DatabaseError::Open { path: opening.path.clone(), source })
}

fn options(opening: &Opening, reads_only: bool) -> SqliteConnectOptions {
    let synchronous = match opening.durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    let options = lean(&opening.path, opening.cache_kib)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("journal_size_limit", log_kept(opening).to_string())
        .pragma("wal_autocheckpoint", opening.log_pages.to_string());
    if reads_only || opening.query_only { options.pragma("query_only", "on") } else { options }
}

/// The same settings for the writer's connection. The journal mode is the file's; what is to be
/// durable the writer flushes by itself.
pub(crate) fn pragmas(opening: &Opening) -> [(&'static str, String); 5] {
    [
        ("synchronous", "normal".to_owned()),
        ("journal_size_limit", log_kept(opening).to_string()),
        ("wal_autocheckpoint", opening.log_pages.to_string()),
        ("cache_size", format!("-{}", opening.cache_kib)),
        ("temp_store", "memory".to_owned()),
    ]
}

/// More of the log than this is given back to the file system, in bytes.
pub(crate) fn log_kept(opening: &Opening) -> u64 {
    const PAGE: u64 = 4096;
    u64::from(opening.log_pages).saturating_mul(2 * PAGE)
}

/// What all connections share, published databases included.
pub(crate) fn lean(path: &std::path::Path, cache_kib: u32) -> SqliteConnectOptions {
    at_once::prepare();
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .statement_cache_capacity(48)
        // Rows come from a thread of the connection's; it needn't wait for who takes them.
        .row_buffer_size(ROWS_AHEAD)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[Migration] =
        &[Migration { name: "first", sql: "create table a (b integer); create index c on a (b)" }];
    const BOTH: &[Migration] = &[
        FIRST[0],
        Migration { name: "second", sql: "alter table a add column d text not null default 'x'" },
    ];
    const BROKEN: &[Migration] = &[
        FIRST[0],
        Migration { name: "broken", sql: "create table e (f integer); select no_such_column" },
    ];

    #[tokio::test]
    async fn schemas_older_newer_missing_and_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let with = |migrations| Opening::new(&path, migrations);
        let error = Database::open(with(FIRST)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Missing { .. }));

        Database::open_or_migrate(with(FIRST)).await.unwrap().close().await;
        Database::open(with(FIRST)).await.unwrap().close().await;
        let error = Database::open(with(BOTH)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::SchemaOlder { found: 1, known: 2, .. }), "{error}");

        let error = Database::open_or_migrate(with(BROKEN)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Migration { name: "broken", .. }), "{error}");

        let both = Database::open_or_migrate(with(BOTH)).await.unwrap();
        let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where name = 'e'")
            .fetch_one(both.reader())
            .await
            .unwrap();
        assert_eq!(tables, 0, "the broken migration left something");
        let error = Database::open(with(FIRST)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::SchemaNewer { found: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("some.db"), "{error}");
    }

    #[tokio::test]
    async fn one_connection_sees_to_the_tables_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let with = |migrations| Opening::new(&path, migrations);
        for known in [FIRST, FIRST, BOTH, BOTH] {
            let mut connection = Database::connect_or_migrate(&with(known)).await.unwrap();
            sqlx::query("insert into a (b) values (1)").execute(&mut connection).await.unwrap();
        }
        let error = Database::connect_or_migrate(&with(FIRST)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::SchemaNewer { found: 2, known: 1, .. }), "{error}");
        let mut connection = Database::connect_or_migrate(&with(BOTH)).await.unwrap();
        let rows: Vec<Option<String>> =
            sqlx::query_scalar("select d from a").fetch_all(&mut connection).await.unwrap();
        assert_eq!(
            rows,
            [Some("x".to_owned()), Some("x".into()), Some("x".into()), Some("x".into())]
        );
    }

    #[tokio::test]
    async fn readers_cannot_write_and_the_group_can() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let database = Database::open_or_migrate(Opening::new(&path, FIRST)).await.unwrap();
        assert!(sqlx::query("insert into a values (1)").execute(database.reader()).await.is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }

    #[tokio::test]
    async fn two_programs_may_migrate_at_once() {
        // The moments at which they can meet are short: many try.
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let opening = Opening::new(folder.path().join("some.db"), BOTH);
            let (one, other) = tokio::join!(
                Database::open_or_migrate(opening.clone()),
                Database::open_or_migrate(opening.clone())
            );
            one.unwrap();
            other.unwrap();
        }
    }
}
