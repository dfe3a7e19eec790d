//! What becomes of messages in the local lane.

use std::{collections::HashSet, time::Duration};

use agent_kit::now;
use mail_store::{UidSet, Want};
use mail_types::{DeliverBy, Flag, Lane, Late, MailboxName, Notify};
use message_queue::{
    Expanded, FileInto, NewRecipient,
    operator::{Destination, Filter, State},
};

use crate::house::{House, address};

const MESSAGE: &str = "From: c@example.net\r\nSubject: hello\r\n\r\nHello.\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_recipient_gets_his_copy_and_waiters_hear_of_it() {
    let house = House::build().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let inbox = alice.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let mut watch = alice.watch(inbox);
    let mut to_alice = house.recipient("alice@example.org").await;
    to_alice.head = b"List-Id: <l.example.org>\r\n".to_vec();
    let to = vec![to_alice, house.recipient("bob@example.org").await];
    let running = house.start();
    house.enqueue("c@example.net", to, MESSAGE).await;
    tokio::time::timeout(Duration::from_secs(30), watch.changed()).await.unwrap();
    house.empty().await;
    let received = house.messages(&alice, "INBOX").await;
    let head = "Return-Path: <c@example.net>\r\nDelivered-To: alice@example.org\r\n\
                List-Id: <l.example.org>\r\n";
    assert_eq!(received, [format!("{head}{MESSAGE}")]);
    let id = house.account("bob@example.org").await;
    let bob = house.store.account(id);
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 1);
    let usage = house.usage(id).await;
    assert_eq!((usage.messages, usage.octets), (1, bob.totals().await.unwrap().octets));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_what_was_sent_is_filed_as_seen() {
    let house = House::build().await;
    let mut sent = house.recipient("alice@example.org").await;
    let mailbox = MailboxName::parse("Sent").unwrap();
    let flags = [Flag::Seen].into_iter().collect();
    sent.file_into = Some(FileInto { mailbox: mailbox.clone(), or_inbox: false, flags });
    house.enqueue("alice@example.org", vec![sent], MESSAGE).await;
    let running = house.start();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let state = alice.mailbox(&mailbox).await.unwrap();
    assert_eq!((state.messages, state.unseen), (1, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_for_one_account_arrive_once_each() {
    let house = House::build().await;
    for number in 0..150 {
        let to = vec![house.recipient("alice@example.org").await];
        house.enqueue("c@example.net", to, &format!("Subject: {number}\r\n\r\n")).await;
    }
    let alice = house.store.account(house.account("alice@example.org").await);
    // Stopped once the first ones are there, and started again.
    let running = house.start();
    let inbox = alice.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let mut arrivals = alice.watch(inbox);
    while house.messages(&alice, "INBOX").await.is_empty() {
        arrivals.changed().await;
    }
    running.stop().await;
    let running = house.start();
    house.empty().await;
    let mut received = house.messages(&alice, "INBOX").await;
    assert_eq!(received.len(), 150);
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 150);
    running.stop().await;
}

/// All that one transaction of an index files has one modification sequence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_one_account_is_filed_in_one_go() {
    let house = House::build().await;
    for number in 0..60 {
        let to = vec![house.recipient("alice@example.org").await];
        house.enqueue("c@example.net", to, &format!("Subject: {number}\r\n\r\n")).await;
    }
    let running = house.start();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let inbox = alice.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let rows = alice.fetch(inbox, &UidSet::all(), Want::Facts).await.unwrap();
    let transactions: HashSet<_> = rows.iter().map(|row| row.modseq).collect();
    assert_eq!((rows.len(), transactions.len()), (60, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_room_waits_until_there_is() {
    let house = House::build().await;
    let large = format!("{MESSAGE}{}\r\n", "x".repeat(1000));
    let to = vec![house.recipient("bob@example.org").await];
    let id = house.enqueue("c@example.net", to.clone(), &large).await;
    let running = house.start();
    let problem = house.problem(id).await;
    assert!(problem.contains("4.2.2") && problem.contains("full"), "{problem}");
    house.enqueue("c@example.net", to, MESSAGE).await;
    let bob = house.store.account(house.account("bob@example.org").await);
    // What has room is not kept back.
    let mut arrivals = bob.watch(bob.mailbox(&MailboxName::inbox()).await.unwrap().id);
    while house.messages(&bob, "INBOX").await.len() != 1 {
        arrivals.changed().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_gets_its_mail_when_it_is_enabled_again() {
    let house = House::build().await;
    let to = vec![house.recipient("alice@example.org").await];
    let alice = address("alice@example.org");
    house.editor.set_disabled(&alice, true).await.unwrap();
    let id = house.enqueue("c@example.net", to, MESSAGE).await;
    let running = house.start();
    let problem = house.problem(id).await;
    assert!(problem.contains("4.2.1"), "{problem}");
    house.editor.set_disabled(&alice, false).await.unwrap();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    assert_eq!(house.messages(&alice, "INBOX").await.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_is_told_of_what_failed_and_of_success_if_he_asked() {
    let house = House::build().await;
    let mut to_bob = house.recipient("bob@example.org").await;
    to_bob.notify = Notify { success: true, ..Notify::DEFAULT };
    let mut to_nobody = house.recipient("bob@example.org").await;
    to_nobody.address = address("gone@example.org");
    to_nobody.account = None;
    // Alice sends; each end is told to her.
    house.enqueue("alice@example.org", vec![to_bob, to_nobody], MESSAGE).await;
    let running = house.start();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let reports = house.messages(&alice, "INBOX").await;
    assert_eq!(reports.len(), 1, "one notification for both");
    let report = &reports[0];
    assert!(report.starts_with("Return-Path: <>\r\nDelivered-To: alice@example.org\r\n"));
    for part in ["Action: failed", "Status: 5.1.1", "Action: delivered", "gone@example.org"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_alias_and_a_list_the_sender_hears_once() {
    // RFC 3461 §5.2.7: nothing is delivered to what has become others.
    for (expanded, action) in
        [(Expanded::Alias, "Action: expanded"), (Expanded::List, "Action: delivered")]
    {
        let house = House::build().await;
        let mut all = NewRecipient::new(address("all@example.org"), Lane::Local);
        all.notify = Notify { success: true, failure: false, delay: false };
        all.expanded = Some(expanded);
        let to_bob = house.recipient("bob@example.org").await;
        house.enqueue("alice@example.org", vec![all, to_bob], MESSAGE).await;
        let running = house.start();
        house.empty().await;
        let alice = house.store.account(house.account("alice@example.org").await);
        let reports = house.messages(&alice, "INBOX").await;
        assert_eq!(reports.len(), 1, "{expanded:?}");
        for part in [action, "Status: 2.1.5", "Final-Recipient: rfc822; all@example.org"] {
            assert!(reports[0].contains(part), "{part}: {}", reports[0]);
        }
        assert!(!reports[0].contains("bob@example.org"), "{}", reports[0]);
        running.stop().await;
    }
}

/// RFC 2852 §4.1.3: what is late is not delivered any more, or told first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_late_is_returned_or_told_as_its_sender_wants() {
    for (late, action, delivered) in
        [(Late::Return, "Action: failed", 0), (Late::Notify, "Action: delayed", 1)]
    {
        let house = House::build().await;
        let at = now().plus(Duration::from_millis(50));
        let to_bob = house.recipient("bob@example.org").await;
        let by = Some(DeliverBy { at, late, trace: false });
        house.enqueue_by("alice@example.org", vec![to_bob], MESSAGE, by).await;
        while now() <= at {
            tokio::task::yield_now().await;
        }
        let running = house.start();
        house.empty().await;
        let alice = house.store.account(house.account("alice@example.org").await);
        let reports = house.messages(&alice, "INBOX").await;
        assert_eq!(reports.len(), 1, "{late:?}");
        for part in [action, "4.7\r\n", "Deliver-By-Date: "] {
            assert!(reports[0].contains(part), "{part}: {}", reports[0]);
        }
        let bob = house.store.account(house.account("bob@example.org").await);
        assert_eq!(house.messages(&bob, "INBOX").await.len(), delivered, "{late:?}");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_ends() {
    let house = House::build().await;
    let to = vec![house.recipient("bob@example.org").await];
    let text = format!("Delivered-To: BOB@example.org\r\n{MESSAGE}");
    house.enqueue("alice@example.org", to, &text).await;
    let running = house.start();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let reports = house.messages(&alice, "INBOX").await;
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("Status: 5.4.6"), "{reports:?}");
    let bob = house.store.account(house.account("bob@example.org").await);
    assert!(house.messages(&bob, "INBOX").await.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_busy_delays_nobody_else() {
    let house = House::build().await;
    let id = house.account("alice@example.org").await;
    house.store.account(id).states().await.unwrap();
    let index = house.config.folders().mail.join(id.to_string()).join("postrider-index.db");
    let held = stable_storage::Turnstile::of(&index).unwrap().enter().await.unwrap();
    // More than the agent leases at once.
    for number in 0..300 {
        let to = vec![house.recipient("alice@example.org").await];
        house.enqueue("c@example.net", to, &format!("Subject: {number}\r\n\r\n")).await;
    }
    let to = vec![house.recipient("bob@example.org").await];
    house.enqueue("c@example.net", to, MESSAGE).await;
    let bob = house.store.account(house.account("bob@example.org").await);
    let inbox = bob.mailbox(&MailboxName::inbox()).await.unwrap().id;
    let mut watch = bob.watch(inbox);
    let running = house.start();
    let arrived = tokio::time::timeout(Duration::from_secs(15), watch.changed()).await;
    assert!(arrived.is_ok(), "the other account waits for the busy one");
    drop(held);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_begun_goes_back_when_deliveries_are_paused() {
    let house = House::build().await;
    let id = house.account("alice@example.org").await;
    house.store.account(id).states().await.unwrap();
    let index = house.config.folders().mail.join(id.to_string()).join("postrider-index.db");
    let held = stable_storage::Turnstile::of(&index).unwrap().enter().await.unwrap();
    let running = house.start();
    // The first is under way for as long as her mailboxes are busy, the other waits for its turn.
    let mut ids = Vec::new();
    for _ in 0..2 {
        let to = vec![house.recipient("alice@example.org").await];
        ids.push(house.enqueue("c@example.net", to, MESSAGE).await);
        house.until(ids[ids.len() - 1], State::Leased).await;
    }
    let local = Destination::Lane(Lane::Local);
    house.queue.pause(&local, "the disk is exchanged", now()).await.unwrap();
    let back = house.until(ids[1], State::Waiting).await;
    assert!(back.next_at <= now() && back.attempts == 0, "it has its old place: {back:?}");
    house.until(ids[0], State::Leased).await;
    let second = Filter { id: Some(ids[1]), ..Filter::default() };
    assert_eq!(house.queue.remove(&second, now()).await.unwrap(), 1, "it is the operator's");
    drop(held);
    house.empty().await;
    let alice = house.store.account(id);
    assert_eq!(house.messages(&alice, "INBOX").await.len(), 1, "what had begun may end");
    running.stop().await;
}
