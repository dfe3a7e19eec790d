//! Responses, whole and cut at every octet.

use std::time::Duration;

use mail_types::Domain;

use super::*;
use crate::{Content, Target};

fn request(content: Option<Content>) -> Request {
    let target = Target::new(Domain::parse("mta-sts.example.com").unwrap(), 443, "/x").unwrap();
    Request { target, content, body_max: 64, within: Duration::from_secs(1) }
}

/// What comes of these pieces, the connection closed as `orderly` says.
fn heard<'p>(pieces: impl Iterator<Item = &'p [u8]>, orderly: bool) -> String {
    let (mut exchange, mut wire) = (Exchange::new(request(None)), Wire::default());
    let now = Instant::now();
    let mut closed = matches!(exchange.step(&mut wire, now), Step::Close);
    for piece in pieces {
        if !closed {
            wire.input.fill(piece);
            closed = matches!(exchange.step(&mut wire, now), Step::Close);
        }
    }
    match exchange.finish(orderly) {
        Ok(Some(Response { status, media_type, body })) => {
            let body = body.escape_ascii().to_string();
            format!("{status} {} {body}", media_type.as_deref().unwrap_or("-"))
        }
        Ok(None) => "nothing".to_owned(),
        Err(Fault::TooLarge) => "too large".to_owned(),
        Err(Fault::Malformed(_)) => "malformed".to_owned(),
    }
}

#[test]
fn responses() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    for (response, expected) in [
        (format!("{OK}Content-Length: 2\r\n\r\nab"), "200 - ab"),
        (format!("{OK}content-length:2\r\nContent-Length: 2\r\n\r\nabc"), "200 - ab"),
        (
            format!("{OK}Content-Type: Text/Plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n"),
            "200 text/plain ",
        ),
        (
            format!(
                "{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: x\r\n\r\n"
            ),
            "200 - abc",
        ),
        (format!("{OK}\r\nall of it"), "200 - all of it"),
        ("HTTP/1.0 404\r\n\r\n".to_owned(), "404 - "),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://else.example/\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
            "301 - ",
        ),
        (format!("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n{OK}Content-Length: 1\r\n\r\na"), "200 - a"),
        ("HTTP/1.1 204 No\r\nContent-Length: 10\r\n\r\n".to_owned(), "204 - "),
        // Not whole.
        (format!("{OK}Content-Length: 3\r\n\r\nab"), "nothing"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), "nothing"),
        (OK.to_owned(), "nothing"),
        // Too large.
        (format!("{OK}Content-Length: 65\r\n\r\n{}", "a".repeat(65)), "too large"),
        (format!("{OK}\r\n{}", "a".repeat(65)), "too large"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n41\r\n{}", "a".repeat(65)), "too large"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), "too large"),
        (
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n{}", " ".repeat(CHUNK_LINE_MAX)),
            "too large",
        ),
        (format!("{OK}X: {}", "a".repeat(HEAD_MAX)), "too large"),
        (
            format!(
                "{OK}Transfer-Encoding: chunked\r\n\r\n0\r\n{}",
                "T: x\r\n".repeat(HEAD_MAX / 6 + 1)
            ),
            "too large",
        ),
        // Not right.
        ("SSH-2.0-x\r\n\r\n\r\n".to_owned(), "malformed"),
        ("HTTP/2 200\r\n\r\n".to_owned(), "malformed"),
        ("HTTP/1.1 2000\r\n\r\n".to_owned(), "malformed"),
        ("HTTP/1.1 999 x\r\n\r\n".to_owned(), "malformed"),
        (format!("{OK}no field\r\n\r\n"), "malformed"),
        (format!("{OK}Content-Length: -1\r\n\r\n"), "malformed"),
        (format!("{OK}Content-Length: +1\r\n\r\na"), "malformed"),
        (format!("{OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "malformed"),
        (format!("{OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "malformed"),
        (format!("{OK}Transfer-Encoding: gzip, chunked\r\n\r\n"), "malformed"),
        (format!("{OK}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na"), "malformed"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"), "malformed"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n"), "malformed"),
        ("HTTP/1.1 101 Switch\r\n\r\n".to_owned(), "malformed"),
        ("HTTP/1.1 100 On\r\n\r\n".repeat(INTERIM_MAX + 1), "malformed"),
    ] {
        let octets = response.as_bytes();
        assert_eq!(heard(std::iter::once(octets), true), expected, "{response:?}");
        let step = 1 + octets.len() / 1000;
        assert_eq!(heard(octets.chunks(step), true), expected, "step by step: {response:?}");
    }
}

#[test]
fn a_body_that_only_the_close_ends_must_be_closed_in_order() {
    let octets = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    assert_eq!(heard(std::iter::once(octets.as_slice()), false), "nothing");
}

#[test]
fn a_cut_response_is_none() {
    let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(heard(std::iter::once(&whole[..end]), true), "nothing", "{end}");
    }
}

#[test]
fn requests() {
    let rendered = |content| String::from_utf8(render(request(content))).unwrap();
    assert_eq!(
        rendered(None),
        "GET /x HTTP/1.1\r\nHost: mta-sts.example.com\r\nUser-Agent: postrider\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    );
    let content = Content { media_type: "application/tlsrpt+gzip", octets: b"abc".to_vec() };
    let posted = rendered(Some(content));
    assert!(posted.starts_with("POST /x HTTP/1.1\r\n"), "{posted}");
    let end = "Content-Type: application/tlsrpt+gzip\r\nContent-Length: 3\r\n\r\nabc";
    assert!(posted.ends_with(end), "{posted}");
}

/// Numbers that look like chance, the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

#[test]
fn whatever_is_answered_nothing_breaks_and_the_cut_makes_no_difference() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const SPLICED: &[&str] = &[
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "\r",
        "\n",
        "0",
        "f",
        ";",
        "HTTP/1.1 100 x\r\n\r\n",
        "\0",
        "\u{fc}",
        "ffffffffffffffff",
        ": ",
        "204",
        "Content-Type: a/b",
    ];
    let begun = [
        format!("{OK}Content-Length: 5\r\nContent-Type: text/plain\r\n\r\nabcde"),
        format!(
            "{OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n"
        ),
        format!("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n{OK}\r\nall of it"),
    ];
    let (mut chance, mut whole) = (Chance(0x9e37_79b9_7f4a_7c15), 0);
    for round in 0..20_000 {
        let mut octets = begun[round % begun.len()].clone().into_bytes();
        for _ in 0..=chance.below(4) {
            let at = chance.below(octets.len());
            match chance.below(4) {
                0 => drop(octets.remove(at)),
                1 => octets[at] = u8::try_from(chance.below(256)).unwrap(),
                2 => octets.truncate(at + 1),
                _ => {
                    let piece = SPLICED[chance.below(SPLICED.len())].bytes();
                    drop(octets.splice(at..at, piece));
                }
            }
            if octets.is_empty() {
                octets.push(b'x');
            }
        }
        let once = heard_or_fault(std::iter::once(octets.as_slice()));
        let size = 1 + chance.below(9);
        assert_eq!(
            heard_or_fault(octets.chunks(size)),
            once,
            "{size}: {:?}",
            octets.escape_ascii()
        );
        whole += usize::from(once.starts_with("200"));
    }
    assert!((1_000..19_000).contains(&whole), "{whole} responses were whole");
}

/// What comes of these pieces; which of two faults is met first may depend on the cut.
fn heard_or_fault<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> String {
    let heard = heard(pieces, true);
    if ["too large", "malformed"].contains(&heard.as_str()) { "a fault".to_owned() } else { heard }
}
