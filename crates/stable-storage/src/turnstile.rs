//! Fair turns between processes that write to one database.
//!
//! SQLite's busy wait sleeps and wakes by chance: under load one process starves. Here a writer
//! takes the lock `turn`, then `write`, and lets `turn` go: whoever waits for `turn` is next, and
//! the one who has just written can't be first again while somebody waits.

use std::path::Path;

use crate::{DatabaseError, FileLock, Held};

/// The two locks beside a database: `NAME.turn` and `NAME.write`.
#[derive(Debug, Clone)]
pub struct Turnstile {
    turn: FileLock,
    write: FileLock,
}

impl Turnstile {
    /// The turnstile of a database.
    pub fn of(database: &Path) -> Result<Self, DatabaseError> {
        let lock = |suffix: &str| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            let path = Path::new(&path);
            FileLock::at(path).map_err(|source| DatabaseError::File {
                doing: "open the lock",
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self { turn: lock(".turn")?, write: lock(".write")? })
    }

    /// Waits for its turn; whoever holds the answer is the only writer.
    pub async fn enter(&self) -> Result<Held, DatabaseError> {
        let _turn = Self::take(&self.turn).await?;
        Self::take(&self.write).await
    }

    async fn take(lock: &FileLock) -> Result<Held, DatabaseError> {
        lock.lock().await.map_err(|source| DatabaseError::File {
            doing: "take the lock",
            path: lock.path().to_owned(),
            source,
        })
    }
}
