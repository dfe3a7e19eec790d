//! The store of a process: which accounts' indexes are open, who waits for which mailbox.

use std::{path::PathBuf, sync::Arc};

use mail_types::AccountId;
use stable_storage::Files;

use crate::{AccountMailboxes, StoreError};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The folder with one folder an account in it.
    pub folder: PathBuf,
    /// The most indexes open at once; each costs a thread.
    pub open_accounts_max: usize,
    /// The name of this run of the kernel: another one at the next opening means that the machine
    /// stopped between.
    pub boot: String,
}

impl StoreOptions {
    /// The usual ones; asks the kernel for its boot id.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { folder: folder.into(), open_accounts_max: 64, boot: boot.trim().to_owned() }
    }
}

/// The mail store, as one process has it open. A clone is the same one.
#[derive(Clone, Debug)]
pub struct MailStore {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: StoreOptions,
    pub(crate) files: Files,
}

impl MailStore {
    /// Opens the store; its folder is made if it is missing.
    pub async fn open(options: StoreOptions, files: Files) -> Result<Self, StoreError> {
        Ok(Self { shared: Arc::new(Shared { options, files }) })
    }

    /// The mailboxes of an account, which get their folder when they are first used. Asks nobody
    /// whether there is such an account.
    pub fn account(&self, id: AccountId) -> AccountMailboxes {
        AccountMailboxes { store: self.clone(), id }
    }

    /// Writes to disk what follows within seconds (flags in file names) and closes all indexes.
    pub async fn close(&self) {
        todo!()
    }
}
