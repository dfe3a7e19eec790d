//! What the client is told when the store refuses or fails: the one place. The cause goes to the
//! log.

use std::{error::Error, fmt};

use directory::DirectoryError;
use imap_core::response::{Code, Completion};
use mail_store::StoreError;
use mail_types::{Right, Rights};

/// Why nobody can say where a mailbox is, or what it is called, if it may be another account's.
#[derive(Debug)]
pub(crate) enum Failure {
    Store(StoreError),
    /// It is not known who has it.
    Directory(DirectoryError),
}

impl Failure {
    /// The tagged response; what is our trouble is logged.
    pub(crate) fn completion(&self) -> Completion {
        match self {
            Self::Store(error) => completion(error),
            Self::Directory(error) => {
                tracing::error!(error = error as &dyn Error, "the directory failed");
                Completion::unavailable()
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Directory(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Directory(error) => error.source(),
        }
    }
}

/// The tagged response for a failure of the store; what is our trouble is logged.
pub(crate) fn completion(error: &StoreError) -> Completion {
    match error {
        StoreError::NoSuchMailbox(_) | StoreError::MailboxGone(_) => no_such_mailbox(),
        StoreError::MailboxExists(_) => {
            Completion::no(Code::AlreadyExists, "There is such a mailbox already")
        }
        StoreError::NotPossible { reason, .. } => Completion::no(Code::Cannot, *reason),
        StoreError::MessageGone => expunge_issued(),
        // RFC 5464 §4.3.
        StoreError::AnnotationTooLarge(octets) => {
            let code = Code::MetadataMaxSize(u64::try_from(*octets).unwrap_or(u64::MAX));
            Completion::no(code, "The value is too large")
        }
        StoreError::TooManyAnnotations => {
            Completion::no(Code::MetadataTooMany, "There are too many annotations")
        }
        // RFC 9208 §4.3.1.
        StoreError::OverQuota(_) => {
            Completion::no(Code::OverQuota, "The account has no room for it")
        }
        StoreError::NoUidLeft(_) => {
            Completion::no(Code::Limit, "This mailbox has no number left for another message")
        }
        error => {
            tracing::error!(error = error as &dyn Error, "the mail store failed");
            if error.is_full() {
                Completion::no(Code::Unavailable, "The server's disk is full, please try later")
            } else {
                Completion::unavailable()
            }
        }
    }
}

/// For a command that puts messages into a mailbox: a missing one could be made first
/// (RFC 3501 §6.3.11, §6.4.7).
pub(crate) fn try_create() -> Completion {
    Completion::no(Code::TryCreate, "There is no such mailbox; it can be created")
}

/// The same if it went meanwhile.
pub(crate) fn completion_with_try_create(error: &StoreError) -> Completion {
    match error {
        StoreError::NoSuchMailbox(_) => try_create(),
        error => completion(error),
    }
}

/// Some messages were removed by another session, and this one can't be told yet (RFC 5530 §3).
pub(crate) fn expunge_issued() -> Completion {
    Completion::no(Code::ExpungeIssued, "Some of these messages were removed meanwhile")
}

/// There is none of this name, or it must not be known that there is (RFC 4314 §6).
pub(crate) fn no_such_mailbox() -> Completion {
    Completion::no(Code::NonExistent, "There is no such mailbox")
}

/// The rights that there are do not go so far.
pub(crate) fn no_permission() -> Completion {
    Completion::no(Code::NoPerm, "You have no right to do this")
}

/// RFC 6154 §3: then nothing is made or changed.
pub(crate) fn use_attr() -> Completion {
    let why = "A mailbox has one use of Archive, Drafts, Junk, Sent, Trash";
    Completion::no(Code::UseAttr, why)
}

/// Why something may not be done with a mailbox of which one has these rights: one that may not be
/// known of is not there (RFC 4314 §6).
pub(crate) fn refusal(rights: Rights) -> Completion {
    if rights.has(Right::Lookup) { no_permission() } else { no_such_mailbox() }
}

/// The mailbox was opened with EXAMINE.
pub(crate) fn read_only() -> Completion {
    Completion::no(Code::NoPerm, "The mailbox is open for reading only")
}

/// A command needs an open mailbox or a signed-in account that is not there: the session asks
/// nothing of the kind.
pub(crate) fn out_of_order() -> Completion {
    Completion::no(Code::ServerBug, "The server lost track of this session, please reconnect")
}
