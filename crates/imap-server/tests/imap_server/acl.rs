//! Mailboxes that are shared: the rights of RFC 4314, asked of by bob, whom alice lets do one thing
//! or another.

use mail_store::{Grantee, RightsChange};
use mail_types::{MailboxName, Rights};

use crate::{
    client::Client,
    house::{House, small},
};

/// What alice's mailboxes are called for bob.
const ALICES: &str = "Other Users/alice@example.org";

/// Alice's session and bob's; alice has a mailbox `plans`, with two messages and one below.
async fn two(house: &House) -> (Client, Client) {
    house.add_account("bob@example.org").await;
    let mut alice = house.sign_in().await;
    alice.run("CREATE plans/below").await.ok();
    alice.append("plans", &small("1")).await;
    alice.append("plans", &small("2")).await;
    (alice, house.sign_in_as("bob").await)
}

async fn grant(alice: &mut Client, mailbox: &str, rights: &str) {
    alice.run(format!("SETACL {mailbox} bob@example.org \"{rights}\"")).await.ok();
}

/// RFC 4314 §4, the table: what goes with all rights, and without any one of those that it takes.
#[tokio::test]
async fn the_table() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    let message = String::from_utf8(small("x")).unwrap();
    let append = format!("APPEND \"{ALICES}/plans\" {{{}+}}\r\n{message}", message.len());
    // What is done, to which of alice's mailboxes rights are needed, and which.
    let table: Vec<(String, &str, &str)> = vec![
        (format!("CREATE \"{ALICES}/plans/new\""), "plans", "k"),
        (format!("CREATE \"{ALICES}/plans/not/yet\""), "plans", "k"),
        (format!("DELETE \"{ALICES}/plans/below\""), "plans/below", "x"),
        (format!("SELECT \"{ALICES}/plans\""), "plans", "r"),
        (format!("EXAMINE \"{ALICES}/plans\""), "plans", "r"),
        (format!("STATUS \"{ALICES}/plans\" (MESSAGES)"), "plans", "r"),
        (format!("SETACL \"{ALICES}/plans\" carol@example.org lr"), "plans", "a"),
        (format!("DELETEACL \"{ALICES}/plans\" carol@example.org"), "plans", "a"),
        (format!("GETACL \"{ALICES}/plans\""), "plans", "a"),
        (format!("LISTRIGHTS \"{ALICES}/plans\" bob"), "plans", "a"),
        (append, "plans", "i"),
    ];
    house.add_account("carol@example.org").await;
    for (command, mailbox, needed) in &table {
        let others: String =
            "lrswipkxtea".chars().filter(|right| !needed.contains(*right)).collect();
        grant(&mut alice, mailbox, &others).await;
        bob.run(command).await.is("NO [NOPERM]");
        // RFC 4314 §6: what may not be known of is not there.
        grant(&mut alice, mailbox, "p").await;
        bob.run(command).await.is("NO [NONEXISTENT]");
        grant(&mut alice, mailbox, needed).await;
        bob.run(command).await.ok();
        if command.starts_with("SELECT") || command.starts_with("EXAMINE") {
            bob.run("UNSELECT").await.ok();
        }
        alice.run("CREATE plans/below").await;
    }
    // MYRIGHTS takes any of these, and no other will do.
    for (rights, may) in
        [("l", true), ("r", true), ("i", true), ("k", true), ("x", true), ("a", true)]
            .into_iter()
            .chain([("s", false), ("w", false), ("p", false), ("t", false), ("e", false)])
    {
        grant(&mut alice, "plans", rights).await;
        let asked = bob.run(format!("MYRIGHTS \"{ALICES}/plans\"")).await;
        assert_eq!(asked.tagged.starts_with("OK"), may, "{rights}: {}", asked.tagged);
    }
    // RENAME: x of the mailbox, k of what is above its new name.
    for (of_below, of_plans, may) in
        [("x", "k", true), ("lrswipktea", "k", false), ("x", "lrswipxtea", false)]
    {
        grant(&mut alice, "plans/below", of_below).await;
        grant(&mut alice, "plans", of_plans).await;
        let command = format!("RENAME \"{ALICES}/plans/below\" \"{ALICES}/plans/moved\"");
        let renamed = bob.run(command).await;
        assert_eq!(
            renamed.tagged.starts_with("OK"),
            may,
            "{of_below} {of_plans} {}",
            renamed.tagged
        );
        if may {
            alice.run("RENAME plans/moved plans/below").await.ok();
        }
    }
}

