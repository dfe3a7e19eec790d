//! URLAUTH (RFC 4467): messages, and parts of them, that others may read by URL.

use mail_store::KeyedMailbox;
use mail_types::MailboxName;

use crate::{
    client::Client,
    house::{House, small},
};

const TEXT: &str = "body of one\r\n";

/// Alice has a message, and bob and carol have nothing.
async fn house_with(more: &str) -> House {
    let house = House::with(more, None).await;
    house.put(&small("one")).await;
    house.add_account("bob@example.org").await;
    house.add_account("carol@example.org").await;
    house
}

/// A URL of alice's, without its end.
fn of_alice(part: &str) -> String {
    format!("imap://alice%40example.org@mail.example.org/{part}")
}

async fn authorized(client: &mut Client, rump: &str) -> String {
    let answer = client.run(format!("GENURLAUTH \"{rump}\" INTERNAL")).await.ok();
    let [line] = &answer.lines()[..] else { panic!("{answer:?}") };
    let url = line.strip_prefix("GENURLAUTH \"").unwrap().strip_suffix('"').unwrap();
    assert!(url.starts_with(&format!("{rump}:INTERNAL:01")), "{url}");
    url.to_owned()
}

/// What a URL gives; none for NIL.
async fn fetched(client: &mut Client, url: &str) -> Option<String> {
    let answer = client.run(format!("URLFETCH \"{url}\"")).await.ok();
    let [line] = &answer.lines()[..] else { panic!("{answer:?}") };
    let data = line.strip_prefix(&format!("URLFETCH \"{url}\" ")).unwrap();
    match data {
        "NIL" => None,
        "\"\"" => Some(String::new()),
        literal => {
            let (length, octets) = literal.split_once("\r\n").unwrap();
            assert_eq!(length, format!("{{{}}}", octets.len()));
            Some(octets.to_owned())
        }
    }
}

/// RFC 4467 §3, §6.
#[tokio::test]
async fn who_may_read_what() {
    let house = house_with("imap.submission_servers = [\"carol@example.org\"]\n").await;
    let mut alice = house.sign_in().await;
    let mut bob = house.sign_in_as("bob").await;
    let mut carol = house.sign_in_as("carol").await;
    let text = "INBOX/;UID=1/;SECTION=TEXT";
    for (access, for_alice, for_bob, for_carol) in [
        ("anonymous", true, true, true),
        ("authuser", true, true, true),
        ("user+bob%40example.org", false, true, false),
        ("user+BOB", false, true, false),
        ("user+nobody", false, false, false),
        ("submit+alice", false, false, true),
    ] {
        let url = authorized(&mut alice, &of_alice(&format!("{text};URLAUTH={access}"))).await;
        for (client, may) in [(&mut alice, for_alice), (&mut bob, for_bob), (&mut carol, for_carol)]
        {
            assert_eq!(fetched(client, &url).await, may.then(|| TEXT.to_owned()), "{url}");
        }
    }
    // Parts, and what there is nothing of.
    for (part, expected) in [
        ("INBOX/;UID=1", String::from_utf8(small("one")).unwrap()),
        ("INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)", "Subject: one\r\n\r\n".to_owned()),
        ("INBOX/;UID=1/;SECTION=1/;PARTIAL=5.3", "of ".to_owned()),
        ("INBOX/;UID=1/;SECTION=1/;PARTIAL=500", String::new()),
        ("INBOX/;UID=1/;SECTION=7", String::new()),
        ("INBOX/;UID=1/;PARTIAL=0.4;EXPIRE=2096-12-19T16:39:57-08:00", "From".to_owned()),
    ] {
        let url = authorized(&mut alice, &of_alice(&format!("{part};URLAUTH=anonymous"))).await;
        assert_eq!(fetched(&mut bob, &url).await, Some(expected), "{url}");
    }
    let mut open = house.open().await;
    assert_eq!(open.run("FETCH 1 FLAGS").await.ok().lines(), ["1 FETCH (FLAGS (\\Recent))"]);
}

