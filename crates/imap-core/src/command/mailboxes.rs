//! What concerns mailboxes as wholes.

use mail_types::{AnnotationName, MailboxName, ModSeq, UidValidity};

use crate::SequenceSet;

/// The commands that look at mailboxes from outside or change which there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxCommand {
    /// CREATE (RFC 3501 §6.3.3); a separator at the end was cut off.
    Create {
        /// The name.
        name: MailboxName,
        /// `USE`: what it is for (RFC 6154 §3); each once.
        special_uses: Vec<SpecialUse>,
    },
    /// DELETE (RFC 3501 §6.3.4).
    Delete(MailboxName),
    /// RENAME (RFC 3501 §6.3.5).
    Rename {
        /// The old name; INBOX is a case of its own.
        from: MailboxName,
        /// The new name.
        to: MailboxName,
    },
    /// SUBSCRIBE (RFC 3501 §6.3.6).
    Subscribe(MailboxName),
    /// UNSUBSCRIBE (RFC 3501 §6.3.7).
    Unsubscribe(MailboxName),
    /// LIST (RFC 3501 §6.3.8, RFC 5258 §3).
    List(List),
    /// LSUB (RFC 3501 §6.3.9).
    Lsub {
        /// What stands before the pattern.
        reference: String,
        /// The pattern.
        pattern: String,
    },
    /// STATUS (RFC 3501 §6.3.10).
    Status(Status),
}

/// SELECT (RFC 3501 §6.3.1) and EXAMINE (RFC 3501 §6.3.2). Whether it succeeds or not, what was
/// selected before no longer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    /// Which.
    pub mailbox: MailboxName,
    /// EXAMINE: nothing may change, `\Recent` neither.
    pub read_only: bool,
    /// `CONDSTORE`: the client knows of mod-sequences (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// `QRESYNC`: the client was here before.
    pub resync: Option<Resync>,
}

/// What a client that comes back knows of a mailbox (RFC 7162 §3.2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resync {
    /// The epoch of its UIDs; if it is another one, the rest is of no use.
    pub uid_validity: UidValidity,
    /// All changes up to this one.
    pub since: ModSeq,
    /// The UIDs that it knows; none: all there ever were.
    pub known: Option<SequenceSet>,
    /// Sequence numbers and the UIDs that they had: as many of one as of the other, ascending.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}

/// LIST with all that RFC 5258, RFC 5819 and RFC 6154 add. [`crate::listing`] decides what is
/// listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// What stands before each pattern.
    pub reference: String,
    /// The patterns, decoded: `%` one level, `*` any.
    pub patterns: Vec<String>,
    /// Extended in any of the three ways (RFC 5258 §1): the empty pattern then asks for nothing.
    pub extended: bool,
    /// Which of the mailboxes that match.
    pub selection: ListSelection,
    /// What is told of each.
    pub returns: ListReturn,
}

/// Selection options (RFC 5258 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ListSelection {
    /// `SUBSCRIBED`.
    pub subscribed: bool,
    /// `SPECIAL-USE` (RFC 6154 §2).
    pub special_use: bool,
    /// `RECURSIVEMATCH`.
    pub recursive_match: bool,
}

/// Return options (RFC 5258 §3.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListReturn {
    /// `SUBSCRIBED`.
    pub subscribed: bool,
    /// `CHILDREN`.
    pub children: bool,
    /// `SPECIAL-USE` (RFC 6154 §2).
    pub special_use: bool,
    /// `STATUS` of these (RFC 5819 §2); empty: none.
    pub status: Vec<StatusItem>,
    /// `MYRIGHTS` (RFC 8440 §3).
    pub my_rights: bool,
    /// `METADATA`: these entries (RFC 9590 §3); empty: none.
    pub metadata: Vec<AnnotationName>,
}

/// STATUS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What.
    pub items: Vec<StatusItem>,
}

/// A status data item (RFC 3501 §6.3.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    /// `MESSAGES`.
    Messages,
    /// `RECENT`.
    Recent,
    /// `UIDNEXT`.
    UidNext,
    /// `UIDVALIDITY`.
    UidValidity,
    /// `UNSEEN`: how many have no `\Seen`.
    Unseen,
    /// `SIZE`: the octets of all messages (RFC 8438 §3).
    Size,
    /// `APPENDLIMIT`: the octets that one message may have (RFC 7889 §3.2).
    AppendLimit,
    /// `HIGHESTMODSEQ` (RFC 7162 §3.1.7).
    HighestModSeq,
    /// `DELETED`: how many have `\Deleted` (RFC 9208 §4.1.4).
    Deleted,
    /// `DELETED-STORAGE`: their octets (RFC 9208 §4.1.4).
    DeletedStorage,
    /// `MAILBOXID` (RFC 8474 §4.3).
    MailboxId,
}

impl StatusItem {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Size,
        Self::AppendLimit,
        Self::HighestModSeq,
        Self::Deleted,
        Self::DeletedStorage,
        Self::MailboxId,
    ];

    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Size => "SIZE",
            Self::AppendLimit => "APPENDLIMIT",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::Deleted => "DELETED",
            Self::DeletedStorage => "DELETED-STORAGE",
            Self::MailboxId => "MAILBOXID",
        }
    }
}

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpecialUse {
    /// `\All`.
    All,
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Flagged`.
    Flagged,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}
