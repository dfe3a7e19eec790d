//! What a store does beside its operations: it listens to the bell, lets file names follow the
//! index, and looks at the folders of mailboxes that somebody waits for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mail_types::{AccountId, QueueId, RecipientNumber};
use tokio::{sync::Notify, task::AbortHandle};

use crate::{MailStore, store::Shared, watch::parse_payload};

/// How often folders are looked at that somebody waits for, and what failed is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What is still to do for an account.
#[derive(Debug, Default)]
pub(crate) struct FollowUp {
    /// File names are behind, or files are to go.
    pub(crate) files: bool,
    /// Recipients of queue entries that may be forgotten.
    pub(crate) forget: Vec<(QueueId, RecipientNumber)>,
}

/// Accounts where something is still to do.
#[derive(Debug, Default)]
pub(crate) struct FollowUps {
    accounts: Mutex<HashMap<AccountId, FollowUp>>,
    wake: Arc<Notify>,
    /// Whether also those are due where there is only something to forget.
    all: AtomicBool,
}

impl FollowUps {
    /// Files of this account are to follow its index.
    pub(crate) fn add(&self, account: AccountId) {
        self.add_again(account);
        self.wake.notify_one();
    }

    /// These recipients of queue entries may be forgotten: the next delivery to the account does that
    /// in its own change ([`FollowUps::take_forgotten`]), or it is done within half a minute.
    pub(crate) fn forget(
        &self,
        account: AccountId,
        settled: impl IntoIterator<Item = (QueueId, RecipientNumber)>,
    ) {
        self.accounts().entry(account).or_default().forget.extend(settled);
    }

    /// Takes what may be forgotten of an account.
    pub(crate) fn take_forgotten(&self, account: AccountId) -> Vec<(QueueId, RecipientNumber)> {
        let mut accounts = self.accounts();
        let Some(follow_up) = accounts.get_mut(&account) else { return Vec::new() };
        let forgotten = std::mem::take(&mut follow_up.forget);
        if !follow_up.files {
            accounts.remove(&account);
        }
        forgotten
    }

    /// It failed for this account: once more, later. What was to be forgotten is given up, so that
    /// nothing grows meanwhile; its time ends its memory.
    pub(crate) fn add_again(&self, account: AccountId) {
        self.accounts().entry(account).or_default().files = true;
    }

    /// Takes what is due.
    pub(crate) fn take(&self) -> HashMap<AccountId, FollowUp> {
        let mut accounts = self.accounts();
        if self.all.swap(false, Ordering::Relaxed) {
            return std::mem::take(&mut *accounts);
        }
        accounts.extract_if(|_, follow_up| follow_up.files).collect()
    }

    /// All of it is due.
    pub(crate) fn all_is_due(&self) {
        self.all.store(true, Ordering::Relaxed);
    }

    /// Lets what failed be tried again, and what nobody has forgotten yet be forgotten.
    fn wake_if_any(&self) {
        if !self.accounts().is_empty() {
            self.all_is_due();
            self.wake.notify_one();
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<AccountId, FollowUp>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks of a store; they end with it.
#[derive(Debug)]
pub(crate) struct Background([AbortHandle; 3]);

impl Background {
    pub(crate) fn start(shared: &Arc<Shared>) -> Self {
        Self([
            tokio::spawn(listen(Arc::downgrade(shared))).abort_handle(),
            tokio::spawn(follow(
                Arc::downgrade(shared),
                shared.follow_ups.wake.clone(),
                shared.options.follow_after,
            ))
            .abort_handle(),
            tokio::spawn(look(Arc::downgrade(shared))).abort_handle(),
        ])
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

async fn listen(shared: Weak<Shared>) {
    let bell = match shared.upgrade() {
        Some(shared) => shared.bell().listen(),
        None => return,
    };
    let bell = match bell {
        Ok(bell) => bell,
        Err(error) => {
            tracing::warn!(%error, "the mail bell can't be heard: news comes late");
            return;
        }
    };
    loop {
        let rung = bell.rung().await;
        let Some(shared) = shared.upgrade() else { return };
        match parse_payload(&rung) {
            Some((account, mailbox)) => shared.watchers.wake(account, mailbox),
            None => shared.watchers.wake_all(),
        }
    }
}

async fn follow(shared: Weak<Shared>, wake: Arc<Notify>, after: Duration) {
    loop {
        wake.notified().await;
        tokio::time::sleep(after).await;
        let Some(strong) = shared.upgrade() else { return };
        strong.follow_all().await;
    }
}

async fn look(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.follow_ups.wake_if_any();
        shared.facts.drop_unused();
        shared.orders.drop_unused();
        let watched = shared.watchers.watched();
        let store = MailStore { shared };
        for (account, mailbox) in watched {
            if let Err(error) = store.account(account).refresh(mailbox).await {
                tracing::debug!(%account, %mailbox, %error, "a watched folder can't be looked at");
            }
        }
    }
}
