//! The Korean messages of the corpus against their expected texts.

use std::{fs, path::PathBuf};

use unicode_normalization::UnicodeNormalization;

use mime_core::{
    body_structure::Part,
    file_name::{given_file_name, safe_file_name},
    header::address::AddressItem,
    structure::Structure,
    text::{decode_header, decode_text_part, text_of_html},
    transfer::Encoding,
};

use crate::corpus::slice;

#[test]
fn subjects_names_and_first_lines() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/made");
    let table = fs::read_to_string(folder.join("EXPECTED-korean.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        rows += 1;
        let mut cells = row.split('\t');
        let (Some(file), Some(subject), Some(name), Some(line), Some(attachment)) =
            (cells.next(), cells.next(), cells.next(), cells.next(), cells.next())
        else {
            panic!("short row {row:?}");
        };
        let octets = fs::read(folder.join(file)).unwrap();
        let found = read(&octets);
        for (what, found, expected) in [
            ("subject", &found.subject, subject),
            ("name", &found.name, name),
            ("line", &found.line, line),
            ("attachment", &found.attachment, attachment),
        ] {
            if !agrees(found, expected) {
                wrong.push(format!("{file}: {what} {found:?}, expected {expected:?}"));
            }
        }
    }
    assert!(rows > 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table has remarks: what is an address is no name, what is HTML stands among tags.
fn agrees(found: &str, expected: &str) -> bool {
    let expected = expected.split(" (comment:").next().unwrap().trim();
    let expected = expected.strip_suffix(" in a comment").unwrap_or(expected);
    match expected.strip_prefix("(HTML) ") {
        Some(text) => text_of_html(found).contains(text),
        None => {
            expected.is_empty() || expected.contains('@') || found.trim().nfc().eq(expected.chars())
        }
    }
}

struct Read {
    subject: String,
    name: String,
    line: String,
    attachment: String,
}

fn read(octets: &[u8]) -> Read {
    let structure = Structure::of(octets);
    let subject = decode_header(structure.envelope.subject.as_deref().unwrap_or_default());
    let name = match structure.envelope.from.first() {
        Some(AddressItem::Mailbox(mailbox)) => {
            decode_header(mailbox.name.as_deref().unwrap_or_default())
        }
        _ => String::new(),
    };
    let mut text = None;
    structure.body.root.visit(&mut |part: &Part| {
        if text.is_none() && part.media_type.is_kind("text") {
            text = Some(part);
        }
    });
    let line = text.map_or_else(String::new, |part| {
        let body = slice(octets, part.body.clone());
        let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
        let text = decode_text_part(body, encoding, part.media_type.param("charset"));
        text.lines().next().unwrap_or_default().to_owned()
    });
    let mut attachment = String::new();
    structure.body.root.visit(&mut |part: &Part| {
        let given = given_file_name(part).map(|name| name.text).unwrap_or_default();
        attachment.push_str(&safe_file_name(&given).unwrap_or_default());
    });
    Read { subject, name, line, attachment }
}
