//! Fair turns between processes that write to one database.
//!
//! SQLite's busy wait sleeps and wakes by chance: under load one process starves. Here a writer
//! takes the lock `turn`, then `write`, and lets `turn` go: whoever waits for `turn` is next, and
//! the one who has just written can't be first again while somebody waits.
//!
//! Waiting takes a blocking thread. Those who hold a turn need such threads too, so a process
//! waits on a few of them at most: otherwise two processes, each with all threads waiting for the
//! turns that the other one holds, would wait for ever.

use std::{io, path::Path};

use tokio::sync::Semaphore;

use crate::{DatabaseError, FileLock, Held, on_blocking_thread};

/// The most turns that a process waits for at once.
const WAITING_MAX: usize = 8;

static PLACES: Semaphore = Semaphore::const_new(WAITING_MAX);

/// The two locks beside a database: `NAME.turn` and `NAME.write`.
#[derive(Debug)]
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
    ///
    /// Not to be called on the same turnstile while somebody holds what it gave: see [`FileLock`].
    pub async fn enter(&self) -> Result<Held, DatabaseError> {
        self.try_enter_or_wait().await.map_err(|source| self.cannot(source))
    }

    /// The same for a thread that may wait.
    pub(crate) fn enter_here(&self) -> Result<Held, DatabaseError> {
        let entered = self.try_enter().and_then(|entered| match entered {
            Some(write) => Ok(write),
            None => {
                let _turn = self.turn.waiter()()?;
                self.write.waiter()()
            }
        });
        entered.map_err(|source| self.cannot(source))
    }

    fn cannot(&self, source: io::Error) -> DatabaseError {
        let path = self.write.path().to_owned();
        DatabaseError::File { doing: "take the lock", path, source }
    }

    /// Its turn, if it is free at once.
    fn try_enter(&self) -> io::Result<Option<Held>> {
        match self.turn.try_lock()? {
            Some(_turn) => self.write.try_lock(),
            None => Ok(None),
        }
    }

    async fn try_enter_or_wait(&self) -> io::Result<Held> {
        if let Some(write) = self.try_enter()? {
            return Ok(write);
        }
        // Never closed; and if it were, waiting would only be less careful.
        let _place = PLACES.acquire().await;
        let (turn, write) = (self.turn.waiter(), self.write.waiter());
        on_blocking_thread(move || {
            let _turn = turn()?;
            write()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_waits_leaves_threads_to_those_who_hold() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(WAITING_MAX + 1)
            .enable_time()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let turnstile = |n: usize| Turnstile::of(&folder.path().join(n.to_string())).unwrap();
        runtime.block_on(async {
            let mut held = Vec::new();
            let mut waiting = tokio::task::JoinSet::new();
            for n in 0..3 * WAITING_MAX {
                held.push(turnstile(n).enter().await.unwrap());
                let other = turnstile(n);
                waiting.spawn(async move { other.enter().await.unwrap() });
            }
            tokio::task::yield_now().await;
            // A holder does its file work, and only then lets go.
            let work = on_blocking_thread(|| Ok::<_, io::Error>(()));
            tokio::time::timeout(Duration::from_secs(10), work).await.unwrap().unwrap();
            held.clear();
            waiting.join_all().await;
        });
    }
}
