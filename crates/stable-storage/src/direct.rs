//! The writer's own connection, used where it stands: on the writer's thread.
//!
//! A statement through sqlx costs two changes of thread, which is more than most statements cost
//! by themselves; readers can bear that, the one thread that everybody waits for can't. So the
//! writer speaks with SQLite without anybody between. It is the same library, linked once.

use std::{cell::Cell, path::Path};

use rusqlite::{CachedStatement, Connection, OpenFlags, Row, ToSql, config::DbConfig};

use crate::{DatabaseError, Opening, ahead, at_once, database, migration};

/// How many prepared statements are kept.
const STATEMENTS_KEPT: usize = 64;

thread_local! {
    /// How many pages a log had after the last commit of this thread.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// A connection that writes. Each call waits for the disk: not for the runtime's threads, but within
/// [`Direct::at_once`].
#[derive(Debug)]
pub struct Direct {
    connection: Connection,
}

/// One statement of a connection, for many rows: what it is and where its parameters go is looked up
/// once.
pub struct Repeated<'c> {
    connection: &'c Connection,
    statement: CachedStatement<'c>,
    /// For each place of the statement, which of the parameters stands there.
    numbers: Vec<usize>,
}

impl Direct {
    /// For an owner whose transactions enclose other work and are done by one thread that may wait.
    /// Enter the [`crate::Turnstile`] before each of them. Tables other than those that this program
    /// knows are an error that says which they are.
    pub fn open_current(opening: &Opening) -> Result<Self, DatabaseError> {
        // What is not there is not made.
        if matches!(opening.path.try_exists(), Ok(false)) {
            return Err(DatabaseError::Missing { path: opening.path.clone() });
        }
        // Who turns a new file into a WAL database waits for nobody who looks at it meanwhile.
        let _held = migration::lock_here(opening)?;
        let direct = Self::open(opening)?;
        let mut version = 0;
        direct.run("pragma user_version", &[], |row| {
            version = row.get(0)?;
            Ok(())
        })?;
        migration::compare(version, opening)?;
        Ok(direct)
    }

