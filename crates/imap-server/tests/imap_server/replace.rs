//! REPLACE (RFC 8508): a draft and its next version.

use crate::house::{House, small};

fn replace(number: &str, mailbox: &str, message: &[u8]) -> Vec<u8> {
    let head = format!("{number} {mailbox} (\\Draft) {{{}+}}\r\n", message.len());
    [head.as_bytes(), message].concat()
}

#[tokio::test]
async fn one_message_takes_the_place_of_another() {
    let house = House::new().await;
    let mut client = house.open().await;
    for subject in ["1", "2", "3"] {
        client.append("INBOX", &small(subject)).await;
    }
    let mut other = house.open().await;
    let told = client.run(replace("REPLACE 2", "INBOX", &small("new"))).await.ok();
    let lines = told.lines();
    assert!(lines[0].starts_with("OK [APPENDUID ") && lines[0].contains(" 4] "), "{lines:?}");
    assert_eq!(lines[1..3], ["2 EXPUNGE", "3 EXISTS"]);
    let fetched = client.run("FETCH 1:* (UID FLAGS)").await.ok().lines();
    assert_eq!(fetched[2], "3 FETCH (UID 4 FLAGS (\\Draft \\Recent))");
    let seen = other.run("NOOP").await.ok().lines();
    assert_eq!(seen[..2], ["2 EXPUNGE", "3 EXISTS"]);

    // Into another mailbox, by UID.
    let told = client.run(replace("UID REPLACE 1", "Sent", &small("sent"))).await.ok();
    assert_eq!(told.lines()[1..], ["1 EXPUNGE"]);
    client.run("STATUS Sent (MESSAGES)").await.ok().line("STATUS \"Sent\" (MESSAGES 1)");
    assert_eq!(house.usage().await, 3);

    // Nothing happens where something is missing.
    client.run(replace("UID REPLACE 3", "nowhere", b"x")).await.is("NO [TRYCREATE]");
    other.run("UID STORE 3 +FLAGS.SILENT (\\Deleted)").await.ok();
    other.run("UID EXPUNGE 3").await.ok();
    let gone = client.run(replace("UID REPLACE 3", "Sent", b"x")).await.is("NO [EXPUNGEISSUED]");
    assert!(!gone.lines().iter().any(|line| line.contains("APPENDUID")), "{gone:?}");
    client.run("STATUS Sent (MESSAGES)").await.ok().line("STATUS \"Sent\" (MESSAGES 1)");
    client.run("EXAMINE INBOX").await.ok();
    client.run(replace("REPLACE 1", "Sent", b"x")).await.is("NO [READ-ONLY]");
}

/// RFC 8508 §3.4: only what is more than before counts.
#[tokio::test]
async fn a_full_account_can_replace() {
    let house = House::with_quota(Some(1000)).await;
    let mut client = house.open().await;
    let message = |octets: usize| [b"Subject: x\r\n\r\n".as_slice(), &vec![b'x'; octets]].concat();
    client.append("INBOX", &message(900)).await;
    let append = [b"APPEND INBOX {314+}\r\n".as_slice(), &message(300)].concat();
    client.run(append).await.is("NO [OVERQUOTA]");
    client.run(replace("REPLACE 1", "INBOX", &message(800))).await.ok();
    client.run(replace("REPLACE 1", "INBOX", &message(986))).await.ok();
    client.run(replace("REPLACE 1", "INBOX", &message(987))).await.is("NO [OVERQUOTA]");
    assert_eq!(
        client.run("FETCH 1 RFC822.SIZE").await.ok().lines(),
        ["1 FETCH (RFC822.SIZE 1000)"]
    );
}
