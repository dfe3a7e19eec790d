//! Results of searches that are kept up to date (RFC 5267).

use mail_store::FlagChange;
use mail_types::{Flag, MailboxName, Uid};

use crate::{
    client::Client,
    house::{House, small},
};

async fn three(house: &House) -> Client {
    house.put_all(&[small("plum"), small("apple"), small("pear")]).await;
    house.open().await
}

/// RFC 5267 §4.3: whoever changed something, and in IDLE too.
#[tokio::test]
async fn others_change_a_result() {
    let house = House::new().await;
    let mut client = three(&house).await;
    client.run("UID SEARCH RETURN (UPDATE COUNT) FLAGGED").await.ok();
    client.run("UID SEARCH RETURN (UPDATE COUNT) SUBJECT p UNDELETED").await.ok();
    // a1 signed in, a2 opened INBOX.
    client.run("NOOP").await.ok();
    let tag = client.send("IDLE").await;
    assert_eq!(client.line().await, "+ idling");

    let mut other = house.open().await;
    other.run("STORE 2 +FLAGS (\\Flagged)").await.ok();
    assert_eq!(client.line().await, "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))");
    assert_eq!(client.line().await, "* ESEARCH (TAG \"a3\") UID ADDTO (0 2)");
    house.put(&small("peach")).await;
    assert_eq!(client.line().await, "* 4 EXISTS");
    assert_eq!(client.line().await, "* 4 RECENT");
    assert_eq!(client.line().await, "* ESEARCH (TAG \"a4\") UID ADDTO (0 4)");
    other.run("NOOP").await.ok();
    other.run("STORE 2,4 +FLAGS (\\Deleted)").await.ok();
    assert!(client.line().await.starts_with("* 2 FETCH"));
    assert!(client.line().await.starts_with("* 4 FETCH"));
    assert_eq!(client.line().await, "* ESEARCH (TAG \"a4\") UID REMOVEFROM (0 2,4)");
    other.run("EXPUNGE").await.ok();
    assert_eq!(client.line().await, "* ESEARCH (TAG \"a3\") UID REMOVEFROM (0 2)");
    assert_eq!(client.line().await, "* 4 EXPUNGE");
    assert_eq!(client.line().await, "* 2 EXPUNGE");
    client.write(b"DONE\r\n").await;
    client.answer(&tag).await.is("OK IDLE");
}

/// RFC 5267 §4.3.3: a sorted result stays so; and RFC 5465 §7: what came is told with its items, once.
#[tokio::test]
async fn a_sorted_result_stays_sorted() {
    let house = House::new().await;
    let mut client = three(&house).await;
    let sort = "UID SORT RETURN (UPDATE (UID RFC822.SIZE) ALL) (SUBJECT) UTF-8 UNSEEN";
    let sorted = client.run(sort).await.ok();
    assert_eq!(sorted.line("ESEARCH"), "ESEARCH (TAG \"a3\") UID ALL 2:3,1");
    house.put(&small("banana")).await;
    let answer = client.run("NOOP").await.ok();
    let size = small("banana").len();
    let lines = answer.lines();
    let expected = [
        "4 EXISTS",
        "4 RECENT",
        &format!("4 FETCH (UID 4 RFC822.SIZE {size})"),
        "ESEARCH (TAG \"a3\") UID ADDTO (2 4)",
    ];
    assert_eq!(lines, expected);
    let told = client.run("STORE 1:3 +FLAGS (\\Seen)").await.ok().line("ESEARCH");
    assert_eq!(told, "ESEARCH (TAG \"a3\") UID REMOVEFROM (3 3,1 1 2)");
    assert!(client.run("NOOP").await.ok().lines().is_empty());
    client.run("CANCELUPDATE \"a3\"").await.ok();
    let lines = client.run("STORE 1:3 -FLAGS (\\Seen)").await.ok().lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(" FETCH ")), "{lines:?}");
    client.run("CANCELUPDATE \"a3\"").await.is("BAD");
}

/// RFC 5267 §4.3.2: what a session itself does is told with the command that does it.
#[tokio::test]
async fn own_changes_of_a_result() {
    let house = House::new().await;
    let mut client = three(&house).await;
    let none = client.run("SEARCH RETURN (UPDATE) BODY body SEEN").await.ok();
    assert_eq!(none.line("ESEARCH"), "ESEARCH (TAG \"a3\")");
    let added = client.run("STORE 1,3 +FLAGS.SILENT (\\Seen)").await.ok();
    assert_eq!(added.lines(), ["ESEARCH (TAG \"a3\") ADDTO (0 1,3)"]);
    client.run("STORE 3 +FLAGS.SILENT (\\Deleted)").await.ok();
    let gone = client.run("EXPUNGE").await.ok();
    assert_eq!(gone.lines(), ["ESEARCH (TAG \"a3\") REMOVEFROM (0 3)", "3 EXPUNGE"]);
    client.run("CREATE elsewhere").await.ok();
    client.run("MOVE 1 elsewhere").await.ok().line("ESEARCH (TAG \"a3\") REMOVEFROM (0 1)");
}

