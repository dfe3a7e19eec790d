//! What FETCH can ask for.

use mail_types::ModSeq;
use mime_core::section::{Section, SectionOf};

use super::{Numbering, PartialRange};
use crate::SequenceSet;

/// FETCH (RFC 3501 §6.4.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// Of which messages.
    pub messages: SequenceSet,
    /// What the numbers are.
    pub numbering: Numbering,
    /// What of each, macros expanded, each item once. UID FETCH always has [`FetchItem::Uid`]
    /// (RFC 3501 §6.4.8).
    pub items: Vec<FetchItem>,
    /// `CHANGEDSINCE`: only of those that changed later (RFC 7162 §3.1.4.1). Then the items have
    /// [`FetchItem::ModSeq`].
    pub changed_since: Option<ModSeq>,
    /// `VANISHED`: and tell which of them went since (RFC 7162 §3.2.6). Only of UID FETCH with
    /// CHANGEDSINCE.
    pub vanished: bool,
    /// `PARTIAL`: only some of them (RFC 9394 §3.3); before CHANGEDSINCE leaves some out. Only of
    /// UID FETCH.
    pub partial: Option<PartialRange>,
}

impl Fetch {
    /// Whether the messages become `\Seen` by it, if the mailbox can be changed.
    pub fn marks_seen(&self) -> bool {
        self.items.iter().any(FetchItem::marks_seen)
    }

    /// Whether message bytes must be read: the rest comes from the index.
    pub fn reads_content(&self) -> bool {
        self.items.iter().any(|item| item.section().or(item.decoded()).is_some())
    }
}

/// One data item of FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchItem {
    /// `UID`.
    Uid,
    /// `FLAGS`.
    Flags,
    /// `MODSEQ` (RFC 7162 §3.1.4.2).
    ModSeq,
    /// `INTERNALDATE`.
    InternalDate,
    /// `SAVEDATE`: when it was saved in the mailbox (RFC 8514 §4.2).
    SaveDate,
    /// `EMAILID`: the same for copies (RFC 8474 §5.1).
    EmailId,
    /// `THREADID`: the same for messages that belong together (RFC 8474 §5.2).
    ThreadId,
    /// `PREVIEW`: the first words (RFC 8970 §3).
    Preview {
        /// `LAZY`: only if they are known already.
        lazy: bool,
    },
    /// `RFC822.SIZE`.
    Size,
    /// `ENVELOPE`.
    Envelope,
    /// `BODY` without a section: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`.
    BodyStructure,
    /// `RFC822`.
    Rfc822,
    /// `RFC822.HEADER`.
    Rfc822Header,
    /// `RFC822.TEXT`.
    Rfc822Text,
    /// `BINARY[part]<partial>` and `BINARY.PEEK[..]`: a part without its transfer encoding
    /// (RFC 3516 §4.2).
    Binary {
        /// Which part of the message; empty: all of it.
        part: Section,
        /// Which octets of what is decoded.
        partial: Option<Partial>,
        /// `.PEEK`: `\\Seen` stays as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[part]`: the octets of the part without its transfer encoding.
    BinarySize(Section),
    /// `BODY[section]<partial>` and `BODY.PEEK[..]`.
    Section {
        /// Which part of the message.
        section: Section,
        /// Which octets of it.
        partial: Option<Partial>,
        /// `.PEEK`: `\Seen` stays as it is.
        peek: bool,
    },
}

impl FetchItem {
    /// Whether the message becomes `\Seen` by it (RFC 3501 §6.4.5).
    pub fn marks_seen(&self) -> bool {
        match self {
            Self::Rfc822 | Self::Rfc822Text => true,
            Self::Section { peek, .. } | Self::Binary { peek, .. } => !peek,
            _ => false,
        }
    }

    /// The part that is to be decoded, for `BINARY` and `BINARY.SIZE`.
    pub fn decoded(&self) -> Option<(&Section, Option<Partial>)> {
        match self {
            Self::Binary { part, partial, .. } => Some((part, *partial)),
            Self::BinarySize(part) => Some((part, None)),
            _ => None,
        }
    }

    /// The section of the message that it needs, for the three old names too: `RFC822` is
    /// `BODY[]`, `RFC822.HEADER` is `BODY.PEEK[HEADER]`, `RFC822.TEXT` is `BODY[TEXT]`.
    pub fn section(&self) -> Option<(&Section, Option<Partial>)> {
        const WHOLE: &Section = &Section { path: Vec::new(), of: SectionOf::Content };
        const HEADER: &Section = &Section { path: Vec::new(), of: SectionOf::Header };
        const TEXT: &Section = &Section { path: Vec::new(), of: SectionOf::Text };
        match self {
            Self::Rfc822 => Some((WHOLE, None)),
            Self::Rfc822Header => Some((HEADER, None)),
            Self::Rfc822Text => Some((TEXT, None)),
            Self::Section { section, partial, .. } => Some((section, *partial)),
            _ => None,
        }
    }
}

/// `<origin.length>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// The first octet, from 0.
    pub origin: u64,
    /// The most octets, at least 1.
    pub length: u64,
}

impl Partial {
    /// Start and length of what is there of it, in `total` octets (RFC 3501 §6.4.5: an origin
    /// beyond the end gives the empty string).
    pub fn within(self, total: u64) -> (u64, u64) {
        let start = self.origin.min(total);
        (start, self.length.min(total - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partials_are_cut_at_the_end() {
        let within = |origin, length, total| Partial { origin, length }.within(total);
        assert_eq!(within(0, 10, 4), (0, 4));
        assert_eq!(within(2, 1, 4), (2, 1));
        assert_eq!(within(9, 1, 4), (4, 0));
        assert_eq!(within(u64::MAX - 1, u64::MAX, u64::MAX), (u64::MAX - 1, 1));
    }
}
