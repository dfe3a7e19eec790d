//! What SEARCH can ask for.

use std::fmt;

use mail_types::{Flag, Keyword, MailboxName, ModSeq};

use super::{Fetch, Numbering};
use crate::{ObjectId, SequenceSet, UidRuns, calendar::Date};

/// SEARCH (RFC 3501 §6.4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// What the numbers of the response are. Those in the keys say themselves what they are.
    pub numbering: Numbering,
    /// `RETURN`: what of the result is wanted (RFC 4731 §3.1); without it, all numbers one by one.
    pub returns: Option<SearchReturn>,
    /// All of it must hold.
    pub key: SearchKey,
    /// In which order, or in which form, the result is told.
    pub arrange: Arrange,
    /// `UPDATE`: what becomes of the result is told from here on (RFC 5267 §4.3).
    pub update: Option<Box<Update>>,
}

/// ESEARCH (RFC 7377 §2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MultiSearch {
    /// What is looked for, by UID, and what of it is told: never nothing.
    pub search: Box<Search>,
    /// Where. At least one.
    pub sources: Vec<SearchSource>,
}

/// Mailboxes that are searched (RFC 7377 §2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchSource {
    /// `selected`: the one that is open.
    Selected,
    /// `personal`, `inboxes`: all own ones; mail is delivered to any.
    Personal,
    /// `subscribed`.
    Subscribed,
    /// `mailboxes`: these.
    Mailboxes(Vec<MailboxName>),
    /// `subtree`: these, and all below.
    Subtree(Vec<MailboxName>),
    /// `subtree-one`: these, and those one level below.
    SubtreeOne(Vec<MailboxName>),
}

/// How a result is kept up to date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// What is told of a new message that belongs to it (RFC 5465 §7).
    pub fetch: Option<Fetch>,
}

/// The result of a search: as it is, sorted, or in threads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrange {
    /// SEARCH: ascending.
    Ascending,
    /// SORT: by these, the first first. At least one.
    Sorted(Vec<SortCriterion>),
    /// THREAD.
    Threaded(ThreadAlgorithm),
}

/// A sort criterion (RFC 5256 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SortCriterion {
    /// What is compared.
    pub key: SortKey,
    /// `REVERSE`: the greater comes first.
    pub reverse: bool,
}

/// What messages are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortKey {
    /// `ARRIVAL`: the internal date.
    Arrival,
    /// `CC`: the mailbox of the first address.
    Cc,
    /// `DATE`: the sent date.
    Date,
    /// `FROM`: the mailbox of the first address.
    From,
    /// `SIZE`.
    Size,
    /// `SUBJECT`: the base subject.
    Subject,
    /// `TO`: the mailbox of the first address.
    To,
    /// `DISPLAYFROM`: the first address as it is shown (RFC 5957 §3).
    DisplayFrom,
    /// `DISPLAYTO`: the first address as it is shown (RFC 5957 §3).
    DisplayTo,
}

/// How threads are made (RFC 5256 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`.
    OrderedSubject,
    /// `REFERENCES`.
    References,
}

/// What of the result of a search is wanted (RFC 4731 §3.1). At least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchReturn {
    /// `MIN`: the lowest number.
    pub min: bool,
    /// `MAX`: the highest.
    pub max: bool,
    /// `ALL`: all of them, as a set.
    pub all: bool,
    /// `COUNT`: how many.
    pub count: bool,
    /// `PARTIAL`: some of them, as a set (RFC 9394 §3.1). Not with `ALL`.
    pub partial: Option<PartialRange>,
    /// `SAVE`: nothing is told because of it, but the result is kept for `$` (RFC 5182 §2.1).
    pub save: bool,
}

impl SearchReturn {
    /// Whether anything is to be told.
    pub fn tells(self) -> bool {
        self.min || self.max || self.all || self.count || self.partial.is_some()
    }
}

/// `partial-range` (RFC 9394 §4): places in a result, counted from 1 at its beginning or at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartialRange {
    /// One end, as the client wrote it.
    pub(crate) first: u32,
    /// The other one.
    pub(crate) last: u32,
    /// Both count from the end.
    pub(crate) from_end: bool,
}

impl PartialRange {
    /// The first place and how many there are from it on, counted from 0 at the beginning, of so
    /// many results; none if the range lies beyond them.
    pub fn within(self, total: u32) -> Option<(u32, u32)> {
        let (low, high) = (self.first.min(self.last), self.first.max(self.last).min(total));
        let count = high.checked_sub(low)?.checked_add(1)?;
        let start = if self.from_end { total.checked_sub(high)? } else { low.checked_sub(1)? };
        Some((start, count))
    }
}

impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from_end {
            return write!(f, "-{}:-{}", self.first, self.last);
        }
        // `4:2` is `2:4` (RFC 5267 §5), and what clients look for.
        write!(f, "{}:{}", self.first.min(self.last), self.first.max(self.last))
    }
}

/// A field of the envelope that a search names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeField {
    /// `BCC`.
    Bcc,
    /// `CC`.
    Cc,
    /// `FROM`.
    From,
    /// `SUBJECT`.
    Subject,
    /// `TO`.
    To,
}

/// A search key; its depth is bounded by the parser. Strings are text: whatever the charset was,
/// it is decoded, and comparing disregards case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    /// `ALL`.
    All,
    /// All of them: what stands side by side, or in parentheses. Never empty.
    And(Vec<SearchKey>),
    /// `OR`.
    Or(Box<(SearchKey, SearchKey)>),
    /// `NOT`; also what `UNSEEN`, `UNKEYWORD` and their like are.
    Not(Box<SearchKey>),
    /// Sequence numbers.
    Sequence(SequenceSet),
    /// `UID`.
    Uid(SequenceSet),
    /// A system flag: `SEEN` and its like.
    Flag(Flag),
    /// `KEYWORD`.
    Keyword(Keyword),
    /// `RECENT`. `NEW` is `RECENT UNSEEN`, `OLD` is `NOT RECENT`.
    Recent,
    /// `BEFORE`: the internal date, day only.
    Before(Date),
    /// `ON`.
    On(Date),
    /// `SINCE`.
    Since(Date),
    /// `SAVEDBEFORE`: when it was saved in the mailbox, day only (RFC 8514 §4.3).
    /// `SAVEDATESUPPORTED` is `ALL`.
    SavedBefore(Date),
    /// `SAVEDON`.
    SavedOn(Date),
    /// `SAVEDSINCE`.
    SavedSince(Date),
    /// `EMAILID` (RFC 8474 §6).
    EmailId(ObjectId),
    /// `THREADID`.
    ThreadId(ObjectId),
    /// `OLDER`: the internal date is so many seconds ago, or more (RFC 5032 §3).
    Older(u32),
    /// `YOUNGER`: or less.
    Younger(u32),
    /// `MODSEQ`: it changed at this mod-sequence or later (RFC 7162 §3.1.5).
    ModSeq(ModSeq),
    /// `SENTBEFORE`: the Date header's day, without regard to time and zone.
    SentBefore(Date),
    /// `SENTON`.
    SentOn(Date),
    /// `SENTSINCE`.
    SentSince(Date),
    /// `LARGER`: more octets than this.
    Larger(u64),
    /// `SMALLER`: fewer octets than this.
    Smaller(u64),
    /// `FROM`, `SUBJECT` and their like: this field of the envelope has this text (RFC 3501 §6.4.4);
    /// the empty one: there is something in it.
    Envelope {
        /// The field.
        field: EnvelopeField,
        /// The text.
        text: String,
    },
    /// `HEADER`: the named field has this text; the empty one: there is such a field.
    Header {
        /// The field's name.
        name: String,
        /// The text.
        text: String,
    },
    /// `BODY`.
    Body(String),
    /// `TEXT`: header or body.
    Text(String),
}

impl SearchKey {
    /// Whether `MODSEQ` stands in it: the result then tells a mod-sequence (RFC 7162 §3.1.5).
    pub fn names_mod_seq(&self) -> bool {
        self.has(|key| matches!(key, Self::ModSeq(_)))
    }

    /// Whether a flag that is set or removed can change what matches.
    pub fn names_flags(&self) -> bool {
        self.has(|key| matches!(key, Self::Flag(_) | Self::Keyword(_) | Self::ModSeq(_)))
    }

    /// Whether `*` stands in it for a UID.
    pub(crate) fn names_largest_uid(&self) -> bool {
        self.has(|key| matches!(key, Self::Uid(set) if set.names_largest()))
    }

    /// Whether what matches changes by time alone.
    pub(crate) fn names_age(&self) -> bool {
        self.has(|key| matches!(key, Self::Older(_) | Self::Younger(_)))
    }

