//! What can go wrong, by whose fault.

use std::{io, path::PathBuf};

use mail_types::{AccountId, MailboxId, MailboxName, Over};

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No mailbox has this name.
    #[error("no mailbox is called {0}")]
    NoSuchMailbox(MailboxName),
    /// The mailbox was deleted meanwhile.
    #[error("mailbox {0} of the account is gone")]
    MailboxGone(MailboxId),
    /// The name is taken.
    #[error("a mailbox is called {0} already")]
    MailboxExists(MailboxName),
    /// An annotation has more octets than this.
    #[error("an annotation has more than {0} octets")]
    AnnotationTooLarge(usize),
    /// There are as many annotations as there may be.
    #[error("there are too many annotations")]
    TooManyAnnotations,
    /// The operation is not for this mailbox, with the reason: deleting INBOX, for example.
    #[error("{name}: {reason}")]
    NotPossible {
        /// The mailbox.
        name: MailboxName,
        /// Why, for a person.
        reason: &'static str,
    },
    /// The message was expunged meanwhile, or its file was taken away.
    #[error("the message is gone")]
    MessageGone,
    /// A mailbox has given away all of its UIDs.
    #[error("mailbox {0} has no UID left")]
    NoUidLeft(MailboxId),
    /// The maildrop is open in another session.
    #[error("the maildrop of account {0} is in use")]
    MaildropInUse(AccountId),
    /// It would go beyond the account's quota.
    #[error("the account's quota is used up: {0:?}")]
    OverQuota(Over),
    /// The disk or the quota of the file system is full.
    #[error("no room: {operation} {path}")]
    NoRoom {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An operation on a file or folder failed.
    #[error("{operation} {path}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// One of the small files says something that is not understood.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The index failed.
    #[error("index of account {account}: {operation}")]
    Index {
        /// Whose index.
        account: AccountId,
        /// What was tried.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process builds the index anew; the next operation waits for it.
    #[error("the index of account {0} is being built anew")]
    IndexReplaced(AccountId),
    /// The store is being closed.
    #[error("the store is closing")]
    Closing,
}

impl StoreError {
    /// An error of the file layer; a full disk is told apart.
    pub(crate) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoRoom { operation, path, source }
            }
            _ => Self::File { operation, path, source },
        }
    }

    /// Whether SQLite says that the index is no database, or malformed.
    pub(crate) fn is_damaged_index(&self) -> bool {
        // SQLITE_CORRUPT and SQLITE_NOTADB; extended codes have them in their low octet.
        const CODES: [u32; 2] = [11, 26];
        self.index_code().is_some_and(|code| CODES.contains(&(code & 0xff)))
    }

    /// What SQLite says is wrong with the index.
    fn index_code(&self) -> Option<u32> {
        let Self::Index { source, .. } = self else { return None };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            if let Some(sqlx::Error::Database(error)) = error.downcast_ref::<sqlx::Error>() {
                return error.code()?.parse().ok();
            }
            if let Some(rusqlite::Error::SqliteFailure(error, _)) = error.downcast_ref() {
                return u32::try_from(error.extended_code).ok();
            }
            cause = error.source();
        }
        None
    }

    /// Whether a file was not where it should be.
    pub(crate) fn is_file_missing(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether it lies in the folder of one mailbox: others may be in order.
    pub(crate) fn is_of_a_folder(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Unreadable { .. } | Self::NoUidLeft(_))
    }

    /// Whether nothing but room is missing.
    pub fn is_full(&self) -> bool {
        match self {
            Self::NoRoom { .. } => true,
            Self::Index { source, .. } => {
                // SQLITE_FULL and SQLITE_IOERR_SHMSIZE; or a lock's file could not be made.
                self.index_code().is_some_and(|code| code == 13 || code == 4874)
                    || source
                        .downcast_ref::<stable_storage::DatabaseError>()
                        .is_some_and(stable_storage::DatabaseError::is_disk_full)
            }
            _ => false,
        }
    }
}

/// For file work that could not even begin on its thread: the runtime stops. Whatever a file
/// operation says itself goes through [`StoreError::file`], with its path.
impl From<io::Error> for StoreError {
    fn from(_: io::Error) -> Self {
        Self::Closing
    }
}