    pub(crate) fn open(opening: &Opening) -> Result<Self, DatabaseError> {
        at_once::prepare();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&opening.path, flags);
        let set_up = opened.and_then(|connection| {
            connection.busy_timeout(database::BUSY)?;
            at_once::set_up(&connection)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
            for (name, value) in database::pragmas(opening) {
                connection.pragma_update(None, name, value)?;
            }
            Ok(connection)
        });
        match set_up {
            Ok(connection) => Ok(Self { connection }),
            Err(source) => Err(DatabaseError::OpenToWrite { path: opening.path.clone(), source }),
        }
    }

    /// Runs the statements of `text`, one after the other; `each` is given every row that they
    /// return. They share `parameters`, which are spelled `$1`, `$2`, ..: one that a statement
    /// doesn't mention is not bound there. No statement has a semicolon inside.
    ///
    /// Returns how many rows they changed.
    pub fn run(
        &self,
        text: &str,
        parameters: &[&dyn ToSql],
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<u64, DatabaseError> {
        let mut changed = 0u64;
        for sql in text.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
            let of_one = self.repeated(sql)?.run(parameters, &mut each)?;
            changed = changed.saturating_add(of_one);
        }
        Ok(changed)
    }

    /// One statement that is to run many times.
    pub fn repeated(&self, sql: &str) -> Result<Repeated<'_>, DatabaseError> {
        let statement = self.connection.prepare_cached(sql)?;
        let number = |place| {
            let name = statement.parameter_name(place).and_then(|name| name.strip_prefix('$'));
            let number = name.and_then(|name| name.parse::<usize>().ok());
            number.and_then(|number| number.checked_sub(1)).ok_or_else(|| unknown(&statement))
        };
        let numbers = (1..=statement.parameter_count()).map(number).collect::<Result<_, _>>()?;
        Ok(Repeated { connection: &self.connection, statement, numbers })
    }

    /// The same for statements that return nothing.
    pub fn execute(&self, text: &str, parameters: &[&dyn ToSql]) -> Result<u64, DatabaseError> {
        self.run(text, parameters, |_| Ok(()))
    }

    /// Leaves it to the caller to copy the log into the database when it has grown.
    pub(crate) fn leave_log(&self) {
        self.connection.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
    }

    /// How many pages the log had after this thread's last commit through a connection that
    /// [leaves](Self::leave_log) it.
    pub(crate) fn log_pages() -> u32 {
        LOG_PAGES.get()
    }

    /// Copies as much of the log as nobody needs there any more into the database, and waits for
    /// nobody. Once all of it is there, the next transaction begins the log again.
    pub(crate) fn checkpoint(&self) -> Result<(), DatabaseError> {
        self.run("pragma wal_checkpoint(passive)", &[], |_| Ok(())).map(|_| ())
    }

    /// Whether statements of this connection run triggers, from now on. For who does himself, once for
    /// many rows, what they would do for each.
    pub fn let_triggers_run(&self, run: bool) -> Result<(), DatabaseError> {
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, run)?;
        Ok(())
    }

    /// Lets the kernel begin to bring the database into memory, for who is going to read so many of its
    /// pages: if they are most of it. Returns at once.
    pub fn bring_ahead(&self, pages: usize) {
        const PAGE: u64 = 4096;
        let Some(path) = self.connection.path().map(Path::new) else { return };
        let most = u64::try_from(pages).unwrap_or(u64::MAX).saturating_mul(PAGE);
        if std::fs::metadata(path).is_ok_and(|file| file.len() <= most) {
            ahead::bring(path);
        }
    }

    /// Asks something on a thread that must not wait: by statements that change nothing. None if
    /// something is not in memory, if somebody else has the database locked, or if it takes long: ask
    /// it again where waiting disturbs nobody, whatever it came to here.
    pub fn at_once<T>(&self, ask: impl FnOnce() -> T) -> Option<T> {
        at_once::at_once(&self.connection, ask)
    }

    /// Somebody is going to read so many rows. An error for who asks [at once](Self::at_once), if that
    /// would take too long.
    pub fn going_to_read(&self, rows: usize) -> Result<(), DatabaseError> {
        Ok(at_once::going_to_read(rows)?)
    }

    /// Whether no transaction is open.
    pub fn is_clean(&self) -> bool {
        self.connection.is_autocommit()
    }
}

impl Repeated<'_> {
    /// Runs it with these parameters, as [`Direct::run`] does.
    pub fn run(
        &mut self,
        parameters: &[&dyn ToSql],
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<u64, DatabaseError> {
        for (place, number) in (1..).zip(&self.numbers) {
            let Some(parameter) = parameters.get(*number) else {
                return Err(unknown(&self.statement).into());
            };
            self.statement.raw_bind_parameter(place, parameter)?;
        }
        let mut rows = self.statement.raw_query();
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        drop(rows);
        Ok(if self.statement.readonly() { 0 } else { self.connection.changes() })
    }

    /// The same for one that returns nothing.
    pub fn execute(&mut self, parameters: &[&dyn ToSql]) -> Result<u64, DatabaseError> {
        self.run(parameters, |_| Ok(()))
    }
}

impl std::fmt::Debug for Repeated<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Repeated")
    }
}

