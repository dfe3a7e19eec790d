//! A message with its structure: read once in pieces, then looked into where something is wanted.

use std::ops::Range;

use mime_core::{
    body_structure::Part,
    reading::{Numbered, Reading},
    structure::{Limits, Parser, Structure},
    transfer::{Decoder, Encoding},
};

use super::{
    placed::{self, Placed},
    source::Source,
};

/// A header is looked at to here; only a file that is no message has more.
pub(crate) const HEADER_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// A message that has been read.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) structure: Structure,
    /// The header, as much of it as is looked at.
    pub(crate) header: Vec<u8>,
}

impl Opened {
    pub(crate) fn read(source: Source) -> anyhow::Result<Self> {
        let mut parser = Parser::new(Limits::default());
        source.pieces(0..source.size(), |piece| {
            parser.push(piece);
            Ok(())
        })?;
        let structure = parser.finish();
        let header = source.read(structure.body.root.header.clone(), HEADER_OCTETS_MAX)?;
        Ok(Self { source, structure, header })
    }

    /// All parts with their places.
    pub(crate) fn placed(&self) -> Vec<Placed<'_>> {
        placed::all(&self.structure.body)
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading::of(&self.structure.body.root)
    }

    /// The content of a range, decoded, by pieces; how many octets that was.
    pub(crate) fn decoded(
        &self,
        range: Range<u64>,
        encoding: Encoding,
        mut on: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut decoder = Decoder::new(encoding);
        let mut octets = Vec::new();
        let mut count = 0_u64;
        let mut take = |octets: &mut Vec<u8>| {
            count = count.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
            let taken = on(octets);
            octets.clear();
            taken
        };
        self.source.pieces(range, |piece| {
            decoder.push(piece, &mut octets);
            take(&mut octets)
        })?;
        decoder.finish(&mut octets);
        take(&mut octets)?;
        Ok(count)
    }

    /// How many octets a part holds once decoded.
    pub(crate) fn decoded_size(&self, part: &Part) -> anyhow::Result<u64> {
        let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
        match encoding.is_identity() {
            true => Ok(part.size()),
            false => self.decoded(part.body.clone(), encoding, |_| Ok(())),
        }
    }
}

/// Whether a part is shown as text, which only plain text and HTML are.
pub(crate) fn is_text(part: &Part) -> bool {
    let (kind, subtype) = part.shown_type();
    kind.eq_ignore_ascii_case(b"text")
        && (subtype.eq_ignore_ascii_case(b"plain") || subtype.eq_ignore_ascii_case(b"html"))
}

/// All that is beside the text: what is attached, and the pictures that stand between the text, in
/// the order of the message.
pub(crate) fn beside_the_text<'a>(reading: &Reading<'a>) -> Vec<Numbered<'a>> {
    let media = reading.text.iter().chain(&reading.html).filter(|it| !is_text(it.part));
    let mut found: Vec<_> = reading.attachments.iter().chain(media).cloned().collect();
    found.sort_by(|one, other| one.number.cmp(&other.number));
    found.dedup_by(|one, other| one.number == other.number);
    found
}

/// `2.1`
pub(crate) fn section_of(numbered: &Numbered<'_>) -> String {
    numbered.number.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
