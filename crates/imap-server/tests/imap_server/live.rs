//! What a client hears without asking.

use std::time::{Duration, Instant};

use crate::{
    client::{Answer, Client},
    house::{House, small},
};

async fn idle(client: &mut Client) -> String {
    let tag = client.send("IDLE").await;
    assert_eq!(client.line().await, "+ idling");
    tag
}

async fn done(client: &mut Client, tag: &str) {
    client.write(b"DONE\r\n").await;
    client.answer(tag).await.is("OK IDLE");
}

/// RFC 2177: by the bell, from whichever process; here from a second store on the same folder.
#[tokio::test]
async fn idle_hears_of_what_other_processes_do() {
    let house = House::new().await;
    let mut client = house.open().await;
    let tag = idle(&mut client).await;
    let started = Instant::now();
    house.put(&small("new")).await;
    assert_eq!(client.line().await, "* 1 EXISTS");
    assert_eq!(client.line().await, "* 1 RECENT");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

    let mut other = house.open().await;
    other.run("STORE 1 +FLAGS (\\Deleted)").await.ok();
    assert_eq!(client.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))");
    other.run("EXPUNGE").await.ok();
    assert_eq!(client.line().await, "* 1 EXPUNGE");
    done(&mut client, &tag).await;
}

/// What came between the last command and IDLE is told at once.
#[tokio::test]
async fn idle_begins_with_what_was_missed() {
    let house = House::new().await;
    let mut client = house.open().await;
    house.put(&small("new")).await;
    let tag = idle(&mut client).await;
    assert_eq!(client.line().await, "* 1 EXISTS");
    assert_eq!(client.line().await, "* 1 RECENT");
    done(&mut client, &tag).await;
}

/// An account that changes ends its sessions, whatever they are doing.
#[tokio::test]
async fn another_password_ends_all_sessions() {
    let house = House::new().await;
    let mut idling = house.open().await;
    idle(&mut idling).await;
    let mut idling_nowhere = house.sign_in().await;
    idle(&mut idling_nowhere).await;
    let mut silent = house.open().await;
    let mut nobody = house.connect().await;
    house.change_password().await;
    for client in [&mut idling, &mut idling_nowhere, &mut silent] {
        assert_eq!(client.line().await, "* BYE The account has changed, please sign in again");
        assert!(client.is_closed().await);
    }
    nobody.run("LOGIN alice secret").await.is("NO [AUTHENTICATIONFAILED]");
    nobody.run("LOGIN alice other").await.ok();
}

/// A client must not meet a keyword before it is told that the mailbox has it, whoever gave it.
#[tokio::test]
async fn keywords_are_told_before_the_messages_that_have_them() {
    let house = House::new().await;
    house.put(&small("new")).await;
    let mut client = house.open().await;
    let mut other = house.open().await;
    let beginnings = |answer: Answer| -> Vec<String> {
        let words = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        answer.lines().iter().map(words).collect()
    };
    let stored = beginnings(client.run("STORE 1 +FLAGS ($First)").await.ok());
    assert_eq!(stored[0], "FLAGS (\\Answered");
    assert_eq!(stored[1], "OK [PERMANENTFLAGS");
    assert_eq!(stored[2], "1 FETCH");
    let fetched = beginnings(other.run("FETCH 1 FLAGS").await.ok());
    assert_eq!(fetched[0], "FLAGS (\\Answered");
    assert_eq!(fetched[2], "1 FETCH");
    other.run("STORE 1 +FLAGS.SILENT ($First $Second)").await.line("FLAGS (");
    // Of messages that are left as they are, too, and of contents.
    let left = beginnings(client.run("STORE 1 (UNCHANGEDSINCE 1) +FLAGS ($First)").await);
    assert_eq!(left[1], "FLAGS (\\Answered");
    assert_eq!(left[3], "1 FETCH");
    other.run("STORE 1 +FLAGS.SILENT ($Third)").await.ok();
    let read = beginnings(client.run("FETCH 1 (BODY[] FLAGS)").await.ok());
    assert_eq!(read[0], "FLAGS (\\Answered");
    // What is known is not told again.
    let again = beginnings(client.run("FETCH 1 FLAGS").await.ok());
    assert_eq!(again[0], "1 FETCH");
}
