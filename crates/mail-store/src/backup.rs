//! What a backup needs to know of an account's folder: the index at one moment, the files that its
//! rows name, and the small files beside them.
//!
//! Whoever copies holds the store's folder ([`stable_storage::Hold`]) from before the copy of the index
//! until he has the files: meanwhile no file of an expunged message is removed. Files may still be
//! renamed (flags, MOVE, renamed mailboxes): what stands before the first comma of a name goes along,
//! and is found by [`files_by_unique`].
//!
//! No store is open here, and nothing is changed.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use mail_types::{AccountId, FlagSet, MailboxId, MailboxName, Timestamp, Uid, UidValidity};
use sqlx::{Connection, SqliteConnection};
use stable_storage::{DatabaseError, Files, LifeLock, copy_database, open_copy};

use crate::{
    SpecialUse, StoreError, index::copied, naming::file, open_account::INDEX, records::FolderFile,
    store::OPEN,
};

/// What the names of the small files begin with ..
const RECORDS: &str = "postrider-";
/// .. but for this one, which has no facts.
const LOCK: &str = "postrider-maildrop.lock";
/// Maildir++ marks folders with this file.
const MARK: &str = "maildirfolder";

/// Whether a process has the store in this folder open: then nobody may replace the whole of it.
pub fn is_open(folder: &Path) -> io::Result<bool> {
    LifeLock::any_alive(&folder.join(OPEN))
}

/// A mailbox, as a copied index has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopiedMailbox {
    /// Its id.
    pub id: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// Its folder below the account's.
    pub folder: String,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// The epoch of its UIDs.
    pub uid_validity: UidValidity,
    /// One more than the last UID given.
    pub uid_next: i64,
    /// Whether it is subscribed.
    pub subscribed: bool,
}

/// A message, as a copied index has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopiedMessage {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: FlagSet,
    /// Octets in wire form.
    pub size: u64,
    /// Octets in the file.
    pub octets: u64,
    /// When it was received (INTERNALDATE).
    pub internal_date: Timestamp,
    /// Its file, below the account's folder.
    pub path: String,
    /// The part of the file's name that never changes.
    pub unique: String,
}

/// The accounts that have a folder in the store's, ascending.
pub fn accounts(store: &Path) -> io::Result<Vec<AccountId>> {
    let names = match Files::real().list(store) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let id = |name: std::ffi::OsString| name.to_str()?.parse().ok().map(AccountId);
    let mut accounts: Vec<AccountId> = names.into_iter().filter_map(id).collect();
    accounts.sort_unstable();
    Ok(accounts)
}

/// Where the index is in an account's folder.
pub fn index_file(account_folder: &Path) -> PathBuf {
    account_folder.join(INDEX)
}

/// A copy of an account's index.
#[derive(Debug)]
pub struct IndexCopy {
    account: AccountId,
    connection: SqliteConnection,
}

impl IndexCopy {
    /// Copies the index in an account's folder, as it is now, to a new file.
    pub async fn make(account_folder: &Path, into: &Path) -> Result<(), DatabaseError> {
        copy_database(&index_file(account_folder), into).await
    }

    /// Opens a copy that nobody writes to.
    pub async fn open(account: AccountId, path: &Path) -> Result<Self, StoreError> {
        let connection = open_copy(path).await.map_err(|source| StoreError::Index {
            account,
            operation: "open a copy",
            source: Box::new(source),
        })?;
        Ok(Self { account, connection })
    }

    /// All mailboxes, by id.
    pub async fn mailboxes(&mut self) -> Result<Vec<CopiedMailbox>, StoreError> {
        let read = copied::mailboxes(&mut self.connection).await;
        read.map_err(|error| self.failed("read the mailboxes of a copy", error))
    }

    /// Messages of a mailbox behind a UID, at most so many.
    pub async fn messages(
        &mut self,
        mailbox: &CopiedMailbox,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<CopiedMessage>, StoreError> {
        let read = copied::messages(&mut self.connection, mailbox, after, limit).await;
        read.map_err(|error| self.failed("read the messages of a copy", error))
    }

    /// The messages of a mailbox with this Message-ID, angle brackets included.
    pub async fn with_message_id(
        &mut self,
        mailbox: MailboxId,
        message_id: &str,
    ) -> Result<Vec<Uid>, StoreError> {
        let id = message_id.as_bytes();
        let read = copied::with_message_id(&mut self.connection, mailbox, id).await;
        read.map_err(|error| self.failed("look for a message in a copy", error))
    }

    /// Closes it.
    pub async fn close(self) {
        // Nothing was written.
        let _ = self.connection.close().await;
    }

    fn failed(&self, operation: &'static str, error: sqlx::Error) -> StoreError {
        StoreError::Index { account: self.account, operation, source: Box::new(error) }
    }
}

/// The small files of an account that must survive its index, and Maildir++'s marks, below its
/// folder; sorted.
pub fn records(account_folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in folders(account_folder)? {
        for name in list(&account_folder.join(&folder))? {
            let is_record = name.starts_with(RECORDS) && !name.starts_with(INDEX);
            if name == MARK || is_record && name != LOCK && !name.ends_with(".new") {
                let path = below(&folder, &name);
                // What was removed and can be brought back is in a folder of such a name.
                found.extend(account_folder.join(&path).is_file().then_some(path));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether the folders on disk are those of these mailboxes: after a copy of the index and of the
/// records, that nothing was renamed between the two.
pub fn folders_agree(
    account_folder: &Path,
    mailboxes: &[CopiedMailbox],
) -> Result<bool, StoreError> {
    for mailbox in mailboxes {
        let folder = account_folder.join(&mailbox.folder);
        match FolderFile::read(&Files::real(), &folder)? {
            Some(facts) if facts.mailbox == mailbox.id && facts.uids_below >= mailbox.uid_next => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Where all message files of an account are now, by the part of their names that never changes;
/// those of deleted mailboxes too.
pub fn files_by_unique(account_folder: &Path) -> io::Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for folder in folders(account_folder)? {
        for place in ["new", "cur"] {
            let place = below(&folder, place);
            for name in list(&account_folder.join(&place))? {
                if let Some((base, _)) = file::split(&name) {
                    found.insert(file::unique_in(base).to_owned(), below(&place, &name));
                }
            }
        }
    }
    Ok(found)
}

/// INBOX's folder, which is the account's, and all others.
fn folders(account_folder: &Path) -> io::Result<Vec<String>> {
    let mut folders = vec![String::new()];
    let names = list(account_folder)?.into_iter().filter(|name| name.starts_with('.'));
    folders.extend(names.filter(|name| account_folder.join(name).is_dir()));
    Ok(folders)
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The names in a folder that are text; none if it is not there.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    match Files::real().list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => Ok(names?.into_iter().filter_map(|name| name.into_string().ok()).collect()),
    }
}
