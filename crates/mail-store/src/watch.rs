//! Waiting for a mailbox to change.
//!
//! A change rings the bell with account and mailbox; each process has one listener, which wakes
//! whoever waits in it. News is a level: who looks late misses nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mail_types::{AccountId, MailboxId};
use tokio::sync::watch;

/// Rings can be lost: each waiter looks by itself after so long.
const LOOK_AFTER: Duration = Duration::from_secs(120);

/// In the place of a mailbox: which mailboxes there are, and what is true of the account. No mailbox
/// has this id.
pub(crate) const NAMES: MailboxId = MailboxId(0);
/// In the place of a mailbox, for who waits: any of the account's.
pub(crate) const ANY: MailboxId = MailboxId(-1);

/// Wakes when its mailbox changes.
#[derive(Debug)]
pub struct Watch {
    news: watch::Receiver<()>,
}

impl Watch {
    /// Returns when the mailbox may have changed since this was last called (or since the watch
    /// was made), at once if it has already. Nothing is lost if the caller stops waiting.
    pub async fn changed(&mut self) {
        let waited = tokio::time::timeout(LOOK_AFTER, self.news.changed()).await;
        if let Ok(Err(_)) = waited {
            // The store is closed: there will be no news.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the mailbox may have changed since this or [`Watch::changed`] last said so. What
    /// other processes did is heard of a moment later.
    pub fn take_news(&mut self) -> bool {
        let news = self.news.has_changed().unwrap_or(false);
        self.news.mark_unchanged();
        news
    }
}

/// Who waits for which mailbox in this process.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<(AccountId, MailboxId), watch::Sender<()>>>);

impl Watchers {
    pub(crate) fn watch(&self, account: AccountId, mailbox: MailboxId) -> Watch {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whom nobody waits for any more.
        if watchers.len().is_power_of_two() {
            watchers.retain(|_, sender| sender.receiver_count() > 0);
        }
        let sender = watchers.entry((account, mailbox)).or_insert_with(|| watch::channel(()).0);
        Watch { news: sender.subscribe() }
    }

    /// Wakes those who wait for this mailbox, or for any of the account.
    pub(crate) fn wake(&self, account: AccountId, mailbox: MailboxId) {
        let watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for waited in [mailbox, ANY] {
            if let Some(sender) = watchers.get(&(account, waited)) {
                sender.send_replace(());
            }
        }
    }

    /// Wakes everybody.
    pub(crate) fn wake_all(&self) {
        let watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.values().for_each(|sender| {
            sender.send_replace(());
        });
    }

    /// The mailboxes that somebody waits for.
    pub(crate) fn watched(&self) -> Vec<(AccountId, MailboxId)> {
        let watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = watchers.iter().filter(|(_, sender)| sender.receiver_count() > 0);
        let mailboxes = waited.map(|(key, _)| *key).filter(|(_, mailbox)| mailbox.0 > 0);
        mailboxes.collect()
    }
}

/// What the bell says: account and mailbox.
pub(crate) fn payload(account: AccountId, mailbox: MailboxId) -> [u8; 16] {
    let mut payload = [0; 16];
    let (first, second) = payload.split_at_mut(8);
    first.copy_from_slice(&account.0.to_be_bytes());
    second.copy_from_slice(&mailbox.0.to_be_bytes());
    payload
}

/// Reads [`payload`]; none for "look at everything".
pub(crate) fn parse_payload(payload: &[u8]) -> Option<(AccountId, MailboxId)> {
    let (account, mailbox) = payload.split_at_checked(8)?;
    let number = |bytes: &[u8]| Some(i64::from_be_bytes(bytes.try_into().ok()?));
    Some((AccountId(number(account)?), MailboxId(number(mailbox)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_is_a_level() {
        let (watchers, account) = (Watchers::default(), AccountId(1));
        let mut watch = watchers.watch(account, MailboxId(1));
        watchers.wake(account, MailboxId(2));
        watchers.wake(account, MailboxId(1));
        watchers.wake(account, MailboxId(1));
        watch.changed().await;
        let again = tokio::time::timeout(Duration::ZERO, watch.changed()).await;
        assert!(again.is_err(), "told once");
        watchers.wake_all();
        watch.changed().await;
        assert!(!watch.take_news());
        watchers.wake(account, MailboxId(1));
        assert!(watch.take_news() && !watch.take_news());
        assert_eq!(watchers.watched(), [(account, MailboxId(1))]);
        drop(watch);
        assert!(watchers.watched().is_empty());
        let mut any = watchers.watch(account, ANY);
        watchers.wake(account, NAMES);
        assert!(any.take_news() && !any.take_news());
        assert!(watchers.watched().is_empty(), "that is no mailbox");
    }

    #[test]
    fn payloads() {
        let (account, mailbox) = (AccountId(7), MailboxId(-1));
        assert_eq!(parse_payload(&payload(account, mailbox)), Some((account, mailbox)));
        assert_eq!(parse_payload(b""), None);
        assert_eq!(parse_payload(&[0; 15]), None);
    }
}
