//! A change that one thread does from its beginning to its end, together with its file work.
//!
//! A statement through sqlx goes to another thread and back, which costs more than most statements do.
//! Deliveries are many and small, and so is what clients do most: to add, mark, copy, move and remove
//! messages. That has a connection of its own, used where files are written. It costs no thread, and
//! lives as long as the index is open. What is asked often is asked by it too: where the caller is, if
//! nothing has to be waited for.
//!
//! Invariant: the rules are those of a [`Change`](super::Change): turnstile, then BEGIN IMMEDIATE, and
//! nobody else of this process uses the index meanwhile.

use std::{cell::Cell, path::Path, sync::PoisonError};

use mail_types::AccountId;
use rusqlite::{Row, ToSql};
use stable_storage::{Direct, Held, Opening, on_blocking_thread};
use tokio::sync::OwnedMutexGuard;

use super::connection::{Connected, Index, LOG_PAGES_MAX, failed, inode, opening};
use crate::StoreError;

/// The page cache of its connection: the ends of the tables are what is written. Many are open.
const CACHE_KIB: u32 = 128;
/// And as long as the rows of so many messages are written.
const MANY: usize = 100;
const CACHE_FOR_MANY_KIB: u32 = 4096;
/// As many pages come from the disk at once in the time that one row of many takes, with its places in
/// tables and indexes, if they come one by one.
const PAGES_A_ROW: usize = 32;

/// An account's index, as the thread of a change uses it.
#[derive(Debug)]
pub(crate) struct Here {
    account: AccountId,
    direct: Direct,
    /// The file that it was opened on.
    inode: u64,
    /// Its cache is a larger one until the change ends, which is one of many messages.
    has_room: Cell<bool>,
    /// Triggers rest: nobody must use it any more.
    is_without_triggers: Cell<bool>,
}

/// The account's lock, for a thread. The turn ends before the connection is free, as that of a
/// [`Change`](super::Change) does.
struct Alone {
    _turn: Held,
    _guard: OwnedMutexGuard<Option<Connected>>,
}

