//! The log of a WAL database that is copied beside its commits, not within them.
//!
//! SQLite copies the log into the database when it has grown, within the commit that made it so, and
//! waits for the disk twice: somebody waits for that commit. An owner whose commits need not be
//! durable lets the log grow a little more instead, and has it copied when nobody waits.
//!
//! How much is waiting is read from the log's index (SQLite's "WAL-Index File Format"). It is a hint:
//! a wrong number costs time and nothing else.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use crate::{DatabaseError, Direct, Opening};

/// Octets of the log's index that are looked at.
const HEADER: usize = 100;
/// Where it says how many pages the log has.
const PAGES: usize = 16;
/// Where it says how many of them are in the database.
const COPIED: usize = 96;

/// How many pages of a database's log are not in the database yet.
pub fn log_waiting(database: &Path) -> u32 {
    let mut path = database.as_os_str().to_owned();
    path.push("-shm");
    let read = || {
        let mut header = [0; HEADER];
        File::open(&path)?.read_exact_at(&mut header, 0)?;
        Ok::<_, io::Error>(header)
    };
    // Without such a file there is no log.
    read().map_or(0, |header| waiting(&header))
}

fn waiting(header: &[u8; HEADER]) -> u32 {
    let number = |at: usize| {
        let octets = header.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*octets))
    };
    let (pages, copied) = (number(PAGES).unwrap_or(0), number(COPIED).unwrap_or(0));
    pages.saturating_sub(copied)
}

/// Copies the log into the database as far as nobody reads what it would write over. Waits for the
/// disk: not for the runtime's threads. Nobody waits for it.
pub fn copy_log(opening: &Opening) -> Result<(), DatabaseError> {
    Direct::open(opening)?.checkpoint()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Migration};

    const TABLE: &[Migration] = &[Migration { name: "table", sql: "create table a (b blob)" }];

    #[tokio::test]
    async fn what_waits_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        assert_eq!(log_waiting(&path), 0, "there is none");
        let opening = Opening::new(&path, TABLE);
        let mut connection = Database::connect_or_migrate(&opening).await.unwrap();
        for _ in 0..50 {
            let insert = sqlx::query("insert into a (b) values (randomblob(4000))");
            insert.execute(&mut connection).await.unwrap();
        }
        assert!(log_waiting(&path) >= 50, "{}", log_waiting(&path));
        copy_log(&opening).unwrap();
        assert_eq!(log_waiting(&path), 0);
        let rows: i64 =
            sqlx::query_scalar("select count(*) from a").fetch_one(&mut connection).await.unwrap();
        assert_eq!(rows, 50);
    }
}
