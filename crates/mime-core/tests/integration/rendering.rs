//! A message's structure, envelope and texts as a paragraph that a person reads and a script can.
//!
//! Strings are quoted, with `\"`, `\\` and `\u{..}`. Places are `@START+HEADER+BODY` in octets. What
//! a leaf holds once decoded is `=OCTETS:CRC32`; of text, `=CHARACTERS:CRC32` of it in UTF-8 with
//! line ends as LF.

use std::fmt::Write;

use mime_core::{
    Envelope,
    body_structure::{Content, OctetKinds, Param, Part},
    file_name::given_file_name,
    header::{address::AddressItem, date::DateTime},
    reading::{Numbered, Reading},
    section::Section,
    structure::Structure,
    text::{decode_text_part, header_text},
    thread::BaseSubject,
};

use crate::corpus::slice;

/// Longer lines of text are cut.
const LINE_CHARS_MAX: usize = 100;
/// Of more lines about parts the middle is told by its checksum alone.
const PART_LINES_MAX: usize = 80;
/// More part numbers are counted.
const NUMBERS_MAX: usize = 40;

pub(crate) fn render(name: &str, octets: &[u8]) -> String {
    let structure = Structure::of(octets);
    let mut out = format!("# {name}\n");
    put_envelope(&mut out, "", &structure.envelope);
    let mut parts = String::new();
    put_part(&mut parts, &structure, octets, &structure.body.root, &[]);
    out.push_str(&shortened(&parts));
    let reading = Reading::of(&structure.body.root);
    if let Some(found) = reading.text.first() {
        let text = text_of(found.part, octets);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let line: String = line.chars().take(LINE_CHARS_MAX).collect();
        writeln!(out, "text {}: {}", number(&found.number), quoted(&line)).unwrap();
    }
    let numbers = |parts: &[Numbered<'_>]| {
        let first = parts.iter().take(NUMBERS_MAX).map(|part| number(&part.number));
        let more = parts.len().checked_sub(NUMBERS_MAX + 1).map(|more| format!("and {}", more + 1));
        first.chain(more).collect::<Vec<_>>().join(" ")
    };
    let (text, html) = (numbers(&reading.text), numbers(&reading.html));
    if html != text || reading.text.len() > 1 {
        writeln!(out, "shown: plain {text}; html {html}").unwrap();
    }
    for found in reading.attachments.iter().take(NUMBERS_MAX) {
        let given = given_file_name(found.part).map(|name| quoted(&name.text));
        let name = given.unwrap_or_else(|| "-".to_owned());
        writeln!(out, "attached {}: {name}", number(&found.number)).unwrap();
    }
    for defect in &structure.defects {
        writeln!(out, "defect @{} {:?}", defect.at, defect.kind).unwrap();
    }
    out
}

fn shortened(lines: &str) -> String {
    let all: Vec<&str> = lines.split_inclusive('\n').collect();
    if all.len() <= PART_LINES_MAX {
        return lines.to_owned();
    }
    let (head, rest) = all.split_at(PART_LINES_MAX / 2);
    let (middle, tail) = rest.split_at(rest.len() - PART_LINES_MAX / 4);
    let sum = crc_32(middle.concat().as_bytes());
    format!("{}.. {} lines :{sum:08x}\n{}", head.concat(), middle.len(), tail.concat())
}

fn put_envelope(out: &mut String, at: &str, envelope: &Envelope) {
    let mut put = |name: &str, value: String| writeln!(out, "{at}{name}: {value}").unwrap();
    if let Some(subject) = &envelope.subject {
        let decoded = header_text(subject);
        let guessed = if decoded.guessed { " guessed" } else { "" };
        put("subject", format!("{}{guessed}", quoted(&decoded.text)));
        let base = BaseSubject::of(subject);
        if base.is_reply_or_forward || base.text != decoded.text {
            let kind = if base.is_reply_or_forward { " answered or forwarded" } else { "" };
            put("thread", format!("{}{kind}", quoted(&base.text)));
        }
    }
    if let Some(date) = &envelope.date {
        let read = DateTime::parse(date).map_or_else(|| "-".to_owned(), DateTime::render);
        put("date", format!("{} = {read}", quoted(&String::from_utf8_lossy(date))));
    }
    for (name, list) in [
        ("from", &envelope.from),
        ("sender", &envelope.sender),
        ("reply-to", &envelope.reply_to),
        ("to", &envelope.to),
        ("cc", &envelope.cc),
        ("bcc", &envelope.bcc),
    ] {
        if !list.is_empty() {
            put(name, list.iter().map(address).collect::<Vec<_>>().join(" "));
        }
    }
    for (name, id) in [("in-reply-to", &envelope.in_reply_to), ("message-id", &envelope.message_id)]
    {
        if let Some(id) = id {
            put(name, quoted(&String::from_utf8_lossy(id)));
        }
    }
}