/// RFC 5267 §4.3.1: more than are kept are refused, and answered all the same.
#[tokio::test]
async fn too_many_results() {
    let house = House::new().await;
    let mut client = three(&house).await;
    for _ in 0..16 {
        let answer = client.run("SEARCH RETURN (UPDATE COUNT) UNSEEN").await.ok();
        assert_eq!(answer.lines().len(), 1);
    }
    let answer = client.run("SEARCH RETURN (UPDATE COUNT) UNSEEN").await.ok();
    let expected = [
        "ESEARCH (TAG \"a19\") COUNT 3",
        "NO [NOUPDATE \"a19\"] Too many searches are kept up to date",
    ];
    assert_eq!(answer.lines(), expected);
    let answer = client.run("SEARCH RETURN (UPDATE COUNT) YOUNGER 60").await.ok();
    assert!(answer.line("NO").starts_with("NO [NOUPDATE \"a20\"] This result changes by time"));
}

/// RFC 5267 §4.3, RFC 5182 §2.1: `$` in a key is what was saved before.
#[tokio::test]
async fn what_was_saved_before_stays_meant() {
    let house = House::new().await;
    let mut client = three(&house).await;
    client.run("UID SEARCH RETURN (SAVE) 1:2").await.ok();
    client.run("UID SEARCH RETURN (SAVE UPDATE COUNT) $ FLAGGED").await.ok();
    let told = client.run("STORE 2:3 +FLAGS (\\Flagged)").await.ok().line("ESEARCH");
    assert_eq!(told, "ESEARCH (TAG \"a4\") UID ADDTO (0 2)");
}

/// RFC 3501 §9: `*` is the largest UID, whichever that is now; and `9:*` has it, however small.
#[tokio::test]
async fn the_largest_uid_is_another() {
    let house = House::new().await;
    let mut client = three(&house).await;
    client.run("UID SEARCH RETURN (UPDATE COUNT) UID *").await.ok();
    client.run("UID SEARCH RETURN (UPDATE COUNT) UID 5:* UNSEEN").await.ok();
    client.run("UID SEARCH RETURN (UPDATE COUNT) NOT UID 2:*").await.ok();
    client.run("UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 OR UID 1 UID *").await.ok();
    house.put(&small("peach")).await;
    let told = client.run("NOOP").await.ok().lines();
    let expected = [
        "4 EXISTS",
        "4 RECENT",
        "ESEARCH (TAG \"a3\") UID REMOVEFROM (0 3)",
        "ESEARCH (TAG \"a3\") UID ADDTO (0 4)",
        "ESEARCH (TAG \"a4\") UID REMOVEFROM (0 3)",
        "ESEARCH (TAG \"a4\") UID ADDTO (0 4)",
        "ESEARCH (TAG \"a6\") UID REMOVEFROM (1 3)",
        "ESEARCH (TAG \"a6\") UID ADDTO (1 4)",
    ];
    assert_eq!(told, expected);
    house.put_all(&[small("fig"), small("lime")]).await;
    let told = client.run("NOOP").await.ok().lines();
    assert_eq!(told.get(4).map(String::as_str), Some("ESEARCH (TAG \"a4\") UID REMOVEFROM (0 4)"));
    assert_eq!(told.get(5).map(String::as_str), Some("ESEARCH (TAG \"a4\") UID ADDTO (0 5:6)"));
    client.run("CANCELUPDATE \"a3\" \"a6\"").await.ok();
    client.run("STORE 2:6 +FLAGS.SILENT (\\Deleted)").await.ok();
    let told = client.run("EXPUNGE").await.ok().lines();
    let esearch: Vec<_> = told.iter().filter(|line| line.starts_with("ESEARCH")).collect();
    let expected = [
        "ESEARCH (TAG \"a4\") UID REMOVEFROM (0 5:6)",
        "ESEARCH (TAG \"a4\") UID ADDTO (0 1)",
        "ESEARCH (TAG \"a5\") UID REMOVEFROM (0 1)",
    ];
    assert_eq!(esearch, expected);
}

