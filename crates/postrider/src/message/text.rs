//! The text of a message: its best text body, decoded.

use std::ops::Range;

use mime_core::{
    body_structure::Part,
    reading::Numbered,
    text::{TextDecoder, text_of_html},
    transfer::Encoding,
};

use super::{
    opened::{Opened, is_text, section_of},
    placed::charset_of,
};

/// Nobody reads more than this of a message's text; `extract` writes all of it.
pub(crate) const TEXT_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// The text of one part.
pub(crate) struct PartText {
    pub(crate) section: String,
    pub(crate) text: String,
    /// The charset parameter as written.
    pub(crate) charset: Option<String>,
    /// The charset was guessed: there was no label, or it was not what it said.
    pub(crate) guessed: bool,
    /// What was marked up is without its marks.
    pub(crate) of_html: bool,
    /// So many octets of the body were not looked at.
    pub(crate) left_out: u64,
}

/// The text of those parts that are text, line ends made LF.
pub(crate) fn of_parts(opened: &Opened, parts: &[Numbered<'_>]) -> anyhow::Result<Vec<PartText>> {
    let mut room = TEXT_OCTETS_MAX;
    let mut found = Vec::new();
    for numbered in parts.iter().filter(|it| is_text(it.part)) {
        let part = numbered.part;
        let of_html = part.shown_type().1.eq_ignore_ascii_case(b"html");
        let taken = part.size().min(room);
        room = room.saturating_sub(taken);
        let range = part.body.start..part.body.start.saturating_add(taken);
        let (text, guessed) = decoded(opened, part, range)?;
        let text = if of_html { text_of_html(&text) } else { text };
        found.push(PartText {
            section: section_of(numbered),
            text: text.replace("\r\n", "\n"),
            charset: charset_of(part),
            guessed,
            of_html,
            left_out: part.size().saturating_sub(taken),
        });
    }
    Ok(found)
}

/// The texts one after the other; `None` if there is none.
pub(crate) fn joined(parts: &[PartText]) -> Option<String> {
    let mut whole = String::new();
    for part in parts {
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
        whole.push_str(&part.text);
    }
    (!whole.is_empty()).then_some(whole)
}

/// A range of a text part in UTF-8, and whether its charset was guessed.
pub(crate) fn decoded(
    opened: &Opened,
    part: &Part,
    range: Range<u64>,
) -> anyhow::Result<(String, bool)> {
    let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
    let mut decoder = TextDecoder::new(encoding, part.media_type.param("charset"));
    let mut text = String::new();
    opened.source.pieces(range, |piece| {
        decoder.push(piece, &mut text);
        Ok(())
    })?;
    let guessed = decoder.finish(&mut text);
    Ok((text, guessed))
}
