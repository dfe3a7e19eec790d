//! What a published database held when it was last read, kept in memory until its file is another
//! one. Between two reads no connection stays open: each would cost a thread.

use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::SqliteConnection;
use stable_storage::{DatabaseError, Migration, PublishedReader, Work};

use crate::DirectoryError;

/// Reads the whole database.
pub(crate) type Load<T> = for<'c> fn(&'c mut SqliteConnection) -> Work<'c, T, DirectoryError>;

/// A published database and its content.
pub(crate) struct Snapshot<T> {
    path: PathBuf,
    migrations: &'static [Migration],
    load: Load<T>,
    held: Mutex<Option<(Stamp, Arc<T>)>>,
    /// Held while reading, so that many questions at once cause one read.
    reading: tokio::sync::Mutex<()>,
}

/// What tells one published file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

impl<T> Snapshot<T> {
    pub(crate) fn new(path: PathBuf, migrations: &'static [Migration], load: Load<T>) -> Self {
        let reading = tokio::sync::Mutex::new(());
        Self { path, migrations, load, held: Mutex::new(None), reading }
    }

    /// What is published now. The look at the file's facts costs a microsecond.
    pub(crate) async fn now(&self) -> Result<Arc<T>, DirectoryError> {
        if let Some(held) = self.held_for(self.stamp()?) {
            return Ok(held);
        }
        let _reading = self.reading.lock().await;
        // Taken before the read: if the file changes meanwhile, the next question reads it again.
        let stamp = self.stamp()?;
        if let Some(held) = self.held_for(stamp) {
            return Ok(held);
        }
        let content = Arc::new(self.read().await?);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((stamp, Arc::clone(&content)));
        Ok(content)
    }

    async fn read(&self) -> Result<T, DirectoryError> {
        let pool = PublishedReader::at(&self.path, self.migrations).reader().await?;
        let mut connection = pool.acquire().await?;
        let content = (self.load)(&mut connection).await;
        drop(connection);
        pool.close().await;
        content
    }

    fn held_for(&self, stamp: Stamp) -> Option<Arc<T>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|(of, _)| *of == stamp).map(|(_, content)| Arc::clone(content))
    }

    pub(crate) fn stamp(&self) -> Result<Stamp, DatabaseError> {
        let facts = std::fs::metadata(&self.path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => DatabaseError::Missing { path: self.path.clone() },
            _ => DatabaseError::File { doing: "look at", path: self.path.clone(), source },
        })?;
        Ok(Stamp {
            device: facts.dev(),
            inode: facts.ino(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            length: facts.len(),
        })
    }
}

impl<T> std::fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("path", &self.path).finish_non_exhaustive()
    }
}