    /// Of these, the messages that the numbers in it do not rule out: `named` says which a key of
    /// numbers means. Most searches that name messages name few.
    pub fn narrowed(&self, among: UidRuns, named: &impl Fn(&Self) -> UidRuns) -> UidRuns {
        match self {
            Self::And(keys) => keys.iter().fold(among, |left, key| key.narrowed(left, named)),
            Self::Sequence(_) | Self::Uid(_) => among.intersection(&named(self)),
            Self::Or(pair) => match pair.0.narrowed(among.clone(), named) {
                left if left.is_shared_with(&among) => among,
                left => left.union(&pair.1.narrowed(among, named)),
            },
            // What means no message has no numbers to say so.
            Self::Not(key) if **key == Self::All => UidRuns::new(),
            _ => among,
        }
    }

    /// The same key, with other keys for some that have no key in them.
    pub(crate) fn replaced(&self, other: &impl Fn(&Self) -> Option<Self>) -> Self {
        match self {
            Self::And(keys) => Self::And(keys.iter().map(|key| key.replaced(other)).collect()),
            Self::Or(pair) => Self::Or(Box::new((pair.0.replaced(other), pair.1.replaced(other)))),
            Self::Not(key) => Self::Not(Box::new(key.replaced(other))),
            key => other(key).unwrap_or_else(|| key.clone()),
        }
    }

    /// Whether sequence numbers stand in it.
    pub fn names_sequence(&self) -> bool {
        self.has(|key| matches!(key, Self::Sequence(set) if !set.is_saved()))
    }

    /// Whether a key of this kind stands in it.
    fn has(&self, kind: fn(&Self) -> bool) -> bool {
        match self {
            Self::And(keys) => keys.iter().any(|key| key.has(kind)),
            Self::Or(pair) => pair.0.has(kind) || pair.1.has(kind),
            Self::Not(key) => key.has(kind),
            key => kind(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numbers_rule_out() {
        let runs = |ranges: &[(u32, u32)]| {
            let uid = |number| mail_types::Uid::new(number).unwrap();
            UidRuns::from_ranges(ranges.iter().map(|(a, b)| (uid(*a), uid(*b))))
        };
        let uid = |text: &[u8]| SearchKey::Uid(SequenceSet::parse(text).unwrap());
        let not = |key| SearchKey::Not(Box::new(key));
        let or = |one, other| SearchKey::Or(Box::new((one, other)));
        let seen = || SearchKey::Flag(Flag::Seen);
        for (key, left) in [
            (or(uid(b"1:10"), uid(b"20:30")), runs(&[(1, 10), (20, 30)])),
            (or(uid(b"1:10"), uid(b"5:12")), runs(&[(1, 12)])),
            (or(uid(b"1:10"), seen()), runs(&[(1, 50)])),
            (or(seen(), uid(b"1:10")), runs(&[(1, 50)])),
            (or(uid(b"1:10"), or(uid(b"49:60"), uid(b"30"))), runs(&[(1, 10), (30, 30), (49, 50)])),
            (
                or(SearchKey::And(vec![uid(b"1:10"), seen()]), uid(b"12")),
                runs(&[(1, 10), (12, 12)]),
            ),
            (
                SearchKey::And(vec![or(uid(b"1:9"), uid(b"20")), uid(b"8:30")]),
                runs(&[(8, 9), (20, 20)]),
            ),
            (or(uid(b"3"), not(SearchKey::All)), runs(&[(3, 3)])),
            (or(not(SearchKey::All), uid(b"3")), runs(&[(3, 3)])),
            (not(or(uid(b"1"), uid(b"2"))), runs(&[(1, 50)])),
        ] {
            let named = |key: &SearchKey| match key {
                SearchKey::Uid(set) => runs(&set.ranges(50)),
                _ => UidRuns::new(),
            };
            assert_eq!(key.narrowed(runs(&[(1, 50)]), &named), left, "{key:?}");
        }
    }

    #[test]
    fn places_of_a_part() {
        let within =
            |first, last, from_end, total| PartialRange { first, last, from_end }.within(total);
        // RFC 9394 §3.1, the examples.
        assert_eq!(within(1, 100, true, 23_764), Some((23_664, 100)));
        assert_eq!(within(23_500, 24_000, false, 23_764), Some((23_499, 265)));
        assert_eq!(within(24_000, 24_500, false, 23_764), None);
        // RFC 9394 §4: the order of the two says nothing.
        assert_eq!(within(500, 400, false, 1000), within(400, 500, false, 1000));
        assert_eq!(within(3, 2, true, 5), Some((2, 2)));
        assert_eq!(within(4, 9, true, 5), Some((0, 2)));
        assert_eq!(within(6, 9, true, 5), None);
        assert_eq!(within(1, u32::MAX, true, 0), None);
        assert_eq!(within(1, u32::MAX, false, u32::MAX), Some((0, u32::MAX)));
    }
}
