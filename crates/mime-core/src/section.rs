//! Sections as IMAP addresses them (RFC 9051 §6.4.5.1), resolved to ranges of octets.

use std::ops::Range;

use crate::{
    BodyStructure,
    body_structure::{Content, Part},
};

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
    /// IMAP answers with NIL or an empty string.
    ///
    /// Every message has a part 1: of one that is no multipart it is the body. `HEADER` and `TEXT`
    /// of a part are those of the message inside it, so only message parts have them.
    pub fn resolve(&self, section: &Section) -> Option<Range<u64>> {
        let root = &self.root;
        if section.path.is_empty() {
            return match &section.of {
                SectionOf::Content => Some(root.header.start..root.body.end),
                SectionOf::Header | SectionOf::HeaderFields(..) => Some(root.header.clone()),
                SectionOf::Text => Some(root.body.clone()),
                // Not in the grammar: MIME needs a part number.
                SectionOf::Mime => None,
            };
        }
        let part = self.part(&section.path)?;
        match &section.of {
            SectionOf::Content => Some(part.body.clone()),
            SectionOf::Mime => Some(part.header.clone()),
            SectionOf::Header | SectionOf::HeaderFields(..) => {
                message_in(part).map(|inner| inner.header.clone())
            }
            SectionOf::Text => message_in(part).map(|inner| inner.body.clone()),
        }
    }

    /// The part of this number; of an empty path the message itself.
    pub fn part(&self, path: &[u32]) -> Option<&Part> {
        // A message is a container, of the parts of its multipart or of its body as part 1.
        let mut container = Some(&self.root);
        let mut found = &self.root;
        for number in path {
            let index = usize::try_from(*number).ok()?.checked_sub(1)?;
            let inside = container?;
            found = match &inside.content {
                Content::Multipart(parts) => parts.get(index)?,
                Content::Leaf | Content::Message(_) if index == 0 => inside,
                Content::Leaf | Content::Message(_) => return None,
            };
            container = match &found.content {
                Content::Multipart(_) => Some(found),
                Content::Message(message) => Some(&message.part),
                Content::Leaf => None,
            };
        }
        Some(found)
    }
}

fn message_in(part: &Part) -> Option<&Part> {
    match &part.content {
        Content::Message(message) => Some(&message.part),
        Content::Leaf | Content::Multipart(_) => None,
    }
}
