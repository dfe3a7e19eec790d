//! The tree of mailboxes.

use crate::house::{House, small};

/// What Thunderbird, mutt and mbsync ask for first.
#[tokio::test]
async fn the_first_lists_of_clients() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let lines = client.run("list (subscribed) \"\" \"*\" return (special-use)").await.ok().lines();
    for line in [
        "LIST (\\Subscribed \\HasNoChildren \\Archive) \"/\" \"Archive\"",
        "LIST (\\Subscribed \\HasNoChildren \\Drafts) \"/\" \"Drafts\"",
        "LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"",
        "LIST (\\Subscribed \\HasNoChildren \\Junk) \"/\" \"Junk\"",
        "LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" \"Sent\"",
        "LIST (\\Subscribed \\HasNoChildren \\Trash) \"/\" \"Trash\"",
    ] {
        assert!(lines.iter().any(|found| sorted(found) == sorted(line)), "{line} in {lines:?}");
    }
    assert_eq!(client.run("list \"\" \"INBOX\"").await.ok().untagged.len(), 1);
    assert_eq!(client.run("LIST \"\" \"*\"").await.ok().untagged.len(), 6);
    assert_eq!(client.run("LIST \"\" %").await.ok().untagged.len(), 6);
    assert_eq!(client.run("LSUB \"\" *").await.ok().untagged.len(), 6);
    assert!(client.run("LIST \"\" \"\"").await.ok().line("LIST").contains("\\Noselect"));
    let status = client.run("LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT))").await.ok();
    assert_eq!(status.line("STATUS \"Sent\""), "STATUS \"Sent\" (MESSAGES 0 UIDNEXT 1)");
    client
        .run("NAMESPACE")
        .await
        .ok()
        .line("NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL");
}

/// Attributes have no order.
fn sorted(line: &str) -> Vec<&str> {
    let mut words: Vec<&str> = line.split([' ', '(', ')']).collect();
    words.sort_unstable();
    words
}

#[tokio::test]
async fn create_rename_delete() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("CREATE a/b/c/").await.ok();
    client.run("CREATE a/b/c").await.is("NO [ALREADYEXISTS]");
    client.run("CREATE INBOX").await.is("NO [ALREADYEXISTS]");
    client.append("a/b/c", &small("deep")).await;
    client.run("SUBSCRIBE a/b/c").await.ok();
    client.run("RENAME a x").await.ok();
    assert_eq!(client.run("STATUS x/b/c (MESSAGES)").await.ok().untagged.len(), 1);
    client.run("STATUS a (MESSAGES)").await.is("NO [NONEXISTENT]");
    client.run("RENAME x INBOX").await.is("NO [CANNOT]");
    client.run("RENAME nowhere y").await.is("NO [NONEXISTENT]");
    // As Thunderbird deletes a folder.
    client.run("RENAME x Trash/x").await.ok();
    client.run("DELETE Trash/x/b").await.ok();
    client.run("SELECT Trash/x/b").await.is("NO");
    client.run("SELECT Trash/x/b/c").await.ok().line("1 EXISTS");
    client.run("CLOSE").await.ok();
    client.run("DELETE INBOX").await.is("NO [CANNOT]");
    client.run("DELETE Trash/x/b/c").await.ok();
    client.run("DELETE Trash/x/b/c").await.is("NO [NONEXISTENT]");
    assert_eq!(house.usage().await, 0);
    // RFC 3501 §6.3.6: a subscription outlives its mailbox.
    assert!(client.run("LSUB \"\" a/*").await.ok().line("LSUB").contains("a/b/c"));
    let line = client.run("LIST (SUBSCRIBED) \"\" a/*").await.ok().line("LIST");
    assert!(line.contains("\\NonExistent"), "{line}");
    client.run("UNSUBSCRIBE a/b/c").await.ok();
    assert!(client.run("LSUB \"\" a/*").await.ok().untagged.is_empty());
}

/// RFC 3501 §6.3.5: of INBOX, the messages are moved; it stays, and so do its children.
#[tokio::test]
async fn renaming_the_inbox_empties_it() {
    let house = House::new().await;
    let mut client = house.open().await;
    client.append("INBOX", &small("1")).await;
    client.run("CREATE INBOX/below").await.ok();
    client.run("RENAME INBOX old/mail").await.ok();
    assert_eq!(client.run("NOOP").await.ok().untagged.len(), 0, "told with RENAME");
    client.run("SELECT INBOX").await.ok().line("0 EXISTS");
    client.run("SELECT old/mail").await.ok().line("1 EXISTS");
    client.run("SELECT INBOX/below").await.ok();
}

/// A name that is made again is another mailbox (RFC 3501 §2.3.1.1).
#[tokio::test]
async fn a_name_made_again_has_another_uidvalidity() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("CREATE x").await.ok();
    let first = client.run("STATUS x (UIDVALIDITY)").await.ok().line("STATUS");
    client.run("DELETE x").await.ok();
    client.run("CREATE x").await.ok();
    let second = client.run("STATUS x (UIDVALIDITY)").await.ok().line("STATUS");
    assert!(second > first, "{first} {second}");
}

#[tokio::test]
async fn names_of_all_languages() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("CREATE \"tb-&1QS4XA-\"").await.ok();
    let line = client.run("LIST \"\" tb-*").await.ok().line("LIST");
    assert!(line.ends_with("\"tb-&1QS4XA-\""), "{line}");
    assert_eq!(client.append("tb-&1QS4XA-", &small("1")).await, 1);
    client.run("SELECT \"tb-&1QS4XA-\"").await.ok().line("1 EXISTS");
}

#[tokio::test]
async fn status_counts() {
    let house = House::new().await;
    let mut client = house.open().await;
    for number in 1..=3 {
        client.append("INBOX", &small(&number.to_string())).await;
    }
    client.run("STORE 2 +FLAGS (\\Seen)").await.ok();
    let status = client.run("STATUS INBOX (MESSAGES UNSEEN UIDNEXT RECENT)").await.ok();
    let expected = "STATUS \"INBOX\" (MESSAGES 3 UNSEEN 2 UIDNEXT 4 RECENT 0)";
    assert_eq!(status.line("STATUS"), expected);
    let selected = client.run("SELECT INBOX").await.ok();
    selected.line("OK [UNSEEN 1]");
    selected.line("OK [UIDNEXT 4]");
    selected.line("OK [PERMANENTFLAGS (");
}
