//! Two sessions on one mailbox: what one does, the other is told of, and when.

use crate::house::{House, small};

/// A mailbox with messages `1` to `count`.
async fn house_with(count: u32) -> House {
    let house = House::new().await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

#[tokio::test]
async fn flags_and_expunges_reach_the_other_session() {
    let house = house_with(4).await;
    let (mut one, mut two) = (house.open().await, house.open().await);
    one.run("STORE 2:3 +FLAGS.SILENT (\\Deleted $work)").await.ok();
    let news = two.run("NOOP").await.ok();
    assert_eq!(news.line("2 FETCH"), "2 FETCH (UID 2 FLAGS (\\Deleted $work))");
    assert!(news.line("FLAGS").contains("$work"), "a keyword is announced before it is used");
    assert!(news.line("OK [PERMANENTFLAGS").contains("$work \\*"));

    let gone = one.run("EXPUNGE").await.ok();
    assert_eq!(gone.lines(), ["3 EXPUNGE", "2 EXPUNGE"]);
    // RFC 3501 §7.4.1: the numbers stay until EXPUNGE may be told.
    let fetched = two.run("FETCH 1:4 (UID)").await.is("NO [EXPUNGEISSUED]");
    assert_eq!(fetched.lines(), ["1 FETCH (UID 1)", "4 FETCH (UID 4)"]);
    assert_eq!(two.run("SEARCH ALL").await.ok().found(), [1, 4]);
    two.run("STORE 3 +FLAGS (\\Seen)").await.is("NO [EXPUNGEISSUED]");
    assert_eq!(two.run("NOOP").await.ok().lines(), ["3 EXPUNGE", "2 EXPUNGE"]);
    assert_eq!(two.run("FETCH * UID").await.ok().lines(), ["2 FETCH (UID 4)"]);
}

#[tokio::test]
async fn own_changes_are_told_once() {
    let house = house_with(2).await;
    let mut client = house.open().await;
    let stored = client.run("STORE 1 +FLAGS (\\Flagged)").await.ok();
    assert_eq!(stored.lines(), ["1 FETCH (FLAGS (\\Flagged \\Recent))"]);
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
    assert!(client.run("STORE 2 +FLAGS.SILENT (\\Seen)").await.ok().untagged.is_empty());
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
    // RFC 3501 §6.4.5: reading a body sets \Seen, which its response tells.
    let read = client.run("FETCH 1 BODY[TEXT]").await.ok();
    assert!(read.line("1 FETCH").ends_with("FLAGS (\\Flagged \\Seen \\Recent))"), "{read:?}");
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
    let again = client.run("FETCH 1 BODY[TEXT]").await.ok();
    assert!(!again.line("1 FETCH").contains("FLAGS"));
}

/// One session only is told that a message is recent (RFC 3501 §2.3.2); EXAMINE takes nothing.
#[tokio::test]
async fn recent_is_for_one_session() {
    let house = house_with(1).await;
    let mut looker = house.sign_in().await;
    assert_eq!(
        looker.run("STATUS INBOX (RECENT)").await.ok().line("STATUS"),
        "STATUS \"INBOX\" (RECENT 1)"
    );
    looker.run("EXAMINE INBOX").await.ok().line("1 RECENT");
    let (mut one, mut two) = (house.sign_in().await, house.sign_in().await);
    one.run("SELECT INBOX").await.ok().line("1 RECENT");
    two.run("SELECT INBOX").await.ok().line("0 RECENT");
    house.put(&small("new")).await;
    let first = two.run("NOOP").await.ok();
    assert_eq!(first.lines(), ["2 EXISTS", "1 RECENT"]);
    assert_eq!(one.run("NOOP").await.ok().lines(), ["2 EXISTS", "1 RECENT"]);
    assert_eq!(two.run("SEARCH RECENT").await.ok().found(), [2]);
    assert_eq!(one.run("SEARCH RECENT").await.ok().found(), [1]);
}

/// EXISTS is held back in FETCH and STORE, where Thunderbird overlooks it.
#[tokio::test]
async fn new_mail_waits_for_a_command_that_may_tell_it() {
    let house = house_with(1).await;
    let mut client = house.open().await;
    house.put(&small("2")).await;
    assert_eq!(client.run("UID FETCH 1:* (UID)").await.ok().lines(), ["1 FETCH (UID 1)"]);
    assert!(client.run("UID STORE 1 +FLAGS.SILENT (\\Seen)").await.ok().untagged.is_empty());
    assert_eq!(client.run("CHECK").await.ok().lines(), ["2 EXISTS", "2 RECENT"]);
    // RFC 3501 §6.4.8: `n:*` holds the last message, whatever n is.
    assert_eq!(client.run("UID FETCH 9:* (UID)").await.ok().lines(), ["2 FETCH (UID 2)"]);
}

#[tokio::test]
async fn flags_and_keywords_stay() {
    let house = house_with(1).await;
    let mut client = house.open().await;
    // As Thunderbird stores a tag with a Korean name.
    client.run("UID STORE 1 +FLAGS (\\Answered =ec=97=85=eb=ac=b4 $Forwarded)").await.ok();
    client.run("UID STORE 1 -FLAGS ($forwarded)").await.ok();
    client.run("CLOSE").await.ok();
    let mut other = house.sign_in().await;
    let selected = other.run("SELECT INBOX").await.ok();
    assert!(selected.line("FLAGS").contains("=ec=97=85=eb=ac=b4"));
    let flags = other.run("FETCH 1 FLAGS").await.ok();
    assert_eq!(flags.lines(), ["1 FETCH (FLAGS (\\Answered =ec=97=85=eb=ac=b4))"]);
    other.run("STORE 1 FLAGS ()").await.ok();
    assert_eq!(other.run("FETCH 1 FLAGS").await.ok().lines(), ["1 FETCH (FLAGS ())"]);
}

#[tokio::test]
async fn nothing_changes_what_is_examined() {
    let house = house_with(2).await;
    let mut writer = house.open().await;
    writer.run("STORE 1 +FLAGS (\\Deleted)").await.ok();
    let mut client = house.sign_in().await;
    let examined = client.run("EXAMINE INBOX").await.is("OK [READ-ONLY]");
    examined.line("OK [PERMANENTFLAGS ()]");
    client.run("STORE 1 +FLAGS (\\Seen)").await.is("NO [READ-ONLY]");
    client.run("EXPUNGE").await.is("NO [READ-ONLY]");
    client.run("MOVE 1 Trash").await.is("NO [READ-ONLY]");
    let body = client.run("FETCH 2 BODY[]").await.ok();
    assert!(!body.line("2 FETCH").contains("\\Seen"));
    client.run("COPY 2 Trash").await.is("OK [COPYUID");
    client.run("CLOSE").await.ok();
    assert_eq!(writer.run("NOOP").await.ok().untagged.len(), 0, "nothing is gone");
    writer.run("CLOSE").await.ok();
    client.run("SELECT INBOX").await.ok().line("1 EXISTS");
}

/// RFC 2180 §3.3: the session of a mailbox that another one deleted ends.
#[tokio::test]
async fn a_deleted_mailbox_ends_its_sessions() {
    let house = House::new().await;
    let (mut one, mut two) = (house.sign_in().await, house.sign_in().await);
    one.run("CREATE doomed").await.ok();
    two.run("SELECT doomed").await.ok();
    one.run("DELETE doomed").await.ok();
    let tag = two.send("NOOP").await;
    two.answer(&tag).await.ok();
    assert!(two.line().await.starts_with("* BYE"));
    assert!(two.is_closed().await);
    one.run("SELECT doomed").await.is("NO [NONEXISTENT]");
}

/// The session keeps its mailbox when that gets another name.
#[tokio::test]
async fn a_renamed_mailbox_stays_open() {
    let house = House::new().await;
    let (mut one, mut two) = (house.sign_in().await, house.sign_in().await);
    one.run("CREATE old").await.ok();
    one.append("old", &small("1")).await;
    two.run("SELECT old").await.ok();
    one.run("RENAME old new").await.ok();
    one.append("new", &small("2")).await;
    assert_eq!(two.run("NOOP").await.ok().line("2 EXISTS"), "2 EXISTS");
    assert_eq!(two.run("FETCH 2 UID").await.ok().lines(), ["2 FETCH (UID 2)"]);
}
