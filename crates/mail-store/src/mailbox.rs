//! What a mailbox is, seen from outside.

use mail_types::{FlagSet, Keyword, MailVolume, MailboxId, MailboxName, ModSeq, Uid, UidValidity};

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum SpecialUse {
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

impl SpecialUse {
    /// All of them; also the mailboxes that a new account has, by their names.
    pub const ALL: [Self; 5] = [Self::Archive, Self::Drafts, Self::Junk, Self::Sent, Self::Trash];

    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// Parses what [`SpecialUse::as_str`] gives, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special| special.as_str().eq_ignore_ascii_case(text))
    }
}

/// One line of a list of mailboxes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedMailbox {
    /// Its name.
    pub name: MailboxName,
    /// The mailbox; none for a name that exists only because something lies below it, or because
    /// it is subscribed (`\NonExistent` of RFC 5258 §3).
    pub id: Option<MailboxId>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed.
    pub subscribed: bool,
    /// Whether mailboxes lie below it.
    pub has_children: bool,
}

/// What SELECT and STATUS say of a mailbox: kept up to date, never counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxState {
    /// The mailbox.
    pub id: MailboxId,
    /// Its name now.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// The epoch of its UIDs.
    pub uid_validity: UidValidity,
    /// The UID that the next message will have at least.
    pub uid_next: Uid,
    /// The highest modseq of any change (RFC 7162 §3.1.2.1).
    pub highest_modseq: ModSeq,
    /// Messages in it.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Messages from this UID on were not yet shown to any session as recent.
    pub recent_from: Uid,
    /// How many those are.
    pub recent: u32,
    /// Octets of all messages in wire form.
    pub octets: u64,
    /// The first message without `\Seen`.
    pub first_unseen: Option<Uid>,
}

/// A message's flags, as they are after a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageFlags {
    /// The message.
    pub uid: Uid,
    /// All of its flags.
    pub flags: FlagSet,
    /// When they changed last.
    pub modseq: ModSeq,
}

/// What happened in a mailbox since a modseq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The mailbox now; everything in this value is of the same moment.
    pub state: MailboxState,
    /// Messages that are new or whose flags changed, by UID.
    pub changed: Vec<MessageFlags>,
    /// Messages that are gone, by UID; also such as came and went in between.
    pub expunged: Vec<Uid>,
}

/// What STORE does with the flags it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FlagChange {
    /// `+FLAGS`.
    Add(FlagSet),
    /// `-FLAGS`.
    Remove(FlagSet),
    /// `FLAGS`.
    Replace(FlagSet),
    /// `FLAGS`, by somebody who has only these rights: flags that can't be changed with them stay as
    /// they are (RFC 4314 §4).
    ReplaceWithin(FlagSet, mail_types::Rights),
}

impl FlagChange {
    /// The flags after the change.
    pub fn applied_to(&self, flags: &FlagSet) -> FlagSet {
        match self {
            Self::Replace(new) => new.clone(),
            Self::ReplaceWithin(new, rights) => {
                let kept = flags.iter().filter(|flag| !rights.may_change(flag));
                kept.chain(rights.permitted(new).iter()).collect()
            }
            Self::Add(more) => flags.iter().chain(more.iter()).collect(),
            Self::Remove(fewer) => flags.iter().filter(|flag| !fewer.contains(flag)).collect(),
        }
    }
}

/// The result of storing flags.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlagsStored {
    /// Messages whose flags are now what was asked for; one whose flags were so before keeps its
    /// modseq (RFC 7162 §3.1.3).
    pub done: Vec<MessageFlags>,
    /// The modseq that each of those had before, in the same order: somebody else's change may be
    /// among what it has now.
    pub before: Vec<ModSeq>,
    /// Messages left as they were, because they had changed since (RFC 7162 §3.1.3).
    pub modified: Vec<Uid>,
    /// The mailbox's highest modseq before and after, if anything changed: between them there is
    /// nothing but this.
    pub span: Option<(ModSeq, ModSeq)>,
}

/// The result of COPY and MOVE: what COPYUID says (RFC 4315 §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// The epoch of the new UIDs.
    pub uid_validity: UidValidity,
    /// Old and new UID of each message, by old UID.
    pub uids: Vec<(Uid, Uid)>,
}

/// The result of an APPEND: what APPENDUID says (RFC 4315 §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The epoch of the UIDs.
    pub uid_validity: UidValidity,
    /// A UID for each message, in their order.
    pub uids: Vec<Uid>,
    /// What the account holds now.
    pub totals: Totals,
}

/// Octets and messages of an account, with a number that grows with every change: of two such
/// values the one with the greater version is the newer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Octets in wire form.
    pub octets: u64,
    /// Messages.
    pub messages: u64,
    /// Grows with every change.
    pub version: i64,
}

impl Totals {
    /// How much mail that is.
    pub fn volume(&self) -> MailVolume {
        MailVolume { octets: self.octets, messages: self.messages }
    }
}

/// Keywords in the order and spelling of the index's column: divided by spaces.
pub(crate) fn keywords_text(flags: &FlagSet) -> String {
    flags.keywords().iter().map(Keyword::as_str).collect::<Vec<_>>().join(" ")
}

/// The flags of a row; what is no keyword is left out.
pub(crate) fn flags_from(system: i64, keywords: &str) -> FlagSet {
    let system = u8::try_from(system & 31).unwrap_or(0);
    let keywords = keywords.split_ascii_whitespace().filter_map(|text| Keyword::parse(text).ok());
    FlagSet::from_parts(system, keywords)
}