/// RFC 4314 §4: LIST shows what there is the right to look up; subscriptions ask for none.
#[tokio::test]
async fn listing() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    let everything = "LIST \"\" \"Other*\"";
    assert!(bob.run(everything).await.ok().untagged.is_empty());
    grant(&mut alice, "plans/below", "l").await;
    grant(&mut alice, "INBOX", "r").await;
    let expected = [
        "LIST (\\Noselect \\HasChildren) \"/\" \"Other Users\"",
        "LIST (\\Noselect \\HasChildren) \"/\" \"Other Users/alice@example.org\"",
        "LIST (\\Noselect \\HasChildren) \"/\" \"Other Users/alice@example.org/plans\"",
        "LIST (\\HasNoChildren) \"/\" \"Other Users/alice@example.org/plans/below\"",
    ];
    assert_eq!(bob.run(everything).await.ok().lines(), expected);
    let all = bob.run("LIST \"\" *").await.ok().lines();
    assert!(all.iter().any(|line| line.ends_with("/plans/below\"")) && all.len() == 10, "{all:?}");
    assert!(!alice.run("LIST \"\" *").await.ok().lines().iter().any(|line| line.contains("Other")));
    bob.run(format!("SUBSCRIBE \"{ALICES}/plans\"")).await.ok();
    let subscribed = bob.run("LSUB \"\" Other*").await.ok().lines();
    assert_eq!(subscribed, ["LSUB () \"/\" \"Other Users/alice@example.org/plans\""]);
    let subscribed = bob.run("LIST (SUBSCRIBED) \"\" Other*").await.ok().lines();
    assert!(subscribed[0].contains("\\NonExistent \\Subscribed"), "{subscribed:?}");
    grant(&mut alice, "plans", "lr").await;
    // RFC 8440 §3, and STATUS where it may be told.
    let told = bob
        .run(format!("LIST \"\" \"{ALICES}/*\" RETURN (MYRIGHTS STATUS (MESSAGES) METADATA (/shared/comment))"))
        .await
        .ok()
        .lines();
    let rest: Vec<_> = told.iter().filter(|line| !line.starts_with("LIST")).collect();
    assert_eq!(
        rest,
        [
            "STATUS \"Other Users/alice@example.org/plans\" (MESSAGES 2)",
            "MYRIGHTS \"Other Users/alice@example.org/plans\" lr",
            "METADATA \"Other Users/alice@example.org/plans\" (/shared/comment NIL)",
            "MYRIGHTS \"Other Users/alice@example.org/plans/below\" l",
        ]
    );
    bob.run(format!("UNSUBSCRIBE \"{ALICES}/plans\"")).await.ok();
}

