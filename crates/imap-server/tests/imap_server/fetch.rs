//! FETCH.

use std::path::Path;

use crate::{client::Client, house::House};

/// A text, and a message inside the message with two versions of a text.
const NESTED: &str = "From: A <a@example.net>\r\n\
    To: b@example.org\r\n\
    Subject: outer\r\n\
    Message-ID: <1@example.net>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=o\r\n\
    \r\n\
    --o\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    \r\n\
    first\r\n\
    --o\r\n\
    Content-Type: message/rfc822\r\n\
    \r\n\
    From: inner@example.net\r\n\
    Subject: inner\r\n\
    Content-Type: multipart/alternative; boundary=i\r\n\
    \r\n\
    --i\r\n\
    Content-Type: text/plain\r\n\
    \r\n\
    plain\r\n\
    --i\r\n\
    Content-Type: text/html\r\n\
    \r\n\
    <p>\r\n\
    --i--\r\n\
    --o--\r\n";

/// RFC 3501 §6.4.5: each section, and pieces of them.
#[tokio::test]
async fn sections_and_pieces() {
    let house = House::new().await;
    house.put(NESTED.as_bytes()).await;
    let mut client = house.open().await;
    let inner_header = "From: inner@example.net\r\nSubject: inner\r\n\
        Content-Type: multipart/alternative; boundary=i\r\n\r\n";
    for (item, expected) in [
        ("BODY.PEEK[1]", Some("first")),
        ("BODY.PEEK[1.MIME]", Some("Content-Type: text/plain; charset=utf-8\r\n\r\n")),
        ("BODY.PEEK[2.HEADER]", Some(inner_header)),
        ("BODY.PEEK[2.1]", Some("plain")),
        ("BODY.PEEK[2.2]", Some("<p>")),
        ("BODY.PEEK[2.2.MIME]", Some("Content-Type: text/html\r\n\r\n")),
        ("BODY.PEEK[3]", None),
        ("BODY.PEEK[2.3]", None),
        ("BODY.PEEK[1]<1.3>", Some("irs")),
        ("BODY.PEEK[1]<1.300>", Some("irst")),
        ("BODY.PEEK[1]<300.3>", Some("")),
        ("BODY.PEEK[]<0.5>", Some("From:")),
        ("BODY.PEEK[HEADER.FIELDS (SUBJECT X-None)]", Some("Subject: outer\r\n\r\n")),
        ("BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.7>", Some("Subject")),
        ("BODY.PEEK[2.HEADER.FIELDS (Subject)]", Some("Subject: inner\r\n\r\n")),
        (
            "BODY.PEEK[2.HEADER.FIELDS.NOT (Subject Content-Type)]",
            Some("From: inner@example.net\r\n\r\n"),
        ),
    ] {
        let answer = client.run(format!("FETCH 1 {item}")).await.ok();
        assert_eq!(content(&answer.untagged[0]).as_deref(), expected, "{item}");
    }
    let whole = client.run("FETCH 1 RFC822").await.ok();
    assert_eq!(content(&whole.untagged[0]).unwrap(), NESTED);
    let (header, text) = NESTED.split_once("\r\n\r\n").unwrap();
    let header = format!("{header}\r\n\r\n");
    for (item, expected) in [
        ("RFC822.HEADER", header.as_str()),
        ("BODY[HEADER]", &header),
        ("RFC822.TEXT", text),
        ("BODY[TEXT]", text),
    ] {
        let answer = client.run(format!("FETCH 1 {item}")).await.ok();
        assert_eq!(content(&answer.untagged[0]).unwrap(), expected, "{item}");
    }
}

/// The string of a response with one item.
fn content(response: &[u8]) -> Option<String> {
    let text = String::from_utf8(response.to_vec()).unwrap();
    let value = text.split_once("] ").or_else(|| text.split_once("<0> "));
    let value = value.or_else(|| text.split_once("RFC822 "));
    let value = match value {
        Some((_, value)) => value,
        None => text.splitn(4, ' ').nth(3).unwrap(),
    };
    // `<0>` behind the section is the place of the piece.
    let value = value.split_once('>').filter(|(at, _)| at.starts_with('<')).map_or(value, |v| v.1);
    if value.starts_with("NIL") {
        return None;
    }
    if let Some(quoted) = value.strip_prefix('"') {
        return Some(quoted[..quoted.find('"').unwrap()].to_owned());
    }
    let (length, rest) = value.strip_prefix('{').unwrap().split_once("}\r\n").unwrap();
    Some(rest[..length.parse().unwrap()].to_owned())
}

