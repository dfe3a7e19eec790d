//! NOTIFY (RFC 5465), with other sessions and another process at work.

use std::time::{Duration, Instant};

use crate::{
    client::Client,
    house::{House, small},
};

/// All that may be asked of other mailboxes.
const ALL: &str = "(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                   MailboxMetadataChange ServerMetadataChange)";

#[tokio::test]
async fn new_mail_in_the_selected_mailbox() {
    let house = House::new().await;
    house.put(&small("one")).await;
    let mut client = house.open().await;
    let set = "NOTIFY SET (SELECTED (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) \
               MessageExpunge FlagChange))";
    client.run(set).await.ok();
    house.put(&small("two")).await;
    assert_eq!(client.line().await, "* 2 EXISTS");
    assert_eq!(client.line().await, "* 2 RECENT");
    assert_eq!(
        client.line().await,
        "* 2 FETCH (UID 2 FLAGS (\\Recent) BODY[HEADER.FIELDS (SUBJECT)] {16}\r\nSubject: two\r\n\r\n)"
    );
    let mut other = house.open().await;
    other.run("STORE 1 +FLAGS.SILENT (\\Deleted \\Seen)").await.ok();
    assert_eq!(client.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen \\Recent))");
    other.run("EXPUNGE").await.ok();
    assert_eq!(client.line().await, "* 1 EXPUNGE");
    // RFC 5465 §5.2: what this session puts there needs no FETCH.
    let tag = client
        .send(format!(
            "APPEND INBOX {{{}+}}\r\n{}",
            small("x").len(),
            String::from_utf8(small("x")).unwrap()
        ))
        .await;
    let answer = client.answer(&tag).await.ok();
    assert_eq!(answer.line("2 EXISTS"), "2 EXISTS");
    assert!(!answer.lines().iter().any(|line| line.contains("FETCH")), "{answer:?}");
    // Nothing, not even with a command.
    client.run("NOTIFY NONE").await.ok();
    house.put(&small("three")).await;
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
    assert_eq!(
        client.run("NOTIFY SET (SELECTED (MessageNew MessageExpunge))").await.ok().line("3 EXISTS"),
        "3 EXISTS"
    );
}

/// RFC 3501 §7.2.6: which flags there are, before the first message that has one, also for who does
/// not want to hear of flags that change; but not without need.
#[tokio::test]
async fn keywords_of_new_mail() {
    let house = House::new().await;
    let (mut client, mut other) = (house.open().await, house.open().await);
    let append = async |other: &mut Client, keyword: &str| {
        let append = format!("APPEND INBOX ({keyword}) {{5+}}\r\nA:b\r\n");
        other.run(append).await.ok();
    };
    let told = async |client: &mut Client, last: &str| {
        let mut told = Vec::new();
        while !told.last().is_some_and(|line: &String| line.starts_with(last)) {
            told.push(client.line().await);
        }
        told.retain(|line| !line.ends_with(" RECENT"));
        told
    };
    client.run("NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge))").await.ok();
    append(&mut other, "$one").await;
    let flags = |keywords: &str| {
        format!("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft {keywords})")
    };
    let lines = told(&mut client, "* 1 FETCH").await;
    assert_eq!(lines[..2], ["* 1 EXISTS".to_owned(), flags("$one")]);
    assert!(lines[2].starts_with("* OK [PERMANENTFLAGS ") && lines[2].contains(" $one "));
    assert!(lines[3].contains("$one") && lines.len() == 4, "{lines:?}");
    append(&mut other, "$one").await;
    assert_eq!(told(&mut client, "* 2 FETCH").await.len(), 2);

    client.run("NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge))").await.ok();
    append(&mut other, "$two").await;
    assert_eq!(told(&mut client, "* 3 FETCH").await, ["* 3 EXISTS", "* 3 FETCH (UID 3)"]);

    // The same for a result that is kept up to date (RFC 5465 §7).
    client.run("SEARCH RETURN (UPDATE (FLAGS)) ALL").await.ok();
    append(&mut other, "$three").await;
    let lines = told(&mut client, "* ESEARCH").await;
    assert_eq!(lines[..2], ["* 4 EXISTS".to_owned(), flags("$one $three")]);
    assert!(lines[3].starts_with("* 4 FETCH ") && lines[3].contains("$three"), "{lines:?}");
}

