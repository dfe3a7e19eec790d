//! The connection, and what is done with it at a time.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicU64, Ordering},
    },
};

use mail_types::{AccountId, Timestamp};
use sqlx::{Connection, SqliteConnection};
use stable_storage::{
    Database, DatabaseError, Durability, Held, Opening, Turnstile, copy_log, is_log_long,
    on_blocking_thread,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{here::Here, schema::MIGRATIONS};
use crate::StoreError;

/// The page cache of a connection.
const CACHE_KIB: u32 = 512;
/// With more than twice as many pages in its log, an index is copied beside what is done with it.
const LOG_PAGES: u32 = 1000;
/// With more than this (32 MiB), within the commit that made them so many.
pub(super) const LOG_PAGES_MAX: &str = "pragma wal_autocheckpoint = 8000";
/// What the name of an index that was replaced ends with, before the time.
const REPLACED: &str = ".replaced-";

/// An account's index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(super) account: AccountId,
    pub(super) path: PathBuf,
    pub(super) turnstile: Turnstile,
    pub(super) connection: Arc<Mutex<Option<Connected>>>,
    /// For changes that are done by one thread; who has `connection` may use it.
    pub(super) here: Arc<StdMutex<Option<Here>>>,
    /// The file that was opened last; 0 for none that is filled.
    opened: AtomicU64,
}

/// A connection and the file that it was opened on.
#[derive(Debug)]
pub(super) struct Connected {
    connection: SqliteConnection,
    inode: u64,
}

