//! How much mail there may be: who waits, who is refused, who is warned.

use std::time::Duration;

use account_usage::{Thresholds, Usage, UsagePublisher, UsageReader};
use mail_store::{AccountMailboxes, NewMessage};
use mail_types::{Domain, FlagSet, MailboxName, Quota};

use crate::house::{House, address};

const MESSAGE: &str = "From: c@example.net\r\nSubject: hello\r\n\r\ntext\r\n";

/// Waits until the inbox holds so many messages.
async fn filled(house: &House, account: &AccountMailboxes, count: usize) -> Vec<String> {
    let inbox = account.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let mut watch = account.watch(inbox);
    loop {
        let messages = house.messages(account, "INBOX").await;
        if messages.len() >= count {
            assert_eq!(messages.len(), count);
            return messages;
        }
        watch.changed().await;
    }
}

async fn limit(house: &House, whom: &str, octets: Option<u64>, messages: Option<u64>) {
    house.editor.set_quota(&address(whom), Quota { octets, messages }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_counted_and_a_domain_shares() {
    let house = House::build().await;
    limit(&house, "bob@example.org", None, Some(1)).await;
    let to_bob = vec![house.recipient("bob@example.org").await];
    let bob = house.store.account(house.account("bob@example.org").await);
    let running = house.start();
    house.enqueue("c@example.net", to_bob.clone(), MESSAGE).await;
    filled(&house, &bob, 1).await;
    let id = house.enqueue("c@example.net", to_bob.clone(), MESSAGE).await;
    assert!(house.problem(id).await.contains("4.2.2"));
    // The limit is lifted; the domain's stands.
    limit(&house, "bob@example.org", None, None).await;
    let (org, two) =
        (Domain::parse("example.org").unwrap(), Quota { octets: None, messages: Some(2) });
    house.editor.set_domain_quota(&org, two).await.unwrap();
    filled(&house, &bob, 2).await;
    let to_alice = vec![house.recipient("alice@example.org").await];
    let id = house.enqueue("c@example.net", to_alice, MESSAGE).await;
    assert!(house.problem(id).await.contains("4.2.2"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_grace_it_is_returned() {
    let house = House::build_with("[storage]\nfull_grace = \"0s\"\nwarn_at = []\n").await;
    limit(&house, "bob@example.org", Some(10), None).await;
    let to_bob = vec![house.recipient("bob@example.org").await];
    house.enqueue("alice@example.org", to_bob, MESSAGE).await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let running = house.start();
    let report = filled(&house, &alice, 1).await.remove(0);
    assert!(report.contains("Status: 5.2.2"), "{report}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_before_needs_no_room() {
    let house = House::build_with("[storage]\nwarn_at = []\n").await;
    let to_bob = vec![house.recipient("bob@example.org").await];
    let bob = house.store.account(house.account("bob@example.org").await);
    let id = house.enqueue("c@example.net", to_bob.clone(), MESSAGE).await;
    // As after a stop between the delivery and its settlement.
    let number = house.queue.show(id).await.unwrap().unwrap().recipients[0].number;
    let now = agent_kit::now();
    let mut incoming = bob.incoming_delivery(id, number, now);
    incoming.write(MESSAGE.as_bytes()).await.unwrap();
    let delivery = mail_store::Delivery {
        queue_id: id,
        recipient: number,
        written: incoming.finish().await.unwrap(),
        file_into: None,
        or_inbox: false,
        flags: FlagSet::new(),
    };
    bob.deliver(vec![delivery]).await.unwrap();
    limit(&house, "bob@example.org", Some(1), None).await;
    let running = house.start();
    house.empty().await;
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 1);
    running.stop().await;
}

/// Whoever crossed the threshold: here it is no delivery, but what a session appends and publishes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_warned_once_each_time_it_gets_full() {
    let house = House::build_with("[notices]\nlanguage = \"ko+en\"\n").await;
    limit(&house, "bob@example.org", None, Some(5)).await;
    let running = house.start();
    let bob = house.store.account(house.account("bob@example.org").await);
    let inbox = bob.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let append = async || {
        let mut incoming = bob.incoming(agent_kit::now()).unwrap();
        incoming.write(MESSAGE.as_bytes()).await.unwrap();
        let written = incoming.finish().await.unwrap();
        bob.append(inbox, vec![NewMessage { written, flags: FlagSet::new() }]).await.unwrap();
        house.publish(&bob, Quota { octets: None, messages: Some(5) }).await;
    };
    for _ in 0..4 {
        append().await;
    }
    // 80 %; with the warning it is full, which is another threshold.
    let warnings = filled(&house, &bob, 6).await;
    let is_warning = |text: &&String| text.contains("Auto-Submitted: auto-generated");
    assert_eq!(warnings.iter().filter(is_warning).count(), 2, "{warnings:?}");
    let warning = warnings.iter().find(is_warning).unwrap();
    assert!(warning.contains("To: <bob@example.org>\r\n"), "{warning}");
    assert!(warning.contains("MAILER-DAEMON@mail.example.org"), "{warning}");
    // Still full: nothing new. Below it and full again: once more.
    append().await;
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 7);
    let state = bob.state(inbox).await.unwrap();
    bob.remove(inbox, &bob.uids(&state).await.unwrap().into_iter().collect()).await.unwrap();
    house.publish(&bob, Quota { octets: None, messages: Some(5) }).await;
    for _ in 0..4 {
        append().await;
    }
    filled(&house, &bob, 6).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_s_postmaster_is_warned_once() {
    let house = House::build_with("").await;
    let domain = Domain::parse("example.org").unwrap();
    let five = Quota { octets: None, messages: Some(5) };
    house.editor.set_domain_quota(&domain, five).await.unwrap();
    limit(&house, "bob@example.org", None, None).await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let bob = house.store.account(house.account("bob@example.org").await);
    for _ in 0..4 {
        let inbox = bob.mailbox(&MailboxName::inbox()).await.unwrap().id;
        let mut incoming = bob.incoming(agent_kit::now()).unwrap();
        incoming.write(MESSAGE.as_bytes()).await.unwrap();
        let written = incoming.finish().await.unwrap();
        bob.append(inbox, vec![NewMessage { written, flags: FlagSet::new() }]).await.unwrap();
    }
    house.publish(&bob, Quota::NONE).await;
    let usage = UsageReader::open(&house.config.folders().usage.join("usage.db")).await.unwrap();
    // A stop before it is noted would bring the same warning again.
    let noted = async |threshold| {
        while usage.domain_warned(&domain).await.unwrap() != threshold {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Alice, who has the oldest account, answers for postmaster. With the warning the domain is full,
    // which is another threshold, at the next look.
    let running = house.start();
    let warnings = filled(&house, &alice, 1).await;
    noted(80).await;
    running.stop().await;
    assert!(warnings[0].contains("Subject: The domain example.org is 80 % full"), "{warnings:?}");
    assert!(warnings[0].contains("4 of 5 messages"), "{warnings:?}");
    let running = house.start();
    let warnings = filled(&house, &alice, 2).await;
    assert!(warnings[1].contains("Subject: The domain example.org is 100 % full"), "{warnings:?}");
    noted(95).await;
    running.stop().await;
    // Below it, and full again: once more.
    let ten = Quota { octets: None, messages: Some(10) };
    house.editor.set_domain_quota(&domain, ten).await.unwrap();
    let running = house.start();
    noted(0).await;
    running.stop().await;
    assert_eq!(house.messages(&alice, "INBOX").await.len(), 2);
    let seven = Quota { octets: None, messages: Some(7) };
    house.editor.set_domain_quota(&domain, seven).await.unwrap();
    let running = house.start();
    let warnings = filled(&house, &alice, 3).await;
    assert!(warnings[2].contains("is 85 % full"), "{warnings:?}");
    running.stop().await;
}

/// What stands is of an index that is lost, and that was made when the clock was ahead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_from_the_future_is_replaced_by_the_next_delivery() {
    let house = House::build().await;
    let id = house.account("alice@example.org").await;
    let path = house.config.folders().usage.join("usage.db");
    let publisher = UsagePublisher::open(&path, Thresholds::default()).await.unwrap();
    let future = Usage { octets: 7_000_000, messages: 7000, version: i64::MAX / 2 };
    publisher.publish(id, future, &Quota::NONE, agent_kit::now()).await.unwrap();
    let running = house.start();
    let to = vec![house.recipient("alice@example.org").await];
    house.enqueue("c@example.net", to, MESSAGE).await;
    house.empty().await;
    running.stop().await;
    assert_eq!(publisher.usage(id).await.unwrap().unwrap().messages, 1);
}