/// What is wrong with a parameter that is not there.
fn unknown(statement: &CachedStatement<'_>) -> rusqlite::Error {
    let sql = statement.expanded_sql().unwrap_or_default();
    rusqlite::Error::InvalidParameterName(sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Migration};

    const TABLE: &[Migration] =
        &[Migration { name: "table", sql: "create table a (b integer unique, c text)" }];

    async fn direct(folder: &Path) -> Direct {
        let opening = Opening::new(folder.join("some.db"), TABLE);
        Database::open_or_migrate(opening.clone()).await.unwrap();
        Direct::open(&opening).unwrap()
    }

    #[tokio::test]
    async fn prepared_statements_heed_whether_triggers_run() {
        let folder = tempfile::tempdir().unwrap();
        let direct = direct(folder.path()).await;
        let trigger = "create trigger t after insert on a begin delete from a where b < new.b";
        direct.connection.execute_batch(&format!("{trigger}; end")).unwrap();
        let mut insert = direct.repeated("insert into a (b) values ($1)").unwrap();
        let rows = || {
            let count = "select count(*) from a";
            direct.connection.query_row(count, (), |row| row.get::<_, i64>(0)).unwrap()
        };
        insert.execute(&[&1]).unwrap();
        direct.let_triggers_run(false).unwrap();
        insert.execute(&[&2]).unwrap();
        insert.execute(&[&3]).unwrap();
        assert_eq!(rows(), 3);
        direct.let_triggers_run(true).unwrap();
        insert.execute(&[&4]).unwrap();
        assert_eq!(rows(), 1);
    }

    #[tokio::test]
    async fn statements_share_their_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let direct = direct(folder.path()).await;
        let text = "
            insert into a (b, c) values ($1, $3);
            update a set b = $2 where c = $3 returning b, c;
            select b from a where b = $2;
        ";
        let mut seen = Vec::new();
        let changed = direct.run(text, &[&1, &2, &"x"], |row| {
            seen.push((row.as_ref().column_count(), row.get::<_, i64>(0)?));
            Ok(())
        });
        assert_eq!((changed.unwrap(), seen), (2, vec![(2, 2), (1, 2)]));
        assert!(direct.execute("insert into a (b) values ($2)", &[&3]).is_err(), "no $2");
        assert!(direct.execute("insert into a (b) values (2)", &[]).is_err(), "not unique");
    }

    #[tokio::test]
    async fn tables_of_another_version_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let opening = |migrations| Opening::new(folder.path().join("some.db"), migrations);
        let error = Direct::open_current(&opening(TABLE)).unwrap_err();
        assert!(matches!(error, DatabaseError::Missing { .. }), "{error}");
        assert!(!folder.path().join("some.db").exists(), "nothing is made");
        direct(folder.path()).await;
        Direct::open_current(&opening(TABLE)).unwrap();
        let error = Direct::open_current(&opening(&[])).unwrap_err();
        assert!(matches!(error, DatabaseError::SchemaNewer { found: 1, known: 0, .. }), "{error}");
    }

    #[tokio::test]
    async fn one_statement_takes_many_rows() {
        let folder = tempfile::tempdir().unwrap();
        let direct = direct(folder.path()).await;
        let mut insert = direct.repeated("insert into a (c, b) values ($2, $1)").unwrap();
        for n in 0..3 {
            assert_eq!(insert.execute(&[&n, &"x"]).unwrap(), 1);
        }
        assert!(insert.execute(&[&2, &"x"]).is_err(), "not unique");
        assert!(insert.execute(&[&3]).is_err(), "no $2");
        assert_eq!(insert.execute(&[&3, &"y"]).unwrap(), 1, "good after a failure");
        let (mut found, mut of) =
            (Vec::new(), direct.repeated("select b from a where c = $1").unwrap());
        for c in ["x", "y"] {
            let each = |row: &Row<'_>| {
                found.push(row.get::<_, i64>(0)?);
                Ok(())
            };
            assert_eq!(of.run(&[&c], each).unwrap(), 0, "it changes nothing");
        }
        assert_eq!(found, [0, 1, 2, 3]);
        assert!(direct.repeated("select ?1").is_err());
    }

    #[tokio::test]
    async fn it_is_set_up_as_all_are() {
        let folder = tempfile::tempdir().unwrap();
        let direct = direct(folder.path()).await;
        let asked = |direct: &Direct, pragma: &str| {
            let mut value = 0;
            let set = |row: &Row<'_>| {
                value = row.get(0)?;
                Ok(())
            };
            direct.run(&format!("pragma {pragma}"), &[], set).unwrap();
            value
        };
        assert_eq!(asked(&direct, "synchronous"), 1, "NORMAL: the log is flushed by its writer");
        assert_eq!(asked(&direct, "cache_size"), -512);
        assert_eq!(asked(&direct, "busy_timeout"), 10_000);
        assert_eq!(asked(&direct, "wal_autocheckpoint"), 1000);
    }
}
