//! Who shares with whom: for each account the mailboxes of others that name it in their access
//! control lists, and for all those that name anyone. So nobody has to look into every account.
//!
//! Files in `shared/`, one a grantee, beside the accounts' folders. They are hints: a mailbox's own
//! list says what is true. Every pair that a list has stands here, because a pair comes here
//! first and goes from here last; a pair that no list has any more does no harm. If the folder is
//! lost, or was never there, it is made from the lists; as long as one of them can't be read, with
//! each question anew, and what stands there stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use mail_types::{AccountId, MailboxId};
use stable_storage::{Files, Held, Turnstile};

use crate::{
    Grantee, StoreError,
    maildir::Maildir,
    records::{FolderFile, access_file, share_file},
};

/// The folder below that of the store.
const FOLDER: &str = "shared";
/// Says that all lists were read once.
const COMPLETE: &str = "complete";

/// A mailbox of an account.
pub(crate) type Shared = (AccountId, MailboxId);

/// The files; all calls block.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    files: Files,
    store: PathBuf,
}

/// The right to change the files.
pub(crate) struct Changing {
    shares: Shares,
    _turn: Held,
}

impl Shares {
    /// Those of the store in this folder.
    pub(crate) fn of(files: &Files, store: &Path) -> Self {
        Self { files: files.clone(), store: store.to_owned() }
    }

    fn folder(&self) -> PathBuf {
        self.store.join(FOLDER)
    }

    fn path(&self, to: Grantee) -> PathBuf {
        match to {
            Grantee::Anyone => self.folder().join("anyone"),
            Grantee::Account(id) => self.folder().join(id.to_string()),
        }
    }

    /// Whether all that is shared stands in the files.
    pub(crate) fn are_complete(&self) -> bool {
        self.folder().join(COMPLETE).exists()
    }

    /// Accounts came out of a backup, with lists that nobody has read: all are read when somebody next
    /// asks.
    pub(crate) fn begin_anew(&self) -> Result<(), StoreError> {
        let complete = self.folder().join(COMPLETE);
        let removed = self.files.unlink(&complete);
        removed.map(|_| ()).map_err(|e| StoreError::file("remove", complete, e))
    }

    /// What may be shared with an account, its own apart.
    pub(crate) fn with(&self, account: AccountId) -> Result<Vec<Shared>, StoreError> {
        let mut all = BTreeSet::new();
        for to in [Grantee::Anyone, Grantee::Account(account)] {
            all.extend(share_file::read(&self.files, &self.path(to))?);
        }
        all.retain(|(owner, _)| *owner != account);
        Ok(all.into_iter().collect())
    }

    /// Waits until nobody else changes the files.
    pub(crate) async fn change(&self) -> Result<Changing, StoreError> {
        let folder = self.folder();
        let (files, made) = (self.files.clone(), folder.clone());
        stable_storage::on_blocking_thread(move || {
            files.make_folders(&made).map_err(|e| StoreError::file("make", &made, e))
        })
        .await?;
        let locked = |error: stable_storage::DatabaseError| {
            StoreError::file("lock", folder.clone(), std::io::Error::other(error))
        };
        let turnstile = Turnstile::of(&folder.join("lock")).map_err(locked)?;
        Ok(Changing { shares: self.clone(), _turn: turnstile.enter().await.map_err(locked)? })
    }
}

impl Changing {
    /// A mailbox is to be shared with these; durable when this returns.
    pub(crate) fn add(&self, to: &[Grantee], shared: Shared) -> Result<(), StoreError> {
        self.each(to, |pairs| pairs.insert(shared))
    }

    /// It no longer is.
    pub(crate) fn remove(&self, to: &[Grantee], shared: Shared) -> Result<(), StoreError> {
        self.each(to, |pairs| pairs.remove(&shared))
    }

    fn each(
        &self,
        to: &[Grantee],
        mut change: impl FnMut(&mut BTreeSet<Shared>) -> bool,
    ) -> Result<(), StoreError> {
        for to in to {
            let path = self.shares.path(*to);
            let mut pairs = share_file::read(&self.shares.files, &path)?;
            if change(&mut pairs) {
                share_file::write(&self.shares.files, &path, &pairs)?;
            }
        }
        Ok(())
    }

    /// Makes the files from the lists of all mailboxes, unless somebody else has done so.
    pub(crate) fn complete(&self) -> Result<(), StoreError> {
        let Shares { files, store } = &self.shares;
        if self.shares.are_complete() {
            return Ok(());
        }
        let mut all: BTreeMap<Grantee, BTreeSet<Shared>> = BTreeMap::new();
        let mut all_read = true;
        let names = files.list(store).map_err(|e| StoreError::file("list", store, e))?;
        for name in names {
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let maildir = Maildir { files: files.clone(), root: store.join(&name) };
            let (lists, whole) = lists_of(&maildir);
            all_read &= whole;
            for (mailbox, grantees) in lists {
                for to in grantees {
                    all.entry(to).or_default().insert((AccountId(id), mailbox));
                }
            }
        }
        for (to, mut pairs) in all {
            let path = self.shares.path(to);
            if !all_read {
                pairs.extend(share_file::read(files, &path)?);
            }
            share_file::write(files, &path, &pairs)?;
        }
        if !all_read {
            return Ok(());
        }
        let complete = self.shares.folder().join(COMPLETE);
        files.replace(&complete, b"").map_err(|e| StoreError::file("replace", complete, e))
    }
}

/// The mailboxes of an account that have a list, and whom these name; and whether all of them could
/// be read.
fn lists_of(maildir: &Maildir) -> (Vec<(MailboxId, Vec<Grantee>)>, bool) {
    let mut all_read = true;
    let mut passed_over = |folder: &Path, error: StoreError| {
        all_read = false;
        let (folder, error) = (folder.display(), &error as &dyn std::error::Error);
        tracing::error!(%folder, error, "who shares this can't be read: it is passed over");
    };
    let folders = maildir.folders().unwrap_or_else(|error| {
        passed_over(&maildir.root, error);
        Vec::new()
    });
    let mut lists = Vec::new();
    for dir in [String::new()].into_iter().chain(folders) {
        let folder = maildir.dir(&dir);
        match list_of(maildir, &folder) {
            Ok(list) => lists.extend(list),
            Err(error) => passed_over(&folder, error),
        }
    }
    (lists, all_read)
}

fn list_of(
    maildir: &Maildir,
    folder: &Path,
) -> Result<Option<(MailboxId, Vec<Grantee>)>, StoreError> {
    let Some(list) = access_file::read(&maildir.files, folder)? else { return Ok(None) };
    let facts = FolderFile::read(&maildir.files, folder)?;
    Ok(facts.map(|facts| (facts.mailbox, list.grantees().collect())))
}
