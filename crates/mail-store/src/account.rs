//! The mailboxes of one account: every operation that a protocol needs.
//!
//! The handle is light and holds nothing open: an operation borrows the account's index for as
//! long as it lasts. What changes something runs to its end, even if its caller is dropped.
//! Nothing here waits for a peer, and nothing keeps a transaction or a row stream open.

mod annotations;
mod folders;
mod look;
mod maildrop;
mod messages;
mod objects;
mod removed;
mod sharing;
mod upkeep;
mod url_keys;

use std::{pin::Pin, sync::Arc};

use mail_types::{AccountId, MailboxId, Quota};
use stable_storage::{on_blocking_thread, open_cached};
use tokio::task::JoinHandle;
pub use url_keys::UrlKeys;

use crate::{
    MailStore, MessageFile, MessageReader, StoreError,
    comparing::When,
    index::{Here, Look},
    open_accounts::Borrowed,
    watch::NAMES,
};

/// An operation on its way. It is boxed so that it is compiled here, once: the body of a plain
/// `async fn` is compiled again in every crate that awaits it, and those here carry all the SQL.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The mailboxes of one account. A clone is the same one.
#[derive(Clone, Debug)]
pub struct AccountMailboxes {
    pub(crate) store: MailStore,
    pub(crate) id: AccountId,
    /// What all of them may hold; see [`AccountMailboxes::within`].
    pub(crate) quota: Quota,
}

/// How operations run.
impl AccountMailboxes {
    /// Whose mailboxes these are.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The same mailboxes, to which this handle adds nothing that goes beyond a quota: what is
    /// delivered, appended or copied is measured in the transaction that brings it in, so that no
    /// two processes give away the same room. [`StoreError::OverQuota`] then.
    #[must_use]
    pub fn within(self, quota: Quota) -> Self {
        Self { quota, ..self }
    }

    /// The quota that this handle keeps to.
    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    async fn borrow(&self) -> Result<Borrowed, StoreError> {
        self.store.shared.borrow(self.id).await
    }

    /// Runs a query; a damaged index is built anew, once, and asked again.
    async fn ask<T, F>(&self, query: impl Fn(Look) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let borrowed = self.borrow().await?;
        let asked = async { query(borrowed.account()?.look().await?).await };
        match asked.await {
            Err(error) if error.is_damaged_index() => {
                self.store.shared.damaged(self.id, &borrowed).await;
                drop(borrowed);
                query(self.borrow().await?.account()?.look().await?).await
            }
            Err(StoreError::IndexReplaced(_)) => {
                drop(borrowed);
                query(self.borrow().await?.account()?.look().await?).await
            }
            other => other,
        }
    }

    /// The same by one thread: the caller's, or where something has to be waited for, another one. It
    /// may be asked more than once.
    async fn ask_here<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Here) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        let borrowed = self.borrow().await?;
        match borrowed.account()?.index.ask_in_passing(query.clone()).await {
            Err(error) if error.is_damaged_index() => {
                self.store.shared.damaged(self.id, &borrowed).await;
                drop(borrowed);
                self.borrow().await?.account()?.index.ask_in_passing(query).await
            }
            Err(StoreError::IndexReplaced(_)) => {
                drop(borrowed);
                self.borrow().await?.account()?.index.ask_in_passing(query).await
            }
            other => other,
        }
    }

    /// Runs a change to its end, whatever becomes of the caller, and tells everybody which
    /// mailboxes it changed.
    pub(crate) async fn to_the_end<T, F>(
        &self,
        work: impl FnOnce(Self, Arc<Borrowed>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Vec<MailboxId>), StoreError>> + Send,
    {
        let handle = self.clone();
        self.in_a_task(async move { handle.borrow().await }, work).await
    }

    /// The same with what `borrow` borrows.
    async fn in_a_task<T, F>(
        &self,
        borrow: impl Future<Output = Result<Borrowed, StoreError>> + Send + 'static,
        work: impl FnOnce(Self, Arc<Borrowed>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Vec<MailboxId>), StoreError>> + Send,
    {
        let handle = self.clone();
        let running = tokio::spawn(async move {
            let shared = handle.store.shared.clone();
            let borrowed = Arc::new(borrow.await?);
            let id = handle.id;
            match work(handle, borrowed.clone()).await {
                Ok((answer, changed)) => {
                    if borrowed.account()?.index.is_log_long() {
                        shared.follow_ups.add(id);
                    }
                    changed.into_iter().for_each(|mailbox| shared.changed(id, mailbox));
                    Ok(answer)
                }
                Err(error) => {
                    if error.is_damaged_index() {
                        shared.damaged(id, &borrowed).await;
                    }
                    Err(error)
                }
            }
        });
        joined(running).await
    }

    /// Runs a change that needs the files of a mailbox to its end. If one is not where its row says, the
    /// folder is compared, and it is tried once more.
    async fn with_files_of<T, F>(
        &self,
        from: MailboxId,
        work: impl Fn(Self, Arc<Borrowed>) -> F + Clone + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Vec<MailboxId>), StoreError>> + Send,
    {
        match self.to_the_end(work.clone()).await {
            Err(error) if error.is_file_missing() => {
                self.compare(from, When::Always).await?;
                self.to_the_end(work).await
            }
            done => done,
        }
    }

    /// File names and the like follow this change.
    pub(crate) fn follow(&self) {
        self.store.shared.follow_ups.add(self.id);
    }

    /// Opens the file where it was; none if it is not there any more.
    async fn open_file(&self, file: &MessageFile) -> Result<Option<MessageReader>, StoreError> {
        let maildir = self.store.shared.maildir(self.id);
        let (path, size, bare_lf) = (maildir.path(&file.path), file.size, file.bare_lf);
        if let Ok(Some(opened)) = open_cached(&path) {
            return Ok(Some(MessageReader::new(opened, size, bare_lf)));
        }
        on_blocking_thread(move || match maildir.files.open(&path) {
            Ok(opened) => Ok(Some(MessageReader::new(opened, size, bare_lf))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::file("open", path, error)),
        })
        .await
    }
}

/// What a task comes to.
pub(crate) async fn joined<T>(running: JoinHandle<Result<T, StoreError>>) -> Result<T, StoreError> {
    match running.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StoreError::Closing),
        },
    }
}
