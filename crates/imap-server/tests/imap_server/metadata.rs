//! Annotations of mailboxes and of the server (RFC 5464).

use crate::house::House;

#[tokio::test]
async fn of_mailboxes_and_of_the_server() {
    let config = "imap.admin_contact = \"mailto:boss@example.org\"\nimap.server_comment = \"Ours\"";
    let house = House::with(config, None).await;
    let mut client = house.sign_in().await;
    client
        .run("SETMETADATA INBOX (/private/comment \"x\" /shared/comment {2+}\r\n\r\n)")
        .await
        .ok();
    let told = client.run("GETMETADATA INBOX (/private/comment /shared/comment)").await.ok();
    let expected = "METADATA \"INBOX\" (/private/comment \"x\" /shared/comment {2}\r\n\r\n)";
    assert_eq!(told.lines(), [expected]);
    client.run("SETMETADATA none (/private/comment \"x\")").await.is("NO [NONEXISTENT]");
    client.run("GETMETADATA none /private/comment").await.is("NO [NONEXISTENT]");
    // RFC 5464 §3.2.1.1: what the operator tells all.
    let told =
        client.run("GETMETADATA \"\" (/shared/admin /shared/comment /private/comment)").await;
    let expected = "METADATA \"\" (/shared/admin \"mailto:boss@example.org\" /shared/comment \"Ours\" \
                    /private/comment NIL)";
    assert_eq!(told.ok().lines(), [expected]);
    client.run("SETMETADATA \"\" (/shared/comment \"mine\")").await.is("NO [NOPERM]");
    client.run("SETMETADATA \"\" (/private/comment \"mine\")").await.ok();
    let told = client.run("GETMETADATA \"\" /private/comment").await.ok();
    assert_eq!(told.lines(), ["METADATA \"\" (/private/comment \"mine\")"]);
    // RFC 6154 §4.
    let told = client.run("GETMETADATA Sent /private/specialuse").await.ok();
    assert_eq!(told.lines(), ["METADATA \"Sent\" (/private/specialuse \"\\\\Sent\")"]);
    let listed =
        client.run("LIST \"\" (Sent INBOX) RETURN (METADATA (/private/comment))").await.ok();
    let noted: Vec<_> = listed.lines().into_iter().filter(|l| l.starts_with("METADATA")).collect();
    let expected =
        ["METADATA \"INBOX\" (/private/comment \"x\")", "METADATA \"Sent\" (/private/comment NIL)"];
    assert_eq!(noted, expected);
}

/// RFC 6154 §4, §5.4: a use goes from one mailbox to another, also if it is named otherwise.
#[tokio::test]
async fn what_mailboxes_are_for() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.run("CREATE \"Sent Items\"").await.ok();
    let uses = "LIST (SPECIAL-USE) \"\" \"Sent*\" RETURN (SPECIAL-USE)";
    assert_eq!(client.run(uses).await.ok().lines().len(), 1);
    client.run("SETMETADATA \"Sent Items\" (/private/specialuse \"\\\\sent\")").await.ok();
    // Another session knows as well, and so does the folder.
    let mut other = house.sign_in().await;
    for client in [&mut client, &mut other] {
        let listed = client.run(uses).await.ok().lines();
        assert_eq!(listed, ["LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\""]);
    }
    let told = other.run("GETMETADATA Sent /private/specialuse").await.ok();
    assert_eq!(told.lines(), ["METADATA \"Sent\" (/private/specialuse NIL)"]);
    let facts = |folder: &str| {
        std::fs::read_to_string(house.maildir().join(folder).join("postrider-folder")).unwrap()
    };
    assert!(facts(".Sent Items").contains("special-use \\Sent"));
    assert!(!facts(".Sent").contains("special-use"));
    client.run("SETMETADATA \"Sent Items\" (/private/specialuse NIL)").await.ok();
    assert!(client.run(uses).await.ok().lines().is_empty());
    for (mailbox, value, refused) in [
        ("Sent", "\"\\\\Sent \\\\Trash\"", "NO [USEATTR]"),
        ("Sent", "\"\\\\All\"", "NO [USEATTR]"),
        ("Sent", "\"\\\\All\" /private/comment \"x\"", "NO [USEATTR]"),
        // RFC 5464 §4.3: all or none, whatever fails; so such a command has no other entry.
        ("Sent", "\"\\\\Trash\" /private/comment \"x\"", "NO [CANNOT]"),
        ("Sent", "NIL /shared/comment \"x\"", "NO [CANNOT]"),
        ("INBOX", "\"\\\\Sent\"", "NO [USEATTR]"),
        ("\"\"", "\"\\\\Sent\"", "NO [USEATTR]"),
        ("none", "\"\\\\Sent\"", "NO [NONEXISTENT]"),
    ] {
        let set = format!("SETMETADATA {mailbox} (/private/specialuse {value})");
        client.run(set).await.is(refused);
    }
    assert!(client.run(uses).await.ok().lines().is_empty());
    client.run("SETMETADATA INBOX (/private/specialuse NIL)").await.ok();
    client.run("SETMETADATA Sent (/private/specialuse \"\\\\Sent \\\\sent\")").await.ok();
    let told = client.run("GETMETADATA Sent (/private/comment /private/specialuse)").await.ok();
    let expected = "METADATA \"Sent\" (/private/comment NIL /private/specialuse \"\\\\Sent\")";
    assert_eq!(told.lines(), [expected]);
}

