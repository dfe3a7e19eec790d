//! SEARCH.

use crate::{client::Client, house::House};

/// Four messages: plain; base64 in UTF-8; quoted-printable in ISO-8859-1; EUC-KR.
async fn searched() -> (House, Client) {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let messages: [&[u8]; 4] = [
        b"From: Ann <ann@example.net>\r\nTo: alice@example.org\r\nCc: carl@example.net\r\n\
          Subject: Lunch on Friday\r\nDate: Fri, 3 Mar 2023 23:30:00 -0800\r\nX-Tag: one\r\n\r\n\
          Shall we meet at noon?\r\n",
        // "점심 회의" (lunch meeting) in subject and body.
        b"From: =?UTF-8?B?6rmA?= <kim@example.kr>\r\nTo: bob@example.org\r\n\
          Subject: =?UTF-8?B?7KCQ7Ius?= =?UTF-8?B?IO2ajOydmA==?=\r\n\
          Date: Sat, 4 Mar 2023 09:00:00 +0900\r\nMIME-Version: 1.0\r\n\
          Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
          7KCQ7IusIO2ajOydmOyXkCDsmKTshLjsmpQuDQo=\r\n",
        b"From: zoe@example.fr\r\nTo: alice@example.org\r\nBcc: secret@example.net\r\n\
          Subject: Caf=?ISO-8859-1?Q?=E9?=\r\nMIME-Version: 1.0\r\n\
          Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
          Content-Type: text/plain; charset=iso-8859-1\r\n\
          Content-Transfer-Encoding: quoted-printable\r\n\r\n\
          Un d=E9jeuner =\r\n=E0 midi\r\n--b\r\n\
          Content-Type: application/pdf; name=menu.pdf\r\n\r\nnoon\r\n--b--\r\n",
        b"From: lee@example.kr\r\nTo: alice@example.org\r\nSubject: euc\r\nMIME-Version: 1.0\r\n\
          Content-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
          \xbe\xc8\xb3\xe7 alice\r\n",
    ];
    for (message, date) in messages.iter().zip(["01-Jan", "02-Jan", "03-Jan", "03-Jan"]) {
        let head =
            format!("APPEND INBOX \"{date}-2023 12:00:00 +0000\" {{{}+}}\r\n", message.len());
        client.run([head.as_bytes(), message].concat()).await.ok();
    }
    client.run("SELECT INBOX").await.ok();
    client.run("STORE 1 FLAGS (\\Seen \\Answered $Work)").await.ok();
    client.run("STORE 2 FLAGS (\\Flagged \\Draft)").await.ok();
    client.run("STORE 3 FLAGS (\\Deleted)").await.ok();
    (house, client)
}

/// Every key of RFC 3501 §6.4.4.
#[tokio::test]
async fn keys() {
    let (_house, mut client) = searched().await;
    for (query, expected) in [
        ("ALL", &[1, 2, 3, 4][..]),
        ("2:3", &[2, 3]),
        ("*", &[4]),
        ("9", &[]),
        ("3:9", &[3, 4]),
        ("UID 2,4,99", &[2, 4]),
        ("ANSWERED", &[1]),
        ("UNANSWERED", &[2, 3, 4]),
        ("DELETED", &[3]),
        ("UNDELETED", &[1, 2, 4]),
        ("DRAFT", &[2]),
        ("UNDRAFT", &[1, 3, 4]),
        ("FLAGGED", &[2]),
        ("UNFLAGGED", &[1, 3, 4]),
        ("SEEN", &[1]),
        ("UNSEEN", &[2, 3, 4]),
        ("RECENT", &[1, 2, 3, 4]),
        ("NEW", &[2, 3, 4]),
        ("OLD", &[]),
        ("KEYWORD $work", &[1]),
        ("UNKEYWORD $Work", &[2, 3, 4]),
        ("BEFORE 2-Jan-2023", &[1]),
        ("ON 2-Jan-2023", &[2]),
        ("SINCE 2-Jan-2023", &[2, 3, 4]),
        ("SENTBEFORE 4-Mar-2023", &[1]),
        ("SENTON 3-Mar-2023", &[1]),
        ("SENTSINCE 4-Mar-2023", &[2]),
        ("LARGER 240", &[2, 3]),
        ("SMALLER 240", &[1, 4]),
        ("FROM ann@EXAMPLE.net", &[1]),
        ("FROM example.kr", &[2, 4]),
        ("TO alice", &[1, 3, 4]),
        ("CC carl", &[1]),
        ("BCC secret", &[3]),
        ("SUBJECT friday", &[1]),
        ("HEADER X-Tag \"\"", &[1]),
        ("HEADER X-Tag one", &[1]),
        ("HEADER X-Tag two", &[]),
        ("BODY noon", &[1]),
        ("TEXT alice", &[1, 3, 4]),
        ("TEXT menu.pdf", &[3]),
        ("NOT SEEN", &[2, 3, 4]),
        ("OR SEEN FLAGGED", &[1, 2]),
        ("OR (SEEN ANSWERED) NOT 1:3", &[1, 4]),
        ("UNSEEN NOT (DELETED)", &[2, 4]),
        ("UNDELETED SUBJECT lunch TO alice", &[1]),
    ] {
        let found = client.run(format!("SEARCH {query}")).await.ok().found();
        assert_eq!(found, expected, "{query}");
    }
}

