//! Mailboxes: Maildir++ with an index beside it.
//!
//! The files are the truth for bytes, UIDs, flags and dates, and any other tool can read them; the
//! index (SQLite, one an account) answers every question that a session asks, and is rebuilt from
//! the files when it is lost. docs/mail-store.md has every state that the disk can be in and the
//! order of the steps between them; the modules repeat the part they implement.
//!
//! Invariants: a message is durable before it is visible, and visible before it is reported as
//! delivered; a UID that was told never means another message; what changes an account happens
//! inside one write transaction of its index, so processes agree; no transaction is open while
//! somebody waits for a peer.
//!
//! This crate knows no protocol: how a name or a flag is spelled on the wire, what a session has
//! been told, what somebody's rights let him do. It doesn't know the queue either, only its ids.

mod access;
mod account;
mod annotations;
mod asked;
mod background;
pub mod backup;
mod changes;
mod check;
mod comparing;
mod content;
mod details;
mod error;
mod facts;
mod facts_kept;
mod gathering;
mod incoming;
mod index;
mod line_ends;
mod listing;
mod mailbox;
mod maildir;
mod maildrop;
mod message;
mod naming;
mod object_ids;
mod once;
mod open_account;
mod open_accounts;
mod orders;
mod preview;
mod records;
mod shares;
mod sort_keys;
mod store;
pub mod traces;
mod uid_set;
mod url_keys;
mod watch;

pub use access::{AccessList, Grant, Grantee, RightsChange};
pub use account::{AccountMailboxes, Pending, UrlKeys};
pub use annotations::{Annotation, AnnotationChange, AnnotationLimits};
pub use changes::PlainUniqueId;
pub use changes::removed::RemovedMessage;
pub use check::{Finding, Mended, Trouble};
pub use content::MessageReader;
pub use details::{Details, StoredDetails, StoredEnvelopes};
pub use error::StoreError;
pub use facts::{Fact, Facts};
pub use gathering::Gathering;
pub use incoming::{Ended, Incoming, Written};
pub use mailbox::{
    Appended, Changes, Copied, FlagChange, FlagsStored, ListedMailbox, MailboxState, MessageFlags,
    SpecialUse, Totals,
};
pub use maildrop::{DropEntry, MaildropLock, ReadWhole};
pub use message::{Coming, Delivered, Delivery, Filed, MessageFile, MessageRow, NewMessage, Want};
pub use object_ids::{EmailId, ObjectIds, ThreadId};
pub use once::Once;
pub use sort_keys::{SortBy, SortKey, Threadable};
pub use store::{Clock, MailStore, StoreOptions, open_accounts_max};
pub use uid_set::UidSet;
pub use url_keys::{KeyedMailbox, UrlKey};
pub use watch::Watch;
