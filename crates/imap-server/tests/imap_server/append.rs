//! APPEND, COPY and MOVE: what gets into mailboxes, and under which UIDs.

use std::time::{Duration, Instant};

use crate::house::{House, small};

/// RFC 4315 §3: a message gets its UID told, with its flags and date.
#[tokio::test]
async fn append_tells_the_uid() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let message = small("one");
    let head = format!(
        "APPEND Drafts (\\Draft $mine) \"17-Jul-1996 02:44:25 -0700\" {{{}+}}\r\n",
        message.len()
    );
    let appended = client.run([head.as_bytes(), &message].concat()).await.ok();
    let selected = client.run("SELECT Drafts").await.ok();
    let validity = selected.line("OK [UIDVALIDITY");
    let validity = validity.split([' ', ']']).nth(2).unwrap();
    assert!(appended.tagged.starts_with(&format!("OK [APPENDUID {validity} 1]")), "{appended:?}");
    let row = client.run("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)").await.ok();
    let size = message.len();
    let date = "INTERNALDATE \"17-Jul-1996 09:44:25 +0000\"";
    let expected = format!("1 FETCH (FLAGS (\\Draft $mine \\Recent) {date} RFC822.SIZE {size})");
    assert_eq!(row.lines(), [expected]);
    // Into the mailbox that is open: told with the reply (RFC 3501 §6.3.11).
    let more = [format!("APPEND Drafts {{{size}+}}\r\n").as_bytes(), &message].concat();
    assert_eq!(client.run(more).await.ok().lines(), ["2 EXISTS", "2 RECENT"]);
    assert_eq!(house.usage().await, 2);
}

/// The message is asked for before it is sent, and refused before it is sent.
#[tokio::test]
async fn append_is_refused_before_the_message() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("APPEND nowhere {100}").await.is("NO [TRYCREATE]");
    client.run("APPEND INBOX {99999999999}").await.is("NO [TOOBIG]");
    let missing = b"APPEND nowhere {5+}\r\nhello";
    client.run(missing).await.is("NO [TRYCREATE]");
    let tag = client.send("APPEND INBOX {5}").await;
    assert!(client.line().await.starts_with("+ "));
    client.write(b"hello\r\n").await;
    client.answer(&tag).await.is("OK [APPENDUID");
}

/// A client that writes the end of the line apart from the message.
#[tokio::test]
async fn a_message_may_come_in_pieces() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let line = "x".repeat(998) + "\r\n";
    let message = format!("Subject: large\r\n\r\n{}", line.repeat(2000)).into_bytes();
    let tag = client.send(format!("APPEND INBOX {{{}}}", message.len())).await;
    client.line().await;
    for piece in message.chunks(70_001) {
        client.write(piece).await;
    }
    client.write(b"\r\n").await;
    client.answer(&tag).await.ok();
    client.run("SELECT INBOX").await.ok();
    let read = client.run("FETCH 1 BODY.PEEK[]").await.ok();
    assert!(read.untagged[0].ends_with(&[message.as_slice(), b")"].concat()));
}

/// Clients such as Python's imaplib write the end of the line apart, with Nagle's algorithm on:
/// no timer of either kernel may come between.
#[tokio::test]
async fn an_end_that_comes_apart_costs_nothing() {
    const ROUNDS: u32 = 25;
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let message = small("one");
    let started = Instant::now();
    for _ in 0..ROUNDS {
        client.append("INBOX", &message).await;
    }
    let at_once = started.elapsed();
    let started = Instant::now();
    for _ in 0..ROUNDS {
        let tag = client.send(format!("APPEND INBOX {{{}}}", message.len())).await;
        client.line().await;
        client.write(&message).await;
        client.write(b"\r\n").await;
        client.answer(&tag).await.ok();
    }
    let apart = started.elapsed();
    println!("APPEND {:?}, its end apart {:?}", at_once / ROUNDS, apart / ROUNDS);
    assert!(apart < at_once * 2 + ROUNDS * Duration::from_millis(20), "{at_once:?} {apart:?}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.send("APPEND INBOX {1000000}").await;
    client.line().await;
    client.write(&[b'x'; 500_000]).await;
    drop(client);
    let mut client = house.sign_in().await;
    client.run("SELECT INBOX").await.ok().line("0 EXISTS");
    client.append("INBOX", &small("one")).await;
    assert_eq!(client.run("NOOP").await.ok().lines().len(), 0, "told with APPEND");
}

#[tokio::test]
async fn a_quota_refuses_what_has_no_room() {
    let house = House::with_quota(Some(1000)).await;
    let mut client = house.sign_in().await;
    client.append("INBOX", &[b'a'; 600]).await;
    client.run("APPEND INBOX {600}").await.is("NO [OVERQUOTA]");
    client.run("SELECT INBOX").await.ok();
    client.run("COPY 1 Trash").await.is("NO [OVERQUOTA]");
    client.run("MOVE 1 Trash").await.ok();
    client.append("INBOX", &[b'a'; 400]).await;
}

/// RFC 4315 §3: which messages became which.
#[tokio::test]
async fn copies_keep_flags_and_dates() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    for number in 1..=4 {
        client.append("INBOX", &small(&number.to_string())).await;
    }
    client.append("Archive", &small("before")).await;
    client.run("SELECT INBOX").await.ok();
    client.run("STORE 2 +FLAGS (\\Flagged $x)").await.ok();
    let before = client.run("FETCH 2 INTERNALDATE").await.ok().lines();
    let copied = client.run("COPY 2,4 Archive").await.ok();
    assert!(copied.tagged.contains(" 2,4 2:3]"), "{}", copied.tagged);
    client.run("UID COPY 9 Archive").await.is("OK");
    client.run("COPY 9 Archive").await.is("BAD");
    client.run("COPY 1 nowhere").await.is("NO [TRYCREATE]");
    client.run("SELECT Archive").await.ok().line("3 EXISTS");
    let flags = client.run("FETCH 2 FLAGS").await.ok();
    assert_eq!(flags.lines(), ["2 FETCH (FLAGS (\\Flagged $x \\Recent))"]);
    assert_eq!(client.run("FETCH 2 INTERNALDATE").await.ok().lines(), before);
}

/// RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses.
#[tokio::test]
async fn moved_messages_leave() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    for number in 1..=5 {
        client.append("INBOX", &small(&number.to_string())).await;
    }
    client.run("SELECT INBOX").await.ok();
    let moved = client.run("MOVE 1,3 Trash").await.ok();
    let lines = moved.lines();
    assert!(lines[0].starts_with("OK [COPYUID ") && lines[0].contains(" 1,3 1:2]"), "{lines:?}");
    assert_eq!(lines[1..], ["3 EXPUNGE", "1 EXPUNGE"]);
    let moved = client.run("UID MOVE 4:9 Trash").await.ok();
    assert_eq!(moved.lines()[1..], ["3 EXPUNGE", "2 EXPUNGE"]);
    assert_eq!(client.run("UID SEARCH ALL").await.ok().found(), [2]);
    client.run("SELECT Trash").await.ok().line("4 EXISTS");
    // Onto itself: the same messages under new UIDs.
    let moved = client.run("MOVE 1 Trash").await.ok();
    assert!(moved.lines()[0].contains(" 1 5]"), "{moved:?}");
    assert_eq!(client.run("UID SEARCH ALL").await.ok().found(), [2, 3, 4, 5]);
    assert_eq!(house.usage().await, 5);
}

/// RFC 4315 §2.1.
#[tokio::test]
async fn uid_expunge_removes_only_what_it_names() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    for number in 1..=4 {
        client.append("INBOX", &small(&number.to_string())).await;
    }
    client.run("SELECT INBOX").await.ok();
    client.run("STORE 1,3,4 +FLAGS.SILENT (\\Deleted)").await.ok();
    assert_eq!(client.run("UID EXPUNGE 2:3").await.ok().lines(), ["3 EXPUNGE"]);
    assert_eq!(house.usage().await, 3);
    client.run("UNSELECT").await.ok();
    client.run("SELECT INBOX").await.ok().line("3 EXISTS");
    assert!(client.run("CLOSE").await.ok().untagged.is_empty(), "CLOSE is silent");
    client.run("SELECT INBOX").await.ok().line("1 EXISTS");
    client.run("CLOSE").await.ok();
}

/// RFC 3502 §6.3.11: all of them or none.
#[tokio::test]
async fn several_messages_at_once() {
    let house = House::new().await;
    let mut client = house.open().await;
    let three = "APPEND INBOX (\\Seen) {12+}\r\nS: one\r\n\r\nx\n \"01-Feb-1994 10:00:00 +0000\" \
                 {11+}\r\nS: two\r\n\r\nx {4+}\r\nx\r\ny";
    let appended = client.run(three).await.is("OK [APPENDUID ");
    assert!(appended.tagged.contains(" 1:3] "), "{}", appended.tagged);
    assert_eq!(appended.line("3 EXISTS"), "3 EXISTS");
    let fetched = client.run("FETCH 1:3 (FLAGS RFC822.SIZE)").await.ok();
    assert_eq!(
        fetched.lines(),
        [
            "1 FETCH (FLAGS (\\Seen \\Recent) RFC822.SIZE 13)",
            "2 FETCH (FLAGS (\\Recent) RFC822.SIZE 11)",
            "3 FETCH (FLAGS (\\Recent) RFC822.SIZE 4)",
        ]
    );
    client.run("APPEND INBOX {4+}\r\nx\r\ny {0+}\r\n").await.is("NO");
    client.run("APPEND INBOX {4+}\r\nx\r\ny {4+}\r\nx\r\nyz").await.is("BAD");
    client.run("APPEND INBOX {4+}\r\nx\r\ny ~{4+}\r\nx\0yz").await.is("NO [UNKNOWN-CTE]");
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
}

#[tokio::test]
async fn several_messages_have_one_quota() {
    let house = House::with_quota(Some(30)).await;
    let mut client = house.sign_in().await;
    let two = "APPEND INBOX {20+}\r\nSubject: x\r\n\r\n123456 {20+}\r\nSubject: x\r\n\r\n123456";
    client.run(two).await.is("NO [OVERQUOTA]");
    client.run("APPEND INBOX {20+}\r\nSubject: x\r\n\r\n123456").await.is("OK [APPENDUID");
}