/// RFC 4467 §6: to the letter, and all alike.
#[tokio::test]
async fn what_gives_nothing() {
    let house = house_with("").await;
    let mut alice = house.sign_in().await;
    let mut bob = house.sign_in_as("bob").await;
    let rump = of_alice("INBOX/;UID=1/;SECTION=TEXT;URLAUTH=anonymous");
    let url = authorized(&mut alice, &rump).await;
    let (_, proof) = url.split_at(rump.len());
    let (other, same) = (proof.replace(":01", ":02"), proof.to_ascii_lowercase());
    assert_eq!(fetched(&mut bob, &format!("{rump}{same}")).await.as_deref(), Some(TEXT));
    let wrong = [
        rump.clone(),
        format!("{rump}{other}"),
        format!("{rump}{}0", &proof[..proof.len() - 1]),
        format!("{rump}{}", proof.replace("INTERNAL", "OTHER")),
        url.replace("INBOX", "inbox"),
        url.replace("mail.example.org", "MAIL.example.org"),
        url.replace("alice%40", "bob%40"),
        url.replace("alice%40", "nobody%40"),
        url.replace("INBOX", "Nowhere"),
        url.replace("UID=1", "UID=2"),
        url.replace("anonymous", "authuser"),
        "imap://alice@h/".to_owned(),
        "x".to_owned(),
    ];
    for url in wrong {
        // The proof of one digit may be right by chance.
        if url != format!("{rump}{proof}") {
            assert_eq!(fetched(&mut bob, &url).await, None, "{url}");
        }
    }
    for part in ["INBOX/;UID=9;", "INBOX/;UID=1;EXPIRE=2020-01-01T00:00:00Z;"] {
        let url = authorized(&mut alice, &of_alice(&format!("{part}URLAUTH=anonymous"))).await;
        assert_eq!(fetched(&mut alice, &url).await, None, "{url}");
    }
    // What must not be authorized.
    for rump in [
        of_alice("INBOX;URLAUTH=anonymous"),
        of_alice("INBOX/;UID=1"),
        of_alice("Nowhere/;UID=1;URLAUTH=anonymous"),
        of_alice("INBOX;UIDVALIDITY=1/;UID=1;URLAUTH=anonymous"),
        "imap://bob@h/INBOX/;UID=1;URLAUTH=anonymous".to_owned(),
        "imap://nobody@h/INBOX/;UID=1;URLAUTH=anonymous".to_owned(),
        "imap://h/INBOX/;UID=1;URLAUTH=anonymous".to_owned(),
        url.clone(),
    ] {
        alice.run(format!("GENURLAUTH \"{rump}\" INTERNAL")).await.is("BAD ");
    }
    alice.run(format!("GENURLAUTH \"{rump}\" OTHER")).await.is("NO [CANNOT] ");
    // Several at once, in their order.
    let answer = bob.run(format!("URLFETCH x \"{url}\" y")).await.ok();
    let expected = format!("URLFETCH \"x\" NIL \"{url}\" {{{}}}\r\n{TEXT} \"y\" NIL", TEXT.len());
    assert_eq!(answer.lines(), [expected]);
    bob.run(format!("URLFETCH {}", "x ".repeat(101).trim_end())).await.is("NO [LIMIT] ");
}

/// RFC 4467 §7, RESETKEY.
#[tokio::test]
async fn a_key_that_is_another() {
    let house = house_with("").await;
    let mut alice = house.open().await;
    alice.run("CREATE Work").await.ok();
    alice.append("Work", &small("two")).await;
    let inbox = of_alice("INBOX/;UID=1/;SECTION=TEXT;URLAUTH=anonymous");
    let work = of_alice("Work/;UID=1/;SECTION=TEXT;URLAUTH=anonymous");
    let (one, two) = (authorized(&mut alice, &inbox).await, authorized(&mut alice, &work).await);
    assert_eq!(authorized(&mut alice, &inbox).await, one);
    // Other sessions of hers that have it open hear of it, this one with the answer.
    let (mut idling, mut busy) = (house.open().await, house.open().await);
    let mut elsewhere = house.sign_in().await;
    elsewhere.run("SELECT Work").await.ok().line("OK [URLMECH INTERNAL]");
    let tag = idling.send("IDLE").await;
    assert_eq!(idling.line().await, "+ idling");
    assert!(
        alice.run("RESETKEY INBOX internal").await.is("OK [URLMECH INTERNAL] ").lines().is_empty()
    );
    assert!(alice.run("NOOP").await.ok().lines().is_empty());
    assert!(idling.line().await.starts_with("* OK [URLMECH INTERNAL] "));
    idling.write(b"DONE\r\n").await;
    assert!(idling.answer(&tag).await.ok().lines().is_empty());
    assert_eq!(busy.run("NOOP").await.ok().lines().len(), 1);
    assert!(busy.run("NOOP").await.ok().lines().is_empty());
    assert!(elsewhere.run("NOOP").await.ok().lines().is_empty());
    assert_eq!(fetched(&mut busy, &one).await, None);
    assert_eq!(fetched(&mut busy, &two).await.as_deref(), Some("body of two\r\n"));
    let again = authorized(&mut alice, &inbox).await;
    assert_ne!(again, one);
    assert_eq!(fetched(&mut busy, &again).await.as_deref(), Some(TEXT));
    assert_eq!(alice.run("RESETKEY").await.ok().tagged, "OK RESETKEY completed");
    for url in [one, two, again] {
        assert_eq!(fetched(&mut busy, &url).await, None);
    }
    alice.run("RESETKEY Nowhere").await.is("NO [NONEXISTENT] ");
    alice.run("RESETKEY INBOX OTHER").await.is("NO [CANNOT] ");
    // A mailbox of the same name is another one.
    let work_again = authorized(&mut alice, &work).await;
    assert!(fetched(&mut busy, &work_again).await.is_some());
    alice.run("RENAME Work Play").await.ok();
    assert_eq!(fetched(&mut busy, &work_again).await, None);
    alice.run("RENAME Play Work").await.ok();
    assert!(fetched(&mut busy, &work_again).await.is_some());
    alice.run("DELETE Work").await.ok();
    alice.run("CREATE Work").await.ok();
    alice.append("Work", &small("two")).await;
    assert_eq!(fetched(&mut busy, &work_again).await, None);
}

