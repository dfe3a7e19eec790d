//! Surrogates: ASCII headers that say the same to a person, and bodies as they were.

use mime_core::{
    body_structure::{Content, Part},
    structure::Structure,
    surrogate::Surrogate,
    text::decode_header,
};

use crate::corpus::{samples, slice, with_crlf};

fn surrogate(message: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut surrogate = Surrogate::needed(&Structure::of(message).body)?;
    let mut out = Vec::new();
    message.chunks(size).for_each(|piece| surrogate.push(piece, &mut out));
    surrogate.finish(&mut out);
    Some(out)
}

fn shown(message: &str) -> String {
    String::from_utf8(surrogate(message.as_bytes(), 7).unwrap()).unwrap()
}

#[test]
fn each_kind_of_field() {
    for (field, expected) in [
        ("Subject: Grüße", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"),
        ("X-Any: é", "X-Any: =?UTF-8?B?w6k=?=\r\n"),
        // A name that is not ASCII has a spelling, and so has a domain.
        ("From: Zoé <z@a.example>", "From: =?UTF-8?Q?Zo=C3=A9?= <z@a.example>\r\n"),
        ("To: <z@bücher.example>", "To: <z@xn--bcher-kva.example>\r\n"),
        // A local part has none (RFC 6858 §2.1).
        (
            "Cc: Zoé <zoé@a.example>, b@c.example",
            "Cc: =?UTF-8?B?Wm/DqSB6b8OpQGEuZXhhbXBsZQ==?= <invalid@internationalized-address.invalid>,\r\n <b@c.example>\r\n",
        ),
        (
            "Content-Disposition: attachment; filename=é.txt",
            "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A9.txt\r\n",
        ),
        // What only programs read, and what would be another thing, goes (§2.4).
        ("Message-ID: <é@a.example>", ""),
        ("Return-Path: <zoé@a.example>", ""),
        ("Received: by é; Thu, 1 Jan 1970 00:00:00 +0000", ""),
    ] {
        assert_eq!(
            shown(&format!("{field}\r\nA: b\r\n\r\nß\r\n")),
            format!("{expected}A: b\r\n\r\nß\r\n")
        );
    }
}

#[test]
fn headers_of_parts() {
    let part = |name: &str| {
        format!(
            "Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\né\r\n--b\r\n\
             Content-Type: text/plain; {name}\r\n\r\né\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nSubject: c\r\n\r\né\r\n--b--\r\né\r\n"
        )
    };
    assert_eq!(shown(&part("name=é")), part("\r\n name*=utf-8''%C3%A9").replace("; \r\n", ";\r\n"));
    assert_eq!(surrogate(part("name=e").as_bytes(), 9), None);
}

fn bodies(message: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    Structure::of(message).body.root.visit(&mut |part: &Part| {
        if matches!(part.content, Content::Leaf) {
            bodies.push(slice(message, part.body.clone()));
        }
    });
    bodies
}

#[test]
fn the_corpus() {
    let mut made = 0;
    for sample in samples() {
        let message = with_crlf(&sample.octets);
        let Some(out) = surrogate(&message, 4096) else { continue };
        made += 1;
        assert_eq!(surrogate(&message, 1).unwrap(), out, "{}", sample.name);
        assert!(surrogate(&out, 100).is_none(), "{}: a header is still 8-bit", sample.name);
        assert_eq!(bodies(&out), bodies(&message), "{}", sample.name);
        let subject = |message: &[u8]| {
            mime_core::header::find(message, "Subject")
                .map(|field| decode_header(&field.unfolded()).trim().to_owned())
        };
        assert_eq!(subject(&out), subject(&message), "{}", sample.name);
    }
    assert!(made > 20, "{made} surrogates only");
}
