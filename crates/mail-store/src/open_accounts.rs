//! Which accounts' indexes are open: the ones used last, up to a number.
//!
//! An operation borrows an account while it lasts, and no longer. At most as many operations run at
//! once as indexes may be open, so there is always one that nobody uses when another must go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use mail_types::AccountId;
use tokio::{
    runtime::Handle,
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

use crate::{
    StoreError,
    open_account::{OpenAccount, Opened},
};

/// The open accounts of a process.
#[derive(Debug)]
pub(crate) struct OpenAccounts {
    limit: Arc<Semaphore>,
    max: usize,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    by_account: HashMap<AccountId, Slot>,
    /// Counts the borrowings, to know the last one of each.
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    account: Arc<OnceCell<OpenAccount>>,
    last_use: u64,
}

/// An open account, for the time of an operation.
#[derive(Debug)]
pub(crate) struct Borrowed {
    account: Arc<OnceCell<OpenAccount>>,
    _permit: OwnedSemaphorePermit,
}

impl Borrowed {
    /// The account.
    pub(crate) fn account(&self) -> Result<&OpenAccount, StoreError> {
        self.account.get().ok_or(StoreError::Closing)
    }
}

impl OpenAccounts {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self { limit: Arc::new(Semaphore::new(max)), max, slots: Mutex::default() }
    }

    /// Borrows an account; `open` opens it if it is not open, and says whether that left something
    /// to do.
    pub(crate) async fn borrow(
        &self,
        id: AccountId,
        open: impl Future<Output = Result<Opened, StoreError>>,
    ) -> Result<(Borrowed, bool), StoreError> {
        let permit = self.limit.clone().acquire_owned().await.map_err(|_| StoreError::Closing)?;
        let (account, given_up) = self.slot(id);
        given_up.map(close_aside);
        let mut left_over = false;
        account
            .get_or_try_init(|| async {
                let opened = open.await?;
                left_over = opened.left_over;
                Ok::<_, StoreError>(opened.account)
            })
            .await?;
        Ok((Borrowed { account, _permit: permit }, left_over))
    }

    /// Closes one: at once, or when its last operation ends.
    pub(crate) fn close(&self, id: AccountId) {
        let closed =
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).by_account.remove(&id);
        closed.map(close_aside);
    }

    /// Lets no operation begin any more, waits for those that run, and closes all.
    pub(crate) async fn close_all(&self) {
        let all = u32::try_from(self.max).unwrap_or(u32::MAX);
        if let Ok(permits) = self.limit.acquire_many(all).await {
            self.limit.close();
            drop(permits);
        }
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots.by_account.values() {
            if let Some(account) = slot.account.get() {
                account.index.close().await;
            }
        }
        if let Some(closing) = close_aside(slots) {
            // Only a panic could end it early, and nobody uses what it closes.
            let _ = closing.await;
        }
    }

    /// The place of an account, and who had to go for it.
    fn slot(&self, id: AccountId) -> (Arc<OnceCell<OpenAccount>>, Option<Slot>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let now = slots.uses;
        if let Some(slot) = slots.by_account.get_mut(&id) {
            slot.last_use = now;
            return (slot.account.clone(), None);
        }
        let mut given_up = None;
        if slots.by_account.len() >= self.max {
            let unused =
                slots.by_account.iter().filter(|(_, s)| Arc::strong_count(&s.account) == 1);
            let oldest = unused.min_by_key(|(_, slot)| slot.last_use).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                given_up = slots.by_account.remove(&oldest);
            }
        }
        let account = Arc::default();
        slots.by_account.insert(id, Slot { account: Arc::clone(&account), last_use: now });
        (account, given_up)
    }
}

/// Lets go of it on a thread that may wait: the last connection of an index copies its log when it
/// closes. Outside a runtime there is nobody to wait for it.
fn close_aside<T: Send + 'static>(closed: T) -> Option<JoinHandle<()>> {
    match Handle::try_current() {
        Ok(runtime) => Some(runtime.spawn_blocking(move || drop(closed))),
        Err(_) => None,
    }
}