/// RFC 4467 §7: with the rights that the user of the URL has now, by a key of that user.
#[tokio::test]
async fn of_shared_mailboxes() {
    let house = house_with("").await;
    let mut alice = house.sign_in().await;
    let mut bob = house.sign_in_as("bob").await;
    let mut carol = house.sign_in_as("carol").await;
    let rump = "imap://bob@h/Other%20Users/alice%40example.org/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=user+carol";
    bob.run(format!("GENURLAUTH {rump} INTERNAL")).await.is("BAD ");
    alice.run("SETACL INBOX bob@example.org lr").await.ok();
    let url = authorized(&mut bob, rump).await;
    assert_eq!(fetched(&mut carol, &url).await.as_deref(), Some(TEXT));
    assert_eq!(fetched(&mut bob, &url).await, None);
    alice.run("RESETKEY INBOX").await.ok();
    assert_eq!(fetched(&mut carol, &url).await.as_deref(), Some(TEXT));
    alice.run("SETACL INBOX bob@example.org l").await.ok();
    assert_eq!(fetched(&mut carol, &url).await, None);
    bob.run("RESETKEY \"Other Users/alice@example.org/INBOX\"").await.is("NO [NOPERM] ");
    alice.run("SETACL INBOX bob@example.org lr").await.ok();
    assert_eq!(fetched(&mut carol, &url).await.as_deref(), Some(TEXT));
    bob.run("RESETKEY \"Other Users/alice@example.org/INBOX\"").await.ok();
    assert_eq!(fetched(&mut carol, &url).await, None);
}

/// Where nothing is shared, nothing is read by URL.
#[tokio::test]
async fn where_nothing_is_shared() {
    let house = house_with("imap.sharing = \"off\"\n").await;
    let mut alice = house.open().await;
    assert!(!alice.run("CAPABILITY").await.ok().lines()[0].contains("URLAUTH"));
    let rump = of_alice("INBOX/;UID=1;URLAUTH=anonymous");
    alice.run(format!("GENURLAUTH \"{rump}\" INTERNAL")).await.is("NO [CANNOT] ");
    alice.run("URLFETCH x").await.is("NO [CANNOT] ");
    alice.run("RESETKEY").await.is("NO [CANNOT] ");
    let opened = alice.run("SELECT INBOX").await.ok();
    assert!(!opened.lines().iter().any(|line| line.contains("URLMECH")), "{opened:?}");
}

/// Where mailboxes are shared with single accounts, messages are too.
#[tokio::test]
async fn where_nothing_is_for_all() {
    let house = house_with(
        "imap.sharing = \"accounts\"\nimap.submission_servers = [\"carol@example.org\"]\n",
    )
    .await;
    let mut alice = house.sign_in().await;
    let mut bob = house.sign_in_as("bob").await;
    let mut carol = house.sign_in_as("carol").await;
    let rump = |access: &str| of_alice(&format!("INBOX/;UID=1/;SECTION=TEXT;URLAUTH={access}"));
    for access in ["anonymous", "AUTHUSER"] {
        alice.run(format!("GENURLAUTH \"{}\" INTERNAL", rump(access))).await.is("NO [CANNOT] ");
    }
    let (single, submit) = (rump("user+bob"), rump("submit+bob"));
    let single = authorized(&mut alice, &single).await;
    let submit = authorized(&mut alice, &submit).await;
    assert_eq!(fetched(&mut bob, &single).await.as_deref(), Some(TEXT));
    assert_eq!(fetched(&mut carol, &submit).await.as_deref(), Some(TEXT));

    // What was for all before is for nobody: the key is right.
    let keys = house.mailboxes().url_keys().await.unwrap();
    let inbox = house.mailboxes().mailbox(&MailboxName::inbox()).await.unwrap();
    let (mailbox, uid_validity) = (inbox.id, inbox.uid_validity);
    let inbox = KeyedMailbox { owner: house.mailboxes().id(), mailbox, uid_validity };
    let key = keys.key(Some(inbox)).unwrap();
    let (rump, single) = (rump("authuser"), rump("user+bob"));
    let token = key.token(rump.as_bytes());
    assert_eq!(fetched(&mut bob, &format!("{rump}:INTERNAL:{token}")).await, None);
    // And a name by itself is nobody.
    let token = key.token(single.as_bytes());
    assert_eq!(fetched(&mut bob, &format!("{single}:INTERNAL:{token}")).await, None);
}