#[tokio::test]
async fn expunges_can_wait() {
    let house = House::new().await;
    house.put_all(&[small("1"), small("2")]).await;
    let (mut client, mut other) = (house.open().await, house.open().await);
    client.run("NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge))").await.ok();
    other.run("STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    other.run("EXPUNGE").await.ok();
    house.put(&small("3")).await;
    assert_eq!(client.line().await, "* 3 EXISTS");
    client.line().await;
    assert_eq!(client.run("FETCH 2 UID").await.ok().lines(), ["2 FETCH (UID 2)"]);
    assert_eq!(client.run("NOOP").await.ok().lines(), ["1 EXPUNGE"]);
}

#[tokio::test]
async fn what_happens_to_other_mailboxes() {
    let house = House::new().await;
    let mut other = house.sign_in().await;
    other.run("CREATE lists/a").await.ok();
    let mut client = house.open().await;
    let set = client.run(format!("NOTIFY SET STATUS (PERSONAL {ALL})")).await.ok();
    let statuses: Vec<_> = set.lines();
    assert!(!statuses.iter().any(|line| line.contains("INBOX")), "it is selected: {statuses:?}");
    let of_a = set.line("STATUS \"lists/a\"");
    assert!(of_a.contains("MESSAGES 0 UIDNEXT 1 UIDVALIDITY ") && of_a.contains("HIGHESTMODSEQ"));

    other.append("lists/a", &small("1")).await;
    let told = client.line().await;
    assert!(told.starts_with("* STATUS \"lists/a\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "), "{told}");
    other.run("SELECT lists/a").await.ok();
    other.run("STORE 1 +FLAGS (\\Seen)").await.ok();
    let told = client.line().await;
    assert!(
        told.starts_with("* STATUS \"lists/a\" (UIDVALIDITY") && told.ends_with("UNSEEN 0)"),
        "{told}"
    );
    other.run("STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    other.run("CLOSE").await.ok();
    // The number of unseen messages is all that flags are told by without mod-sequences.
    let told = client.line().await;
    assert!(told.starts_with("* STATUS \"lists/a\" (MESSAGES 0 UIDNEXT 2 "), "{told}");

    other.run("CREATE lists/b").await.ok();
    let mut told = [client.line().await, client.line().await];
    told.sort();
    assert_eq!(
        told,
        ["* LIST (\\HasChildren) \"/\" \"lists\"", "* LIST (\\HasNoChildren) \"/\" \"lists/b\""]
    );
    other.run("RENAME lists old").await.ok();
    assert_eq!(
        client.line().await,
        "* LIST (\\HasChildren) \"/\" \"old\" (\"OLDNAME\" (\"lists\"))"
    );
    other.run("DELETE old/b").await.ok();
    let mut told = [client.line().await, client.line().await];
    told.sort();
    assert_eq!(
        told,
        ["* LIST (\\HasChildren) \"/\" \"old\"", "* LIST (\\NonExistent) \"/\" \"old/b\""]
    );
    other.run("SUBSCRIBE old/a").await.ok();
    assert_eq!(client.line().await, "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"old/a\"");
    other.run("UNSUBSCRIBE old/a").await.ok();
    assert_eq!(client.line().await, "* LIST (\\HasNoChildren) \"/\" \"old/a\"");
    other.run("SETMETADATA old/a (/shared/comment \"x\" /private/comment \"y\")").await.ok();
    assert_eq!(client.line().await, "* METADATA \"old/a\" /private/comment /shared/comment");
    other.run("SETMETADATA old/a (/shared/comment NIL)").await.ok();
    assert_eq!(client.line().await, "* METADATA \"old/a\" /shared/comment");
    other.run("SETMETADATA \"\" (/private/comment \"y\")").await.ok();
    assert_eq!(client.line().await, "* METADATA \"\" /private/comment");

    // RFC 5465 §5: what the session does itself it need not be told.
    client.run("CREATE mine").await.ok();
    client.run("SUBSCRIBE mine").await.ok();
    client.run("SETMETADATA mine (/private/comment \"y\")").await.ok();
    other.append("Sent", &small("x")).await;
    let told = client.line().await;
    assert!(told.starts_with("* STATUS \"Sent\""), "{told}");
    // In IDLE too (RFC 5465 §4).
    client.send("IDLE").await;
    client.line().await;
    other.append("Sent", &small("x")).await;
    assert!(client.line().await.starts_with("* STATUS \"Sent\" (MESSAGES 2"));
}

#[tokio::test]
async fn which_mailboxes() {
    let house = House::new().await;
    let (mut client, mut other) = (house.sign_in().await, house.sign_in().await);
    for name in ["a", "a/b", "c"] {
        other.run(format!("CREATE {name}")).await.ok();
    }
    let set = "NOTIFY SET STATUS (SUBTREE a (MessageNew MessageExpunge)) (SUBSCRIBED (MessageNew \
               MessageExpunge FlagChange)) (MAILBOXES (none) (MessageNew MessageExpunge))";
    other.run("UNSUBSCRIBE Trash").await.ok();
    let told: Vec<String> = client.run(set).await.ok().lines();
    let names: Vec<_> = told.iter().map(|line| line.split('"').nth(1).unwrap()).collect();
    for (name, is_told) in
        [("INBOX", true), ("Trash", false), ("a", true), ("a/b", true), ("c", false)]
    {
        assert_eq!(names.contains(&name), is_told, "{name}");
    }
    // RFC 5465 §6.4: the subscriptions are those of now.
    other.run("SUBSCRIBE c").await.ok();
    other.append("c", &small("1")).await;
    assert!(client.line().await.starts_with("* STATUS \"c\" (MESSAGES 1"));
}

#[tokio::test]
async fn what_others_share() {
    let house = House::new().await;
    house.add_account("bob@example.org").await;
    let (mut alice, mut bob) = (house.sign_in().await, house.sign_in_as("bob").await);
    alice.run("CREATE work").await.ok();
    let set = "NOTIFY SET (SUBTREE \"Other Users\" (MailboxName MessageNew MessageExpunge))";
    bob.run(set).await.ok();
    let name = "\"Other Users/alice@example.org/work\"";
    // RFC 5465 §5.4: the right to look it up makes a mailbox.
    alice.run("SETACL work bob lr").await.ok();
    let told = [bob.line().await, bob.line().await];
    let expected = format!("* LIST (\\HasNoChildren) \"/\" {name}");
    assert!(told.contains(&expected), "{told:?}");
    alice.append("work", &small("1")).await;
    let status = bob.line().await;
    assert!(status.starts_with(&format!("* STATUS {name} (MESSAGES 1")), "{status}");
    // Without the right to read it, only its name.
    alice.run("SETACL work bob l").await.ok();
    alice.append("work", &small("2")).await;
    alice.run("DELETEACL work bob").await.ok();
    let told = [bob.line().await, bob.line().await];
    let expected = format!("* LIST (\\NonExistent) \"/\" {name}");
    assert!(told.contains(&expected), "{told:?}");
    alice.run("SETACL work bob l").await.ok();
    bob.line().await;
    bob.line().await;
    let no_access = bob.run(set).await.ok();
    no_access.line(&format!("LIST (\\NoAccess) \"/\" {name}"));
}

/// What another process does is told at once; the time is generous for a busy machine.
#[tokio::test]
async fn soon() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("NOTIFY SET (PERSONAL (MessageNew MessageExpunge))").await.ok();
    house.put(&small("1")).await;
    let began = Instant::now();
    assert!(client.line().await.starts_with("* STATUS \"INBOX\" (MESSAGES 1"));
    assert!(began.elapsed() < Duration::from_secs(5));
}
