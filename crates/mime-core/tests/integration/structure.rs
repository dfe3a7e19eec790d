//! Structures of small messages: the RFCs' examples, sections, and each defect.

use mime_core::{
    body_structure::{BodyStructure, Part},
    header::address::AddressItem,
    section::{FieldChoice, Section, SectionOf},
    structure::{DefectKind, Limits, Parser, Structure},
};

use crate::corpus::slice;

/// The tree of RFC 9051 §6.4.5.1, with a word in every body.
const NUMBERED: &str = "\
Subject: top\r\n\
Content-Type: multipart/mixed; boundary=m\r\n\
\r\n\
preamble\r\n\
--m\r\n\
Content-Type: text/plain\r\n\
\r\n\
one\r\n\
--m\r\n\
Content-Type: application/octet-stream\r\n\
\r\n\
two\r\n\
--m\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: three\r\n\
Content-Type: multipart/mixed; boundary=n\r\n\
\r\n\
--n\r\n\
\r\n\
three-one\r\n\
--n\r\n\
Content-Type: application/octet-stream\r\n\
\r\n\
three-two\r\n\
--n--\r\n\
--m\r\n\
Content-Type: multipart/mixed; boundary=o\r\n\
X: four\r\n\
\r\n\
--o\r\n\
Content-Type: image/gif\r\n\
\r\n\
four-one\r\n\
--o\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: four-two\r\n\
\r\n\
four-two-one\r\n\
--o--\r\n\
--m--\r\n\
epilogue\r\n";

fn section(text: &str) -> Section {
    let mut section = Section::default();
    for word in text.split('.').filter(|word| !word.is_empty()) {
        match word {
            "HEADER" => section.of = SectionOf::Header,
            "TEXT" => section.of = SectionOf::Text,
            "MIME" => section.of = SectionOf::Mime,
            "FIELDS" => {
                section.of = SectionOf::HeaderFields(vec!["Subject".into()], FieldChoice::Named);
            }
            number => section.path.push(number.parse().unwrap()),
        }
    }
    section
}

#[track_caller]
fn check_section(message: &str, name: &str, expected: Option<&str>) {
    let structure = Structure::of(message.as_bytes());
    let range = structure.body.resolve(&section(name));
    let found = range.map(|range| String::from_utf8_lossy(slice(message.as_bytes(), range)));
    assert_eq!(found.as_deref(), expected, "BODY[{name}]");
    // The stored value alone gives the same answer.
    let stored = BodyStructure::decode(&structure.body.encode()).unwrap();
    assert_eq!(stored.resolve(&section(name)), structure.body.resolve(&section(name)));
}

#[test]
fn sections_of_a_multipart() {
    let check = |name, expected| check_section(NUMBERED, name, expected);
    check("", Some(NUMBERED));
    check("HEADER", Some("Subject: top\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"));
    check(
        "HEADER.FIELDS",
        Some("Subject: top\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"),
    );
    check("TEXT", NUMBERED.find("preamble").and_then(|at| NUMBERED.get(at..)));
    check("1", Some("one"));
    check("1.MIME", Some("Content-Type: text/plain\r\n\r\n"));
    check("1.HEADER", None);
    check("1.TEXT", None);
    check("1.1", None);
    check("2", Some("two"));
    check("3.HEADER", Some("Subject: three\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n"));
    check(
        "3.TEXT",
        Some(
            "--n\r\n\r\nthree-one\r\n--n\r\nContent-Type: application/octet-stream\r\n\r\nthree-two\r\n--n--",
        ),
    );
    check("3.MIME", Some("Content-Type: message/rfc822\r\n\r\n"));
    check("3.1", Some("three-one"));
    check("3.1.MIME", Some("\r\n"));
    check("3.2", Some("three-two"));
    check("3.3", None);
    check("4.MIME", Some("Content-Type: multipart/mixed; boundary=o\r\nX: four\r\n\r\n"));
    check("4.HEADER", None);
    check("4.1", Some("four-one"));
    check("4.2.HEADER", Some("Subject: four-two\r\n\r\n"));
    check("4.2.TEXT", Some("four-two-one"));
    check("4.2.1", Some("four-two-one"));
    check("4.2.1.1", None);
    check("4.2.2", None);
    check("5", None);
    check("0", None);
    check("4294967295", None);
}

