//! What a client can ask for, as values, grouped by who answers.
//!
//! Names are decoded (modified UTF-7 is gone), strings are text, numbers are checked; what stands
//! here is well formed. Whether it can be done is the agent's to say.

mod acl;
mod fetch;
mod mailboxes;
mod metadata;
mod notify;
mod search;
mod urls;

use std::collections::VecDeque;

use mail_types::{FlagSet, MailboxName, ModSeq, Secret, Timestamp};

pub use acl::{AclCommand, Identifier, RightsChange};
pub use fetch::{Fetch, FetchItem, Partial};
pub use mailboxes::{
    List, ListReturn, ListSelection, MailboxCommand, Resync, Select, SpecialUse, Status, StatusItem,
};
pub use metadata::{Depth, MetadataCommand};
pub use mime_core::section::{FieldChoice, Section, SectionOf};
pub use notify::{EventGroup, Events, Notify, NotifyMailboxes, NotifySet, SelectedEvents};
pub use search::{
    Arrange, EnvelopeField, MultiSearch, PartialRange, Search, SearchKey, SearchReturn,
    SearchSource, SortCriterion, SortKey, ThreadAlgorithm, Update,
};
pub use urls::{UrlCommand, UrlToAuthorize};

use crate::SequenceSet;

/// A command with its arguments. APPEND is apart: its message is never held ([`AppendHead`]).
#[derive(Debug)]
pub enum Command {
    /// CAPABILITY (RFC 3501 §6.1.1).
    Capability,
    /// NOOP (RFC 3501 §6.1.2) and CHECK (RFC 3501 §6.4.1): nothing, but news may be told.
    Noop,
    /// LOGOUT (RFC 3501 §6.1.3).
    Logout,
    /// ID (RFC 2971 §3.1); what the client calls itself is of no consequence here.
    Id,
    /// STARTTLS (RFC 3501 §6.2.1).
    StartTls,
    /// LOGIN (RFC 3501 §6.2.3).
    Login {
        /// The name.
        name: String,
        /// The password.
        password: Secret,
    },
    /// AUTHENTICATE (RFC 3501 §6.2.2).
    Authenticate {
        /// The mechanism's name as the client wrote it.
        mechanism: String,
        /// What came on the line (RFC 4959 §3), still in base64.
        initial: Option<Secret>,
    },
    /// ENABLE (RFC 5161 §3.1); what is not known is passed over.
    Enable(Enable),
    /// LANGUAGE (RFC 5255 §3.2): one that these ranges mean, the preferred first; without any, which
    /// there are.
    Language(Vec<String>),
    /// COMPRESS DEFLATE (RFC 4978 §3).
    Compress,
    /// UNAUTHENTICATE (RFC 8437 §3).
    Unauthenticate,
    /// APPEND and REPLACE, if no literal stands in them.
    Append(Appends),
    /// NAMESPACE (RFC 2342 §5).
    Namespace,
    /// What concerns mailboxes from outside.
    Mailboxes(MailboxCommand),
    /// GETMETADATA and SETMETADATA.
    Metadata(MetadataCommand),
    /// SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS.
    Acl(AclCommand),
    /// GENURLAUTH, RESETKEY and URLFETCH.
    Urls(UrlCommand),
    /// NOTIFY (RFC 5465 §3.1).
    Notify(Notify),
    /// GETQUOTA and GETQUOTAROOT.
    Quota(QuotaCommand),
    /// SETQUOTA (RFC 9208 §4.1.3): refused, whatever it wants to set.
    SetQuota,
    /// SELECT and EXAMINE.
    Select(Select),
    /// CLOSE and UNSELECT.
    Close(Close),
    /// IDLE (RFC 2177 §3).
    Idle,
    /// EXPUNGE and UID EXPUNGE.
    Expunge(Expunge),
    /// FETCH and UID FETCH.
    Fetch(Fetch),
    /// STORE and UID STORE.
    Store(Store),
    /// SEARCH, SORT, THREAD and their UID forms.
    Search(Search),
    /// CANCELUPDATE (RFC 5267 §4.3.5): of the searches with these tags.
    CancelUpdate(Vec<Box<str>>),
    /// ESEARCH.
    MultiSearch(MultiSearch),
    /// COPY, MOVE and their UID forms.
    Copy(Copy),
}

impl Command {
    /// Whether it is for those only who have enabled QRESYNC (RFC 7162 §3.2.3).
    pub(crate) fn needs_qresync(&self) -> bool {
        match self {
            Self::Select(select) => select.resync.is_some(),
            Self::Fetch(fetch) => fetch.vanished,
            _ => false,
        }
    }