/// RFC 5465 §5.2: NOTIFY and searches that are kept up to date are told of a message in one response.
#[tokio::test]
async fn a_message_is_told_once() {
    let house = House::new().await;
    let mut client = house.open().await;
    let selected = "(SELECTED (MessageNew (UID FLAGS) MessageExpunge))";
    client.run(format!("NOTIFY SET {selected}")).await.ok();
    let search = "UID SEARCH RETURN (UPDATE (UID RFC822.SIZE) COUNT)";
    client.run(format!("{search} SUBJECT p")).await.ok();
    client.run("UID SEARCH RETURN (UPDATE (UID INTERNALDATE) COUNT) SUBJECT pq").await.ok();
    for (uid, subject, told) in
        [(1, "x", "UID 1 FLAGS"), (2, "p", "UID 2 RFC822.SIZE"), (3, "pq", "UID 3 RFC822.SIZE")]
    {
        house.put(&small(subject)).await;
        assert_eq!(client.line().await, format!("* {uid} EXISTS"));
        assert!(client.line().await.ends_with(" RECENT"));
        let line = client.line().await;
        assert!(line.starts_with(&format!("* {uid} FETCH ({told} ")), "{line}");
        assert_eq!(line.contains("INTERNALDATE"), uid == 3, "{line}");
        assert!(line.contains("FLAGS (\\Recent)"), "{line}");
        for _ in 1..uid {
            let line = client.line().await;
            assert!(line.contains(&format!(" ADDTO (0 {uid})")), "{line}");
        }
    }
    assert!(client.run("NOOP").await.ok().lines().is_empty());
}

/// More than are looked at between two responses, and more than fit into a result's order.
const MANY: u32 = 14_000;

/// Sets a flag of messages of the inbox, as another process does.
async fn flag(house: &House, flag: &str, uids: impl Iterator<Item = u32>) {
    let mailboxes = house.mailboxes();
    let inbox = mailboxes.mailbox(&MailboxName::inbox()).await.unwrap();
    let uids = uids.map(|uid| Uid::new(uid).unwrap()).map(|uid| uid..=uid).collect();
    let flags = std::iter::once(Flag::parse(flag).unwrap()).collect();
    mailboxes.store_flags(inbox.id, &uids, FlagChange::Add(flags), None).await.unwrap();
}

/// What a session holds of its results, and of what has to be told of them, does not grow with the
/// mailbox: they are told in portions, and what has no room is not kept (RFC 5267 §4.3.1).
#[tokio::test]
async fn results_of_many_messages() {
    let house = House::new().await;
    house.fill_inbox(MANY);
    let mut client = house.open().await;
    flag(&house, "\\Flagged", (2..=MANY).step_by(2)).await;
    client.run("NOOP").await.ok();

    let sort = "UID SORT RETURN (UPDATE COUNT) (ARRIVAL) UTF-8 ANSWERED";
    client.run(sort).await.ok().line("ESEARCH (TAG \"a4\") UID COUNT 0");
    client.run("UID SEARCH RETURN (UPDATE COUNT) ANSWERED").await.ok();
    flag(&house, "\\Answered", 1..=MANY).await;
    let told = client.run("NOOP").await.ok().lines();
    assert_eq!(told.iter().filter(|line| line.contains(" FETCH ")).count(), MANY as usize);
    let told: Vec<_> = told.into_iter().filter(|line| !line.contains(" FETCH ")).collect();
    let expected = [
        "ESEARCH (TAG \"a4\") UID ADDTO (1 9001:14000)",
        "ESEARCH (TAG \"a5\") UID ADDTO (0 9001:14000)",
        "ESEARCH (TAG \"a4\") UID ADDTO (1 4001:9000)",
        "ESEARCH (TAG \"a5\") UID ADDTO (0 4001:9000)",
        "NO [NOUPDATE \"a4\"] This result is too large to be kept in order",
        "ESEARCH (TAG \"a5\") UID ADDTO (0 1:4000)",
    ];
    assert_eq!(told, expected);

    // 7000 ranges each, and 1 of what was answered.
    let mut search =
        async || client.run("UID SEARCH RETURN (UPDATE COUNT) FLAGGED").await.ok().lines();
    for number in 0..14 {
        assert_eq!(search().await.len(), 1, "{number}");
    }
    let told = search().await;
    let refused = "NO [NOUPDATE \"a21\"] This result is too large to be kept up to date";
    assert_eq!(told.last().map(String::as_str), Some(refused));
    client.run("UID SEARCH RETURN (UPDATE COUNT) DRAFT").await.ok();
    flag(&house, "\\Draft", (1..=2100).step_by(2)).await;
    let told = client.run("NOOP").await.ok().lines();
    assert!(!told.iter().any(|line| line.contains("NOUPDATE")), "there is room");
    flag(&house, "\\Draft", (2101..=4200).step_by(2)).await;
    let told = client.run("NOOP").await.ok().lines();
    let given_up = "NO [NOUPDATE \"a22\"] This result is too large to be kept up to date";
    assert_eq!(told.last().map(String::as_str), Some(given_up));
    assert!(told[told.len() - 2].starts_with("ESEARCH (TAG \"a22\") UID ADDTO (0 2101,2103,"));
    // Which makes room.
    client.run("UID SEARCH RETURN (UPDATE COUNT) DELETED").await.ok();
    flag(&house, "\\Deleted", (1..=2000).step_by(2)).await;
    client.run("NOOP").await.ok().line("ESEARCH (TAG \"a25\") UID ADDTO (0 1,3,");
}
