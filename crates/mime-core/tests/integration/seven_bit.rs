//! Conversion to 7 bits keeps what the message says.

use mime_core::{
    body_structure::{Content, Part},
    seven_bit::{Aim, Converter, Refused},
    structure::Structure,
    transfer::{Base64Decoder, Encoding, QuotedPrintableDecoder},
};

use crate::corpus::{samples, slice, with_crlf};

fn convert(message: &[u8], size: usize) -> Result<Vec<u8>, Refused> {
    let mut converter = Converter::new(&Structure::of(message))?;
    let mut out = Vec::new();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out)?;
    }
    converter.finish(&mut out)?;
    Ok(out)
}

/// The decoded content of each leaf, line ends as LF, without those at its end.
fn contents(message: &[u8]) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    Structure::of(message).body.root.visit(&mut |part: &Part| {
        if matches!(part.content, Content::Leaf) {
            contents.push(decoded(part, message));
        }
    });
    contents
}

fn decoded(part: &Part, message: &[u8]) -> Vec<u8> {
    let body = slice(message, part.body.clone());
    let mut out = Vec::new();
    match Encoding::parse(part.encoding.as_deref().unwrap_or_default()) {
        Encoding::Base64 => {
            let mut decoder = Base64Decoder::default();
            decoder.push(body, &mut out);
            decoder.finish(&mut out);
        }
        Encoding::QuotedPrintable => {
            let mut decoder = QuotedPrintableDecoder::default();
            decoder.push(body, &mut out);
            decoder.finish(&mut out);
        }
        _ => out.extend_from_slice(body),
    }
    let mut out: Vec<u8> = String::from_utf8_lossy(&out).replace("\r\n", "\n").into_bytes();
    while out.last() == Some(&b'\n') {
        out.pop();
    }
    out
}

#[test]
fn the_corpus() {
    let (mut converted, mut refused) = (0, Vec::new());
    for sample in samples() {
        let message = with_crlf(&sample.octets);
        let structure = Structure::of(&message);
        if !Converter::needed(&structure) && !Converter::shortens(&structure) {
            assert_eq!(
                convert(&message, 100).unwrap_or(message.clone()),
                message,
                "{}",
                sample.name
            );
            continue;
        }
        match convert(&message, 4096) {
            Err(reason) => refused.push((sample.name, reason)),
            Ok(out) => {
                converted += 1;
                assert!(out.is_ascii(), "{}", sample.name);
                assert_eq!(convert(&message, 1).unwrap(), out, "{}", sample.name);
                assert_eq!(contents(&out), contents(&message), "{}", sample.name);
            }
        }
    }
    assert!(converted > 30, "converted {converted}, refused {refused:?}");
}

#[track_caller]
fn check(message: &str, expected: Result<&str, Refused>) {
    let found = convert(message.as_bytes(), 1000).map(|out| String::from_utf8(out).unwrap());
    assert_eq!(found.as_deref().map_err(|refused| *refused), expected, "{message:?}");
}

#[test]
fn bodies() {
    check(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nA café more.\r\n",
        Ok(
            "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nA caf=C3=A9 more.\r\n",
        ),
    );
    // Base64 is shorter.
    check(
        "MIME-Version: 1.0\r\n\r\n가나다\r\n",
        Ok("MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n6rCA64KY64ukDQo=\r\n"),
    );
    check(
        "Content-Type: image/png\r\nMIME-Version: 1.0\r\n\r\né",
        Ok(
            "Content-Type: image/png\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nw6k=\r\n",
        ),
    );
    check(
        "Content-Transfer-Encoding: 8bit\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\né\r\n--a\r\n\r\nA café, please\r\n--a\r\n\r\nx\r\n--a--\r\n",
        Ok(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n??\r\n--a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nA caf=C3=A9, please\r\n--a\r\n\r\nx\r\n--a--\r\n",
        ),
    );
    check(
        "Content-Type: message/rfc822\r\n\r\nMIME-Version: 1.0\r\n\r\nA café, please",
        Ok(
            "Content-Type: message/rfc822\r\n\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nA caf=C3=A9, please",
        ),
    );
}

/// A NUL in a value is the space that it was for the structure: the boundary behind it is found before
/// and after.
#[test]
fn nul_in_a_field() {
    let body = "\r\n--b\r\n\r\nx\r\n--b--\r\n";
    check(
        &format!("Content-Type: multipart/mixed; charset=\u{e9}\0boundary=b\r\n{body}"),
        Ok(&format!(
            "Content-Type: multipart/mixed;\r\n charset*=utf-8''%C3%A9;\r\n boundary=b\r\n{body}"
        )),
    );
    check("X-Note: \0caf\u{e9}\0 a\rb\r\n\r\n", Ok("X-Note: =?UTF-8?B?Y2Fmw6k=?=  a b\r\n\r\n"));
}

/// The encoding is known afterwards if, and only if, it was known before (RFC 2045 §6.4).
#[test]
fn eight_bit_behind_an_encoding() {
    let check = |field: &str, expected: &str| {
        check(
            &format!("Content-Transfer-Encoding: {field}\r\n\r\na=3Db\r\n"),
            Ok(&format!("Content-Transfer-Encoding: {expected}\r\n\r\na=3Db\r\n")),
        );
    };
    check("quoted-printable (caf\u{e9})", "quoted-printable");
    check("quoted-printable\u{1} \u{e9}", "quoted-printable-");
    check("base64\u{e9}", "base64--");
    check("(\u{e9})", "");
}