impl Index {
    /// The index at this path, made if it is missing.
    /// What is no database is set aside under a name with the time.
    pub(crate) async fn open(
        account: AccountId,
        path: PathBuf,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let index = Self::unopened(account, path)?;
        let there = inode(&index.path);
        match index.connect().await {
            Ok(connected) => *index.connection.lock().await = Some(connected),
            Err(error) if error.is_damaged_index() => {
                tracing::error!(%account, path = %index.path.display(), "the index is damaged; it is set aside and built anew");
                index.set_aside(there, now).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(index)
    }

    /// The index at this path, if it is there; it is opened for who uses it first, in his way.
    pub(crate) fn unopened(account: AccountId, path: PathBuf) -> Result<Self, StoreError> {
        let turnstile = Turnstile::of(&path).map_err(|e| failed(account, "lock", e))?;
        let opened = AtomicU64::new(inode(&path).unwrap_or(0));
        let (connection, here) = (Arc::default(), Arc::default());
        Ok(Self { account, path, turnstile, connection, here, opened })
    }

    /// For queries; each sees what is committed when it begins.
    pub(crate) async fn look(&self) -> Result<Look, StoreError> {
        let mut guard = self.connection.clone().lock_owned().await;
        self.reconnect_if_replaced(&mut guard).await?;
        Ok(Look::of(self.account, guard))
    }

    /// For a change; waits until every other one of this account is done, in whichever process.
    pub(crate) async fn change(&self) -> Result<Change, StoreError> {
        let mut guard = self.connection.clone().lock_owned().await;
        let turn = self.turnstile.enter().await.map_err(|e| failed(self.account, "lock", e))?;
        self.reconnect_if_replaced(&mut guard).await?;
        let mut change =
            Change { _turn: turn, look: Look::of(self.account, guard), open: true, synced: false };
        change.run("begin", "begin immediate").await?;
        Ok(change)
    }

    /// For a change that is on stable storage when its commit returns.
    pub(crate) async fn synced_change(&self) -> Result<Change, StoreError> {
        let mut guard = self.connection.clone().lock_owned().await;
        let turn = self.turnstile.enter().await.map_err(|e| failed(self.account, "lock", e))?;
        self.reconnect_if_replaced(&mut guard).await?;
        let mut change =
            Change { _turn: turn, look: Look::of(self.account, guard), open: true, synced: true };
        change.run("ask for syncs", "pragma synchronous = full").await?;
        change.run("begin", "begin immediate").await?;
        Ok(change)
    }

    /// The damaged index that was opened last is set aside.
    pub(crate) async fn set_aside_opened(&self, now: Timestamp) -> Result<(), StoreError> {
        self.set_aside(Some(self.opened.load(Ordering::Relaxed)), now).await
    }

    /// Sets a damaged index aside under another name and begins an empty one, unless another
    /// process did so already: then that one's is opened.
    async fn set_aside(&self, damaged: Option<u64>, now: Timestamp) -> Result<(), StoreError> {
        let mut guard = self.connection.clone().lock_owned().await;
        let _turn = self.turnstile.enter().await.map_err(|e| failed(self.account, "lock", e))?;
        drop(guard.take());
        self.leave();
        if inode(&self.path) == damaged {
            if let Some(stale) = Replaced::left_behind(&self.path) {
                stale.remove();
            }
            rename_all(&self.path, &beside(&self.path, &format!(".damaged-{}", now.secs())))?;
        }
        *guard = Some(self.connect().await?);
        Ok(())
    }

    /// Whether another process has put another file in its place: what was known of the account
    /// must be looked at again.
    pub(crate) fn is_replaced(&self) -> bool {
        inode(&self.path) != Some(self.opened.load(Ordering::Relaxed))
    }

    async fn reconnect_if_replaced(
        &self,
        guard: &mut OwnedMutexGuard<Option<Connected>>,
    ) -> Result<(), StoreError> {
        if guard.as_ref().is_some_and(|connected| Some(connected.inode) == inode(&self.path)) {
            return Ok(());
        }
        drop(guard.take());
        let mut connected = self.connect().await?;
        // One that somebody has just begun knows no mailbox yet: nobody must take that for the truth.
        let filled: bool = sqlx::query_scalar("select exists (select 1 from account)")
            .fetch_one(&mut connected.connection)
            .await
            .map_err(|error| StoreError::Index {
                account: self.account,
                operation: "read the account",
                source: Box::new(error),
            })?;
        if !filled {
            self.opened.store(0, Ordering::Relaxed);
            return Err(StoreError::IndexReplaced(self.account));
        }
        **guard = Some(connected);
        Ok(())
    }

    /// Closes the connection and waits until it is closed. A failure means that the log is not copied
    /// yet, and the next one to open the index does that.
    pub(crate) async fn close(&self) {
        if let Some(connected) = self.connection.lock().await.take() {
            let _ = connected.connection.close().await;
        }
    }

    /// Whether the log has grown so much that it is to be copied.
    pub(crate) fn is_log_long(&self) -> bool {
        is_log_long(&opening(&self.path))
    }

    /// Copies the log into the index, on a connection of its own: nobody waits.
    pub(crate) async fn copy_log(&self) -> Result<(), StoreError> {
        let (opening, account) = (opening(&self.path), self.account);
        on_blocking_thread(move || {
            copy_log(&opening).map_err(|error| failed(account, "copy the log of", error))
        })
        .await
    }

    async fn connect(&self) -> Result<Connected, StoreError> {
        let mut connection = Database::connect_or_migrate(&opening(&self.path))
            .await
            .map_err(|error| failed(self.account, "open", error))?;
        sqlx::query(LOG_PAGES_MAX).execute(&mut connection).await.map_err(|error| {
            StoreError::Index {
                account: self.account,
                operation: "set up",
                source: Box::new(error),
            }
        })?;
        let inode = inode(&self.path).unwrap_or(0);
        self.opened.store(inode, Ordering::Relaxed);
        Ok(Connected { connection, inode })
    }
}

/// How an index is opened.
pub(super) fn opening(path: &Path) -> Opening {
    Opening {
        durability: Durability::Normal,
        cache_kib: CACHE_KIB,
        log_pages: LOG_PAGES,
        ..Opening::new(path, MIGRATIONS)
    }
}

pub(super) fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|facts| facts.ino())
}