/// RFC 4314 §4, §5.2: flags change as far as the rights go, which the client is told beforehand.
#[tokio::test]
async fn flags() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    alice.run("SELECT plans").await.ok();
    alice.run("STORE 1 FLAGS (\\Flagged $old)").await.ok();
    let select = format!("SELECT \"{ALICES}/plans\"");
    for (rights, permanent, access) in [
        ("lr", "()", "OK [READ-ONLY]"),
        ("lri", "()", "OK [READ-WRITE]"),
        ("lrs", "(\\Seen)", "OK [READ-WRITE]"),
        ("lrt", "(\\Deleted)", "OK [READ-WRITE]"),
        ("lrw", "(\\Answered \\Flagged \\Draft $old \\*)", "OK [READ-WRITE]"),
    ] {
        grant(&mut alice, "plans", rights).await;
        let selected = bob.run(&select).await.is(access);
        let line = selected.line("OK [PERMANENTFLAGS");
        assert!(line.starts_with(&format!("OK [PERMANENTFLAGS {permanent}]")), "{rights}: {line}");
    }
    // With w alone: of what is named only these change, and no more is refused than must be.
    let stored = bob.run("STORE 1 FLAGS (\\Seen \\Answered $new)").await.ok();
    assert_eq!(stored.line("1 FETCH"), "1 FETCH (FLAGS (\\Answered $new))");
    bob.run("STORE 1 +FLAGS (\\Seen \\Deleted)").await.is("NO [NOPERM]");
    let stored = bob.run("STORE 1 +FLAGS (\\Seen \\Draft)").await.ok();
    assert_eq!(stored.line("1 FETCH"), "1 FETCH (FLAGS (\\Answered \\Draft $new))");
    // What is read is not marked without s.
    assert!(!bob.run("FETCH 2 BODY[]").await.ok().line("2 FETCH").contains("\\Seen"));
    alice.run("STORE 1 +FLAGS (\\Seen \\Deleted)").await.ok();
    grant(&mut alice, "plans", "lrs").await;
    // RFC 4314 §5.1.1: other rights are told, and so are the flags that alice set.
    let news = bob.run("NOOP").await.ok();
    news.line("OK [PERMANENTFLAGS (\\Seen)]");
    let stored = bob.run("STORE 1 FLAGS ()").await.ok();
    assert_eq!(stored.line("1 FETCH"), "1 FETCH (FLAGS (\\Answered \\Deleted \\Draft $new))");
    assert!(bob.run("FETCH 2 BODY[]").await.ok().line("2 FETCH").contains("\\Seen"));
}

/// RFC 4314 §4: EXPUNGE and CLOSE take e, MOVE more (RFC 6851 §4.2).
#[tokio::test]
async fn expunging() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lrt").await;
    bob.run(format!("SELECT \"{ALICES}/plans\"")).await.ok();
    bob.run("STORE 1 +FLAGS (\\Deleted)").await.ok();
    bob.run("EXPUNGE").await.is("NO [NOPERM]");
    bob.run("UID EXPUNGE 1").await.is("NO [NOPERM]");
    bob.run("MOVE 1 INBOX").await.is("NO [NOPERM]");
    bob.run("CLOSE").await.ok();
    assert!(
        alice.run("STATUS plans (MESSAGES)").await.ok().line("STATUS").ends_with("(MESSAGES 2)")
    );
    grant(&mut alice, "plans", "lre").await;
    bob.run(format!("SELECT \"{ALICES}/plans\"")).await.ok();
    bob.run("MOVE 1 INBOX").await.is("NO [NOPERM]");
    assert_eq!(bob.run("EXPUNGE").await.ok().lines(), ["1 EXPUNGE"]);
    grant(&mut alice, "plans", "lrte").await;
    let moved = bob.run("MOVE 1 INBOX").await.ok();
    assert!(moved.lines().contains(&"1 EXPUNGE".to_owned()), "{moved:?}");
    assert!(
        alice.run("STATUS plans (MESSAGES)").await.ok().line("STATUS").ends_with("(MESSAGES 0)")
    );
    let inbox = bob.run("STATUS INBOX (MESSAGES UNSEEN)").await.ok();
    assert!(inbox.line("STATUS").ends_with("(MESSAGES 1 UNSEEN 1)"));
}