#[test]
fn sections_of_other_messages() {
    let plain = "Subject: x\r\n\r\nbody\r\n";
    check_section(plain, "1", Some("body\r\n"));
    check_section(plain, "1.MIME", Some("Subject: x\r\n\r\n"));
    check_section(plain, "TEXT", Some("body\r\n"));
    check_section(plain, "2", None);
    check_section(plain, "1.1", None);
    check_section(plain, "1.HEADER", None);
    let forwarded = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n";
    check_section(forwarded, "1", Some("Subject: in\r\n\r\nbody\r\n"));
    check_section(forwarded, "1.HEADER", Some("Subject: in\r\n\r\n"));
    check_section(forwarded, "1.1", Some("body\r\n"));
    check_section("", "HEADER", Some(""));
    check_section("", "1", Some(""));
    check_section("Subject: no body", "TEXT", Some(""));
}

fn defects(message: &str) -> Vec<DefectKind> {
    Structure::of(message.as_bytes()).defects.iter().map(|defect| defect.kind).collect()
}

#[test]
fn defects_are_named() {
    let check = |message: &str, expected: &[DefectKind]| {
        assert_eq!(defects(message), expected, "{message:?}");
    };
    check("A: b\r\n\r\nbody", &[]);
    check("", &[DefectKind::HeaderNotEnded]);
    check("A: b\r\n", &[DefectKind::HeaderNotEnded]);
    check("no field\r\nA: b\r\n\r\n", &[DefectKind::NotAField]);
    check(" continued\r\nA: b\r\n\r\n", &[DefectKind::ContinuationOfNothing]);
    check("Subject: a\r\nsubject: b\r\n\r\n", &[DefectKind::DuplicateField]);
    check("Content-Type: text\r\n\r\n", &[DefectKind::BadContentType]);
    check("Content-Type: multipart/mixed\r\n\r\n", &[DefectKind::NoBoundary]);
    check("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n", &[DefectKind::NoBoundary]);
    let mixed = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
    check(mixed, &[DefectKind::NoDelimiter]);
    check(&format!("{mixed}--a\r\n\r\nx"), &[DefectKind::NotClosed]);
    check(&format!("{mixed}--a\r\n--a\r\n\r\nx\r\n--a--"), &[DefectKind::RepeatedDelimiter]);
    let encoded = format!("Content-Transfer-Encoding: base64\r\n{mixed}--a\r\n\r\n--a--");
    check(&encoded, &[DefectKind::EncodedComposite]);
}

#[test]
fn limits_hold() {
    let nested: String = (0..200)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    let structure = Structure::of(nested.as_bytes());
    assert_eq!(depth(&structure.body.root), Limits::default().depth_max);
    assert!(structure.defects.iter().any(|defect| defect.kind == DefectKind::TooDeep));

    let many = format!(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n{}",
        "--a\r\n\r\nx\r\n".repeat(100_000)
    );
    let structure = Structure::of(many.as_bytes());
    assert_eq!(structure.body.root.children().len(), Limits::default().parts_max - 1);
    let last = structure.body.root.children().last().unwrap();
    assert_eq!(last.body.end, structure.size);
    assert!(structure.defects.iter().any(|defect| defect.kind == DefectKind::TooManyParts));

    let long = format!("To: {}\r\n\r\n", "a@b, ".repeat(2_000_000));
    let structure = Structure::of(long.as_bytes());
    assert!(structure.envelope.to.len() <= Limits::default().addresses_max);
    assert!(structure.defects.iter().any(|defect| defect.kind == DefectKind::FieldTruncated));

    let lines = "not a field\r\n".repeat(1000);
    assert_eq!(Structure::of(lines.as_bytes()).defects.len(), Structure::DEFECTS_MAX);
}

fn depth(part: &Part) -> usize {
    1 + part.children().iter().map(depth).max().unwrap_or(0)
}