/// Renames a database and what SQLite keeps beside it.
fn rename_all(from: &Path, to: &Path) -> Result<(), StoreError> {
    // The log first: a database without its log is whole, a log without its database is not.
    for suffix in ["-wal", "-shm", ""] {
        let from = beside(from, suffix);
        match std::fs::rename(&from, beside(to, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::file("set aside", from, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// An index that was replaced, as long as it may have to come back.
#[derive(Debug)]
pub(crate) struct Replaced(PathBuf);

impl Replaced {
    /// That of a process which stopped before the new one was filled: there is at most one.
    fn left_behind(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let folder = std::fs::read_dir(path.parent()?).ok()?;
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_one = |other: &String| {
            let number = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(REPLACED));
            number.is_some_and(|number| number.bytes().all(|octet| octet.is_ascii_digit()))
        };
        names.filter(is_one).max().map(|found| Self(path.with_file_name(found)))
    }

    /// It is not needed any more.
    pub(crate) fn remove(self) {
        for suffix in ["", "-wal", "-shm"] {
            // What stays is in nobody's way.
            let _ = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

pub(super) fn failed(
    account: AccountId,
    operation: &'static str,
    error: DatabaseError,
) -> StoreError {
    StoreError::Index { account, operation, source: Box::new(error) }
}

/// The connection, for queries.
#[derive(Debug)]
pub(crate) struct Look {
    account: AccountId,
    connection: OwnedMutexGuard<Option<Connected>>,
}

impl Look {
    fn of(account: AccountId, connection: OwnedMutexGuard<Option<Connected>>) -> Self {
        Self { account, connection }
    }

    /// To pass where sqlx wants an executor.
    pub(crate) fn db(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection
            .as_mut()
            .map(|connected| &mut connected.connection)
            .ok_or(StoreError::Closing)
    }

    /// An error of a statement.
    pub(crate) fn failed(
        &self,
        operation: &'static str,
    ) -> impl Fn(sqlx::Error) -> StoreError + use<> {
        let account = self.account;
        move |error| StoreError::Index { account, operation, source: Box::new(error) }
    }

    /// Runs a statement without arguments.
    async fn run(&mut self, operation: &'static str, sql: &'static str) -> Result<(), StoreError> {
        let failed = self.failed(operation);
        sqlx::query(sql).execute(self.db()?).await.map_err(failed)?;
        Ok(())
    }
}

/// A write transaction, and with it the account's lock.
#[derive(Debug)]
pub(crate) struct Change {
    // The turn ends before the connection is free: the next one in this process shares the lock's
    // file, and would lose its turn with the end of this one.
    _turn: Held,
    look: Look,
    open: bool,
    /// Whether its commit is synced.
    synced: bool,
}

impl std::ops::Deref for Change {
    type Target = Look;

    fn deref(&self) -> &Look {
        &self.look
    }
}

impl std::ops::DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Look {
        &mut self.look
    }
}

impl Change {
    /// Begins a part that can be undone alone.
    pub(crate) async fn begin_part(&mut self) -> Result<(), StoreError> {
        self.look.run("begin a part", "savepoint part").await
    }

    /// Ends what [`Change::begin_part`] began.
    pub(crate) async fn end_part(&mut self) -> Result<(), StoreError> {
        self.look.run("end a part", "release part").await
    }

    /// Undoes it.
    pub(crate) async fn undo_part(&mut self) -> Result<(), StoreError> {
        self.look.run("undo a part", "rollback to part").await?;
        self.end_part().await
    }

    /// Makes it so.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.look.run("commit", "commit").await?;
        if self.synced {
            self.look.run("ask for no syncs", "pragma synchronous = normal").await?;
        }
        self.open = false;
        Ok(())
    }

    /// Undoes it, keeping the connection.
    pub(crate) async fn undo(mut self) -> Result<(), StoreError> {
        self.look.run("undo", "rollback").await?;
        if self.synced {
            self.look.run("ask for no syncs", "pragma synchronous = normal").await?;
        }
        self.open = false;
        Ok(())
    }
}

impl Change {
    /// Puts this index aside and begins an empty one, without giving anybody else a turn between.
    /// What was changed before is in the old one.
    pub(crate) async fn begin_anew(
        mut self,
        index: &Index,
        now: Timestamp,
    ) -> Result<(Self, Replaced), StoreError> {
        self.look.run("commit", "commit").await?;
        self.open = false;
        drop(self.look.connection.take());
        index.leave();
        // Of one who stopped after the new one was filled.
        if let Some(stale) = Replaced::left_behind(&index.path) {
            stale.remove();
        }
        let old = beside(&index.path, &format!("{REPLACED}{}", now.secs()));
        rename_all(&index.path, &old)?;
        *self.look.connection = Some(index.connect().await?);
        self.look.run("begin", "begin immediate").await?;
        self.open = true;
        Ok((self, Replaced(old)))
    }

    /// What a process left that stopped while it built this index anew.
    pub(crate) fn left_behind(&self, index: &Index) -> Option<Replaced> {
        Replaced::left_behind(&index.path)
    }

    /// Undoes that.
    pub(crate) fn put_back(mut self, index: &Index, old: Replaced) -> Result<(), StoreError> {
        self.open = false;
        drop(self.look.connection.take());
        index.leave();
        Replaced(index.path.clone()).remove();
        index.opened.store(0, Ordering::Relaxed);
        rename_all(&old.0, &index.path)
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.open {
            drop(self.look.connection.take());
        }
    }
}
