//! What stands in headers: fields, addresses, dates, ids, encoded words; and their editing.

use mime_core::{
    fixup::{DROPPED_AT_SUBMISSION, HeaderEditor, Progress},
    header::{self, FieldFilter, address, content, date::DateTime},
    section::FieldChoice,
    text::{decode_header, encode_words},
    transfer::Encoding,
};

pub(crate) fn check(octets: &[u8]) {
    let items = address::parse_list(octets);
    assert!(items.len() <= octets.len() + 1);
    let _ = address::addresses(&items).count();
    let _ = header::message_ids(octets);
    let _ = content::parse_media_type(octets);
    let _ = content::parse_disposition(octets);
    let _ = content::parse_language(octets);
    let _ = Encoding::parse(octets);
    if let Some(date) = DateTime::parse(octets) {
        assert_eq!(DateTime::parse(date.render().as_bytes()), Some(date));
    }
    let text = decode_header(octets);
    let encoded = encode_words(&text);
    assert!(encoded.is_ascii());
    // A byte order mark is dropped where a word begins.
    if !text.chars().any(|c| c.is_control() || c == '\u{feff}') {
        assert_eq!(decode_header(encoded.as_bytes()), text);
    }

    for field in header::fields(octets) {
        assert!(field.raw.len() >= field.name.len() + field.value.len());
    }
    let names = ["Subject".into(), "From".into()];
    let named = FieldFilter::apply(octets, &names, FieldChoice::Named);
    let others = FieldFilter::apply(octets, &names, FieldChoice::NotNamed);
    assert!(named.len() + others.len() <= octets.len() + 4, "only the blank line is in both");

    let whole = edited(octets, octets.len().max(1));
    assert_eq!(edited(octets, 1), whole);
    assert!(header::find(&whole, "Bcc").is_none());
}

fn edited(octets: &[u8], size: usize) -> Vec<u8> {
    let mut editor = HeaderEditor::new(DROPPED_AT_SUBMISSION);
    let mut out = Vec::new();
    let mut behind = Vec::new();
    for piece in octets.chunks(size) {
        if let Progress::Ended(taken) = editor.push(piece, &mut out) {
            behind.extend_from_slice(&piece[taken..]);
        }
    }
    editor.finish(b"", &mut out);
    out.extend_from_slice(&behind);
    out
}
