//! The octets of a message that FETCH sends: which they are, and sending them by pieces.

use std::ops::Range;

use agent_kit::Gone;
use imap_core::{
    command::{FetchItem, Partial, Section, SectionOf},
    response::FetchResponse,
};
use mail_store::{MessageReader, MessageRow, StoreError};
use mime_core::{body_structure::Content as PartContent, header::FieldFilter, transfer::Encoding};

use super::fetch_decoded::Decoded;
use crate::handler::Talk;

/// Octets that are read and sent at once.
pub(super) const PIECE: usize = 64 * 1024;
/// The most octets of a header that fields are chosen from; what lies behind is left out.
const FIELDS_MAX: u64 = 4 * 1024 * 1024;

/// What is sent for one item.
pub(super) enum Content {
    /// There is no such part.
    Nothing,
    /// These octets of the message.
    Range(Range<u64>),
    /// These octets, chosen from a header.
    Chosen(Vec<u8>),
    /// Some of a part, decoded.
    Decoded(Decoded),
    /// It is encoded in a way that is not known (RFC 3516 §4.3).
    Unknown,
}

/// Whether a section can be found only with the message's structure.
pub(super) fn needs_structure(section: &Section) -> bool {
    !(section.path.is_empty() && section.of == SectionOf::Content)
}

impl Content {
    /// Whether it can't be told.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// A part without its transfer encoding (RFC 3516 §4.2).
    pub(super) async fn decoded(
        reader: &MessageReader,
        row: &MessageRow,
        section: &Section,
        partial: Option<Partial>,
    ) -> Result<Self, StoreError> {
        let Some(structure) = row.details.as_ref().map(|details| &details.structure) else {
            return Ok(Self::Nothing);
        };
        let Some(range) = structure.resolve(section) else { return Ok(Self::Nothing) };
        // All of a message has no encoding, nor has what holds other parts (RFC 2045 §6.4).
        let leaf = structure
            .part(&section.path)
            .filter(|part| !section.path.is_empty() && matches!(part.content, PartContent::Leaf));
        let encoding = leaf.and_then(|part| part.encoding.as_deref()).unwrap_or_default();
        match Encoding::parse(encoding) {
            Encoding::Unknown => Ok(Self::Unknown),
            encoding => Decoded::of(reader, range, encoding, partial).await.map(Self::Decoded),
        }
    }

    pub(super) async fn of(
        reader: &MessageReader,
        row: &MessageRow,
        section: &Section,
        partial: Option<Partial>,
    ) -> Result<Self, StoreError> {
        let range = match &row.details {
            _ if !needs_structure(section) => Some(0..row.size),
            Some(details) => details.structure.resolve(section),
            None => None,
        };
        let Some(range) = range else { return Ok(Self::Nothing) };
        if let SectionOf::HeaderFields(names, choice) = &section.of {
            let length = (range.end - range.start).min(FIELDS_MAX);
            let header = reader.read_at(range.start, size(length)).await?;
            let mut chosen = FieldFilter::apply(&header, names, *choice);
            if let Some(partial) = partial {
                let (start, length) = partial.within(chosen.len() as u64);
                chosen = chosen.into_iter().skip(size(start)).take(size(length)).collect();
            }
            return Ok(Self::Chosen(chosen));
        }
        let Some(partial) = partial else { return Ok(Self::Range(range)) };
        let (start, length) = partial.within(range.end - range.start);
        Ok(Self::Range(range.start + start..range.start + start + length))
    }

    /// Sends it, at the client's pace and with bounded memory.
    pub(super) async fn tell(
        &self,
        reader: &MessageReader,
        item: &FetchItem,
        response: &mut FetchResponse,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        match self {
            Self::Nothing | Self::Unknown => {
                let out = &mut talk.parts().1.output;
                match item {
                    FetchItem::BinarySize(part) => response.binary_size(out, part, 0),
                    item => response.no_content(out, item),
                }
            }
            Self::Decoded(decoded) => decoded.tell(reader, item, response, talk).await?,
            Self::Chosen(octets) => {
                let out = &mut talk.parts().1.output;
                response.content(out, item, octets.len() as u64);
                out.extend_from_slice(octets);
            }
            Self::Range(range) => {
                let length = range.end - range.start;
                response.content(&mut talk.parts().1.output, item, length);
                send(reader, range.clone(), talk).await?;
            }
        }
        Ok(())
    }
}

/// Sends octets of a message, whose number was told.
pub(super) async fn send(
    reader: &MessageReader,
    range: Range<u64>,
    talk: &mut Talk<'_>,
) -> Result<(), Gone> {
    let mut at = range.start;
    while at < range.end {
        let piece = match reader.read_at(at, size(range.end - at).min(PIECE)).await {
            Ok(piece) if !piece.is_empty() => piece,
            broken => {
                // The length was announced: whatever came now would be taken for the message.
                let error = broken.err().map(|error| error.to_string());
                tracing::error!(?error, at, end = range.end, "a message's file breaks off");
                return Err(Gone);
            }
        };
        at += piece.len() as u64;
        talk.parts().1.output.extend_from_slice(&piece);
        talk.drain().await?;
    }
    Ok(())
}

pub(super) fn size(octets: u64) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}
