//! The folders of one account, as calls that block. What may be on disk at which moment stands in
//! docs/mail-store.md.

use std::{
    collections::HashSet,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use mail_types::Timestamp;
use stable_storage::Files;

use crate::{
    StoreError,
    index::mailboxes::{FolderTimes, MailboxRow},
    naming::file,
    records::FolderFile,
};

/// UIDs are reserved in blocks of so many.
const UID_BLOCK: i64 = 1_000;
/// Modseqs are reserved in blocks of so many.
const MODSEQ_BLOCK: i64 = 10_000;
/// What stays in `tmp` for longer belongs to nobody: 36 hours, as Maildir has it.
const TMP_KEPT_S: i64 = 36 * 3600;
/// And for so long if it is a delivery's: 60 days.
const DELIVERY_KEPT_S: i64 = 60 * 24 * 3600;
/// A folder that is to be removed is called this and a mailbox id.
pub(crate) const GONE: &str = "..gone-";

/// The account's folder. A clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Maildir {
    pub(crate) files: Files,
    pub(crate) root: PathBuf,
}

impl Maildir {
    /// A mailbox's folder.
    pub(crate) fn dir(&self, dir: &str) -> PathBuf {
        if dir.is_empty() { self.root.clone() } else { self.root.join(dir) }
    }

    /// A path that a row holds.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// Where messages are written.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Makes a mailbox's folder, durable but for its name in the account's folder.
    pub(crate) fn make(&self, dir: &str) -> Result<(), StoreError> {
        let folder = self.dir(dir);
        let failed = |e| StoreError::file("make", &folder, e);
        self.files.make_folder(&folder).map_err(failed)?;
        for part in ["cur", "new", "tmp"] {
            self.files.make_folder(&folder.join(part)).map_err(failed)?;
        }
        let marker = folder.join("maildirfolder");
        if !dir.is_empty() && !self.files.exists(&marker).map_err(failed)? {
            self.files.create_new(&marker).map_err(failed)?;
        }
        self.sync(&folder)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync(&self, folder: &Path) -> Result<(), StoreError> {
        self.files.sync_dir(folder).map_err(|e| StoreError::file("sync", folder, e))
    }

    /// The times of a mailbox's folders; zero for one that is missing.
    pub(crate) fn times(&self, dir: &str) -> FolderTimes {
        let time = |part: &str| {
            std::fs::metadata(self.dir(dir).join(part)).map_or(0, |facts| {
                facts.mtime().saturating_mul(1_000_000_000).saturating_add(facts.mtime_nsec())
            })
        };
        FolderTimes { new: time("new"), cur: time("cur") }
    }

    /// Raises the marks if the row needs it: durable before anybody is told a number beyond them.
    pub(crate) fn reserve(&self, mailbox: &mut MailboxRow) -> Result<(), StoreError> {
        if mailbox.uid_next <= mailbox.uids_below && mailbox.modseq < mailbox.modseqs_below {
            return Ok(());
        }
        mailbox.uids_below = mailbox.uids_below.max(mailbox.uid_next.saturating_add(UID_BLOCK));
        mailbox.modseqs_below =
            mailbox.modseqs_below.max(mailbox.modseq.saturating_add(MODSEQ_BLOCK));
        self.write_facts(mailbox)
    }

    /// Writes `postrider-folder`; durable when this returns.
    pub(crate) fn write_facts(&self, mailbox: &MailboxRow) -> Result<(), StoreError> {
        let facts = FolderFile {
            mailbox: mailbox.id,
            name: mailbox.name.clone(),
            uid_validity: mailbox.uid_validity,
            uids_below: mailbox.uids_below,
            modseqs_below: mailbox.modseqs_below,
            special_use: mailbox.special_use,
        };
        facts.write(&self.files, &self.dir(&mailbox.dir))
    }

    /// The folders of mailboxes that are there, but for INBOX's.
    pub(crate) fn folders(&self) -> Result<Vec<String>, StoreError> {
        let failed = |e| StoreError::file("list", &self.root, e);
        let names = self.files.list(&self.root).map_err(failed)?;
        let mut folders: Vec<String> = names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .filter(|name| name.starts_with('.') && !name.starts_with(GONE))
            .filter(|name| self.root.join(name).join("cur").is_dir())
            .collect();
        folders.sort_unstable();
        Ok(folders)
    }

    /// The unique parts of the messages whose arrival did not get to its end.
    pub(crate) fn unfinished(&self) -> Result<HashSet<String>, StoreError> {
        let tmp = self.tmp();
        let names = match self.files.list(&tmp) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|e| StoreError::file("list", &tmp, e))?,
        };
        Ok(names.iter().filter_map(|name| Some(unique_in_tmp(name.to_str()?).to_owned())).collect())
    }

    /// Removes from `tmp` what nobody will come back for. A delivery's file is the sign of an
    /// attempt that did not get to its end; it is kept as long as the delivery may come again.
    pub(crate) fn sweep_tmp(&self, now: Timestamp) -> Result<(), StoreError> {
        let tmp = self.tmp();
        let failed = |e| StoreError::file("sweep", &tmp, e);
        let names = match self.files.list(&tmp) {
            // Whoever writes a message makes it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(failed)?,
        };
        for name in names {
            let path = tmp.join(&name);
            let unique = unique_in_tmp(name.to_str().unwrap_or_default());
            let kept_s = match file::delivery_in(unique) {
                Some(_) => DELIVERY_KEPT_S,
                None => TMP_KEPT_S,
            };
            // The modification time is the message's own date.
            let changed = std::fs::metadata(&path).map_or(i64::MAX, |facts| facts.ctime());
            if now.secs().saturating_sub(changed) > kept_s {
                self.files.unlink(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Removes a file, or a folder with all that is in it. What is gone already is no error.
    pub(crate) fn remove(&self, below: &str) -> Result<(), StoreError> {
        let path = self.path(below);
        let failed = |e| StoreError::file("remove", &path, e);
        if path.is_dir() {
            for name in self.files.list(&path).map_err(failed)? {
                if let Some(name) = name.to_str() {
                    self.remove(&format!("{below}/{name}"))?;
                }
            }
            self.sync(&path)?;
            self.files.remove_folder(&path).map_err(failed)?;
        } else {
            self.files.unlink(&path).map_err(failed)?;
        }
        Ok(())
    }
}

/// What the name of a file in `tmp` tells: a second attempt's ends in a word more.
fn unique_in_tmp(name: &str) -> &str {
    name.trim_end_matches(".again")
}
