//! IMAP4rev2 (RFC 9051), and what it takes in: saved searches, decoded parts.

use crate::house::{House, small};

async fn house_with(count: u32) -> House {
    let house = House::new().await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

/// RFC 9051 Appendix E.
#[tokio::test]
async fn what_is_other_once_it_is_enabled() {
    let house = house_with(3).await;
    let mut client = house.sign_in().await;
    client.run("CREATE &vPStAA-/x").await.ok();
    client.run("ENABLE IMAP4rev2").await.ok().line("ENABLED IMAP4rev2");
    let opened = client.run("SELECT INBOX").await.ok();
    assert_eq!(opened.line("LIST"), "LIST (\\HasNoChildren) \"/\" \"INBOX\"");
    let old = |line: &String| line.contains("RECENT") || line.contains("UNSEEN");
    assert!(!opened.lines().iter().any(old), "{opened:?}");
    assert_eq!(client.run("SEARCH 2:3").await.ok().lines(), ["ESEARCH (TAG \"a5\") ALL 2:3"]);
    assert_eq!(client.run("UID SEARCH SEEN").await.ok().lines(), ["ESEARCH (TAG \"a6\") UID"]);
    assert_eq!(client.run("FETCH 3 FLAGS").await.ok().lines(), ["3 FETCH (FLAGS ())"]);
    house.put(&small("4")).await;
    assert_eq!(client.run("NOOP").await.ok().lines(), ["4 EXISTS"]);
    let status = client.run("STATUS \"보관\" (MESSAGES SIZE DELETED)").await.ok();
    assert_eq!(status.lines(), ["STATUS \"보관\" (MESSAGES 0 SIZE 0 DELETED 0)"]);
    let opened = client.run("SELECT \"보관\"").await.ok();
    assert_eq!(opened.line("LIST"), "LIST (\\HasChildren) \"/\" \"보관\"");
    assert!(opened.lines()[0].starts_with("OK [CLOSED]"));
    client.run("STATUS &vPStAA- (MESSAGES)").await.is("NO [NONEXISTENT]");
    client.run("SELECT Trash").await.ok().line("LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"");
}

/// RFC 5182: a search as a set, for all that name messages.
#[tokio::test]
async fn saved_searches() {
    let house = house_with(9).await;
    let mut client = house.open().await;
    let mut other = house.open().await;
    client.run("SEARCH RETURN (SAVE) OR SUBJECT 2 SUBJECT 7").await.ok();
    assert_eq!(client.run("FETCH $ (UID)").await.ok().lines().len(), 2);
    client.run("UID STORE $ +FLAGS.SILENT (\\Deleted)").await.ok();
    assert_eq!(client.run("SEARCH $ 3:9").await.ok().found(), [7]);
    client.run("COPY $ Trash").await.is("OK [COPYUID");
    other.run("UID EXPUNGE 2").await.ok();
    client.run("NOOP").await.ok().line("2 EXPUNGE");
    assert_eq!(client.run("UID SEARCH $").await.ok().found(), [7]);
    client.run("UID SORT RETURN (SAVE MIN) (REVERSE ARRIVAL) UTF-8 4:6").await.ok();
    assert_eq!(client.run("UID SEARCH $").await.ok().found(), [5]);
    client.run("SEARCH RETURN (SAVE) CHARSET X-NONE ALL").await.is("NO [BADCHARSET");
    assert_eq!(client.run("MOVE $ Trash").await.ok().lines(), Vec::<String>::new());
}

/// RFC 3516: decoded by pieces, whatever the size; ranges are of what is decoded.
#[tokio::test]
async fn parts_without_their_encoding() {
    let house = House::new().await;
    // 300,000 octets of base64: lines of 76 that stand for 57 octets each.
    let line = "QUJD".repeat(19) + "\r\n";
    let mut message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_owned();
    message += &line.repeat(4000);
    message += "\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=00b=\r\nc\r\n\
        --b\r\nContent-Transfer-Encoding: x-magic\r\n\r\nabc\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n--b--\r\n";
    house.put(message.as_bytes()).await;
    let mut client = house.open().await;
    let fetched =
        client.run("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<100000.9> BINARY.SIZE[4])").await;
    assert_eq!(
        fetched.ok().lines(),
        ["1 FETCH (BINARY.SIZE[1] 228000 BINARY[1]<100000> {9}\r\nBCABCABCA BINARY.SIZE[4] 19)"]
    );
    let whole = client.run("FETCH 1 BINARY.PEEK[1]").await.ok();
    assert!(whole.untagged[0].starts_with(b"1 FETCH (BINARY[1] {228000}\r\nABCABC"));
    assert_eq!(whole.untagged[0].len(), 228_000 + 30);
    let nul = client.run("FETCH 1 (BINARY.PEEK[2] BINARY.PEEK[2]<2.9> BINARY.PEEK[9])").await.ok();
    let expected = b"1 FETCH (BINARY[2] ~{4}\r\na\0bc BINARY[2]<2> {2}\r\nbc BINARY[9] NIL)";
    assert_eq!(nul.untagged, [expected]);
    client.run("FETCH 1 BINARY.PEEK[3]").await.is("NO [UNKNOWN-CTE]");
    client.run("FETCH 1 BINARY.SIZE[3]").await.is("NO [UNKNOWN-CTE]");
    let all = client.run("FETCH 1 (BINARY.SIZE[] RFC822.SIZE FLAGS)").await.ok();
    let size = message.len();
    let expected = format!("1 FETCH (BINARY.SIZE[] {size} RFC822.SIZE {size} FLAGS (\\Recent))");
    assert_eq!(all.lines(), [expected]);
    let marked = client.run("FETCH 1 BINARY[4]<0.2>").await.ok();
    assert_eq!(marked.lines(), ["1 FETCH (BINARY[4]<0> {2}\r\nSu FLAGS (\\Seen \\Recent))"]);
    // RFC 3516 §4.4.
    client.run(b"APPEND INBOX ~{5+}\r\nS: x\n").await.is("OK [APPENDUID");
    client.run(b"APPEND INBOX ~{5+}\r\na\0b\r\n").await.is("NO [UNKNOWN-CTE]");
}

/// RFC 6154 §3.
#[tokio::test]
async fn mailboxes_made_for_a_use() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("CREATE Old (USE (\\Archive))").await.ok();
    let listed = client.run("LIST \"\" Old RETURN (SPECIAL-USE)").await.ok();
    assert_eq!(listed.lines(), ["LIST (\\HasNoChildren \\Archive) \"/\" \"Old\""]);
    client.run("CREATE Starred (USE (\\Flagged))").await.is("NO [USEATTR]");
    client.run("CREATE Both (USE (\\Sent \\Drafts))").await.is("NO [USEATTR]");
    client.run("CREATE Odd (USE (\\Odd))").await.is("NO [USEATTR]");
    assert!(client.run("LIST \"\" Starred").await.ok().untagged.is_empty());
}

/// RFC 9755 §3, §4: behind a switch, because some clients break on it.
#[tokio::test]
async fn utf8_for_those_who_take_it() {
    let append = "APPEND \"INBOX\" {20+}\r\nSubject: \u{ac00}\r\n\r\nxy\r\n";
    let plain = House::new().await;
    let mut client = plain.sign_in().await;
    assert!(!client.run("CAPABILITY").await.ok().line("CAPABILITY").contains("UTF8"));
    assert_eq!(client.run("ENABLE UTF8=ACCEPT").await.ok().lines(), ["ENABLED"]);
    client.run(append).await.is("OK [APPENDUID");

    let house = House::with("imap.extra_capabilities = [\"UTF8=ACCEPT\"]\n", None).await;
    let mut client = house.sign_in().await;
    assert!(client.run("CAPABILITY").await.ok().line("CAPABILITY").contains(" UTF8=ACCEPT "));
    client.run(append).await.is("NO [CANNOT]");
    client.run("CREATE &vPStAA-").await.ok();
    client.run("ENABLE UTF8=ACCEPT").await.ok().line("ENABLED UTF8=ACCEPT");
    client.run(append).await.is("OK [APPENDUID");
    client
        .run("LIST \"\" \"\u{bcf4}%\"")
        .await
        .ok()
        .line("LIST (\\HasNoChildren) \"/\" \"\u{bcf4}\u{ad00}\"");
    client.run("SELECT INBOX").await.ok().line("1 RECENT");
    client.run("SEARCH CHARSET UTF-8 ALL").await.is("BAD");
    assert_eq!(client.run("SEARCH SUBJECT {3+}\r\n\u{ac00}").await.ok().found(), [1]);
}