/// Text is looked for in decoded text, whatever charset and encoding it was sent in.
#[tokio::test]
async fn words_of_all_languages() {
    let (_house, mut client) = searched().await;
    for (key, word, expected) in [
        ("SUBJECT", "점심 회의", &[2][..]),
        ("BODY", "회의에", &[2]),
        ("FROM", "김", &[2]),
        ("BODY", "déjeuner à", &[3]),
        ("BODY", "DÉJEUNER", &[3]),
        ("SUBJECT", "café", &[3]),
        ("BODY", "안녕", &[4]),
        ("TEXT", "없다", &[]),
    ] {
        let query = format!("UID SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{word}", word.len());
        assert_eq!(client.run(query).await.ok().found(), expected, "{word}");
    }
    // "안녕", in the charset of the message.
    let euc = [b"SEARCH CHARSET EUC-KR BODY {4+}\r\n".as_slice(), b"\xbe\xc8\xb3\xe7"].concat();
    let answer = client.run(euc).await;
    assert!(
        answer.tagged.starts_with("OK") || answer.tagged.starts_with("NO [BADCHARSET"),
        "{answer:?}"
    );
    client.run("SEARCH CHARSET X-UNKNOWN ALL").await.is("NO [BADCHARSET");
}

/// RFC 5255 §4.2: words are compared by i;unicode-casemap (RFC 5051), in headers and in bodies: title
/// case, then all of a character's parts, and no further likeness.
#[tokio::test]
async fn words_are_compared_by_unicode_casemap() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let text = "straße ＣＡＦÉ \u{1c6}ep ﬁn ΟΔΟΣ 각 \u{10d0}";
    let message = format!(
        "Subject: {text}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    );
    client.run(format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await.ok();
    client.run("SELECT INBOX").await.ok();
    for (word, expected) in [
        ("STRAßE", true),
        // There is no capital sharp s in one character; the letters are others.
        ("strasse", false),
        ("café", true),
        ("cafe\u{301}", true),
        ("ｃａｆ", true),
        ("\u{1c4}EP", true),
        ("\u{1c5}ep", true),
        // A ligature has no title case, and falls into small letters (RFC 5051 §2).
        ("ﬁn", true),
        ("fin", false),
        ("οδος", true),
        ("οδοσ", true),
        // The first two letters of three: a syllable falls into its letters.
        ("가", true),
        ("간", false),
        ("\u{1c90}", false),
    ] {
        for key in ["SUBJECT", "BODY", "TEXT", "HEADER Subject"] {
            let query = format!("UID SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{word}", word.len());
            let found = client.run(query).await.ok().found();
            assert_eq!(found == [1], expected, "{key} {word}");
        }
    }
}

/// The envelope leaves some of a very long list out, and comments: what it hasn't the header has.
#[tokio::test]
async fn the_last_of_very_many_recipients() {
    let (_house, mut client) = searched().await;
    let many: Vec<String> = (0..300).map(|n| format!("r{n}@example.com")).collect();
    let long = "word ".repeat(400);
    let message = format!(
        "From: \"Kim, Ann\" <kim@example.com>\r\nTo: {}\r\nSubject: {long}end\r\n\r\ntext\r\n",
        many.join(",\r\n ")
    );
    client.run(format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await.ok();
    for (query, expected) in [
        ("TO r299@example.com", &[5][..]),
        ("TO r300@example.com", &[]),
        ("SUBJECT \"word end\"", &[5]),
        ("SUBJECT \"word start\"", &[]),
        ("FROM \"Kim, Ann <kim@\"", &[5]),
        ("FROM {18+}\r\n\"Kim, Ann\" <kim@ex", &[5]),
        ("CC \"\"", &[1]),
        ("SUBJECT \"\"", &[1, 2, 3, 4, 5]),
        ("SENTSINCE 1-Jan-1990", &[1, 2]),
    ] {
        let found = client.run(format!("SEARCH {query}")).await.ok().found();
        assert_eq!(found, expected, "{query}");
    }
}

/// RFC 3501 §6.4.8: nothing is found where nothing is.
#[tokio::test]
async fn an_empty_mailbox() {
    let house = House::new().await;
    let mut client = house.open().await;
    assert_eq!(client.run("SEARCH 1:*").await.ok().found(), [0_u32; 0]);
    assert_eq!(client.run("UID SEARCH UID 1:* ALL").await.ok().found(), [0_u32; 0]);
    client.run("UID FETCH 1:* (FLAGS)").await.ok();
    client.run("FETCH 1 (FLAGS)").await.is("BAD");
    client.run("EXPUNGE").await.ok();
    client.run("CLOSE").await.ok();
}

/// In HTML, words are found as a reader sees them, and as they are written.
#[tokio::test]
async fn words_of_html() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let message = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n\
        <p>Meet me <b>at</b>\r\n<i>noon</i> &amp; bring <a href=\"http://example.net/menu\">it</a></p>\r\n";
    let head = format!("APPEND INBOX {{{}+}}\r\n", message.len());
    client.run([head.as_bytes(), message].concat()).await.ok();
    client.run("SELECT INBOX").await.ok();
    for (words, expected) in
        [("me at noon & bring it", &[1][..]), ("example.net/menu", &[1]), ("noon tea", &[])]
    {
        let found = client.run(format!("SEARCH BODY \"{words}\"")).await.ok().found();
        assert_eq!(found, expected, "{words}");
    }
}

/// A word with a joiner in it is found where HTML has it by name, and where text has it as it is.
#[tokio::test]
async fn words_with_what_is_not_seen() {
    let house = House::new().await;
    for (kind, body) in [
        ("html", "<p>\u{645}\u{6cc}&zwnj;\u{62e}\u{648}\u{627}\u{647}\u{645}</p>"),
        ("plain", "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}"),
        ("plain", "\u{645}\u{6cc}\u{62e}\u{648}\u{627}\u{647}\u{645}"),
    ] {
        let head = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n";
        let kind = format!("Content-Type: text/{kind}; charset=utf-8\r\n\r\n");
        house.put(format!("{head}{kind}{body}\r\n").as_bytes()).await;
    }
    let mut client = house.open().await;
    for (word, expected) in [("می\u{200c}خواهم", &[1, 2][..]), ("میخواهم", &[1, 3])] {
        let search = format!("SEARCH CHARSET UTF-8 BODY {{{}+}}\r\n{word}\r\n", word.len());
        assert_eq!(client.run(search).await.ok().found(), expected, "{word}");
    }
}

/// RFC 4731 and RFC 5032, and what STATUS tells of RFC 8438 and RFC 7889.
#[tokio::test]
async fn results_as_wanted_and_ages() {
    let (_house, mut client) = searched().await;
    let answer = client.run("UID SEARCH RETURN (MIN MAX COUNT ALL) UNDELETED").await.ok();
    let line = answer.line("ESEARCH");
    assert!(line.ends_with(") UID MIN 1 MAX 4 ALL 1:2,4 COUNT 3"), "{line}");
    let answer = client.run("SEARCH RETURN (COUNT) LARGER 100000").await.ok();
    assert!(answer.line("ESEARCH").ends_with(") COUNT 0"));

    client.run("APPEND INBOX {12+}\r\nSubject: a\r\n").await.ok();
    assert_eq!(client.run("SEARCH YOUNGER 3600").await.ok().found(), [5]);
    assert_eq!(client.run("SEARCH OLDER 3600").await.ok().found(), [1, 2, 3, 4]);

    let status = client.run("STATUS INBOX (SIZE APPENDLIMIT)").await.ok().line("STATUS");
    let fetched = client.run("FETCH 1:* (RFC822.SIZE)").await.ok();
    let sizes = fetched.lines().into_iter().filter_map(|line| {
        line.split_once("RFC822.SIZE ")?.1.trim_end_matches(')').parse::<u64>().ok()
    });
    let sum: u64 = sizes.sum();
    assert!(status.contains(&format!("SIZE {sum} APPENDLIMIT 52428800")), "{status}, {sum}");
}
