//! Every message of the corpus goes in by port 25 and by submission, and comes back over IMAP and
//! POP3 byte for byte below the trace header.

use std::{collections::BTreeMap, fs, path::Path};

use crate::stack::{Plan, Stack, client::Client, messages::after_field, wait_for};

/// What submission changes in a message's header (RFC 6409 §8), nothing else being touched.
const FIX_UPS: [(&str, FixUp); 8] = [
    ("From", FixUp::AddedIfMissing),
    // No author of the corpus is the account that sends it, unless From is added.
    ("Sender", FixUp::AddedBeside("From")),
    ("To", FixUp::AddedWithout("Cc")),
    ("Date", FixUp::AddedIfMissing),
    ("Message-ID", FixUp::AddedIfMissing),
    ("Bcc", FixUp::Removed),
    ("Resent-Bcc", FixUp::Removed),
    ("Return-Path", FixUp::Removed),
];

#[derive(Clone, Copy, PartialEq)]
enum FixUp {
    AddedIfMissing,
    /// The same, if the other field is there.
    AddedBeside(&'static str),
    /// The same, if the other field is not there either.
    AddedWithout(&'static str),
    Removed,
}

/// What a message is refused for, judged by its bytes alone.
fn refusal(content: &[u8]) -> Option<&'static str> {
    if content.contains(&0) {
        // RFC 5321 §4.5.2 wants no NUL in a message; storing it would break readers.
        return Some("a NUL");
    }
    let bare = content
        .iter()
        .enumerate()
        .any(|(at, b)| *b == b'\r' && content.get(at + 1) != Some(&b'\n'));
    if bare {
        // RFC 5321 §2.3.8: CR and LF only together.
        return Some("a bare CR");
    }
    let header_end = content.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(content.len());
    let header = String::from_utf8_lossy(&content[..header_end]).to_ascii_lowercase();
    // RFC 5321 §6.3: a loop is a count of Received that no sane journey has.
    (header.lines().filter(|line| line.starts_with("received:")).count() > 100).then_some("a loop")
}

/// The corpus: name and content, line ends made CRLF.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).expect("the corpus has a list");
    let messages: Vec<(String, Vec<u8>)> = manifest
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(|name| {
            (name.to_owned(), with_crlf(&fs::read(folder.join(name)).expect("a listed message")))
        })
        .collect();
    assert!(messages.len() > 500, "only {} messages", messages.len());
    messages
}

/// Lone LF becomes CRLF, and the last line has an end: SMTP knows nothing else.
fn with_crlf(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 30);
    for (at, byte) in content.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || content[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Sends the whole corpus; queue id to what was sent.
fn send_all(
    mut connect: impl FnMut() -> Client,
    from: &str,
    to: &str,
) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut client = connect();
    let mut sent = BTreeMap::new();
    for (name, content) in corpus() {
        let reply =
            client.mail(from, &[to], &content).unwrap_or_else(|error| panic!("{name}: {error}"));
        match refusal(&content) {
            Some(why) => {
                assert!(reply.starts_with("55"), "{name} has {why}: {reply}");
                client = connect();
            }
            None => {
                assert!(reply.starts_with("250 2.0.0"), "{name}: {reply}");
                let id = reply
                    .split_whitespace()
                    .find(|word| word.len() == 16)
                    .expect("a queue id")
                    .to_owned();
                sent.insert(id, (name, content));
            }
        }
    }
    sent
}

/// The trace fields that the servers put before a message, by name and in order, and the rest.
fn split_trace(message: &[u8]) -> (Vec<String>, String, &[u8]) {
    let (mut names, mut id, mut rest) = (Vec::new(), String::new(), message);
    // Return-Path, Delivered-To, then one Received of the server that took it.
    for place in 0..3 {
        let next = if place < 2 { after_field(rest) } else { after_received(rest) };
        let field = String::from_utf8_lossy(&rest[..rest.len() - next.len()]).into_owned();
        names.push(field.split(':').next().unwrap_or_default().to_owned());
        if let Some(found) = field.split_whitespace().skip_while(|w| *w != "id").nth(1) {
            id = found.trim_end_matches(';').to_owned();
        }
        rest = next;
    }
    (names, id, rest)
}

/// What follows the Received field in front, whose date stands in a line of its own. The message
/// behind it may begin with white space, which is none of the field's.
fn after_received(message: &[u8]) -> &[u8] {
    let end = message.windows(3).position(|octets| octets == b";\r\n").expect("a date") + 3;
    let line = message[end..].iter().position(|octet| *octet == b'\n').expect("a line end") + 1;
    &message[end + line..]
}

/// Compares what came back with what was sent; `expected` makes the content that must stand
/// below the trace fields.
fn compare(
    messages: &[Vec<u8>],
    sent: &BTreeMap<String, (String, Vec<u8>)>,
    check: impl Fn(&str, &[u8], &[u8]),
) {
    assert_eq!(messages.len(), sent.len());
    for message in messages {
        let (names, id, rest) = split_trace(message);
        assert_eq!(names, ["Return-Path", "Delivered-To", "Received"]);
        let (name, content) =
            sent.get(&id).unwrap_or_else(|| panic!("no message was sent with id {id}"));
        check(name, content, rest);
    }
}

