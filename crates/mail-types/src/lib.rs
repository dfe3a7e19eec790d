//! The nouns of mail, each a type that cannot hold a wrong value: addresses, identifiers, flags,
//! mailbox names, lanes, replies, the outcome of a delivery attempt.
//!
//! This crate knows no protocol's syntax beyond that of addresses, opens nothing, reads no clock
//! and makes no random numbers: times and random bytes are arguments.

mod address;
mod annotation_name;
mod attempt;
mod domain;
mod envelope;
mod flag;
mod handling;
mod ids;
mod lane;
mod local_part;
mod mailbox_name;
mod mx_pattern;
mod quota;
mod reply;
mod rights;
mod secret;
mod time;
mod tlsa;
mod unique_id;

pub use address::{Address, ForwardPath, ReversePath};
pub use annotation_name::AnnotationName;
pub use attempt::{Outcome, Problem, Scope};
pub use domain::Domain;
pub use envelope::{BodyKind, DsnReturn, Notify, OriginalRecipient};
pub use flag::{Flag, FlagSet, Keyword};
pub use handling::{DeliverBy, Handling, Late, Priority};
pub use ids::{AccountId, MailboxId, ModSeq, QueueId, RecipientNumber, SeqNum, Uid, UidValidity};
pub use lane::Lane;
pub use local_part::LocalPart;
pub use mailbox_name::MailboxName;
pub use mx_pattern::MxPattern;
pub use quota::{Allotment, MailVolume, Over, Quota};
pub use reply::{EnhancedStatus, Reply};
pub use rights::{Right, Rights};
pub use secret::Secret;
pub use time::Timestamp;
pub use tlsa::TlsaRecord;
pub use unique_id::UniqueId;

/// Why a text is not the value it should be: which rule it breaks, in words for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
