//! The store of a process: which accounts' indexes are open, who waits for which mailbox, and what
//! is still to follow.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mail_types::{AccountId, MailboxId, ModSeq, Quota, Timestamp};
use stable_storage::{Bell, Files, LifeLock, on_blocking_thread};

use crate::{
    AccountMailboxes, Changes, Pending, StoreError,
    asked::Asked,
    background::{Background, FollowUp, FollowUps, Stop},
    changes::follow::{self, Followed},
    comparing::{Comparing, cannot},
    facts_kept::FactsKept,
    maildir::Maildir,
    open_account::{Compared, OpenAccount},
    open_accounts::{Borrowed, OpenAccounts},
    orders::Orders,
    watch::{Watchers, payload},
};

/// Reads the clock. Only the times of new messages and mailboxes come from it.
pub type Clock = fn() -> Timestamp;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The folder with one folder an account in it.
    pub folder: PathBuf,
    /// The clock.
    pub clock: Clock,
    /// The most indexes open at once: each takes some 200 KiB, and a thread for what is rare. To open one
    /// costs as much as to deliver some messages.
    pub open_accounts_max: usize,
    /// The name of this run of the kernel: another one at the next opening means that the machine
    /// stopped between.
    pub boot: String,
    /// Changes of this long are gathered before file names follow them.
    pub follow_after: Duration,
    /// For how long messages that were removed can be brought back. Zero: they can't, and go at
    /// once. Whoever looks after the store removes what is older
    /// ([`AccountMailboxes::purge_removed`]).
    pub removed_kept: Duration,
    /// From so many messages on, what another tool did in a folder is taken over by portions, so that
    /// nobody waits for all of it.
    pub large_folder: usize,
}

impl StoreOptions {
    /// The usual ones; asks the kernel for its boot id.
    pub fn new(folder: impl Into<PathBuf>, clock: Clock) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            folder: folder.into(),
            clock,
            open_accounts_max: open_accounts_max(u64::MAX),
            boot: boot.trim().to_owned(),
            follow_after: Duration::from_secs(1),
            removed_kept: Duration::ZERO,
            large_folder: 1000,
        }
    }
}

/// How many indexes a process may have open that may have so many descriptors: each takes eight at most,
/// and others need some too.
pub fn open_accounts_max(descriptors: u64) -> usize {
    const EACH: u64 = 16;
    const MOST: usize = 256;
    usize::try_from(descriptors / EACH).unwrap_or(usize::MAX).min(MOST)
}

/// The mail store, as one process has it open. A clone is the same one.
#[derive(Clone, Debug)]
pub struct MailStore {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: StoreOptions,
    files: Files,
    accounts: OpenAccounts,
    bell: Bell,
    pub(crate) watchers: Watchers,
    pub(crate) asked: Asked<ModSeq, Changes>,
    pub(crate) follow_ups: Arc<FollowUps>,
    pub(crate) comparing: Comparing,
    pub(crate) stop: Stop,
    /// What is kept of mailboxes in memory.
    pub(crate) facts: Arc<FactsKept>,
    pub(crate) orders: Arc<Orders>,
    background: Mutex<Option<Background>>,
    /// Tells whoever would replace the whole store that somebody works on it.
    _alive: LifeLock,
}

/// Where the locks of those are who have the store open, in its folder.
pub(crate) const OPEN: &str = "open";

impl MailStore {
    /// Opens the store; its folder is made if it is missing. Inside a tokio runtime.
    pub async fn open(options: StoreOptions, files: Files) -> Result<Self, StoreError> {
        let (folder, made) = (options.folder.clone(), files.clone());
        let salt = (options.clock)().millis().unsigned_abs();
        let alive = on_blocking_thread(move || {
            made.make_folders(&folder).map_err(|e| StoreError::file("make", &folder, e))?;
            let locks = folder.join(OPEN);
            let alive = LifeLock::take(&locks, salt);
            let alive = alive.and_then(|alive| LifeLock::sweep(&locks).map(|()| alive));
            alive.map_err(|e| StoreError::file("lock", &locks, e))
        })
        .await?;
        let bell = Bell::at(options.folder.join("bell"));
        let shared = Arc::new(Shared {
            accounts: OpenAccounts::new(options.open_accounts_max),
            follow_ups: Arc::new(FollowUps::new(options.follow_after)),
            comparing: Comparing::new(options.open_accounts_max),
            stop: Stop::default(),
            options,
            files,
            bell,
            watchers: Watchers::default(),
            asked: Asked::default(),
            facts: Arc::default(),
            orders: Arc::default(),
            background: Mutex::new(None),
            _alive: alive,
        });
        let background = Background::start(&shared);
        *shared.background.lock().unwrap_or_else(PoisonError::into_inner) = Some(background);
        Ok(Self { shared })
    }