/// RFC 5464 §4.1, §4.3: limits, which are told.
#[tokio::test]
async fn limits() {
    let config = "imap.max_annotations = 10\nimap.max_annotation_size = \"2KiB\"";
    let house = House::with(config, None).await;
    let mut client = house.sign_in().await;
    let quoted = "x".repeat(2049);
    let set = format!("SETMETADATA INBOX (/private/a \"1\" /private/b \"{quoted}\")");
    client.run(set).await.is("NO [METADATA MAXSIZE 2048]");
    client.run("SETMETADATA INBOX (/private/a {2049}").await.is("NO [METADATA MAXSIZE 2048]");
    assert!(client.run("GETMETADATA INBOX /private/a").await.ok().lines()[0].ends_with("NIL)"));
    for number in 0..10 {
        client.run(format!("SETMETADATA INBOX (/private/{number} \"x\")")).await.ok();
    }
    client.run("SETMETADATA INBOX (/private/10 \"x\")").await.is("NO [METADATA TOOMANY]");
    client.run("SETMETADATA INBOX (/private/9 NIL /private/10 \"x\")").await.ok();
    client.run("SETMETADATA INBOX (/private/10 \"y\")").await.ok();
    let all = client.run("GETMETADATA (DEPTH infinity MAXSIZE 0) INBOX /private").await;
    all.is("OK [METADATA LONGENTRIES 1]");
}

/// RFC 5464 §3.3: l and one of r, s, w, i, p; who only reads writes nothing that others see.
#[tokio::test]
async fn of_shared_mailboxes() {
    let house = House::new().await;
    house.add_account("bob@example.org").await;
    let (mut alice, mut bob) = (house.sign_in().await, house.sign_in_as("bob").await);
    alice.run("SETMETADATA INBOX (/private/comment \"a\" /shared/comment \"s\")").await.ok();
    let inbox = "\"Other Users/alice@example.org/INBOX\"";
    let get = format!("GETMETADATA {inbox} (/private/comment /shared/comment)");
    for (rights, expected) in
        [("l", "NO [NOPERM]"), ("r", "NO [NONEXISTENT]"), ("lx", "NO [NOPERM]"), ("lr", "OK")]
    {
        alice.run(format!("SETACL INBOX bob {rights}")).await.ok();
        bob.run(&get).await.is(expected);
    }
    bob.run(format!("SETMETADATA {inbox} (/private/comment \"b\")")).await.ok();
    bob.run(format!("SETMETADATA {inbox} (/shared/comment \"b\")")).await.is("NO [NOPERM]");
    alice.run("SETACL INBOX bob lrw").await.ok();
    bob.run(format!("SETMETADATA {inbox} (/shared/comment \"both\")")).await.ok();
    let told = bob.run(&get).await.ok().lines()[0].clone();
    assert!(told.ends_with("(/private/comment \"b\" /shared/comment \"both\")"), "{told}");
    let told = alice.run("GETMETADATA INBOX (/private/comment /shared/comment)").await.ok();
    assert!(told.lines()[0].ends_with("(/private/comment \"a\" /shared/comment \"both\")"));
}
