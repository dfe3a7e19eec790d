//! ESEARCH over many mailboxes (RFC 7377).

use crate::{
    client::Client,
    house::{House, small},
};

/// Which mailboxes something was found in, and what; the tags are left out.
async fn found(client: &mut Client, search: &str) -> Vec<String> {
    let answer = client.run(search).await.ok();
    let told = |line: String| {
        let (_, found) = line.split_once(" MAILBOX ").unwrap();
        let (mailbox, found) = found.split_once(" UIDVALIDITY ").unwrap();
        format!("{mailbox}{}", found.split_once(')').unwrap().1)
    };
    answer.lines().into_iter().filter(|line| line.starts_with("ESEARCH")).map(told).collect()
}

async fn filled(house: &House) -> Client {
    let mut client = house.sign_in().await;
    client.run("CREATE plans/below/deep").await.ok();
    client.run("CREATE plans/below").await;
    for mailbox in ["INBOX", "plans", "plans", "plans/below", "plans/below/deep"] {
        client.append(mailbox, &small("apple")).await;
    }
    client.append("INBOX", &small("pear")).await;
    client
}

#[tokio::test]
async fn own_mailboxes() {
    let house = House::new().await;
    let mut client = filled(&house).await;
    client.run("SUBSCRIBE plans/below").await.ok();
    client.run("SUBSCRIBE gone").await.ok();
    let (inbox, plans) = ("\"INBOX\" UID ALL 1", "\"plans\" UID ALL 1:2");
    let (below, deep) = ("\"plans/below\" UID ALL 1", "\"plans/below/deep\" UID ALL 1");
    for (sources, expected) in [
        ("personal", &[inbox, plans, below, deep][..]),
        ("inboxes", &[inbox, plans, below, deep]),
        ("subscribed", &[inbox, below]),
        ("subtree plans", &[plans, below, deep]),
        ("subtree-one plans", &[plans, below]),
        ("subtree-one (plans/below INBOX)", &[inbox, below, deep]),
        ("mailboxes (INBOX nowhere \"Other Users/x@y/z\")", &[inbox]),
        ("mailboxes inbox subtree plans/below personal", &[inbox, plans, below, deep]),
        ("subtree nowhere", &[]),
    ] {
        let search = format!("ESEARCH IN ({sources}) SUBJECT apple");
        assert_eq!(found(&mut client, &search).await, expected, "{sources}");
    }
    // Numbers are each mailbox's own, and nothing is told of one without a match.
    let counted = found(&mut client, "ESEARCH IN (personal) RETURN (COUNT MAX) 2").await;
    assert_eq!(counted, ["\"INBOX\" UID MAX 2 COUNT 1", "\"plans\" UID MAX 2 COUNT 1"]);
    client.run("ESEARCH SUBJECT apple").await.is("BAD");
    client.run("ESEARCH IN (selected personal) ALL").await.is("BAD");
}

#[tokio::test]
async fn the_open_mailbox() {
    let house = House::new().await;
    let mut client = filled(&house).await;
    client.run("SELECT plans").await.ok();
    assert_eq!(found(&mut client, "ESEARCH SUBJECT apple").await, ["\"plans\" UID ALL 1:2"]);
    assert_eq!(
        found(&mut client, "ESEARCH RETURN (SAVE COUNT) 2").await,
        ["\"plans\" UID COUNT 1"]
    );
    assert_eq!(client.run("UID SEARCH $").await.ok().found(), [2]);
    // What is open is not left, and is kept up to date as the client knows it.
    let kept = client.run("ESEARCH IN (personal) RETURN (UPDATE COUNT) FLAGGED").await.ok();
    assert_eq!(kept.lines().len(), 0);
    let mut lines = client.run("STORE 1 +FLAGS (\\Flagged)").await.ok().lines();
    lines.retain(|line| line.starts_with("ESEARCH"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(" MAILBOX \"plans\" UIDVALIDITY "), "{lines:?}");
    assert!(lines[0].ends_with(" UID ADDTO (0 1)"), "{lines:?}");
    let none = client.run("ESEARCH IN (mailboxes INBOX) RETURN (UPDATE COUNT) SEEN").await.ok();
    assert!(none.line("NO [NOUPDATE").ends_with("The selected mailbox is not among these"));
}

/// RFC 7377 §2.2: `r` for each, and `l` for those that are not named.
#[tokio::test]
async fn mailboxes_of_others() {
    let house = House::new().await;
    house.add_account("bob@example.org").await;
    let mut alice = filled(&house).await;
    let mut bob = house.sign_in_as("bob").await;
    let plans = "\"Other Users/alice@example.org/plans\"";
    alice.run("SETACL plans bob@example.org lr").await.ok();
    bob.run(format!("SUBSCRIBE {plans}")).await.ok();
    for (rights, named, listed) in
        [("lr", true, true), ("r", true, false), ("lsw", false, false), ("p", false, false)]
    {
        alice.run(format!("SETACL plans bob@example.org {rights}")).await.ok();
        let by_name = found(&mut bob, &format!("ESEARCH IN (mailboxes {plans}) ALL")).await;
        assert_eq!(by_name.len(), usize::from(named), "{rights}");
        let below =
            "ESEARCH IN (subtree \"Other Users\" subtree \"Other Users/alice@example.org\") ALL";
        assert_eq!(found(&mut bob, below).await.len(), usize::from(listed), "{rights}");
        assert!(found(&mut bob, "ESEARCH IN (personal) ALL").await.is_empty());
        let subscribed = found(&mut bob, "ESEARCH IN (subscribed) ALL").await;
        assert_eq!(subscribed.len(), usize::from(listed), "{rights}");
    }
}