/// RFC 4314 §4, the example: what is copied keeps the flags that may be set there.
#[tokio::test]
async fn copying() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    for flags in ["\\Draft \\Deleted", "\\Answered", "$Forwarded \\Seen"] {
        let message = String::from_utf8(small("mine")).unwrap();
        let head = format!("APPEND INBOX ({flags}) {{{}+}}\r\n", message.len());
        bob.run(head + &message).await.ok();
    }
    bob.run("SELECT INBOX").await.ok();
    let copy = format!("COPY 1:3 \"{ALICES}/plans\"");
    grant(&mut alice, "plans", "lr").await;
    bob.run(&copy).await.is("NO [NOPERM]");
    alice.run("SELECT plans").await.ok();
    for (rights, expected) in [
        ("rwis", ["\\Draft", "\\Answered", "\\Seen $Forwarded"]),
        ("rsti", ["\\Deleted", "", "\\Seen"]),
    ] {
        grant(&mut alice, "plans", rights).await;
        let copied = bob.run(&copy).await.is("OK [COPYUID ");
        let last = copied.tagged.split([' ', ']']).nth(4).unwrap().to_owned();
        alice.run("NOOP").await.ok();
        let fetched = alice.run(format!("UID FETCH {last} FLAGS")).await.ok();
        for (line, expected) in fetched.lines().iter().zip(expected) {
            let flags = line.replace(" \\Recent", "").replace("\\Recent", "");
            assert!(flags.contains(&format!("FLAGS ({expected})")), "{rights}: {line}");
        }
    }
    let head = format!("APPEND \"{ALICES}/plans\" (\\Deleted \\Flagged) {{1+}}\r\nx");
    bob.run(head).await.ok();
    alice.run("NOOP").await.ok();
    let flags = alice.run("FETCH * FLAGS").await.ok().lines()[0].clone();
    assert!(flags.contains("(\\Deleted"), "{flags}");
    // To where nothing is, or nothing may be made.
    bob.run(format!("COPY 1 \"{ALICES}/plans/none\"")).await.is("NO [NONEXISTENT]");
    grant(&mut alice, "plans", "lk").await;
    bob.run(format!("COPY 1 \"{ALICES}/plans/none\"")).await.is("NO [TRYCREATE]");
    bob.run("COPY 1 \"Other Users/nobody@example.org/x\"").await.is("NO [NONEXISTENT]");
}

/// RFC 4314 §3: identifiers, negative rights, and what the owner has.
#[tokio::test]
async fn lists() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    let all = "lrswipkxteacd";
    let acl = alice.run("GETACL plans").await.ok().line("ACL");
    assert_eq!(acl, format!("ACL \"plans\" alice@example.org {all}"));
    alice.run("SETACL plans bob lr").await.ok();
    alice.run("SETACL plans anyone lrp").await.ok();
    alice.run("SETACL plans -bob p").await.ok();
    let acl = alice.run("GETACL plans").await.ok().line("ACL");
    assert_eq!(
        acl,
        format!(
            "ACL \"plans\" alice@example.org {all} bob@example.org lr anyone lrp -bob@example.org p"
        )
    );
    let mine = format!("MYRIGHTS \"{ALICES}/plans\"");
    assert!(bob.run(&mine).await.ok().line("MYRIGHTS").ends_with("\" lr"));
    alice.run("DELETEACL plans -bob").await.ok();
    assert!(bob.run(&mine).await.ok().line("MYRIGHTS").ends_with("\" lrp"));
    alice.run("DELETEACL plans anyone").await.ok();
    alice.run("SETACL plans bob -r").await.ok();
    alice.run("SETACL plans bob +dc").await.ok();
    assert!(bob.run(&mine).await.ok().line("MYRIGHTS").ends_with("\" lkxtecd"));
    // The owner has them all, always.
    alice.run("SETACL plans alice lr").await.is("NO [CANNOT]");
    alice.run("SETACL plans -alice a").await.is("NO [CANNOT]");
    alice.run("DELETEACL plans alice").await.is("NO [CANNOT]");
    alice.run("SETACL plans alice +lr").await.ok();
    let rights = alice.run("LISTRIGHTS plans alice").await.ok().line("LISTRIGHTS");
    assert_eq!(rights, format!("LISTRIGHTS \"plans\" alice {all}"));
    let rights = alice.run("LISTRIGHTS plans Bob").await.ok().line("LISTRIGHTS");
    assert_eq!(rights, "LISTRIGHTS \"plans\" Bob \"\" l r s w i p k x t e a c d");
    alice.run("SETACL plans nobody lr").await.is("NO [NONEXISTENT]");
    alice.run("SETACL none bob lr").await.is("NO [NONEXISTENT]");
    alice.run("MYRIGHTS none").await.is("NO [NONEXISTENT]");
    alice.run("MYRIGHTS plans").await.ok().line(&format!("MYRIGHTS \"plans\" {all}"));
}