    /// Whether a client that sends it knows of mod-sequences, and is told them from here on
    /// (RFC 7162 §3.1).
    pub(crate) fn enables_condstore(&self) -> bool {
        match self {
            Self::Enable(enable) => enable.condstore || enable.qresync,
            Self::Select(select) => select.condstore || select.resync.is_some(),
            Self::Mailboxes(MailboxCommand::Status(status)) => {
                status.items.contains(&StatusItem::HighestModSeq)
            }
            Self::Mailboxes(MailboxCommand::List(list)) => {
                list.returns.status.contains(&StatusItem::HighestModSeq)
            }
            // CHANGEDSINCE brings the item with it.
            Self::Fetch(fetch) => fetch.items.contains(&FetchItem::ModSeq),
            Self::Store(store) => store.unchanged_since.is_some(),
            Self::Search(search) => search.key.names_mod_seq(),
            Self::MultiSearch(multi) => multi.search.key.names_mod_seq(),
            _ => false,
        }
    }
}

/// What ENABLE turns on for the rest of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Enable {
    /// `CONDSTORE` (RFC 7162 §3.1).
    pub condstore: bool,
    /// `QRESYNC`: what goes is told as UIDs (RFC 7162 §3.2.3).
    pub qresync: bool,
    /// `IMAP4rev2` (RFC 9051 §6.3.1).
    pub imap4rev2: bool,
    /// `UTF8=ACCEPT` (RFC 9755 §3).
    pub utf8_accept: bool,
    /// `UIDONLY`: there are no sequence numbers (RFC 9586 §3).
    pub uid_only: bool,
}

/// What the numbers of a command are, and those of its responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbering {
    /// Message sequence numbers.
    Sequence,
    /// UIDs: the command began with `UID` (RFC 3501 §6.4.8).
    Uid,
}

/// What asks for the room there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QuotaCommand {
    /// GETQUOTA: under this quota root (RFC 9208 §4.1.1).
    OfRoot(String),
    /// GETQUOTAROOT: for this mailbox, be there one or not (RFC 9208 §4.1.2).
    OfMailbox(MailboxName),
}

/// The end of a selection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Close {
    /// CLOSE: what is marked `\Deleted` is removed without a word, if the mailbox was not opened
    /// with EXAMINE (RFC 3501 §6.4.2). Otherwise UNSELECT (RFC 3691 §2).
    pub expunge: bool,
}

/// EXPUNGE (RFC 3501 §6.4.3), or UID EXPUNGE of these only (RFC 4315 §2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expunge {
    /// Only those with these UIDs, `\Deleted` or not touched.
    pub uids: Option<SequenceSet>,
}

/// STORE (RFC 3501 §6.4.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    /// Of which messages.
    pub messages: SequenceSet,
    /// What the numbers are.
    pub numbering: Numbering,
    /// `UNCHANGEDSINCE`: messages that changed later are left as they are (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
    /// What is done with the flags.
    pub action: StoreAction,
    /// `.SILENT`: the client does not want to be told the new value.
    pub silent: bool,
    /// The flags.
    pub flags: FlagSet,
}

/// What STORE does with the given flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreAction {
    /// `FLAGS`: they are all there will be.
    Replace,
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
}

/// COPY (RFC 3501 §6.4.7) and MOVE (RFC 6851 §3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// Which messages.
    pub messages: SequenceSet,
    /// What the numbers are.
    pub numbering: Numbering,
    /// Where to.
    pub to: MailboxName,
    /// MOVE: they go from here.
    pub remove: bool,
}

/// An APPEND or REPLACE whose messages are made of other ones only (RFC 4469 §3).
#[derive(Debug)]
pub struct Appends(pub(crate) VecDeque<AppendStep>);

/// What is to be done for an APPEND or REPLACE, one after the other.
#[derive(Debug)]
pub(crate) enum AppendStep {
    /// A message begins.
    Begin(AppendHead),
    /// The octets that a URL means are part of it.
    Url(Box<str>),
    /// So many octets follow, which are part of it.
    Literal(u64),
    /// The last message is whole.
    End,
}

/// The message that a REPLACE names (RFC 8508 §3.2): a set of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaced {
    /// Which.
    pub message: SequenceSet,
    /// What the number is.
    pub numbering: Numbering,
}

/// What is known of a message of an APPEND before it comes (RFC 3501 §6.3.11).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendHead {
    /// Where to.
    pub mailbox: MailboxName,
    /// The flags it is to have.
    pub flags: FlagSet,
    /// The internal date it is to have; now if none.
    pub internal_date: Option<Timestamp>,
    /// The octets of the message; none of CATENATE, whose parts come one by one (RFC 4469 §3).
    pub size: Option<u64>,
    /// It comes as `literal8`: it may have NULs (RFC 3516 §4.4).
    pub binary: bool,
    /// REPLACE: it takes the place of this one in the selected mailbox (RFC 8508 §3.4).
    pub replaces: Option<Replaced>,
    /// It is not the first one of its command: those before are whole, and all are stored or none
    /// (RFC 3502 §6.3.11).
    pub further: bool,
}
