//! Inputs made to cost much: each entry point takes them in time that grows as they do, and keeps
//! no more than its limits. What were quadratic here would take minutes, not moments.

use std::time::Duration;

use mail_types::{Address, ReversePath};
use mime_core::{
    build::may_reply,
    file_name::safe_file_name,
    fixup::{DROPPED_AT_SUBMISSION, HeaderEditor},
    header::{self, address, content, date::DateTime, message_ids, origin, params::param_text},
    reading::{Preview, Reading, SearchText},
    structure::{Limits, Parser, Structure},
    text::{casemap, header_text, text_of_html},
    thread::{BaseSubject, ThreadKeys},
    transfer::{Base64Decoder, QuotedPrintableDecoder},
};
use rustix::time::{ClockId, clock_gettime};

/// What is repeated. Each opens something that nothing closes, or begins anew at each octet.
const REPEATED: &[&str] = &[
    "(",
    "((",
    "\\(",
    "\"",
    "<",
    "<<",
    "<a@b>,",
    "@",
    "a@",
    "@a,",
    ":",
    ";",
    ",",
    "a:;",
    "a: b,",
    "[",
    "]",
    "=?",
    "=?u?q?",
    "=?u?q?a?= ",
    "=?utf-8?q?a?= b ",
    "=?=",
    "?=",
    "=?utf-8?b?/?=",
    "--",
    "--a",
    "\r\n--a",
    "\n",
    "\r",
    " ",
    "\t",
    "a ",
    "=",
    "==",
    "=\r\n",
    "=4",
    "%",
    "*0=",
    "; n*0=a",
    ";a=b",
    "re:",
    "[a]",
    "[fwd:",
    "(fwd)",
    "<!--",
    "<a",
    "<a \"",
    "&",
    "&amp",
    "-",
    ">",
    "</",
    "<style>",
    "\0",
    "\u{1b}$)C",
    "\u{1b}",
    "\u{e}",
    "\u{301}",
    "\u{feff}",
    "가",
    "é",
    ".",
    "/",
    "..",
    "from a by b ",
    "References: <a@b>\r\n",
    "Subject: a\r\n",
    "Content-Type: a/b\r\n",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
    "Received: from a\r\n",
    "Resent-From: a\r\nX: b\r\n",
    "List-Id: <\r\n",
    "1 Jan 2020 ",
    "+0000",
    "T",
    "12:",
];
const OCTETS: usize = 64 * 1024;

#[test]
fn nothing_is_quadratic() {
    for repeated in REPEATED {
        let text = repeated.repeat(OCTETS / repeated.len());
        values(&text);
        for before in ["", "Subject: ", "To: ", "Content-Type: a/b; ", "References: <", "\r\n"] {
            message(format!("{before}{text}").as_bytes());
        }
        let html = format!("Content-Type: text/html\r\n\r\n{text}");
        message(html.as_bytes());
    }
}

/// Entry points that take a value or a header.
fn values(text: &str) {
    let octets = text.as_bytes();
    let _ = address::parse_list(octets);
    let _ = content::parse_media_type(octets);
    if let Some(media_type) = content::parse_media_type(format!("a/b; {text}").as_bytes()) {
        let _ = param_text(&media_type.params, "n");
    }
    let _ = content::parse_disposition(octets);
    let _ = content::parse_language(octets);
    let _ = DateTime::parse(octets);
    let _ = message_ids(octets);
    let _ = message_ids(format!("<{text}>").as_bytes());
    let _ = origin::Received::parse(octets);
    let _ = origin::resent(octets);
    let _ = origin::list_urls(octets, "List-Id");
    let _ = header_text(octets);
    let _ = BaseSubject::of(octets);
    let _ = ThreadKeys::of(octets);
    let _ = text_of_html(text);
    let _ = safe_file_name(text);
    let _ = casemap(text);
    let _ = header::fields(octets).count();
    let sender = ReversePath::Address(Address::parse("a@b.example").unwrap());
    let _ = may_reply(&sender, octets);
    Base64Decoder::default().push(octets, &mut Vec::new());
    QuotedPrintableDecoder::default().push(octets, &mut Vec::new());
}

/// Those that take a message.
fn message(octets: &[u8]) {
    let structure = Structure::of(octets);
    let mut parts = 0;
    structure.body.root.visit(&mut |_| parts += 1);
    assert!(parts <= Limits::default().parts_max);
    assert!(structure.defects.len() <= Structure::DEFECTS_MAX);
    let reading = Reading::of(&structure.body.root);
    let _ = Preview::of(&reading, octets, 100);
    if let Some(mut search) = SearchText::new(&structure.body.root, true) {
        let mut out = String::new();
        search.push(octets, &mut out);
        search.finish(&mut out);
    }
    let mut out = Vec::new();
    let mut editor = HeaderEditor::new(DROPPED_AT_SUBMISSION);
    editor.push(octets, &mut out);
    editor.finish(b"", &mut out);
}

/// What the structure keeps does not grow with the message, once a limit is reached.
#[test]
fn what_is_kept_is_bounded() {
    let kept = |message: &[u8]| {
        let mut parser = Parser::new(Limits::default());
        message.chunks(4096).for_each(|piece| parser.push(piece));
        let structure = parser.finish();
        structure.body.encode().len() + structure.envelope.encode().len()
    };
    let many_parts = |count: usize| {
        let mut message = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n".to_vec();
        (0..count)
            .for_each(|_| message.extend_from_slice(b"--a\r\nContent-ID: <a@b>\r\n\r\nx\r\n"));
        message
    };
    assert_eq!(kept(&many_parts(100_000)), kept(&many_parts(20_000)) + 2);

    let long_header = |count: usize| {
        let mut message = Vec::new();
        (0..count).for_each(|_| {
            message.extend_from_slice(b"To: aaaaaaaa <a@b.example>, c@d\r\nSubject: x\r\n")
        });
        message
    };
    let limits = Limits::default();
    // 10 MB.
    let structure = Structure::of(&long_header(220_000));
    assert!(structure.envelope.to.len() <= limits.addresses_max + 1);
    assert!(kept(&long_header(220_000)) <= limits.kept_octets_max);

    let nested = |depth: usize| "Content-Type: message/rfc822\r\n\r\n".repeat(depth).into_bytes();
    // A hundred sizes with a digit more.
    assert!(kept(&nested(100_000)) <= kept(&nested(10_000)) + 100);
}

/// Four times as much takes some four times as long, not sixteen. What counts is the time that the
/// processor worked for it, since others use the machine as well.
#[test]
fn a_field_of_many_words_takes_time_as_it_grows() {
    let worked = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let best = |field: &[u8]| {
        let run = || {
            let before = worked();
            header_text(field);
            worked() - before
        };
        (0..5).map(|_| run()).min().unwrap()
    };
    for repeated in [&b"=?u?q?"[..], b"=?utf-8?q?a?= b ", b"=?euc-kr?q?a?= b ", b"=?x?q?a?= b "] {
        let (short, long) = (repeated.repeat(30_000), repeated.repeat(120_000));
        let (short, long) = (best(&short), best(&long));
        assert!(long < short * 10, "{}: {short:?}, {long:?}", repeated.escape_ascii());
    }
}