    /// The mailboxes of an account, which get their folder when they are first used. Asks nobody
    /// whether there is such an account.
    pub fn account(&self, id: AccountId) -> AccountMailboxes {
        AccountMailboxes { store: self.clone(), id, quota: Quota::NONE }
    }

    /// The accounts that have a folder here, whether anybody knows them or not.
    pub fn accounts(&self) -> Pending<'_, Vec<AccountId>> {
        let (files, folder) = (self.shared.files.clone(), self.shared.options.folder.clone());
        Box::pin(on_blocking_thread(move || {
            let names = files.list(&folder).map_err(|e| StoreError::file("list", &folder, e))?;
            let id = |name: std::ffi::OsString| Some(AccountId(name.to_str()?.parse().ok()?));
            let mut ids: Vec<AccountId> = names.into_iter().filter_map(id).collect();
            ids.sort_unstable();
            Ok(ids)
        }))
    }

    /// Writes to disk what follows within seconds (flags in file names), waits for what runs, and
    /// closes all indexes. Operations fail from then on. What takes long (files to go by the
    /// thousand, a large folder to be taken over) ends with the step that is being done: the index
    /// says what is left, and the next process goes on.
    pub fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let shared = &self.shared;
            shared.stop.ask();
            for (id, follow_up) in shared.follow_ups.end().await {
                if !shared.stop.is_over() {
                    shared.follow(id, follow_up).await;
                }
            }
            self.shared.accounts.close_all().await;
            self.shared.background.lock().unwrap_or_else(PoisonError::into_inner).take();
        })
    }
}

impl Shared {
    /// The file layer.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// The folder of an account.
    pub(crate) fn maildir(&self, id: AccountId) -> Maildir {
        Maildir { files: self.files.clone(), root: self.options.folder.join(id.to_string()) }
    }

    /// Borrows an account for an operation; opens its index if need be.
    pub(crate) async fn borrow(&self, id: AccountId) -> Result<Borrowed, StoreError> {
        loop {
            let open = Box::pin(OpenAccount::open(id, self.maildir(id), &self.options));
            let (borrowed, left_over) = self.accounts.borrow(id, open).await?;
            if left_over {
                self.follow_ups.add(id);
            }
            if !borrowed.account()?.index.is_replaced() {
                return Ok(borrowed);
            }
            // Another process built it anew, or lost it: as if it had never been open here.
            self.facts.forget(id);
            self.accounts.close(id);
        }
    }

    /// The index turned out to be damaged: the next operation builds a new one.
    pub(crate) async fn damaged(&self, id: AccountId, borrowed: &Borrowed) {
        tracing::error!(account = %id, "the index is damaged; it is set aside and built anew");
        self.facts.forget(id);
        if let Ok(account) = borrowed.account()
            && let Err(error) = account.index.set_aside_opened((self.options.clock)()).await
        {
            tracing::error!(account = %id, %error, "the damaged index can't be set aside");
        }
        self.accounts.close(id);
    }

    /// Tells everybody that a mailbox changed.
    pub(crate) fn changed(&self, account: AccountId, mailbox: MailboxId) {
        self.watchers.wake(account, mailbox);
        self.bell.ring(&payload(account, mailbox));
    }

    /// To hear of changes by other processes.
    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Does for an account what is to follow. It is due again if that fails.
    pub(crate) async fn follow(&self, id: AccountId, FollowUp { files, forget, .. }: FollowUp) {
        let done = async {
            let borrowed = self.borrow(id).await?;
            let account = borrowed.account()?;
            if !forget.is_empty() {
                follow::forget(account, forget).await?;
            }
            if !files {
                return Ok(None);
            }
            Box::pin(follow::follow(account, &self.stop)).await.map(Some)
        };
        match done.await {
            Ok(None) => {}
            Ok(Some(Followed { compared: Compared { changed, large, failed }, is_held })) => {
                changed.into_iter().for_each(|mailbox| self.changed(id, mailbox));
                large.into_iter().for_each(|mailbox| self.follow_ups.add_large(id, mailbox));
                failed.iter().for_each(|(mailbox, error)| cannot(id, *mailbox, error));
                if is_held || !failed.is_empty() {
                    self.follow_ups.add_again(id);
                }
            }
            // It stays in the index: this process tries again, and whoever opens the account next.
            Err(StoreError::Closing) => {}
            Err(error) => {
                tracing::warn!(account = %id, %error, "file names don't follow the index");
                self.follow_ups.add_again(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_leave_descriptors_to_others() {
        for (descriptors, expected) in [(1024, 64), (4096, 256), (u64::MAX, 256)] {
            assert_eq!(open_accounts_max(descriptors), expected, "{descriptors}");
        }
    }
}
