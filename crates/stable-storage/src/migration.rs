//! Changes of a database's tables, made once, before any agent starts.
//!
//! A database's schema version is the number of migrations it has seen (`PRAGMA user_version`).
//! Each runs in a transaction of its own, together with the new version. An exclusive lock on
//! `NAME.migration` keeps two programs from migrating at once: sqlx's own lock does nothing for
//! SQLite.

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::{DatabaseError, FileLock, Opening, database, file_lock::Held};

/// One step from a schema version to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// What it does, for the error that speaks of it.
    pub name: &'static str,
    /// One statement or several.
    pub sql: &'static str,
}

/// Keeps all others from migrating the database until the answer is dropped.
pub(crate) async fn lock(opening: &Opening) -> Result<Held, DatabaseError> {
    let path = opening.path.with_added_extension("migration");
    let at_lock = |source| DatabaseError::File { doing: "lock", path: path.clone(), source };
    FileLock::at(&path).map_err(at_lock)?.lock().await.map_err(at_lock)
}

/// The same for a thread that may wait.
pub(crate) fn lock_here(opening: &Opening) -> Result<Held, DatabaseError> {
    let path = opening.path.with_added_extension("migration");
    let at_lock = |source| DatabaseError::File { doing: "lock", path: path.clone(), source };
    FileLock::at(&path).and_then(|lock| lock.waiter()()).map_err(at_lock)
}

/// Makes the database if it is not there, and brings its tables to this program's version. The
/// lock must be held.
pub(crate) async fn migrate(opening: &Opening) -> Result<(), DatabaseError> {
    // Made by us and not by SQLite, so that the group may write to it; SQLite gives the files
    // beside it the same mode.
    crate::file_lock::open_for_group(&opening.path).map_err(|source| DatabaseError::File {
        doing: "create the database",
        path: opening.path.clone(),
        source,
    })?;
    let mut connection = database::connect(opening, false).await?;
    let migrated = apply(&mut connection, opening).await;
    connection.close().await?;
    migrated
}

/// Runs the migrations that the database has not seen.
pub(crate) async fn apply(
    connection: &mut SqliteConnection,
    opening: &Opening,
) -> Result<(), DatabaseError> {
    let seen = match check(connection, opening).await {
        Ok(()) => return Ok(()),
        Err(DatabaseError::SchemaOlder { found, .. }) => found,
        Err(error) => return Err(error),
    };
    for (done, migration) in opening.migrations.iter().enumerate().skip(seen) {
        let at = |source| DatabaseError::Migration {
            path: opening.path.clone(),
            name: migration.name,
            source,
        };
        let mut transaction = connection.begin_with("begin immediate").await.map_err(at)?;
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(at)?;
        let version = format!("pragma user_version = {}", done + 1);
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await.map_err(at)?;
        transaction.commit().await.map_err(at)?;
    }
    Ok(())
}

/// Whether the tables are those that this program knows.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
    opening: &Opening,
) -> Result<(), DatabaseError> {
    let version: i64 = sqlx::query_scalar("pragma user_version")
        .fetch_one(connection)
        .await
        .map_err(|source| DatabaseError::Open { path: opening.path.clone(), source })?;
    compare(version, opening)
}

/// The same of the version that a database tells.
pub(crate) fn compare(version: i64, opening: &Opening) -> Result<(), DatabaseError> {
    let (found, known) = (usize::try_from(version).unwrap_or(usize::MAX), opening.migrations.len());
    let path = opening.path.clone();
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(DatabaseError::SchemaOlder { path, found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(DatabaseError::SchemaNewer { path, found, known }),
    }
}
