//! Where the operator has set how many messages one command works on (RFC 9738).

use config::Imap;

use crate::house::{House, small};

/// With messages, and a lower limit than a file may have (RFC 9738 §3).
async fn house_with(count: u32, set: impl FnOnce(&mut Imap)) -> House {
    let house = House::with_values("", None, |config| set(&mut config.imap)).await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

fn uids(lines: &[String]) -> Vec<u32> {
    let uid = |line: &String| line.split("UID ").nth(1)?.split([' ', ')']).next()?.parse().ok();
    lines.iter().filter_map(uid).collect()
}

/// RFC 9738 §3.1: from the highest down to the one that the code names, wherever what is told of
/// them comes from.
#[tokio::test]
async fn the_last_messages_come_first() {
    let house = house_with(7, |imap| imap.message_limit = 3).await;
    let mut client = house.open().await;
    let told = client.run("CAPABILITY").await.ok();
    assert!(told.lines()[0].ends_with(" MESSAGELIMIT=3"), "{told:?}");
    for items in ["FLAGS", "ENVELOPE", "PREVIEW", "BODY.PEEK[TEXT]", "(BODY.PEEK[]<0.9> EMAILID)"] {
        let told = client.run(&format!("UID FETCH 1:5 {items}")).await;
        assert_eq!(uids(&told.lines()), [5, 4, 3], "{items}: {told:?}");
        told.is("OK [MESSAGELIMIT 3 3] ");
        let told = client.run(&format!("UID FETCH 1:2,7 {items}")).await.ok();
        assert_eq!(uids(&told.lines()), [1, 2, 7], "{items}: {told:?}");
        assert!(!told.tagged.contains("LIMIT"), "{told:?}");
    }
    // RFC 3501 §6.4.5: only those are marked that were told.
    client.run("UID FETCH 1:* BODY[TEXT]").await.is("OK [MESSAGELIMIT 3 5] ");
    let part = client.run("UID FETCH 1:* UID (PARTIAL -1:-3)").await.ok();
    assert_eq!(uids(&part.lines()), [5, 6, 7]);
    client.run("UID FETCH 1:* UID (PARTIAL -1:-4)").await.is("NO [MESSAGELIMIT 3] ");
    let seen = client.run("SEARCH SEEN").await;
    assert_eq!(seen.lines(), ["SEARCH 7 6 5"]);
    seen.is("OK [MESSAGELIMIT 3 5] ");
    for (key, found) in [
        ("UIDBEFORE 4 UNSEEN", "SEARCH 1 2 3"),
        ("UIDAFTER 4 BODY \"of 6\"", "SEARCH 6"),
        ("UIDAFTER 7", "SEARCH"),
    ] {
        let told = client.run(&format!("UID SEARCH {key}")).await;
        assert_eq!((told.lines(), &*told.tagged), (vec![found.to_owned()], "OK SEARCH completed"));
    }
    let told = client.run("UID SEARCH RETURN (SAVE COUNT) BODY body").await;
    assert!(told.lines()[0].ends_with("UID COUNT 3"), "{told:?}");
    told.is("OK [MESSAGELIMIT 3 5] ");
    assert_eq!(uids(&client.run("UID FETCH $ UID").await.ok().lines()), [5, 6, 7]);
    client.run("UID SEARCH RETURN (PARTIAL 1:2) ALL").await.is("NO [MESSAGELIMIT 3] ");
    let part = client.run("UID SEARCH RETURN (PARTIAL -1:-2) ALL").await;
    assert!(part.lines()[0].ends_with("UID PARTIAL (-1:-2 6:7)"), "{part:?}");
    part.is("OK [MESSAGELIMIT 3 5] ");
    let either = client.run("UID SEARCH OR UID 1:2 UID 7").await.ok();
    assert_eq!(either.lines(), ["SEARCH 1 2 7"]);
    let sorted = client.run("UID SORT (REVERSE ARRIVAL SUBJECT) UTF-8 ALL").await.ok();
    assert_eq!(sorted.lines()[0].split(' ').count(), 8, "{sorted:?}");
    client.run("UID THREAD REFERENCES UTF-8 ALL").await.is("NO [MESSAGELIMIT 3] ");
    client.run("UID THREAD REFERENCES UTF-8 UIDAFTER 4").await.ok().line("THREAD (");
}

/// RFC 9738 §3.1: what is changed, moved and removed in parts, and what is not begun.
#[tokio::test]
async fn changes_within_the_limit() {
    let house = house_with(7, |imap| imap.message_limit = 3).await;
    let mut client = house.open().await;
    let told = client.run("UID STORE 1:6 +FLAGS (\\Deleted)").await;
    assert_eq!(uids(&told.lines()), [6, 5, 4]);
    told.is("OK [MESSAGELIMIT 3 4] ");
    client.run("UID STORE 1:3 +FLAGS.SILENT (\\Deleted)").await.ok();
    let told = client.run("UID STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)").await;
    let limit = told.lines().pop().unwrap();
    assert!(limit.starts_with("NO [MESSAGELIMIT 3 2] "), "{told:?}");
    assert_eq!(uids(&told.lines()), [4, 3, 2]);
    told.is("OK [MODIFIED 2:4] ");
    client.run("UID COPY 1:4 Trash").await.is("NO [MESSAGELIMIT 3 2] ");
    client.run("STATUS Trash (MESSAGES)").await.ok().line("STATUS \"Trash\" (MESSAGES 0)");
    let told = client.run("UID MOVE 1:4 Trash").await;
    assert!(told.lines()[0].contains(" 2:4 1:3] "), "{told:?}");
    assert_eq!(told.lines()[1..], ["4 EXPUNGE", "3 EXPUNGE", "2 EXPUNGE"]);
    told.is("OK [MESSAGELIMIT 3 2] ");
    // Of 1, 5, 6 and 7 three are \Deleted: that is not too many.
    let told = client.run("UID EXPUNGE 1:*").await.ok();
    assert_eq!(told.lines(), ["3 EXPUNGE", "2 EXPUNGE", "1 EXPUNGE"]);
    assert_eq!(told.tagged, "OK EXPUNGE completed");
    client.run("SELECT Trash").await.ok();
    client.run("APPEND Trash (\\Deleted) {1+}\r\na {1+}\r\nb").await.ok();
    let told = client.run("UID EXPUNGE 1:*").await;
    assert_eq!(told.lines(), ["4 EXPUNGE", "3 EXPUNGE", "2 EXPUNGE"]);
    told.is("OK [MESSAGELIMIT 3 2] ");
    client
        .run("APPEND Trash {1+}\r\na {1+}\r\nb {1+}\r\nc {1+}\r\nd")
        .await
        .is("NO [MESSAGELIMIT 3] ");
    client.run("APPEND Trash {1+}\r\na {1+}\r\nb {1+}\r\nc").await.ok();
    // RFC 9738 §3.1: no limit for these.
    client.run("UID STORE 6:8 +FLAGS.SILENT (\\Deleted)").await.ok();
    client
        .run("STATUS Trash (MESSAGES UNSEEN)")
        .await
        .ok()
        .line("STATUS \"Trash\" (MESSAGES 5 UNSEEN 5)");
    assert_eq!(client.run("EXPUNGE").await.ok().lines().len(), 4);
}

/// RFC 9738 §3: a limit that old clients can live with.
#[tokio::test]
async fn a_limit_of_what_is_saved() {
    let house = house_with(3, |imap| imap.save_limit = 2).await;
    let mut client = house.open().await;
    let told = client.run("CAPABILITY").await.ok();
    assert!(told.lines()[0].ends_with(" SAVELIMIT=2"), "{told:?}");
    assert!(!told.lines()[0].contains("MESSAGELIMIT"), "{told:?}");
    assert_eq!(client.run("UID SEARCH ALL").await.ok().lines(), ["SEARCH 1 2 3"]);
    client.run("COPY 1:3 Trash").await.is("NO [MESSAGELIMIT 2 2] ");
    client.run("APPEND Trash {1+}\r\na {1+}\r\nb {1+}\r\nc").await.is("NO [MESSAGELIMIT 2] ");
    client.run("COPY 2:3 Trash").await.is("OK [COPYUID ");
    client.run("MOVE 1:3 Trash").await.ok();
}