/// RFC 4467 §7: whoever has a name later is not whom it meant.
#[tokio::test]
async fn for_an_account_and_not_for_its_name() {
    let house = house_with("imap.submission_servers = [\"carol@example.org\"]\n").await;
    let mut alice = house.sign_in().await;
    let mut carol = house.sign_in_as("carol").await;
    let rump = |access: &str| of_alice(&format!("INBOX/;UID=1/;SECTION=TEXT;URLAUTH={access}"));
    let (of_bob, for_bob) = (rump("user+bob"), rump("submit+bob"));
    let (of_dave, for_dave) = (rump("user+dave"), rump("submit+dave"));
    let mut before = Vec::new();
    for rump in [&of_bob, &for_bob, &of_dave, &for_dave] {
        before.push(authorized(&mut alice, rump).await);
    }
    // Nobody sees that there is no dave.
    assert_eq!(authorized(&mut alice, &of_dave).await, before[2]);
    assert_eq!(fetched(&mut carol, &before[1]).await.as_deref(), Some(TEXT));
    assert_eq!(fetched(&mut carol, &before[3]).await, None);
    house.remove_account("bob@example.org").await;
    assert_eq!(fetched(&mut carol, &before[1]).await, None);
    for name in ["bob", "dave"] {
        house.add_account(&format!("{name}@example.org")).await;
    }
    let mut bob = house.sign_in_as("bob").await;
    let mut dave = house.sign_in_as("dave").await;
    for url in &before {
        for client in [&mut bob, &mut dave, &mut carol] {
            assert_eq!(fetched(client, url).await, None, "{url}");
        }
    }
    let again = authorized(&mut alice, &of_bob).await;
    assert_eq!(fetched(&mut bob, &again).await.as_deref(), Some(TEXT));
    let again = authorized(&mut alice, &of_dave).await;
    assert_eq!(fetched(&mut dave, &again).await.as_deref(), Some(TEXT));
    let again = authorized(&mut alice, &for_dave).await;
    assert_eq!(fetched(&mut carol, &again).await.as_deref(), Some(TEXT));
}

/// An account that is disabled gives nothing; without a directory nobody knows.
#[tokio::test]
async fn an_owner_who_may_not() {
    let house = house_with("").await;
    let mut bob = house.sign_in_as("bob").await;
    let rump = of_alice("INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser");
    let url = authorized(&mut house.sign_in().await, &rump).await;
    house.set_disabled("alice@example.org", true).await;
    assert_eq!(fetched(&mut bob, &url).await, None);
    house.set_disabled("alice@example.org", false).await;
    assert_eq!(fetched(&mut bob, &url).await.as_deref(), Some(TEXT));

    let (directory, aside) = (house.directory(), house.directory().with_extension("aside"));
    std::fs::rename(&directory, &aside).unwrap();
    let answer = bob.run(format!("URLFETCH \"{url}\" x")).await.is("NO [UNAVAILABLE] ");
    assert_eq!(answer.lines(), [format!("URLFETCH \"{url}\" NIL \"x\" NIL")]);
    std::fs::rename(&aside, &directory).unwrap();
    assert_eq!(fetched(&mut bob, &url).await.as_deref(), Some(TEXT));
}

/// The keys are in no index.
#[tokio::test]
async fn an_index_that_is_built_anew() {
    let house = house_with("").await;
    let rump = of_alice("INBOX/;UID=1/;SECTION=TEXT;URLAUTH=user+bob");
    let url = authorized(&mut house.sign_in().await, &rump).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(house.maildir().join(format!("postrider-index.db{suffix}")));
    }
    let mut bob = Client::connect(house.second_agent()).await;
    bob.run("LOGIN bob secret").await.ok();
    assert_eq!(fetched(&mut bob, &url).await.as_deref(), Some(TEXT));
}

/// What is large goes at the reader's pace, and whole.
#[tokio::test]
async fn a_large_message() {
    let house = House::new().await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n";
    let message = format!("Subject: large\r\n\r\n{}", line.repeat(40_000));
    house.put(message.as_bytes()).await;
    let mut alice = house.sign_in().await;
    let url = authorized(&mut alice, &of_alice("INBOX/;UID=1;URLAUTH=authuser")).await;
    assert!(fetched(&mut alice, &url).await == Some(message));
}