#[test]
fn a_field_is_cut_at_its_limit() {
    let limits = Limits { field_octets_max: 10, ..Limits::default() };
    let mut parser = Parser::new(limits);
    parser.push(b"Subject: 123456789012345\r\nTo: g: a@b, c@d;\r\n\r\n");
    let envelope = parser.finish().envelope;
    assert_eq!(envelope.subject.as_deref(), Some(&b"123456789"[..]));
    assert_eq!(envelope.to.first(), Some(&AddressItem::GroupStart((*b"g").into())));
    assert_eq!(envelope.to.last(), Some(&AddressItem::GroupEnd));
}

#[test]
fn content_fields() {
    let message = "\
Content-Type: text/PLAIN (really); charset=us-ascii (Plain text); name=\"a \\\"b\\\".txt\"\r\n\
Content-Transfer-Encoding: (yes) 8bit\r\n\
Content-ID: <id@x>\r\n\
Content-Description: what\r\n it is\r\n\
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\
Content-Disposition: attachment; filename*0*=utf-8''a; filename=my file.txt; size=3\r\n\
Content-Language: ko, en (British)\r\n\
Content-Location: http://x/\r\n\
\r\n\
a\r\nb";
    let root = Structure::of(message.as_bytes()).body.root;
    assert!(root.media_type.is("text", "plain"));
    assert_eq!(root.media_type.param("CHARSET"), Some(&b"us-ascii"[..]));
    assert_eq!(root.media_type.param("name"), Some(&b"a \"b\".txt"[..]));
    assert_eq!(root.encoding.as_deref(), Some(&b"8bit"[..]));
    assert_eq!(root.id.as_deref(), Some(&b"<id@x>"[..]));
    assert_eq!(root.description.as_deref(), Some(&b"what it is"[..]));
    assert_eq!(root.md5.as_deref(), Some(&b"Q2hlY2sgSW50ZWdyaXR5IQ=="[..]));
    let disposition = root.disposition.as_ref().unwrap();
    assert_eq!(&*disposition.kind, b"attachment");
    assert_eq!(disposition.param("filename*0*"), Some(&b"utf-8''a"[..]));
    assert_eq!(disposition.param("filename"), Some(&b"my file.txt"[..]));
    assert_eq!(disposition.param("size"), Some(&b"3"[..]));
    assert_eq!(root.language.len(), 2);
    assert_eq!(root.location.as_deref(), Some(&b"http://x/"[..]));
    assert_eq!((root.size(), root.lines), (4, 1));
}

#[test]
fn digests_and_defaults() {
    let message = "Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: in\r\n\r\nx\r\n--a\r\nContent-Type: nonsense\r\n\r\ny\r\n--a--";
    let root = Structure::of(message.as_bytes()).body.root;
    let types: Vec<_> =
        root.children().iter().map(|part| part.media_type.is("message", "rfc822")).collect();
    // RFC 2045 §5.2: what cannot be read is plain text, in a digest too.
    assert_eq!(types, [true, false]);
    let opaque = Structure::of(b"Content-Type: multipart/mixed\r\n\r\nx").body.root;
    assert_eq!(opaque.shown_type(), (&b"text"[..], &b"plain"[..]));
}

#[test]
fn an_envelope() {
    // RFC 9051 §8, the FETCH of the example.
    let message = "\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
From: Terry Gray <gray@cac.washington.edu>\r\n\
Subject: IMAP4rev2 WG mtg summary and minutes\r\n\
To: imap@cac.washington.edu\r\n\
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
Message-Id: <B27397-0100000@cac.washington.ed>\r\n\
\r\n";
    let envelope = Structure::of(message.as_bytes()).envelope;
    assert_eq!(envelope.date.as_deref(), Some(&b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"[..]));
    assert_eq!(envelope.shown_sender(), envelope.from);
    assert_eq!(envelope.cc.len(), 2);
    assert_eq!(envelope.in_reply_to, None);
    let AddressItem::Mailbox(gray) = &envelope.from[0] else { panic!() };
    assert_eq!(gray.name.as_deref(), Some(&b"Terry Gray"[..]));
    assert_eq!(gray.address().unwrap().to_string(), "gray@cac.washington.edu");
}
