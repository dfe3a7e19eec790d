//! A part while the input is inside it, and what becomes of it when it ends.

use super::{fields::PartFields, measure::Place};
use crate::body_structure::{Content, MediaType, Message, OctetKinds, Part};

#[derive(Debug)]
pub(super) struct OpenPart {
    pub(super) header_start: u64,
    /// `None` while in the header.
    pub(super) body: Option<Place>,
    pub(super) fields: PartFields,
    pub(super) inside: Inside,
    /// The encoding says that there may be octets above 127 in the body.
    pub(super) may_be_eight_bit: bool,
    /// What the octets of the header are like.
    pub(super) header_octets: OctetKinds,
    /// What those of the body are like.
    pub(super) body_octets: OctetKinds,
}

/// What a body is made of, as far as it has been seen.
#[derive(Debug)]
pub(super) enum Inside {
    Leaf,
    Message(Option<Box<Message>>),
    Multipart {
        boundary: Box<[u8]>,
        closed: bool,
        parts: Vec<Part>,
    },
    /// Of `message/external-body`: the header of the part that lies elsewhere, and what is passed
    /// over (RFC 2046 §5.2.3). No part of the tree comes of it.
    Phantom,
}

impl OpenPart {
    pub(super) fn new(header_start: u64, fields: PartFields) -> Self {
        Self {
            header_start,
            body: None,
            fields,
            inside: Inside::Leaf,
            may_be_eight_bit: true,
            header_octets: OctetKinds::default(),
            body_octets: OctetKinds::default(),
        }
    }

    /// Whether not one octet belongs to it. Two delimiters without anything between them are one
    /// that was doubled, or one at the end that should have closed.
    pub(super) fn is_nothing(&self, here: Place) -> bool {
        self.body.is_none() && self.header_start == here.at
    }

    /// What the part was. Usually it ends at `end`, before the line end that belongs to the
    /// delimiter; where that line end is needed by the part's own beginning or by a part in it, as
    /// when delimiters follow each other, it ends behind it, which is `here`.
    pub(super) fn end(self, end: Place, here: Place) -> Message {
        let least = match &self.inside {
            Inside::Leaf | Inside::Phantom | Inside::Message(None) => None,
            Inside::Message(Some(message)) => Some(message.part.body.end),
            Inside::Multipart { parts, .. } => parts.last().map(|part| part.body.end),
        };
        let least = least.or(self.body.map(|body| body.at)).unwrap_or(self.header_start);
        let end = if end.at < least { here } else { end };
        let body = self.body.unwrap_or(end);
        let content = match self.inside {
            Inside::Message(Some(message)) => Content::Message(message),
            Inside::Multipart { parts, .. } if !parts.is_empty() => Content::Multipart(parts),
            _ => Content::Leaf,
        };
        let eight_bit_header = self.header_octets.eight_bit;
        let dense = matches!(content, Content::Leaf) && body.is_dense_to(end);
        let (media_type, fields, envelope) = self.fields.into_values();
        let part = Part {
            header: self.header_start..body.at,
            body: body.at..end.at,
            lines: end.lines.saturating_sub(body.lines),
            octets: OctetKinds { eight_bit_header, dense, ..self.body_octets },
            media_type,
            encoding: fields.encoding,
            id: fields.id,
            description: fields.description,
            md5: fields.md5,
            disposition: fields.disposition,
            language: fields.language,
            location: fields.location,
            content,
        };
        Message { envelope, part }
    }
}

impl Message {
    pub(super) fn empty() -> Self {
        OpenPart::new(0, PartFields::of_message()).end(Place::default(), Place::default())
    }
}

impl OctetKinds {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            eight_bit_header: self.eight_bit_header | other.eight_bit_header,
            eight_bit: self.eight_bit | other.eight_bit,
            nul: self.nul | other.nul,
            long_line: self.long_line | other.long_line,
            bare_lf: self.bare_lf | other.bare_lf,
            dense: self.dense | other.dense,
        }
    }
}

/// The default type of a part (RFC 2045 §5.2), in a digest (RFC 2046 §5.1.5).
pub(super) fn default_type(in_digest: bool) -> MediaType {
    if in_digest { MediaType::new("message", "rfc822") } else { MediaType::new("text", "plain") }
}
