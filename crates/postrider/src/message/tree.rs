//! `structure`: the tree of parts, drawn, and as JSON.

use std::ops::Range;

use mime_core::{
    Envelope, Octets,
    body_structure::{Content, Part},
    text::decode_header,
};
use serde::Serialize;

use super::{Opened, placed::Placed, sizes};
use crate::{printer, terminal};

/// A subject beside an inner message is cut to so many columns.
const SUBJECT_COLUMNS: usize = 40;

/// The tree, a line a part.
pub(crate) fn drawn(opened: &Opened, offsets: bool) -> Vec<String> {
    let placed = opened.placed();
    if offsets {
        let header = ["part", "    octets", "header", "body", "encoding", "charset", "name"];
        let rows: Vec<_> = placed.iter().map(row_with_offsets).collect();
        return printer::columns(Some(header), &rows);
    }
    let rows: Vec<_> = placed.iter().map(row).collect();
    let header = ["part", "      size", " lines", "encoding", "charset", "name"];
    printer::columns(Some(header), &rows)
}

fn row(placed: &Placed<'_>) -> [String; 6] {
    let [encoding, charset, name] = last_columns(placed);
    let lines = format!("{:>6}", placed.part.lines);
    [label(placed), sizes::column(placed.part.size()), lines, encoding, charset, name]
}

fn row_with_offsets(placed: &Placed<'_>) -> [String; 7] {
    let [encoding, charset, name] = last_columns(placed);
    let size = format!("{:>10}", placed.part.size());
    let range = |range: &Range<u64>| format!("{}..{}", range.start, range.end);
    let (header, body) = (range(&placed.part.header), range(&placed.part.body));
    [label(placed), size, header, body, encoding, charset, name]
}

fn label(placed: &Placed<'_>) -> String {
    let media_type = terminal::one_line(&placed.media_type());
    let section = match placed.section.as_str() {
        // The outermost multipart is the message: everybody's number would be noise.
        "TEXT" => String::new(),
        section => format!("{section} "),
    };
    let unopened = if is_unopened(placed.part) { " (not taken apart)" } else { "" };
    format!("{}{section}{media_type}{unopened}", placed.branches)
}

/// Whether its type promises parts that were not found.
fn is_unopened(part: &Part) -> bool {
    let (kind, subtype) = part.shown_type();
    (kind, subtype) != (&*part.media_type.kind, &*part.media_type.subtype)
}

/// Encoding, charset, and by what a person knows the part.
fn last_columns(placed: &Placed<'_>) -> [String; 3] {
    let name = match (&placed.envelope, placed.name()) {
        (Some(envelope), None) => subject(envelope).map(|subject| format!("“{subject}”")),
        (_, name) => name,
    };
    let disposition = placed.disposition().filter(|it| it != "inline" || name.is_some());
    let name = match (name, disposition) {
        (Some(name), Some(disposition)) => format!("{name}  ({disposition})"),
        (None, Some(disposition)) => format!("({disposition})"),
        (name, None) => name.unwrap_or_default(),
    };
    let encoding = placed.encoding_name().unwrap_or_default();
    [encoding, placed.charset().unwrap_or_default(), name].map(|it| terminal::one_line(&it))
}

fn subject(envelope: &Envelope) -> Option<String> {
    let subject = terminal::one_line(&decode_header(envelope.subject.as_deref()?));
    Some(terminal::shortened(&subject, SUBJECT_COLUMNS).into_owned())
}

/// A part for programs; what is not there is left out.
#[derive(Serialize)]
pub(crate) struct PartValue {
    section: String,
    #[serde(rename = "type")]
    media_type: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decoded_size: Option<u64>,
    lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
    /// Of an inner message.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    header: Span,
    body: Span,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartValue>,
}

/// Offsets into the message.
#[derive(Serialize)]
struct Span {
    start: u64,
    end: u64,
}

impl PartValue {
    /// What is known without reading the body, and nothing of what is inside.
    pub(super) fn of(placed: &Placed<'_>) -> Self {
        let part = placed.part;
        let text = |octets: &Option<Octets>| {
            octets.as_deref().map(|octets| String::from_utf8_lossy(octets).into_owned())
        };
        let span = |range: &Range<u64>| Span { start: range.start, end: range.end };
        let subject = placed.envelope.and_then(|envelope| envelope.subject.as_deref());
        Self {
            section: placed.section.clone(),
            media_type: placed.media_type(),
            size: part.size(),
            decoded_size: None,
            lines: part.lines,
            encoding: placed.encoding_name(),
            charset: placed.charset(),
            name: placed.name(),
            disposition: placed.disposition(),
            id: text(&part.id),
            description: part.description.as_deref().map(decode_header),
            location: text(&part.location),
            md5: text(&part.md5),
            subject: subject.map(decode_header),
            header: span(&part.header),
            body: span(&part.body),
            parts: Vec::new(),
        }
    }
}

/// The tree for programs: what is inside a part stands in its `parts`.
pub(crate) fn value(opened: &Opened) -> Option<PartValue> {
    let mut placed = opened.placed().into_iter();
    let root = placed.next()?;
    Some(branch(&root, &mut placed))
}

/// A part, and the parts inside it, which follow it in the row.
fn branch<'a>(placed: &Placed<'a>, rest: &mut std::vec::IntoIter<Placed<'a>>) -> PartValue {
    let inside = match &placed.part.content {
        Content::Leaf => 0,
        Content::Message(_) => 1,
        Content::Multipart(parts) => parts.len(),
    };
    let mut value = PartValue::of(placed);
    for _ in 0..inside {
        value.parts.extend(rest.next().map(|inner| branch(&inner, rest)));
    }
    value
}
