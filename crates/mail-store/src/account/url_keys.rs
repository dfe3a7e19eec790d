//! The keys with which this account lets messages be read by URL (RFC 4467 §2.2). A mailbox, own or
//! not, is named by what it is called for ever.

use mail_types::MailboxId;
use stable_storage::on_blocking_thread;

use super::{AccountMailboxes, Pending};
use crate::{
    StoreError, UrlKey,
    records::{UrlKeyFile, url_key_file},
};

impl AccountMailboxes {
    /// The key of a mailbox, if it has one.
    pub fn url_key(&self, mailbox: &str) -> Pending<'_, Option<UrlKey>> {
        let mailbox: Box<str> = mailbox.into();
        Box::pin(async move {
            let maildir = self.store.shared.maildir(self.id);
            on_blocking_thread(move || {
                let path = url_key_file::of_account(&maildir.root);
                Ok(UrlKeyFile::read(&maildir.files, &path)?.key(&mailbox).cloned())
            })
            .await
        })
    }

    /// The key of a mailbox, which gets one if it has none; durable when this returns.
    pub fn make_url_key(&self, mailbox: &str) -> Pending<'_, UrlKey> {
        let mailbox: Box<str> = mailbox.into();
        Box::pin(self.change_url_keys(move |keys| match keys.key(&mailbox) {
            Some(key) => Ok((key.clone(), false)),
            None => {
                let key = UrlKey::random()?;
                keys.put(&mailbox, key.clone());
                Ok((key, true))
            }
        }))
    }

    /// The mailbox gets another key, whether it had one or not; durable when this returns.
    pub fn reset_url_key(&self, mailbox: &str) -> Pending<'_, ()> {
        let mailbox: Box<str> = mailbox.into();
        Box::pin(self.change_url_keys(move |keys| {
            keys.put(&mailbox, UrlKey::random()?);
            Ok(((), true))
        }))
    }

    /// No mailbox has a key any more; durable when this returns.
    pub fn forget_url_keys(&self) -> Pending<'_, ()> {
        Box::pin(self.change_url_keys(|keys| {
            *keys = UrlKeyFile::default();
            Ok(((), true))
        }))
    }

    /// Wakes whoever watches a mailbox, for news that is not in it.
    pub fn ring(&self, mailbox: MailboxId) {
        self.store.shared.changed(self.id, mailbox);
    }

    /// Changes the file, if `change` says that it did something.
    async fn change_url_keys<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut UrlKeyFile) -> Result<(T, bool), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            // What stands beside the mail is changed under the account's lock.
            let lock = account.change().await?;
            let maildir = account.maildir.clone();
            let answer = on_blocking_thread(move || {
                let path = url_key_file::of_account(&maildir.root);
                let mut keys = UrlKeyFile::read(&maildir.files, &path)?;
                let (answer, is_changed) = change(&mut keys)?;
                if is_changed {
                    keys.write(&maildir.files, &path)?;
                }
                Ok::<_, StoreError>(answer)
            })
            .await?;
            lock.undo().await?;
            Ok((answer, Vec::new()))
        })
        .await
    }
}
