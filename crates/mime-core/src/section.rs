//! Sections as IMAP addresses them (RFC 9051 §6.4.5.1), resolved to ranges of octets.

use std::ops::Range;

use crate::BodyStructure;

/// A part number such as `4.2.1`, and what is wanted of that part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section {
    /// The part numbers; empty for the message itself.
    pub path: Vec<u32>,
    /// What is wanted of it.
    pub of: SectionOf,
}

/// What is wanted of a part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SectionOf {
    /// Nothing more was said: the whole message for an empty path (`BODY[]`), else the part's body.
    #[default]
    Content,
    /// `HEADER`: of the message, or of the message inside a message part.
    Header,
    /// `HEADER.FIELDS (..)` or `HEADER.FIELDS.NOT (..)`: the header, to be passed through
    /// [`crate::header::FieldFilter`].
    HeaderFields(Vec<Box<str>>, FieldChoice),
    /// `TEXT`: the body of the message, or of the message inside a message part.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

/// Which fields a list of names chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldChoice {
    /// Those named.
    Named,
    /// All but those named.
    NotNamed,
}

impl BodyStructure {
    /// The octets of a section, as a range of the message's; `None` if there is no such part, which
    /// IMAP answers with NIL (or an empty string).
    pub fn resolve(&self, _section: &Section) -> Option<Range<u64>> {
        todo!()
    }
}
