//! Words in the text of a message, whose parts are read a piece at a time.

use std::ops::Range;

use mail_store::{MessageReader, StoreError};
use mime_core::{
    body_structure::{Content, Part},
    reading::SearchText,
    text::decode_header,
};

use super::words::Needles;

/// Octets of a message read at once.
const PIECE: usize = 64 * 1024;
/// The most octets of a header that are looked at.
pub(super) const HEADER_MAX: u64 = 1024 * 1024;

/// Octets of a message, at most so many.
pub(super) async fn read_range(
    reader: &MessageReader,
    range: &Range<u64>,
    limit: u64,
) -> Result<Vec<u8>, StoreError> {
    let length = range.end.saturating_sub(range.start).min(limit);
    reader.read_at(range.start, usize::try_from(length).unwrap_or(usize::MAX)).await
}

/// Looks for the words in the text of all parts: decoded text parts, the headers of parts and of
/// messages inside (a file's name stands there).
pub(super) async fn scan_body(
    reader: &MessageReader,
    root: &Part,
    needles: &mut Needles,
) -> Result<(), StoreError> {
    let mut open = vec![(root, true)];
    while let Some((part, is_root)) = open.pop() {
        if needles.all_found() {
            return Ok(());
        }
        if !is_root {
            let header = read_range(reader, &part.header, HEADER_MAX).await?;
            for field in mime_core::header::fields(&header) {
                needles.take(&decode_header(field.value));
            }
        }
        match &part.content {
            Content::Multipart(parts) => open.extend(parts.iter().rev().map(|part| (part, false))),
            Content::Message(message) => open.push((&message.part, false)),
            Content::Leaf => {
                // What a reader sees side by side may be apart in the source of HTML, and what
                // stands in the source may not be seen: both are looked through.
                let shown = SearchText::new(part, true);
                let is_html = shown.as_ref().is_some_and(SearchText::is_html);
                let source = SearchText::source(part, true).filter(|_| is_html);
                for text in [shown, source].into_iter().flatten() {
                    scan_text(reader, part, text, needles).await?;
                }
            }
        }
    }
    Ok(())
}

async fn scan_text(
    reader: &MessageReader,
    part: &Part,
    mut search: SearchText,
    needles: &mut Needles,
) -> Result<(), StoreError> {
    let (mut at, mut text) = (part.body.start, String::new());
    let push = if search.is_html() { Needles::push_shown } else { Needles::push };
    while at < part.body.end && !needles.all_found() {
        let length = usize::try_from(part.body.end - at).unwrap_or(PIECE).min(PIECE);
        let piece = reader.read_at(at, length).await?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        search.push(&piece, &mut text);
        push(needles, &text);
        text.clear();
    }
    search.finish(&mut text);
    push(needles, &text);
    needles.end_of_text();
    Ok(())
}