impl Index {
    /// Asks something where the caller is, if nothing has to be waited for, else as
    /// [`Index::ask_here`] does: it may be asked twice, and must change nothing.
    pub(crate) async fn ask_in_passing<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Here) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let guard = self.connection.clone().lock_owned().await;
        match self.at_once(query.clone()) {
            Some(answer) => answer,
            None => self.ask_aside(guard, query).await,
        }
    }

    /// What is answered without waiting. To be called by who has `connection`.
    fn at_once<T>(
        &self,
        query: impl FnOnce(&Here) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let kept = self.here.try_lock().ok()?;
        let is_good =
            |here: &&Here| here.direct.is_clean() && inode(&self.path) == Some(here.inode);
        let here = kept.as_ref().filter(is_good)?;
        here.direct.at_once(|| query(here))
    }

    /// Asks something on a thread that may wait.
    pub(crate) async fn ask_here<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Here) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let guard = self.connection.clone().lock_owned().await;
        self.ask_aside(guard, query).await
    }

    async fn ask_aside<T: Send + 'static>(
        &self,
        guard: OwnedMutexGuard<Option<Connected>>,
        query: impl FnOnce(&Here) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (account, path, kept) = (self.account, self.path.clone(), self.here.clone());
        on_blocking_thread(move || {
            let _alone = guard;
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let here = Here::again(kept.take(), account, &path)?;
            let answer = query(&here);
            // Nobody else gets a moment that can't be ended.
            *kept = here.direct.is_clean().then_some(here);
            answer
        })
        .await
    }

    /// Does a change on a thread that may wait, to its end: what `work` does to rows and files, and
    /// after the commit what `end` does. After an error the rows are as they were.
    pub(crate) async fn change_here<T, E: Send + 'static>(
        &self,
        work: impl FnOnce(&Here) -> Result<T, StoreError> + Send + 'static,
        end: impl FnOnce(T) -> E + Send + 'static,
    ) -> Result<E, StoreError> {
        let guard = self.connection.clone().lock_owned().await;
        let turn = self.turnstile.enter().await.map_err(|e| failed(self.account, "lock", e))?;
        let alone = Alone { _turn: turn, _guard: guard };
        let (account, path, kept) = (self.account, self.path.clone(), self.here.clone());
        on_blocking_thread(move || {
            let alone = alone;
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let here = Here::again(kept.take(), account, &path)?;
            let (done, is_whole) = here.within(work);
            *kept = is_whole.then_some(here);
            // What is done at the end is in nobody's way.
            drop(kept);
            drop(alone);
            done.map(end)
        })
        .await
    }

    /// Closes what changes by one thread use. To be called by who has `connection`.
    pub(super) fn leave(&self) {
        drop(self.here.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Here {
    /// The one that was used before, unless a moment of it did not end, or somebody has put another
    /// file in its place.
    pub(super) fn again(
        before: Option<Self>,
        account: AccountId,
        path: &Path,
    ) -> Result<Self, StoreError> {
        match before.filter(|here| here.direct.is_clean() && inode(path) == Some(here.inode)) {
            Some(here) => Ok(here),
            None => Self::open(account, path),
        }
    }

    /// Opens the index at this path, if it is one that is filled.
    fn open(account: AccountId, path: &Path) -> Result<Self, StoreError> {
        let opening = Opening { cache_kib: CACHE_KIB, ..opening(path) };
        let direct = Direct::open_current(&opening);
        let direct = direct.map_err(|error| failed(account, "open", error))?;
        let inode = inode(path).unwrap_or(0);
        let (has_room, is_without_triggers) = (Cell::new(false), Cell::new(false));
        let here = Self { account, direct, inode, has_room, is_without_triggers };
        here.run("set up", LOG_PAGES_MAX, &[])?;
        // One that somebody has just begun knows no mailbox yet: nobody must take that for the truth.
        let filled = here.one("read the account", "select 1 from account", &[], |_| Ok(()))?;
        filled.map(|()| here).ok_or(StoreError::IndexReplaced(account))
    }

    /// Whose index it is.
    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    /// The file that it looks into; no other one has this number as long as it is open.
    pub(crate) fn file(&self) -> u64 {
        self.inode
    }

    /// Does some work in a transaction; after an error nothing of it is left. Says whether this can
    /// be used again.
    pub(super) fn within<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, bool) {
        let done = self.run("begin", "begin immediate", &[]).and_then(|()| {
            let answer = work(self)?;
            self.run("commit", "commit", &[]).map(|()| answer)
        });
        if done.is_err() && !self.direct.is_clean() {
            // If this fails too, the connection is broken and is not used again.
            let _ = self.direct.execute("rollback", &[]);
        }
        if self.has_room.take() {
            let _ = self.cache(CACHE_KIB);
        }
        (done, self.direct.is_clean() && !self.is_without_triggers.get())
    }

    /// The rows of so many messages are to be written in this change.
    pub(crate) fn make_room_for(&self, messages: usize) -> Result<(), StoreError> {
        if messages < MANY {
            return Ok(());
        }
        self.has_room.set(true);
        self.bring_ahead(messages.saturating_mul(PAGES_A_ROW));
        self.cache(CACHE_FOR_MANY_KIB)
    }

    /// Somebody is going to read so many rows: too many for who asks [in
    /// passing](Index::ask_in_passing), and is not to begin.
    pub(super) fn going_to_read(&self, rows: usize) -> Result<(), StoreError> {
        let refused = self.direct.going_to_read(rows);
        refused.map_err(|error| failed(self.account, "read so much at once", error))
    }

    /// Whether [`Here::make_room_for`] was told of many.
    pub(super) fn is_for_many(&self) -> bool {
        self.has_room.get()
    }

    /// Does some work that triggers don't follow.
    pub(super) fn without_triggers<T>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let let_run = |run| {
            let done = self.direct.let_triggers_run(run);
            done.map_err(|error| failed(self.account, "set up triggers", error))
        };
        self.is_without_triggers.set(true);
        let_run(false)?;
        let done = work();
        let_run(true)?;
        self.is_without_triggers.set(false);
        done
    }

    /// It would take as long to read so many pages, one after the other, as is to be done: if the index
    /// has no more, all of it comes at once.
    pub(super) fn bring_ahead(&self, pages: usize) {
        self.direct.bring_ahead(pages);
    }

    fn cache(&self, kib: u32) -> Result<(), StoreError> {
        self.run("set the size of the cache", &format!("pragma cache_size = -{kib}"), &[])
    }

    /// Runs statements that return nothing.
    pub(super) fn run(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<(), StoreError> {
        self.each(operation, sql, parameters, |_| Ok(()))
    }

    /// Runs a statement; `each` is given its rows.
    pub(super) fn each(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[&dyn ToSql],
        each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let done = self.direct.run(sql, parameters, each);
        done.map(drop).map_err(|error| failed(self.account, operation, error))
    }

    /// A statement that is to run many times.
    pub(super) fn repeated(
        &self,
        operation: &'static str,
        sql: &str,
    ) -> Result<Repeated<'_>, StoreError> {
        match self.direct.repeated(sql) {
            Ok(statement) => Ok(Repeated { statement, account: self.account, operation }),
            Err(error) => Err(failed(self.account, operation, error)),
        }
    }

    /// Runs a statement that returns one row at most.
    pub(super) fn one<T>(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.each(operation, sql, parameters, |row| {
            found = Some(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }
}

/// A statement that runs many times.
pub(super) struct Repeated<'h> {
    statement: stable_storage::Repeated<'h>,
    account: AccountId,
    operation: &'static str,
}

impl Repeated<'_> {
    /// Runs one that returns nothing; answers how many rows it changed.
    pub(super) fn run(&mut self, parameters: &[&dyn ToSql]) -> Result<u64, StoreError> {
        self.each(parameters, |_| Ok(()))
    }

    /// Runs it; `each` is given its rows.
    pub(super) fn each(
        &mut self,
        parameters: &[&dyn ToSql],
        each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<u64, StoreError> {
        let done = self.statement.run(parameters, each);
        done.map_err(|error| failed(self.account, self.operation, error))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex as Lock},
        thread::ThreadId,
    };

    use mail_types::Timestamp;
    use stable_storage::Files;

    use super::*;
    use crate::{StoreOptions, maildir::Maildir, open_account::OpenAccount};

    #[tokio::test]
    async fn what_is_small_is_answered_where_it_is_asked() {
        let root = tempfile::tempdir().unwrap();
        let maildir = Maildir { files: Files::real(), root: root.path().join("7") };
        let options =
            StoreOptions::new(root.path().to_owned(), || Timestamp::from_secs(1_800_000_000));
        let account = OpenAccount::open(AccountId(7), maildir, &options).await.unwrap().account;
        let asked = Arc::new(Lock::new(Vec::<ThreadId>::new()));
        let ask = |rows: usize| {
            let asked = asked.clone();
            account.index.ask_in_passing(move |here| {
                asked.lock().unwrap().push(std::thread::current().id());
                here.going_to_read(rows)?;
                Ok(here.mailboxes()?.len())
            })
        };
        let taken = || std::mem::take(&mut *asked.lock().unwrap());
        let me = std::thread::current().id();
        // The first who asks may have to open it.
        let count = ask(1).await.unwrap();
        taken();
        assert!(count > 0);
        assert_eq!(ask(1).await.unwrap(), count);
        let here = taken();
        assert_eq!(ask(1_000_000).await.unwrap(), count);
        let many = taken();
        assert!(many.last().is_some_and(|last| *last != me), "much is read aside");
        // Where the kernel can't tell what is in memory, everything is.
        if here == [me] {
            assert_eq!(many.len(), 2, "once here, and refused");
        }
        // A moment that was left open is nobody else's.
        let broken = account.index.ask_in_passing(|here| {
            here.run("begin", "begin", &[])?;
            here.going_to_read(1_000_000)?;
            Ok(())
        });
        broken.await.unwrap();
        assert_eq!(ask(1).await.unwrap(), count);
    }
}