/// What is made below is open to whom the mailbox above was (RFC 4314 §4), and a name stays with
/// what it was given to.
#[tokio::test]
async fn below_and_elsewhere() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lrk").await;
    alice.run("CREATE plans/a/b").await.ok();
    bob.run(format!("CREATE \"{ALICES}/plans/c\"")).await.ok();
    for name in ["plans/a", "plans/a/b", "plans/c"] {
        let mine = bob.run(format!("MYRIGHTS \"{ALICES}/{name}\"")).await.ok();
        assert!(mine.line("MYRIGHTS").ends_with("\" lrkc"), "{name}");
    }
    alice.run("RENAME plans/c plans/d").await.ok();
    bob.run(format!("MYRIGHTS \"{ALICES}/plans/d\"")).await.ok();
    bob.run(format!("MYRIGHTS \"{ALICES}/plans/c\"")).await.is("NO [NONEXISTENT]");
    // RFC 4314 §4: DELETE deletes the list.
    alice.run("DELETE plans/d").await.ok();
    alice.run("CREATE d").await.ok();
    alice.run("RENAME d plans/d").await.ok();
    bob.run(format!("MYRIGHTS \"{ALICES}/plans/d\"")).await.is("NO [NONEXISTENT]");
    bob.run("CREATE \"Other Users\"").await.is("NO [CANNOT]");
    bob.run("CREATE \"Other Users/x\"").await.is("NO");
    bob.run(format!("CREATE \"{ALICES}/top\"")).await.is("NO [NONEXISTENT]");
    grant(&mut alice, "plans", "lrkx").await;
    bob.run(format!("RENAME \"{ALICES}/plans\" mine")).await.is("NO [CANNOT]");
    bob.run(format!("CREATE \"{ALICES}/plans/sent\" (USE (\\Sent))")).await.is("NO [USEATTR]");
}

/// What happens in a shared mailbox is told at once, and so is that it is shared no longer.
#[tokio::test]
async fn live() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lr").await;
    bob.run(format!("SELECT \"{ALICES}/plans\"")).await.ok();
    let tag = bob.send("IDLE").await;
    assert!(bob.line().await.starts_with("+ "));
    alice.append("plans", &small("3")).await;
    assert_eq!(bob.line().await, "* 3 EXISTS");
    assert_eq!(bob.line().await, "* 3 RECENT");
    alice.run("SETACL plans bob l").await.ok();
    assert!(bob.line().await.starts_with("* BYE"));
    assert!(bob.is_closed().await, "{tag}");
    // Alice is told what is recent all the same (RFC 3501 §2.3.2).
    alice.run("SELECT plans").await.ok().line("3 RECENT");
}

/// What is put into an account counts for that account.
#[tokio::test]
async fn the_owners_quota_counts() {
    let house = House::with_quota(Some(600)).await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lri").await;
    let large = small(&"x".repeat(400));
    bob.append("INBOX", &large).await;
    bob.append("INBOX", &large).await;
    bob.run("SELECT INBOX").await.ok();
    bob.run(format!("COPY 1:2 \"{ALICES}/plans\"")).await.is("NO [OVERQUOTA]");
    let text = String::from_utf8(large).unwrap();
    let append = format!("APPEND \"{ALICES}/plans\" {{{}+}}\r\n{text}", text.len());
    bob.run(append).await.is("NO [OVERQUOTA]");
    bob.append(&format!("\"{ALICES}/plans\""), &small("s")).await;
    assert_eq!(house.usage().await, 3);
    // Whose it is, others don't see.
    let root = bob.run(format!("GETQUOTAROOT \"{ALICES}/plans\"")).await.ok();
    assert_eq!(root.lines(), [format!("QUOTAROOT \"{ALICES}/plans\"")]);
}

