//! The keys with which this account lets messages be read by URL (RFC 4467 §2.2). A mailbox, own or
//! not, is named by what it is called for ever.

use std::path::Path;

use mail_types::{AccountId, MailboxId};
use stable_storage::{Files, on_blocking_thread};

use super::{AccountMailboxes, Pending};
use crate::{
    KeyedMailbox, StoreError, UrlKey,
    index::mailboxes,
    records::{UrlKeyFile, url_key_file},
};

/// The keys of an account, as they were when they were read.
#[derive(Debug)]
pub struct UrlKeys(UrlKeyFile);

impl UrlKeys {
    /// The key of a mailbox, if there is one and it has one. How long this takes does not say which.
    pub fn key(&self, mailbox: Option<KeyedMailbox>) -> Option<&UrlKey> {
        self.0.key(mailbox)
    }
}

/// The account's own mailboxes.
struct Own {
    account: AccountId,
    mailboxes: Vec<KeyedMailbox>,
}

impl AccountMailboxes {
    /// The keys that there are.
    pub fn url_keys(&self) -> Pending<'_, UrlKeys> {
        Box::pin(async move {
            let maildir = self.store.shared.maildir(self.id);
            on_blocking_thread(move || {
                let path = url_key_file::of_account(&maildir.root);
                Ok(UrlKeys(UrlKeyFile::read(&maildir.files, &path)?))
            })
            .await
        })
    }

    /// The key of a mailbox, which gets one if it has none; durable when this returns.
    pub fn make_url_key(&self, mailbox: KeyedMailbox) -> Pending<'_, UrlKey> {
        Box::pin(async move {
            // Nearly always it is there, and nobody has to wait for the lock.
            if let Some(key) = self.url_keys().await?.key(Some(mailbox)) {
                return Ok(key.clone());
            }
            self.change_url_keys(move |own, files, path| {
                let mut keys = UrlKeyFile::read(files, path)?;
                if let Some(key) = keys.key(Some(mailbox)) {
                    return Ok(key.clone());
                }
                let key = UrlKey::random()?;
                keys.keep_of(own.account, &own.mailboxes);
                keys.put(mailbox, key.clone());
                keys.write(files, path)?;
                Ok(key)
            })
            .await
        })
    }

    /// The mailbox gets another key, whether it had one or not; durable when this returns.
    pub fn reset_url_key(&self, mailbox: KeyedMailbox) -> Pending<'_, ()> {
        Box::pin(self.change_url_keys(move |own, files, path| {
            let mut keys = UrlKeyFile::read(files, path)?;
            keys.keep_of(own.account, &own.mailboxes);
            keys.put(mailbox, UrlKey::random()?);
            keys.write(files, path)
        }))
    }

    /// No mailbox has a key any more, whatever the file says; durable when this returns.
    pub fn forget_url_keys(&self) -> Pending<'_, ()> {
        Box::pin(self.change_url_keys(|_, files, path| UrlKeyFile::default().write(files, path)))
    }

    /// Wakes whoever watches a mailbox, for news that is not in it.
    pub fn ring(&self, mailbox: MailboxId) {
        self.store.shared.changed(self.id, mailbox);
    }

    /// Changes the file.
    async fn change_url_keys<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Own, &Files, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let owner = self.id;
        self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            // What stands beside the mail is changed under the account's lock.
            let mut lock = account.change().await?;
            let rows = mailboxes::all(&mut lock).await?;
            let there = rows.iter().map(|row| KeyedMailbox {
                owner,
                mailbox: row.id,
                uid_validity: row.uid_validity,
            });
            let own = Own { account: owner, mailboxes: there.collect() };
            let maildir = account.maildir.clone();
            let answer = on_blocking_thread(move || {
                change(&own, &maildir.files, &url_key_file::of_account(&maildir.root))
            })
            .await?;
            lock.undo().await?;
            Ok((answer, Vec::new()))
        })
        .await
    }
}
