//! `postrider-url-keys`: the secret keys with which an account lets single messages be read by URL
//! (RFC 4467 §2.2), in the account's folder, one of a mailbox, its own or one that is shared with it.
//!
//! A line is `key`, what the mailbox is called for ever, and the key. The key of a mailbox that is
//! gone stays and opens nothing; of too many the oldest are forgotten.

use std::path::{Path, PathBuf};

use stable_storage::Files;

use super::lines;
use crate::{StoreError, UrlKey};

const NAME: &str = "postrider-url-keys";
/// Keys that are kept.
const KEYS_MAX: usize = 10_000;

/// All keys of an account, the oldest first.
#[derive(Default, Debug)]
pub(crate) struct UrlKeyFile {
    keys: Vec<(Box<str>, UrlKey)>,
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
            read.keys.push((mailbox.into(), UrlKey::decode(secret)?));
            (key == "key" && !mailbox.is_empty()).then_some(())
        })?;
        Ok(read)
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, path: &Path) -> Result<(), StoreError> {
        let line =
            |(mailbox, key): &(Box<str>, UrlKey)| ("key", format!("{mailbox} {}", key.encode()));
        lines::write(files, path, NAME, self.keys.iter().map(line))
    }

    /// The key of a mailbox. It takes as long if there is none.
    pub(crate) fn key(&self, mailbox: &str) -> Option<&UrlKey> {
        self.keys.iter().fold(
            None,
            |found, (named, key)| {
                if **named == *mailbox { Some(key) } else { found }
            },
        )
    }

    /// A mailbox gets this key, and has no other.
    pub(crate) fn put(&mut self, mailbox: &str, key: UrlKey) {
        self.keys.retain(|(named, _)| **named != *mailbox);
        self.keys.push((mailbox.into(), key));
        let too_many = self.keys.len().saturating_sub(KEYS_MAX);
        self.keys.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (files, path) = (Files::real(), of_account(folder.path()));
        let mut keys = UrlKeyFile::read(&files, &path).unwrap();
        let (first, second) = (UrlKey::random().unwrap(), UrlKey::random().unwrap());
        for (mailbox, key) in [("F1", &first), ("F2", &second), ("F1", &second), ("F3", &first)] {
            keys.put(mailbox, key.clone());
        }
        keys.write(&files, &path).unwrap();
        let read = UrlKeyFile::read(&files, &path).unwrap();
        assert_eq!(read.keys.len(), 3);
        assert!(read.key("F1").unwrap().proves(b"x", &second.token(b"x")));
        assert!(read.key("F3").unwrap().proves(b"x", &first.token(b"x")));
        assert!(read.key("F4").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut keys = UrlKeyFile::default();
        let key = UrlKey::random().unwrap();
        for number in 0..=KEYS_MAX {
            keys.put(&number.to_string(), key.clone());
        }
        assert_eq!(keys.keys.len(), KEYS_MAX);
        assert!(keys.key("0").is_none() && keys.key("1").is_some());
    }

    #[test]
    fn a_strange_line_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = of_account(folder.path());
        let secret = "0".repeat(64);
        for bad in [
            "key",
            "key F1",
            "key F1 12",
            &format!("key  {secret}"),
            &format!("key F1 {secret}0"),
            &format!("lock F1 {secret}"),
        ] {
            let good = format!("key F0 {secret}");
            std::fs::write(&path, format!("postrider-url-keys 1\n{good}\n{bad}\n")).unwrap();
            // What is logged has no key.
            let told = UrlKeyFile::read(&Files::real(), &path).unwrap_err().to_string();
            assert!(told.ends_with("postrider-url-keys: line 3 is not understood"), "{told}");
        }
    }
}
