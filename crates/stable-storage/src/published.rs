//! Databases that one program writes and many read without write access.
//!
//! A reader of a WAL database, or of one with a hot journal, has to write beside it. So a
//! published database is never changed in place: the writer copies it to `NAME.new`, changes the
//! copy, syncs it and renames it over the old one. Readers open it as immutable, and open it anew
//! when the file is another one.
//!
//! A crash leaves the old database, and perhaps a `NAME.new` that the next edit throws away.

use std::{
    fs::{Metadata, Permissions},
    future::Future,
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    DatabaseError, Durability, FileLock, Files, Migration, Opening, database, migration,
    on_blocking_thread,
};

/// What an edit does inside its transaction.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// Who may do what with a published database.
const PUBLISHED_MODE: u32 = 0o640;

/// The writer's side.
#[derive(Debug, Clone)]
pub struct Published {
    opening: Opening,
    files: Files,
}

impl Published {
    /// The published database at this path.
    pub fn at(path: impl Into<PathBuf>, migrations: &'static [Migration], files: Files) -> Self {
        let opening = Opening { durability: Durability::Normal, ..Opening::new(path, migrations) };
        Self { opening, files }
    }

    /// Changes it: `work` runs in a transaction over a copy, which then takes the place of the old
    /// one. Returns when that is durable. An error of `work` leaves everything as it was. The
    /// first edit makes the database; each brings its tables up to date.
    ///
    /// Two edits at once take turns.
    pub async fn edit<T, E>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let path = &self.opening.path;
        let lock_path = path.with_added_extension("edit");
        let at_lock = |source| file_error("lock", &lock_path, source);
        let _held = FileLock::at(&lock_path).map_err(at_lock)?.lock().await.map_err(at_lock)?;

        let copy = path.with_added_extension("new");
        self.copy(&copy).await?;
        let value = self.change(&copy, work).await?;
        self.publish(&copy).await?;
        Ok(value)
    }

    async fn copy(&self, copy: &Path) -> Result<(), DatabaseError> {
        let (files, from, to) = (self.files.clone(), self.opening.path.clone(), copy.to_owned());
        on_blocking_thread(move || {
            // What an edit that came to nothing left.
            for left in [to.clone(), to.with_added_extension("journal")] {
                files.unlink(&left)?;
            }
            let mut file = files.create_new(&to)?;
            match files.open(&from) {
                Ok(source) => {
                    let length = source.metadata()?.len();
                    file.copy_from(&source, 0, length)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
        .map_err(|source| file_error("copy to", copy, source))
    }

    async fn change<T, E>(
        &self,
        copy: &Path,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        // Its journal needn't outlive this process: the copy is thrown away then.
        let options = database::lean(copy, self.opening.cache_kib)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off);
        let opened = options.connect().await;
        let mut connection = opened
            .map_err(|source| DatabaseError::Open { path: self.opening.path.clone(), source })?;
        migration::apply(&mut connection, &self.opening).await?;
        let mut transaction = connection.begin().await.map_err(DatabaseError::Statement)?;
        let value = work(&mut transaction).await?;
        transaction.commit().await.map_err(DatabaseError::Statement)?;
        connection.close().await.map_err(DatabaseError::Statement)?;
        Ok(value)
    }

    async fn publish(&self, copy: &Path) -> Result<(), DatabaseError> {
        let (files, from, to) = (self.files.clone(), copy.to_owned(), self.opening.path.clone());
        on_blocking_thread(move || {
            // The group of the folder reads it; only its owner changes it.
            std::fs::set_permissions(&from, Permissions::from_mode(PUBLISHED_MODE))?;
            files.sync_file(&from)?;
            files.rename(&from, &to)?;
            let above = to.parent().filter(|p| !p.as_os_str().is_empty());
            files.sync_dir(above.unwrap_or(Path::new(".")))
        })
        .await
        .map_err(|source| file_error("publish", &self.opening.path, source))
    }
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> DatabaseError {
    DatabaseError::File { doing, path: path.to_owned(), source }
}

/// The readers' side. Share one in an `Arc`.
#[derive(Debug)]
pub struct PublishedReader {
    opening: Opening,
    open: Mutex<Option<(Stamp, SqlitePool)>>,
}

/// What tells one published file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified_ns: (i64, i64),
    length: u64,
}

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        Self {
            device: facts.dev(),
            inode: facts.ino(),
            modified_ns: (facts.mtime(), facts.mtime_nsec()),
            length: facts.len(),
        }
    }
}

impl PublishedReader {
    /// A reader of the published database at this path, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>, migrations: &'static [Migration]) -> Self {
        Self { opening: Opening::new(path, migrations), open: Mutex::new(None) }
    }

    /// To read what is published now: pass it where sqlx wants an executor, ask again for the
    /// next question. The look at the file's facts is answered from memory.
    pub async fn reader(&self) -> Result<SqlitePool, DatabaseError> {
        let path = &self.opening.path;
        let facts = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DatabaseError::Missing { path: path.clone() },
            _ => file_error("look at", path, source),
        })?;
        let stamp = Stamp::of(&facts);
        if let Some((of, pool)) = &*self.open.lock().unwrap_or_else(PoisonError::into_inner)
            && *of == stamp
        {
            return Ok(pool.clone());
        }
        let pool = self.open_now().await?;
        // The old pool closes by itself when its last user is done. If the file changed again
        // meanwhile, the stamp is too old and the next caller opens it anew.
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, pool.clone()));
        Ok(pool)
    }

    async fn open_now(&self) -> Result<SqlitePool, DatabaseError> {
        let options = database::lean(&self.opening.path, self.opening.cache_kib)
            .read_only(true)
            .immutable(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(self.opening.readers_max)
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let mut connection = pool
            .acquire()
            .await
            .map_err(|source| DatabaseError::Open { path: self.opening.path.clone(), source })?;
        migration::check(&mut connection, &self.opening).await?;
        drop(connection);
        Ok(pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Migration] = &[Migration { name: "table", sql: "create table a (b integer)" }];

    async fn sum(reader: &PublishedReader) -> i64 {
        let pool = reader.reader().await.unwrap();
        sqlx::query_scalar("select coalesce(sum(b), 0) from a").fetch_one(&pool).await.unwrap()
    }

    async fn add(published: &Published, number: i64, fail: bool) -> Result<(), DatabaseError> {
        published
            .edit(|connection| {
                Box::pin(async move {
                    sqlx::query("insert into a values (?)")
                        .bind(number)
                        .execute(connection)
                        .await?;
                    if fail { Err(DatabaseError::Stopped) } else { Ok(()) }
                })
            })
            .await
    }

    #[tokio::test]
    async fn readers_see_each_edit_as_a_whole_and_leave_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let published = Published::at(&path, TABLE, Files::real());
        let reader = PublishedReader::at(&path, TABLE);
        assert!(matches!(reader.reader().await, Err(DatabaseError::Missing { .. })));
        add(&published, 1, false).await.unwrap();
        assert_eq!(sum(&reader).await, 1);
        add(&published, 2, false).await.unwrap();
        assert_eq!(sum(&reader).await, 3);
        assert!(add(&published, 4, true).await.is_err());
        assert_eq!(sum(&reader).await, 3);
        let (one, other) = tokio::join!(add(&published, 8, false), add(&published, 16, false));
        one.unwrap();
        other.unwrap();
        assert_eq!(sum(&reader).await, 27);
        let mut names: Vec<_> = Files::real().list(folder.path()).unwrap();
        names.sort();
        assert_eq!(names, ["some.db", "some.db.edit"]);
    }
}