#[test]
fn the_corpus_travels_unchanged_through_port_25() {
    let stack = Stack::start(Plan::new("corpus.test", &["bob"]));
    let bob = stack.address("bob");
    let relay = stack.listener("smtp-relay");
    let sent =
        send_all(|| Client::smtp(relay).expect("a connection"), "sender@elsewhere.test", &bob);
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("all messages in the mailbox", || {
        (imap.imap_count("INBOX") == sent.len()).then_some(())
    });
    let over_imap = imap.imap_messages("INBOX");
    compare(&over_imap, &sent, |name, content, rest| {
        assert!(rest == content, "{name} changed on its way")
    });
    // Sizes are exact: clients plan their fetches by them.
    let sizes = imap.imap_ok("FETCH 1:* (RFC822.SIZE)");
    let sizes: Vec<usize> = sizes
        .iter()
        .filter_map(|line| line.split("RFC822.SIZE ").nth(1)?.trim_end_matches(')').parse().ok())
        .collect();
    assert_eq!(sizes, over_imap.iter().map(Vec::len).collect::<Vec<_>>());
    // No structure breaks the response.
    assert_eq!(
        imap.imap_ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
            .iter()
            .filter(|l| l.contains("FETCH ("))
            .count(),
        sent.len()
    );

    let mut pop3 = Client::pop3(stack.listener("pop3-tls"), &bob).unwrap();
    let over_pop3: Vec<Vec<u8>> = (1..=sent.len())
        .map(|number| {
            pop3.pop3_ok(&format!("RETR {number}"));
            pop3.pop3_body()
        })
        .collect();
    assert!(over_pop3 == over_imap, "POP3 and IMAP show the same bytes");
}

#[test]
fn the_corpus_travels_through_submission_with_the_fix_ups_only() {
    let stack = Stack::start(Plan::new("corpus.test", &["alice", "bob"]));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let msa = stack.listener("smtp-submission-tls");
    let sent = send_all(|| Client::submission(msa, &alice).expect("a connection"), &alice, &bob);
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("all messages in the mailbox", || {
        (imap.imap_count("INBOX") == sent.len()).then_some(())
    });
    compare(&imap.imap_messages("INBOX"), &sent, |name, content, rest| {
        let (expected, missing) = fixed_up(content);
        let (got, added) = without_added(rest, &missing);
        assert!(
            got == expected,
            "{name} changed by more than the fix-ups:\n{}\n--- wanted\n{}",
            String::from_utf8_lossy(&got),
            String::from_utf8_lossy(&expected)
        );
        assert_eq!(added, missing.len(), "{name} lacks what should have been added");
    });
}

/// A message's fields, each with its folded lines, and its body with the empty line before it.
/// Lines that are no fields do not end the header: only the empty line does.
fn fields(message: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut fields, mut rest) = (Vec::new(), message);
    while !rest.is_empty() && !rest.starts_with(b"\r\n") {
        let next = after_field(rest);
        let field = &rest[..rest.len() - next.len()];
        fields.push(field);
        rest = next;
    }
    (fields, rest)
}

fn field_name(field: &[u8]) -> Option<String> {
    let colon = field.iter().position(|b| *b == b':')?;
    let name = std::str::from_utf8(field.get(..colon)?).ok()?.trim_end();
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())).then(|| name.to_owned())
}

/// The content without removed fields, and the names of fields that must have been added.
fn fixed_up(content: &[u8]) -> (Vec<u8>, Vec<&'static str>) {
    let (fields, body) = fields(content);
    let is =
        |field: &[u8], name: &str| field_name(field).is_some_and(|n| n.eq_ignore_ascii_case(name));
    let removed =
        |field: &[u8]| FIX_UPS.iter().any(|(name, fix)| *fix == FixUp::Removed && is(field, name));
    let missing: Vec<&str> = FIX_UPS
        .iter()
        .filter(|(name, fix)| {
            let has = |name: &str| fields.iter().any(|field| is(field, name));
            !has(name)
                && match fix {
                    FixUp::AddedIfMissing => true,
                    FixUp::AddedBeside(other) => has(other),
                    FixUp::AddedWithout(other) => !has(other),
                    FixUp::Removed => false,
                }
        })
        .map(|(name, _)| *name)
        .collect();
    let kept: Vec<&[u8]> = fields.into_iter().filter(|field| !removed(field)).collect();
    // A header that never ends gets its empty line: what is added must not run into a body.
    let unended = body.is_empty() && !missing.is_empty();
    let body = if unended { b"\r\n" } else { body };
    ([kept.concat(), body.to_vec()].concat(), missing)
}

/// The message without the fields that were missing in it before, and how many those are.
fn without_added(message: &[u8], missing: &[&str]) -> (Vec<u8>, usize) {
    let (fields, body) = fields(message);
    let before = fields.len();
    let kept: Vec<&[u8]> = fields
        .into_iter()
        .filter(|field| {
            !missing
                .iter()
                .any(|name| field_name(field).is_some_and(|n| n.eq_ignore_ascii_case(name)))
        })
        .collect();
    let added = before - kept.len();
    ([kept.concat(), body.to_vec()].concat(), added)
}
