//! `postrider-url-keys`: the secret keys with which an account lets single messages be read by URL
//! (RFC 4467 §2.2), in the account's folder, one of a mailbox, its own or one that is shared with it.
//!
//! A line is `key`, what the mailbox is called for ever, and the key. With each new key those of own
//! mailboxes that are gone go as well; of another's, which can be looked at as long as it is shared
//! only, it stays and opens nothing. Of too many the oldest are forgotten.

use std::path::{Path, PathBuf};

use mail_types::AccountId;
use stable_storage::Files;

use super::lines;
use crate::{KeyedMailbox, StoreError, UrlKey};

const NAME: &str = "postrider-url-keys";
/// Keys that are kept.
const KEYS_MAX: usize = 10_000;

/// All keys of an account, the oldest first.
#[derive(Default, Debug)]
pub(crate) struct UrlKeyFile {
    keys: Vec<(KeyedMailbox, UrlKey)>,
}

/// Where it stands, by the account's folder.
pub(crate) fn of_account(root: &Path) -> PathBuf {
    root.join(NAME)
}

impl UrlKeyFile {
    /// Reads the file; empty if it is not there.
    pub(crate) fn read(files: &Files, path: &Path) -> Result<Self, StoreError> {
        let mut read = Self::default();
        lines::read(files, path, NAME, |key, value| {
            let (mailbox, secret) = value.split_once(' ')?;
            read.keys.push((KeyedMailbox::decode(mailbox)?, UrlKey::decode(secret)?));
            (key == "key").then_some(())
        })?;
        Ok(read)
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, path: &Path) -> Result<(), StoreError> {
        let line = |(mailbox, key): &(KeyedMailbox, UrlKey)| {
            ("key", format!("{} {}", mailbox.encode(), key.encode()))
        };
        lines::write(files, path, NAME, self.keys.iter().map(line))
    }

    /// The key of a mailbox, if there is one. It takes as long if there is none.
    pub(crate) fn key(&self, mailbox: Option<KeyedMailbox>) -> Option<&UrlKey> {
        self.keys.iter().fold(
            None,
            |found, (named, key)| {
                if Some(*named) == mailbox { Some(key) } else { found }
            },
        )
    }

    /// A mailbox gets this key, and has no other.
    pub(crate) fn put(&mut self, mailbox: KeyedMailbox, key: UrlKey) {
        self.keys.retain(|(named, _)| *named != mailbox);
        self.keys.push((mailbox, key));
        let too_many = self.keys.len().saturating_sub(KEYS_MAX);
        self.keys.drain(..too_many);
    }

    /// Forgets the keys of an owner's mailboxes that are none of these.
    pub(crate) fn keep_of(&mut self, owner: AccountId, there: &[KeyedMailbox]) {
        self.keys.retain(|(named, _)| named.owner != owner || there.contains(named));
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{MailboxId, UidValidity};

    use super::*;

    fn mailbox(owner: i64, mailbox: i64) -> KeyedMailbox {
        let uid_validity = UidValidity::new(3).unwrap();
        KeyedMailbox { owner: AccountId(owner), mailbox: MailboxId(mailbox), uid_validity }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (files, path) = (Files::real(), of_account(folder.path()));
        let mut keys = UrlKeyFile::read(&files, &path).unwrap();
        let (first, second) = (UrlKey::random().unwrap(), UrlKey::random().unwrap());
        for (mailbox, key) in [(1, &first), (2, &second), (1, &second), (3, &first)] {
            keys.put(self::mailbox(7, mailbox), key.clone());
        }
        keys.write(&files, &path).unwrap();
        let read = UrlKeyFile::read(&files, &path).unwrap();
        assert_eq!(read.keys.len(), 3);
        assert!(read.key(Some(mailbox(7, 1))).unwrap().proves(b"x", &second.token(b"x")));
        assert!(read.key(Some(mailbox(7, 3))).unwrap().proves(b"x", &first.token(b"x")));
        assert!(read.key(Some(mailbox(7, 4))).is_none() && read.key(None).is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut keys = UrlKeyFile::default();
        let key = UrlKey::random().unwrap();
        for number in 0..=i64::try_from(KEYS_MAX).unwrap() {
            keys.put(mailbox(7, number), key.clone());
        }
        assert_eq!(keys.keys.len(), KEYS_MAX);
        let is_there = |number| keys.key(Some(mailbox(7, number))).is_some();
        assert!(!is_there(0) && is_there(1));
    }

    #[test]
    fn those_of_own_mailboxes_that_are_gone_go() {
        let mut keys = UrlKeyFile::default();
        for (owner, number) in [(7, 1), (8, 1), (7, 2)] {
            keys.put(mailbox(owner, number), UrlKey::random().unwrap());
        }
        let another_epoch = UidValidity::new(4).unwrap();
        let one = KeyedMailbox { uid_validity: another_epoch, ..mailbox(7, 1) };
        keys.keep_of(AccountId(7), &[mailbox(7, 2), one, mailbox(7, 3)]);
        let left: Vec<_> = keys.keys.iter().map(|(named, _)| named.encode()).collect();
        assert_eq!(left, ["F8-1-3", "F7-2-3"]);
    }

    #[test]
    fn a_strange_line_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = of_account(folder.path());
        let secret = "0".repeat(64);
        for bad in [
            "key",
            "key F1-1-1",
            "key F1-1-1 12",
            &format!("key  {secret}"),
            &format!("key F1-1-1 {secret}0"),
            &format!("lock F1-1-1 {secret}"),
            &format!("key F1 {secret}"),
            &format!("key F1-1-0 {secret}"),
            &format!("key F1-01-1 {secret}"),
            &format!("key F1-1-1-1 {secret}"),
            &format!("key 1-1-1 {secret}"),
        ] {
            let good = format!("key F1-0-1 {secret}");
            std::fs::write(&path, format!("postrider-url-keys 1\n{good}\n{bad}\n")).unwrap();
            // What is logged has no key.
            let told = UrlKeyFile::read(&Files::real(), &path).unwrap_err().to_string();
            assert!(told.ends_with("postrider-url-keys: line 3 is not understood"), "{told}");
        }
    }
}
