//! The examples of the standard, and what real messages add.

use mime_core::{
    Envelope,
    body_structure::{MediaType, Message, OctetKinds},
};

use super::*;

const PLAIN: Shape = Shape { extension: false, rev2: false };
const FULL: Shape = Shape { extension: true, rev2: false };

fn leaf(kind: &str, subtype: &str, size: u64, lines: u64) -> Part {
    Part {
        header: 0..0,
        body: 0..size,
        lines,
        octets: OctetKinds::default(),
        media_type: MediaType::new(kind, subtype),
        encoding: None,
        id: None,
        description: None,
        md5: None,
        disposition: None,
        language: vec![],
        location: None,
        content: Content::Leaf,
    }
}

fn param(name: &str, value: &str) -> Param {
    Param { name: name.as_bytes().into(), value: value.as_bytes().into() }
}

fn check(part: &Part, body: &str, structure: &str) {
    for (shape, expected) in [(PLAIN, body), (FULL, structure)] {
        let mut out = Vec::new();
        render(&mut out, part, shape);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 3501 §7.4.2.
    let mut first = leaf("TEXT", "PLAIN", 1152, 23);
    first.media_type.params = vec![param("CHARSET", "US-ASCII")];
    check(
        &first,
        r#"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)"#,
        r#"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23 NIL NIL NIL NIL)"#,
    );
    let mut second = leaf("TEXT", "PLAIN", 4554, 73);
    second.media_type.params = vec![param("CHARSET", "US-ASCII"), param("NAME", "cc.diff")];
    second.id = Some(b"<960723163407.20117h@cac.washington.edu>"[..].into());
    second.description = Some(b"Compiler diff"[..].into());
    second.encoding = Some(b"BASE64"[..].into());
    let mut both = leaf("MULTIPART", "MIXED", 6000, 100);
    both.content = Content::Multipart(vec![first, second]);
    let mut out = Vec::new();
    render(&mut out, &both, PLAIN);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73) "MIXED")"#
    );
}

#[test]
fn extension_data_stands_in_its_order() {
    let mut part = leaf("image", "png", 9, 1);
    part.md5 = Some(b"Q2hlY2s="[..].into());
    part.disposition = Some(Disposition {
        kind: b"attachment"[..].into(),
        params: vec![param("filename", "a\"b.png")],
    });
    part.language = vec![b"de"[..].into(), b"en"[..].into()];
    part.location = Some(b"http://x/"[..].into());
    check(
        &part,
        r#"("image" "png" NIL NIL NIL "7BIT" 9)"#,
        r#"("image" "png" NIL NIL NIL "7BIT" 9 "Q2hlY2s=" ("attachment" ("filename" "a\"b.png")) ("de" "en") "http://x/")"#,
    );
    part.language.pop();
    let mut multipart = leaf("multipart", "mixed", 9, 1);
    multipart.media_type.params = vec![param("boundary", "x")];
    multipart.content = Content::Multipart(vec![leaf("text", "plain", 0, 0)]);
    check(
        &multipart,
        r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0) "mixed")"#,
        r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "x") NIL NIL NIL)"#,
    );
}

/// RFC 2046 §4.1.2: so it is without a word; but nobody knows what 8-bit text is.
#[test]
fn plain_text_is_in_ascii_unless_it_is_not() {
    let eight_bit = OctetKinds { eight_bit: true, ..OctetKinds::default() };
    let ascii = OctetKinds::default();
    let rows = [
        ("text", "plain", "", None, ascii, r#"("charset" "us-ascii")"#),
        ("Text", "Plain", "", Some("8bit"), ascii, r#"("charset" "us-ascii")"#),
        ("text", "plain", "format", None, ascii, r#"("format" "v" "charset" "us-ascii")"#),
        ("text", "plain", "Charset", None, ascii, r#"("Charset" "v")"#),
        ("text", "plain", "charset*", None, ascii, r#"("charset*" "v")"#),
        ("text", "plain", "", None, eight_bit, "NIL"),
        ("text", "plain", "", Some("base64"), ascii, "NIL"),
        ("text", "plain", "", Some("x-strange"), ascii, "NIL"),
        ("text", "html", "", None, ascii, "NIL"),
    ];
    for (kind, subtype, name, encoding, octets, expected) in rows {
        let mut part = leaf(kind, subtype, 1, 1);
        if !name.is_empty() {
            part.media_type.params = vec![param(name, "v")];
        }
        (part.encoding, part.octets) = (encoding.map(|word| word.as_bytes().into()), octets);
        let mut out = Vec::new();
        render(&mut out, &part, PLAIN);
        let begins = format!(r#"("{kind}" "{subtype}" {expected} NIL NIL "#);
        assert!(out.starts_with(begins.as_bytes()), "{}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn messages_inside() {
    let mut outer = leaf("message", "rfc822", 70, 5);
    outer.content = Content::Message(Box::new(Message {
        envelope: Envelope::default(),
        part: leaf("text", "html", 20, 2),
    }));
    check(
        &outer,
        r#"("message" "rfc822" NIL NIL NIL "7BIT" 70 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "html" NIL NIL NIL "7BIT" 20 2) 5)"#,
        r#"("message" "rfc822" NIL NIL NIL "7BIT" 70 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "html" NIL NIL NIL "7BIT" 20 2 NIL NIL NIL NIL) 5 NIL NIL NIL NIL)"#,
    );
    outer.media_type = MediaType::new("message", "global");
    check(
        &outer,
        r#"("message" "global" NIL NIL NIL "7BIT" 70)"#,
        r#"("message" "global" NIL NIL NIL "7BIT" 70 NIL NIL NIL NIL)"#,
    );
    // RFC 9051 §9: `media-message = "MESSAGE" SP ("RFC822" / "GLOBAL")`, and sizes have 63 bits.
    outer.body = 0..1 << 40;
    let mut out = Vec::new();
    render(&mut out, &outer, Shape { rev2: true, ..PLAIN });
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"("message" "global" NIL NIL NIL "7BIT" 1099511627776 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "html" NIL NIL NIL "7BIT" 20 2) 5)"#,
    );
    // What promises an inside but has none must not be rendered as if it had.
    check(
        &leaf("message", "rfc822", 5, 1),
        r#"("application" "octet-stream" NIL NIL NIL "7BIT" 5)"#,
        r#"("application" "octet-stream" NIL NIL NIL "7BIT" 5 NIL NIL NIL NIL)"#,
    );
    check(
        &leaf("multipart", "mixed", 5, 1),
        r#"("text" "plain" NIL NIL NIL "7BIT" 5 1)"#,
        r#"("text" "plain" NIL NIL NIL "7BIT" 5 1 NIL NIL NIL NIL)"#,
    );
}