/// RFC 5322 §2.1.1, RFC 2045 §6.7: what is too long for a line is written in several.
#[test]
fn long_lines() {
    let long = "a ".repeat(600);
    let message = format!("MIME-Version: 1.0\r\n\r\n{long}\r\n");
    assert!(Converter::shortens(&Structure::of(message.as_bytes())));
    let out = convert(message.as_bytes(), 100).unwrap();
    assert!(out.split(|octet| *octet == b'\n').all(|line| line.len() < 80));
    assert_eq!(contents(&out), contents(message.as_bytes()));

    let signed = [
        format!("DKIM-Signature: v=1\r\n{message}"),
        format!("Content-Type: multipart/signed; boundary=a\r\n\r\n--a\r\n\r\n{long}\r\n--a--"),
        format!("Content-Transfer-Encoding: x-uuencode\r\n\r\n{long}"),
    ];
    for message in signed {
        assert!(!Converter::shortens(&Structure::of(message.as_bytes())), "{message}");
        assert_eq!(convert(message.as_bytes(), 100).as_deref(), Ok(message.as_bytes()));
    }
}

/// Whichever is shorter, within the weight of line ends.
#[test]
fn the_shorter_encoding() {
    for eight_bit in 0..=40 {
        let body = format!("{}{}\r\n", "é".repeat(eight_bit), "e".repeat(60)).repeat(20);
        let message = format!("MIME-Version: 1.0\r\n\r\n{body}");
        let out = convert(message.as_bytes(), 1000).unwrap();
        let quoted = body.len() + body.bytes().filter(|octet| !octet.is_ascii()).count() * 2;
        let least = quoted.min(body.len() * 4 / 3);
        assert!(out.len() < least * 110 / 100 + 100, "{eight_bit}: {} of {least}", out.len());
    }
}

#[test]
fn headers() {
    check("Subject: a café au lait\r\n\r\n", Ok("Subject: a =?UTF-8?B?Y2Fmw6k=?= au lait\r\n\r\n"));
    check(
        "From: Zoé <z@x.example>, b@x.example\r\n\r\n",
        Ok("From: =?UTF-8?Q?Zo=C3=A9?= <z@x.example>, <b@x.example>\r\n\r\n"),
    );
    check(
        "Subject: x\r\nCc: é: a@b;\r\n\r\n",
        Ok("Subject: x\r\nCc: =?UTF-8?B?w6k=?=: <a@b>;\r\n\r\n"),
    );
    check(
        "Content-Disposition: attachment; filename=\"é.txt\"; size=1\r\n\r\n",
        Ok("Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A9.txt;\r\n size=1\r\n\r\n"),
    );
}

#[test]
fn refusals() {
    check("To: é@x.example\r\n\r\n", Err(Refused::Header));
    check("Message-ID: <é@x>\r\n\r\n", Err(Refused::Header));
    check("DKIM-Signature: v=1\r\n\r\né", Err(Refused::Signed));
    check(
        "Content-Type: multipart/signed; boundary=a\r\n\r\n--a\r\n\r\né\r\n--a--",
        Err(Refused::Signed),
    );
    check("Content-Type: message/delivery-status\r\n\r\né", Err(Refused::Part));
    check("Content-Transfer-Encoding: x-uuencode\r\n\r\né", Err(Refused::Part));
}

fn to_lines(message: &[u8], aim: Aim, size: usize) -> Result<Vec<u8>, Refused> {
    let mut converter = Converter::towards(aim, &Structure::of(message))?;
    let mut out = Vec::new();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out)?;
    }
    converter.finish(&mut out)?;
    Ok(out)
}

#[test]
fn binary_becomes_lines() {
    let check = |aim, message: &[u8], expected: Result<&str, Refused>| {
        for size in [1, 7, message.len()] {
            let made = to_lines(message, aim, size);
            let made = made.map(|made| String::from_utf8_lossy(&made).into_owned());
            assert_eq!(made, expected.map(str::to_owned), "by {size}");
        }
    };
    // RFC 3030 §3: no line, any octet.
    let leaf = b"Subject: \xc3\xa4\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\na\n\0\r\xff";
    check(
        Aim::Lines,
        leaf,
        Ok("Subject: \u{e4}\r\nContent-Type: image/x\r\nMIME-Version: 1.0\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nYQoADf8=\r\n"),
    );
    // What is not binary stays, though it be 8-bit, and though a domain has signed it.
    let mixed = b"DKIM-Signature: v=1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n\
        --b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n--b--\r\n";
    check(
        Aim::Lines,
        mixed,
        Ok(
            "DKIM-Signature: v=1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\
            Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u{e4}\r\n\
            --b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nAA==\r\n\r\n--b--\r\n",
        ),
    );
    let made = to_lines(mixed, Aim::SevenBitLines, 9).unwrap();
    assert!(made.is_ascii() && !made.contains(&0));
    assert_eq!(contents(&made), contents(mixed));
    assert!(Converter::makes_lines(&Structure::of(mixed)));
    // RFC 1847 §2.1: what is signed inside must have been 7-bit.
    let signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n\0\r\n--b--\r\n";
    check(Aim::Lines, signed, Err(Refused::Signed));
    let plain = b"Subject: a\r\n\r\nb\r\n";
    assert!(!Converter::makes_lines(&Structure::of(plain)));
    check(Aim::Lines, plain, Ok("Subject: a\r\n\r\nb\r\n"));
}
