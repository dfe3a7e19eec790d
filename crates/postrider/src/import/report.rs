//! What an import came to.

use mail_types::MailboxName;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How many reasons are kept for a folder.
const REASONS: usize = 100;

/// Of all folders.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) folders: Vec<FolderReport>,
    /// Folders that were left out, with the reason.
    pub(crate) left_out: Vec<String>,
    /// Folders that were wanted and could not be taken over, with the reason.
    pub(crate) failed: Vec<String>,
}

/// Of one folder.
#[derive(Debug, Default)]
pub(crate) struct FolderReport {
    /// Its name at the source.
    pub(crate) name: String,
    /// The mailbox that its mail went to.
    pub(crate) mailbox: String,
    /// Messages taken over now.
    pub(crate) brought: u64,
    /// Their octets.
    pub(crate) octets: u64,
    /// Messages that were taken over before.
    pub(crate) before: u64,
    /// Messages that could not be.
    pub(crate) skipped: u64,
    /// Why, for the first of them.
    pub(crate) reasons: Vec<String>,
    digests: Digests,
    /// The digest of all, once they are there: then the single ones are not kept.
    digest: String,
}

impl Report {
    /// Begins a folder.
    pub(super) fn folder(&mut self, name: &str, mailbox: &MailboxName) -> &mut FolderReport {
        let (name, mailbox) = (name.to_owned(), mailbox.to_string());
        self.folders.push_mut(FolderReport { name, mailbox, ..FolderReport::default() })
    }

    /// Messages that could not be taken over.
    pub(crate) fn skipped(&self) -> u64 {
        self.folders.iter().map(|folder| folder.skipped).sum()
    }

    pub(crate) fn json(&self) -> Value {
        let folder = |folder: &FolderReport| {
            json!({
                "folder": folder.name,
                "mailbox": folder.mailbox,
                "imported": folder.brought,
                "bytes": folder.octets,
                "imported_before": folder.before,
                "skipped": folder.skipped,
                "reasons": folder.reasons,
                "digest": folder.digest(),
            })
        };
        json!({
            "folders": self.folders.iter().map(folder).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "failed": self.failed,
        })
    }
}

impl FolderReport {
    pub(super) fn before(&mut self, count: usize) {
        self.before += u64::try_from(count).unwrap_or(u64::MAX);
    }

    pub(super) fn brought(&mut self, octets: u64, digest: [u8; 32]) {
        self.brought += 1;
        self.octets = self.octets.saturating_add(octets);
        self.digests.add(digest);
    }

    pub(super) fn skipped(&mut self, why: String) {
        self.skipped += 1;
        if self.reasons.len() < REASONS {
            self.reasons.push(why);
        }
    }

    /// No more messages come.
    pub(super) fn end(&mut self) {
        self.digest = std::mem::take(&mut self.digests).of_all();
    }

    /// A digest of all messages that were taken over now. Nothing if there were none.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

/// The digests of many messages.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Digests(Vec<[u8; 32]>);

impl Digests {
    pub(crate) fn add(&mut self, digest: [u8; 32]) {
        self.0.push(digest);
    }

    /// The same for the same messages, whatever their order: the SHA-256 of their sorted SHA-256
    /// digests. Nothing if there are none.
    pub(crate) fn of_all(mut self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        self.0.sort_unstable();
        let mut hash = Sha256::new();
        self.0.iter().for_each(|digest| hash.update(digest));
        let digest: [u8; 32] = hash.finalize().into();
        digest.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}
