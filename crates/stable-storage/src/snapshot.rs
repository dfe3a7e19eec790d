//! A database as it is at one moment, in a file of its own.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::{DatabaseError, database};

/// The page cache of these connections: each page is looked at once.
const CACHE_KIB: u32 = 1024;

/// Writes the database as it is now to `into`, a file that is not there yet; others go on reading and
/// writing. The copy is one file without a log. It is not synced.
pub async fn copy_database(from: &Path, into: &Path) -> Result<(), DatabaseError> {
    if matches!(from.try_exists(), Ok(false)) {
        return Err(DatabaseError::Missing { path: from.to_owned() });
    }
    let opened = database::lean(from, CACHE_KIB).connect().await;
    let mut connection =
        opened.map_err(|source| DatabaseError::Open { path: from.to_owned(), source })?;
    sqlx::query("vacuum into ?")
        .bind(into.to_string_lossy().as_ref())
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

/// Opens a copy that nobody writes to. Writes nothing beside it.
pub async fn open_copy(path: &Path) -> Result<SqliteConnection, DatabaseError> {
    let options = database::lean(path, CACHE_KIB).read_only(true).immutable(true);
    let opened = options.connect().await;
    opened.map_err(|source| DatabaseError::Open { path: path.to_owned(), source })
}

/// What is wrong with such a copy; empty if it is whole.
pub async fn check_copy(path: &Path) -> Result<Vec<String>, DatabaseError> {
    let mut connection = open_copy(path).await?;
    let found: Vec<String> =
        sqlx::query_scalar("pragma integrity_check(20)").fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Migration, Opening};

    const TABLE: &[Migration] = &[Migration {
        name: "table",
        sql: "create table a (b integer); create index c on a (b);
              with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000)
              insert into a select i from n",
    }];

    #[tokio::test]
    async fn a_copy_is_whole_while_others_write_and_damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("some.db"), folder.path().join("copy"));
        assert!(matches!(copy_database(&path, &copy).await, Err(DatabaseError::Missing { .. })));
        let database = Database::open_or_migrate(Opening::new(&path, TABLE)).await.unwrap();
        let mut writer = database.connection().await.unwrap();
        for sql in ["insert into a values (7)", "begin immediate", "insert into a values (9)"] {
            sqlx::query(sql).execute(&mut writer).await.unwrap();
        }
        copy_database(&path, &copy).await.unwrap();
        assert_eq!(check_copy(&copy).await.unwrap(), Vec::<String>::new());
        let opened = Database::open(Opening::new(&copy, TABLE)).await.unwrap();
        let rows: i64 =
            sqlx::query_scalar("select count(*) from a").fetch_one(opened.reader()).await.unwrap();
        assert_eq!(rows, 2001, "what is committed, and nothing else");
        assert!(copy_database(&path, &copy).await.is_err(), "nothing is written over");
        opened.close().await;

        let mut bytes = std::fs::read(&copy).unwrap();
        let middle = bytes.len() - 4096 * 3;
        bytes[middle..middle + 2048].fill(0x55);
        let damaged = folder.path().join("damaged");
        std::fs::write(&damaged, bytes).unwrap();
        assert!(check_copy(&damaged).await.map_or(true, |found| !found.is_empty()));
    }
}