/// `"name" <local@domain>`, `group "name" {` and `}`.
fn address(item: &AddressItem) -> String {
    match item {
        AddressItem::GroupStart(name) => format!("group {} {{", quoted(&header_text(name).text)),
        AddressItem::GroupEnd => "}".to_owned(),
        AddressItem::Mailbox(mailbox) => {
            let name = mailbox.name.as_ref().map(|name| quoted(&header_text(name).text) + " ");
            let route = mailbox.route.as_ref().map(|it| String::from_utf8_lossy(it) + ":");
            let domain = mailbox.domain.as_ref().map(|it| format!("@{}", shown(it)));
            format!(
                "{}<{}{}{}>",
                name.unwrap_or_default(),
                route.unwrap_or_default(),
                shown(&mailbox.local),
                domain.unwrap_or_default()
            )
        }
    }
}

fn put_part(out: &mut String, structure: &Structure, octets: &[u8], part: &Part, path: &[u32]) {
    let mut line = format!("{} {}", number(path), shown(&part.media_type.kind));
    write!(line, "/{}", shown(&part.media_type.subtype)).unwrap();
    put_params(&mut line, &part.media_type.params);
    write!(
        line,
        " @{}+{}+{} lines={}",
        part.header.start,
        part.header.end - part.header.start,
        part.size(),
        part.lines
    )
    .unwrap();
    let values = [
        ("encoding", &part.encoding),
        ("id", &part.id),
        ("description", &part.description),
        ("md5", &part.md5),
        ("location", &part.location),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            write!(line, " {name}={}", quoted(&header_text(value).text)).unwrap();
        }
    }
    if let Some(disposition) = &part.disposition {
        write!(line, " disposition={}", shown(&disposition.kind)).unwrap();
        put_params(&mut line, &disposition.params);
    }
    if !part.language.is_empty() {
        let tags = part.language.iter().map(|tag| shown(tag)).collect::<Vec<_>>();
        write!(line, " language={}", tags.join(",")).unwrap();
    }
    put_kinds(&mut line, part.octets);
    if matches!(part.content, Content::Leaf) {
        put_content(&mut line, part, octets);
    }
    out.push_str(&line);
    out.push('\n');
    match &part.content {
        Content::Leaf => {}
        Content::Multipart(parts) => {
            for (child, number) in parts.iter().zip(1..) {
                let path = [path, &[number]].concat();
                assert_eq!(structure.body.part(&path), Some(child));
                put_part(out, structure, octets, child, &path);
            }
        }
        Content::Message(message) => {
            // The message inside has no number of its own; its body has, unless it is a multipart.
            let of = if path.is_empty() { vec![1] } else { path.to_vec() };
            put_envelope(out, &format!("{}> ", number(&of)), &message.envelope);
            let is_multipart = matches!(message.part.content, Content::Multipart(_));
            let inner = if is_multipart { of } else { [of.as_slice(), &[1]].concat() };
            assert!(
                structure
                    .body
                    .resolve(&Section { path: inner.clone(), ..Section::default() })
                    .is_some()
            );
            put_part(out, structure, octets, &message.part, &inner);
        }
    }
}

fn put_params(line: &mut String, params: &[Param]) {
    for param in params {
        // As it is in the header, marks included.
        let value = quoted(&String::from_utf8_lossy(&param.value));
        write!(line, ";{}={value}", shown(&param.name)).unwrap();
    }
}

fn put_kinds(line: &mut String, kinds: OctetKinds) {
    for (name, is) in [
        ("8bit-header", kinds.eight_bit_header),
        ("8bit", kinds.eight_bit),
        ("nul", kinds.nul),
        ("long", kinds.long_line),
        ("lf", kinds.bare_lf),
        ("dense", kinds.dense),
    ] {
        if is {
            write!(line, " {name}").unwrap();
        }
    }
}

fn put_content(line: &mut String, part: &Part, octets: &[u8]) {
    if part.shown_type().0.eq_ignore_ascii_case(b"text") {
        let text = text_of(part, octets);
        write!(line, " ={}:{:08x}", text.chars().count(), crc_32(text.as_bytes())).unwrap();
    } else {
        let numbered = Numbered { part, number: Vec::new() };
        let content = numbered.content(slice(octets, part.body.clone()));
        write!(line, " ={}:{:08x}", content.len(), crc_32(&content)).unwrap();
    }
}

fn text_of(part: &Part, octets: &[u8]) -> String {
    let encoding = Numbered { part, number: Vec::new() }.encoding();
    let body = slice(octets, part.body.clone());
    decode_text_part(body, encoding, part.media_type.param("charset")).replace("\r\n", "\n")
}

/// `1.2`; the message itself is `0`.
fn number(path: &[u32]) -> String {
    match path {
        [] => "0".to_owned(),
        path => path.iter().map(u32::to_string).collect::<Vec<_>>().join("."),
    }
}

fn shown(octets: &[u8]) -> String {
    let text = quoted(&String::from_utf8_lossy(octets));
    text[1..text.len() - 1].to_owned()
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || is_unseen(c) => {
                write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap();
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// What an editor would not show, or not keep.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
        || matches!(u32::from(c), 0xe000..=0xf8ff | 0xfff0..=0xffff)
}

/// As in ISO 3309, zlib and Python.
fn crc_32(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}