#[tokio::test]
async fn sharing_can_be_limited_and_turned_off() {
    let house = House::with("imap.sharing = \"accounts\"", None).await;
    let (mut alice, _) = two(&house).await;
    alice.run("SETACL plans anyone lr").await.is("NO [CANNOT]");
    alice.run("SETACL plans bob lr").await.ok();
    let house = House::with("imap.sharing = \"off\"", None).await;
    let mut alice = house.sign_in().await;
    let announced = alice.run("CAPABILITY").await.ok().lines()[0].clone();
    assert!(!announced.contains("ACL") && !announced.contains("RIGHTS"), "{announced}");
    alice.run("MYRIGHTS INBOX").await.is("NO [CANNOT]");
    alice.run("NAMESPACE").await.ok().line("NAMESPACE ((\"\" \"/\")) NIL NIL");
    alice.run("CREATE \"Other Users/x\"").await.ok();
}

/// What was granted to anyone counts for nobody where that can't be, and its owner can take it away.
#[tokio::test]
async fn what_was_shared_with_anyone_ends() {
    let house = House::with("imap.sharing = \"accounts\"", None).await;
    let (mut alice, mut bob) = two(&house).await;
    let mailboxes = house.mailboxes();
    let plans = mailboxes.mailbox(&MailboxName::parse("plans").unwrap()).await.unwrap().id;
    let before = RightsChange::Replace(Rights::parse("lrk").unwrap());
    mailboxes.change_access(plans, Grantee::Anyone, false, before).await.unwrap();
    bob.run(format!("SELECT \"{ALICES}/plans\"")).await.is("NO [NONEXISTENT]");
    bob.run(format!("CREATE \"{ALICES}/plans/x\"")).await.is("NO");
    assert!(bob.run("LIST \"\" \"Other Users/*\"").await.ok().lines().is_empty());
    assert!(alice.run("GETACL plans").await.ok().line("ACL").ends_with(" anyone lrkc"));
    alice.run("SETACL plans anyone +s").await.is("NO [CANNOT]");
    alice.run("SETACL plans anyone -k").await.ok();
    assert!(alice.run("GETACL plans").await.ok().line("ACL").ends_with(" anyone lr"));
    alice.run("DELETEACL plans anyone").await.ok();
    assert!(!alice.run("GETACL plans").await.ok().line("ACL").contains("anyone"));
}

/// What is wrong with one mailbox doesn't hide the others.
#[tokio::test]
async fn a_list_of_rights_that_cannot_be_read() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lr").await;
    grant(&mut alice, "plans/below", "lr").await;
    assert_eq!(bob.run("LIST \"\" \"Other Users/*/plans*\"").await.ok().lines().len(), 2);
    let list = house.maildir().join(".plans/postrider-access");
    assert!(list.exists());
    std::fs::write(&list, "damaged").unwrap();
    let listed = bob.run("LIST \"\" \"Other Users/*/below\"").await.ok();
    listed.line(&format!("LIST (\\HasNoChildren) \"/\" \"{ALICES}/plans/below\""));
    assert!(bob.run(format!("SELECT \"{ALICES}/plans\"")).await.tagged.starts_with("NO"));
}

/// Rights are asked for again when a message is whole.
#[tokio::test]
async fn rights_that_go_while_a_message_comes() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    let message = small("x");
    for (rights, answer) in [("lr", "NO [NOPERM]"), ("s", "NO [NONEXISTENT]"), ("i", "OK")] {
        grant(&mut alice, "plans", "lri").await;
        let begun = format!("APPEND \"{ALICES}/plans\" {{{}}}", message.len());
        let tag = bob.send(begun).await;
        assert!(bob.line().await.starts_with("+ "));
        grant(&mut alice, "plans", rights).await;
        bob.write(&[&message[..], b"\r\n"].concat()).await;
        bob.answer(&tag).await.is(answer);
    }
    grant(&mut alice, "plans", "lrite").await;
    bob.run(format!("SELECT \"{ALICES}/plans\"")).await.ok();
    let begun = format!("REPLACE 1 \"{ALICES}/plans\" {{{}}}", message.len());
    let tag = bob.send(begun).await;
    assert!(bob.line().await.starts_with("+ "));
    grant(&mut alice, "plans", "lrit").await;
    bob.write(&[&message[..], b"\r\n"].concat()).await;
    bob.answer(&tag).await.is("NO [NOPERM]");
    alice.run("STATUS plans (MESSAGES)").await.ok().line("STATUS \"plans\" (MESSAGES 3)");
}

