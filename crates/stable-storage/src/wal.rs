//! The log of a WAL database that is copied beside its commits, not within them.
//!
//! SQLite copies the log into the database when it has grown, within the commit that made it so, and
//! waits for the disk twice: somebody waits for that commit. An owner whose commits need not be
//! durable lets the log grow a little more instead, and has it copied when nobody waits.
//!
//! Whether it has grown is told by the length of its file. No file of the database is opened here:
//! closing one would let go of every lock that this process holds on it (POSIX), SQLite's own.

use std::path::Path;

use crate::{DatabaseError, Direct, Opening, database::log_kept};

/// Whether a database's log is longer than what [`Opening::log_pages`] lets SQLite keep of it. Once it
/// is [copied](copy_log), the next commit makes it short again.
pub fn is_log_long(opening: &Opening) -> bool {
    let mut path = opening.path.as_os_str().to_owned();
    path.push("-wal");
    // Without such a file there is no log.
    std::fs::metadata(Path::new(&path)).is_ok_and(|log| log.len() > log_kept(opening))
}

/// Copies the log into the database as far as nobody reads what it would write over. Waits for the
/// disk: not for the runtime's threads. Nobody waits for it.
pub fn copy_log(opening: &Opening) -> Result<(), DatabaseError> {
    Direct::open(opening)?.checkpoint()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use sqlx::SqliteConnection;

    use super::*;
    use crate::{Database, Migration};

    const TABLE: &[Migration] = &[Migration { name: "table", sql: "create table a (b blob)" }];

    /// What this process has locked of the index of the log.
    fn locks(database: &Path) -> usize {
        let index = std::fs::metadata(database.with_extension("db-shm")).unwrap().ino();
        let (index, pid) = (format!(":{index} "), format!(" {} ", std::process::id()));
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(&index) && line.contains(&pid)).count()
    }

    async fn insert(connection: &mut SqliteConnection) {
        let insert = sqlx::query("insert into a (b) values (randomblob(4000))");
        insert.execute(connection).await.unwrap();
    }

    #[tokio::test]
    async fn what_has_grown_is_copied_and_no_lock_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let opening = Opening { log_pages: 10, ..Opening::new(&path, TABLE) };
        assert!(!is_log_long(&opening), "there is none");
        let mut writer = Database::connect_or_migrate(&opening).await.unwrap();
        sqlx::query("pragma wal_autocheckpoint = 8000").execute(&mut writer).await.unwrap();
        insert(&mut writer).await;
        assert!(!is_log_long(&opening));
        for _ in 0..50 {
            insert(&mut writer).await;
        }

        let mut reader = Database::connect_or_migrate(&opening).await.unwrap();
        sqlx::query("begin").execute(&mut reader).await.unwrap();
        let count = "select count(*) from a";
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        assert_eq!(rows, 51);
        let held = locks(&path);
        assert!(held > 0, "who reads holds a lock");
        assert!(is_log_long(&opening));
        assert_eq!(locks(&path), held);
        sqlx::query("commit").execute(&mut reader).await.unwrap();

        copy_log(&opening).unwrap();
        insert(&mut writer).await;
        assert!(!is_log_long(&opening));
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        assert_eq!(rows, 52);
    }
}
