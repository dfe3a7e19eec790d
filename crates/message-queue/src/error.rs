//! What can go wrong with the queue itself.

use std::{io, path::PathBuf};

use mail_types::{Address, QueueId};
use stable_storage::DatabaseError;

/// The queue could not do what was asked; nothing was promised.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database.
    #[error("the queue's database failed")]
    Database(#[from] DatabaseError),
    /// A content file.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The entry has no recipient.
    #[error("the entry has no recipient")]
    NoRecipient,
    /// An entry, or what stands in its row, cannot be read.
    #[error("queue entry {id} cannot be read: {why}")]
    Unreadable {
        /// Which.
        id: QueueId,
        /// In words.
        why: String,
    },
    /// It can't be said where a notification leads.
    #[error("cannot say where a notification to {to} leads: {why}")]
    Unroutable {
        /// Its recipient.
        to: Address,
        /// In words.
        why: String,
    },
}

impl QueueError {
    /// The writer's answer does not fit the question: never, unless this crate is wrong.
    pub(crate) fn wrong_answer() -> Self {
        Self::Database(DatabaseError::Stopped)
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Database(error) => error.is_disk_full(),
            Self::File { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<io::Error> for QueueError {
    fn from(source: io::Error) -> Self {
        Self::File { doing: "use", path: PathBuf::from("the spool"), source }
    }
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
