//! What changes how a whole connection speaks, and what commands on large mailboxes can ask for.

use crate::house::{House, small};

async fn house_with(more: &str, count: u32) -> House {
    let house = House::with(more, None).await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

/// RFC 9586: behind a switch, because some clients break on it.
#[tokio::test]
async fn a_client_without_sequence_numbers() {
    let plain = house_with("", 1).await;
    let mut client = plain.sign_in().await;
    assert!(!client.run("CAPABILITY").await.ok().line("CAPABILITY").contains("UIDONLY"));
    assert_eq!(client.run("ENABLE UIDONLY").await.ok().lines(), ["ENABLED"]);

    let house = house_with("imap.extra_capabilities = [\"UIDONLY\"]\n", 4).await;
    let mut client = house.sign_in().await;
    assert!(client.run("CAPABILITY").await.ok().line("CAPABILITY").contains(" UIDONLY"));
    client.run("ENABLE UIDONLY").await.ok().line("ENABLED UIDONLY");
    let opened = client.run("SELECT INBOX").await.ok();
    assert!(!opened.lines().iter().any(|line| line.contains("UNSEEN")), "{opened:?}");
    client.run("FETCH 1 FLAGS").await.is("BAD [UIDREQUIRED]");
    client.run("UID SEARCH 1:2").await.is("BAD [UIDREQUIRED]");
    let mut other = house.open().await;
    other.run("EXPUNGE").await.ok();
    other.run("STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    other.run("EXPUNGE").await.ok();
    other.run("STORE 1 +FLAGS.SILENT (\\Flagged)").await.ok();
    let news = client.run("NOOP").await.ok();
    assert_eq!(news.lines(), ["2 UIDFETCH (FLAGS (\\Flagged \\Recent))", "VANISHED 1"]);
    let fetched = client.run("UID FETCH 3:4 (RFC822.SIZE PREVIEW)").await.ok();
    let size = small("3").len();
    let line = |uid| format!("{uid} UIDFETCH (RFC822.SIZE {size} PREVIEW \"body of {uid}\")");
    assert_eq!(fetched.lines(), [line(3), line(4)]);
    let marked = client.run("UID FETCH 3 BODY[]<0.4>").await.ok();
    assert_eq!(marked.lines(), ["3 UIDFETCH (BODY[]<0> {4}\r\nFrom FLAGS (\\Seen \\Recent))"]);
    let moved = client.run("UID MOVE 3 Trash").await.ok();
    assert!(moved.lines()[0].starts_with("OK [COPYUID "), "{moved:?}");
    assert_eq!(moved.lines()[1], "VANISHED 3");
    client.run("UID STORE 4 +FLAGS (\\Deleted)").await.ok().line("4 UIDFETCH (FLAGS (");
    assert_eq!(client.run("EXPUNGE").await.ok().lines(), ["VANISHED 4"]);
}

/// RFC 9394.
#[tokio::test]
async fn some_of_a_result() {
    let house = house_with("", 9).await;
    let mut client = house.open().await;
    for (command, expected) in [
        ("UID SEARCH RETURN (PARTIAL -1:-3) ALL", "UID PARTIAL (-1:-3 7:9)"),
        ("SEARCH RETURN (PARTIAL 8:20 COUNT) NOT SUBJECT 5", "PARTIAL (8:20 9) COUNT 8"),
        ("SEARCH RETURN (PARTIAL 10:20) ALL", "PARTIAL (10:20 NIL)"),
        (
            "UID SORT RETURN (PARTIAL 2:3) (REVERSE ARRIVAL SUBJECT) UTF-8 ALL",
            "UID PARTIAL (2:3 2:3)",
        ),
    ] {
        let line = client.run(command).await.ok().line("ESEARCH");
        assert!(line.ends_with(&format!(") {expected}")), "{command}: {line}");
    }
    let fetched = client.run("UID FETCH 2:8 (UID) (PARTIAL -2:-3)").await.ok();
    assert_eq!(fetched.lines(), ["6 FETCH (UID 6)", "7 FETCH (UID 7)"]);
    client.run("SEARCH RETURN (SAVE PARTIAL 2:3 MAX) ALL").await.ok();
    assert_eq!(client.run("SEARCH $").await.ok().found(), [2, 3, 9]);
}

/// RFC 8437: what one has opened and enabled is nothing to the next.
#[tokio::test]
async fn one_connection_for_several() {
    let house = house_with("", 3).await;
    let mut client = house.open().await;
    client.run("ENABLE IMAP4rev2").await.ok();
    client.run("STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    client.run("UNAUTHENTICATE").await.is("OK [CAPABILITY IMAP4rev1");
    client.run("FETCH 1 FLAGS").await.is("BAD");
    client.run("STATUS INBOX (MESSAGES)").await.is("BAD");
    client.run("LOGIN alice wrong").await.is("NO [AUTHENTICATIONFAILED]");
    client.run("LOGIN alice secret").await.ok();
    client.run("FETCH 1 FLAGS").await.is("BAD");
    client.run("SELECT INBOX").await.ok().line("3 EXISTS");
    assert_eq!(client.run("SEARCH DELETED").await.ok().found(), [1]);
}