/// RFC 4314 §4: of each message the flags that may be set when it is stored.
#[tokio::test]
async fn flags_of_each_message_of_one_append() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lrist").await;
    let head = |more: &str| format!("(\\Seen \\Deleted \\Flagged{more}) {{1}}");
    let tag = bob.send(format!("APPEND \"{ALICES}/plans\" {}", head(""))).await;
    assert!(bob.line().await.starts_with("+ "));
    grant(&mut alice, "plans", "lriws").await;
    bob.write(format!("x {}\r\n", head(" $k")).as_bytes()).await;
    assert!(bob.line().await.starts_with("+ "));
    grant(&mut alice, "plans", "lriw").await;
    bob.write(b"y\r\n").await;
    bob.answer(&tag).await.ok();
    alice.run("EXAMINE plans").await.ok();
    let flags = alice.run("FETCH 3:4 FLAGS").await.ok().lines();
    assert_eq!(flags, ["3 FETCH (FLAGS (\\Recent))", "4 FETCH (FLAGS (\\Recent))"]);
    // What was there when the command began, and still is.
    grant(&mut alice, "plans", "lrisw").await;
    let both = "{1+}\r\nx";
    let flags = "(\\Seen \\Deleted \\Flagged)";
    bob.run(format!("APPEND \"{ALICES}/plans\" {flags} {both} {flags} {both}")).await.ok();
    alice.run("EXAMINE plans").await.ok();
    let flags = alice.run("FETCH 5:6 FLAGS").await.ok().lines();
    let expected = |number| format!("{number} FETCH (FLAGS (\\Flagged \\Seen \\Recent))");
    assert_eq!(flags, [expected(5), expected(6)]);
}

/// Who can't be looked up is not nobody: nothing is told to be gone, and a later try may do.
#[tokio::test]
async fn without_the_directory() {
    let house = House::new().await;
    let (mut alice, mut bob) = two(&house).await;
    grant(&mut alice, "plans", "lr").await;
    let (directory, aside) = (house.directory(), house.directory().with_extension("aside"));
    let here = small("x").len();
    let catenate = "CATENATE (URL \"/Other%20Users/alice%40example.org/plans/;UID=1\")";
    let by_bob = [
        "LIST \"\" *".to_owned(),
        format!("STATUS \"{ALICES}/plans\" (MESSAGES)"),
        format!("SELECT \"{ALICES}/plans\""),
        format!("APPEND \"{ALICES}/plans\" {{{here}}}"),
        format!("APPEND INBOX {catenate}"),
        format!("GETMETADATA \"{ALICES}/plans\" /private/comment"),
        format!("MYRIGHTS \"{ALICES}/plans\""),
        "ESEARCH IN (subtree \"Other Users\") ALL".to_owned(),
        "NOTIFY SET (SUBTREE \"Other Users\" (MessageNew MessageExpunge))".to_owned(),
    ];
    std::fs::rename(&directory, &aside).unwrap();
    for command in &by_bob {
        bob.run(command).await.is("NO [UNAVAILABLE] ");
    }
    alice.run("GETACL plans").await.is("NO [UNAVAILABLE] ");
    // What is one's own needs nobody else.
    bob.run("STATUS INBOX (MESSAGES)").await.ok();
    bob.run("LIST \"\" INBOX").await.ok();
    std::fs::rename(&aside, &directory).unwrap();
    for command in by_bob.iter().filter(|command| !command.starts_with("APPEND")) {
        bob.run(command).await.ok();
    }
}