#[tokio::test]
async fn envelope_and_structure() {
    let house = House::new().await;
    house.put(NESTED.as_bytes()).await;
    let mut client = house.open().await;
    let full = client.run("FETCH 1 FULL").await.ok().line("1 FETCH");
    let address = "((\"A\" NIL \"a\" \"example.net\"))";
    let to = "((NIL NIL \"b\" \"example.org\"))";
    let envelope = format!(
        "ENVELOPE (NIL \"outer\" {address} {address} {address} {to} NIL NIL NIL \
         \"<1@example.net>\")"
    );
    assert!(full.contains(&envelope), "{full}");
    for item in ["FLAGS (\\Recent)", "INTERNALDATE \"14-Nov-2023 22:13:20 +0000\"", "BODY ("] {
        assert!(full.contains(item), "{item} in {full}");
    }
    assert!(full.contains(&format!("RFC822.SIZE {}", NESTED.len())));
    let structure = client.run("FETCH 1 BODYSTRUCTURE").await.ok().line("1 FETCH");
    for part in [
        "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 ",
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" ",
        "\"alternative\" (\"boundary\" \"i\")",
        "\"mixed\" (\"boundary\" \"o\")",
    ] {
        assert!(structure.to_lowercase().contains(&part.to_lowercase()), "{part} in {structure}");
    }
}

/// Messages from everywhere come back octet by octet, and what is said of them is well-formed.
#[tokio::test]
async fn the_corpus_comes_back() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    // Every seventh is enough here; the whole stack is tried with all of them.
    let files = manifest.lines().skip(1).step_by(7).map(|line| line.split('\t').next().unwrap());
    let messages: Vec<Vec<u8>> =
        files.map(|file| with_crlf(&std::fs::read(corpus.join(file)).unwrap())).collect();
    assert!(messages.len() > 20);
    let house = House::new().await;
    house.put_all(&messages).await;
    let mut client = house.open().await;
    let read = client.run("UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])").await.ok();
    assert_eq!(read.untagged.len(), messages.len());
    for (message, response) in messages.iter().zip(&read.untagged) {
        let end = [format!("BODY[] {{{}}}\r\n", message.len()).as_bytes(), message, b")"].concat();
        let quoted = [b"BODY[] \"".as_slice(), message, b"\")"].concat();
        assert!(response.ends_with(&end) || response.ends_with(&quoted), "{}", head(response));
        let size = format!("RFC822.SIZE {} ", message.len());
        assert!(String::from_utf8_lossy(response).contains(&size), "{}", head(response));
    }
    let told = client.run("FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE)").await.ok();
    assert_eq!(told.untagged.len(), messages.len());
    for response in &told.untagged {
        assert!(is_balanced(response), "{}", String::from_utf8_lossy(response));
    }
    parts_add_up(&mut client, &messages).await;
}

/// Header and text are the whole; every message has a first part.
async fn parts_add_up(client: &mut Client, messages: &[Vec<u8>]) {
    for (number, message) in (1..).zip(messages) {
        let mut length = 0;
        for item in ["HEADER", "TEXT"] {
            let read = client.run(format!("FETCH {number} BODY.PEEK[{item}]")).await.ok();
            let text = String::from_utf8_lossy(&read.untagged[0]).into_owned();
            let (_, value) = text.split_once("] ").unwrap();
            length += match value.strip_prefix('{') {
                Some(literal) => literal.split_once('}').unwrap().0.parse().unwrap(),
                None => value.len() - 3,
            };
        }
        assert_eq!(length, message.len(), "message {number}");
        client.run(format!("FETCH {number} (BODY.PEEK[1] BODY.PEEK[1.MIME])")).await.ok();
    }
}

fn head(response: &[u8]) -> String {
    String::from_utf8_lossy(&response[..response.len().min(200)]).into_owned()
}

fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut crlf = Vec::new();
    for (place, octet) in message.iter().enumerate() {
        if *octet == b'\n' && (place == 0 || message[place - 1] != b'\r') {
            crlf.push(b'\r');
        }
        crlf.push(*octet);
    }
    crlf
}

/// Whether parentheses match, strings apart.
fn is_balanced(response: &[u8]) -> bool {
    let (mut depth, mut at) = (0_i32, 0);
    while let Some(octet) = response.get(at) {
        match octet {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' => {
                at += 1;
                while response[at] != b'"' {
                    at += if response[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = at + response[at..].iter().position(|octet| *octet == b'}').unwrap();
                let length = std::str::from_utf8(&response[at + 1..end]).unwrap();
                at = end + 2 + length.parse::<usize>().unwrap();
            }
            _ => {}
        }
        if depth < 0 {
            return false;
        }
        at += 1;
    }
    depth == 0
}
