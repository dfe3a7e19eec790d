//! The same message twice, where one copy is enough.

use mail_store::Once;
use mail_types::{Domain, Flag, FlagSet, MailboxName, QueueId, Quota};
use message_queue::{FileInto, NewRecipient, operator::Trace};

use crate::house::{House, address};

const WANTED: &str = "duplicates_within = \"1d\"\n";
const NOT_FILED: &str = "not filed: a message with its Message-ID was filed there before";
const FILED: &str = "delivered to the mailbox";

fn text(id: &str) -> String {
    format!("Message-ID: <{id}@example.net>\r\nSubject: once\r\n\r\ntext\r\n")
}

/// What the journeys of these entries say of copies that were not filed, and of those that were.
async fn told(house: &House, entries: &[QueueId]) -> (usize, usize) {
    let (mut not_filed, mut filed) = (0, 0);
    for id in entries {
        let journey = format!("{:?}", house.queue.trace(&Trace::Id(*id), 1).await.unwrap());
        not_filed += journey.matches(NOT_FILED).count();
        filed += journey.matches(FILED).count();
    }
    (not_filed, filed)
}

async fn enqueue(house: &House, whom: &NewRecipient, id: &str) -> QueueId {
    house.enqueue("c@example.net", vec![whom.clone()], &text(id)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_same_message_is_told_and_not_filed_where_that_is_wanted() {
    for (more, copies) in [("", 2), (WANTED, 1)] {
        let house = House::build_with(more).await;
        let to = house.recipient("alice@example.org").await;
        let entries = [enqueue(&house, &to, "one").await, enqueue(&house, &to, "one").await];
        let running = house.start();
        house.empty().await;
        let alice = house.store.account(house.account("alice@example.org").await);
        assert_eq!(house.messages(&alice, "INBOX").await.len(), copies);
        assert_eq!(told(&house, &entries).await, (2 - copies, copies));
        running.stop().await;
    }
}

/// Neither waits until there is room, nor is it returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_not_filed_needs_no_room() {
    let of_account = async |house: &House, quota| {
        house.editor.set_quota(&address("bob@example.org"), quota).await.unwrap();
    };
    let of_domain = async |house: &House, quota| {
        let domain = Domain::parse("example.org").unwrap();
        house.editor.set_quota(&address("bob@example.org"), Quota::NONE).await.unwrap();
        house.editor.set_domain_quota(&domain, quota).await.unwrap();
    };
    for whose in ["the account's", "the domain's"] {
        let more = format!("{WANTED}[storage]\nfull_grace = \"0s\"\nwarn_at = []\n");
        let house = House::build_with(&more).await;
        let one = Quota { octets: None, messages: Some(1) };
        match whose {
            "the account's" => of_account(&house, one).await,
            _ => of_domain(&house, one).await,
        }
        let to = house.recipient("bob@example.org").await;
        // Two at once of which there is room for one; then another, when there is none.
        let mut entries =
            vec![enqueue(&house, &to, "one").await, enqueue(&house, &to, "one").await];
        let running = house.start();
        house.empty().await;
        entries.push(enqueue(&house, &to, "one").await);
        house.empty().await;
        assert_eq!(told(&house, &entries).await, (2, 1), "{whose}");
        let bob = house.store.account(house.account("bob@example.org").await);
        assert_eq!(house.messages(&bob, "INBOX").await.len(), 1, "{whose}");
        // What is no copy is returned, as the limit wants it.
        let other = enqueue(&house, &to, "other").await;
        house.empty().await;
        let journey = format!("{:?}", house.queue.trace(&Trace::Id(other), 1).await.unwrap());
        assert!(journey.contains("has been full for a long time"), "{whose}: {journey}");
        running.stop().await;
    }
}

/// Who writes to himself has it in Sent and in INBOX; and each time that he sends it, in Sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_what_was_sent_is_always_filed() {
    let house = House::build_with(WANTED).await;
    let to = house.recipient("alice@example.org").await;
    let mailbox = MailboxName::parse("Sent").unwrap();
    let flags: FlagSet = [Flag::Seen].into_iter().collect();
    let sent = FileInto { mailbox, or_inbox: false, flags };
    let sent = NewRecipient { file_into: Some(sent), ..to.clone() };
    let mut entries = Vec::new();
    for _ in 0..2 {
        let both = vec![sent.clone(), to.clone()];
        entries.push(house.enqueue("alice@example.org", both, &text("self")).await);
    }
    let running = house.start();
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    assert_eq!(house.messages(&alice, "INBOX").await.len(), 1);
    assert_eq!(house.messages(&alice, "Sent").await.len(), 2);
    assert_eq!(told(&house, &entries).await, (1, 3));
    running.stop().await;
}

/// A stop between the delivery and its settlement: the same delivery once more is no copy, and a
/// copy that comes before it is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_again_after_a_stop_is_no_copy() {
    let house = House::build_with(WANTED).await;
    let to = house.recipient("bob@example.org").await;
    let bob = house.store.account(house.account("bob@example.org").await);
    let first = enqueue(&house, &to, "one").await;
    let number = house.queue.show(first).await.unwrap().unwrap().recipients[0].number;
    let mut incoming = bob.incoming_delivery(first, number, agent_kit::now());
    let day = std::time::Duration::from_secs(24 * 3600);
    incoming.file_once(Once::of_header(text("one").as_bytes(), day));
    incoming.write(text("one").as_bytes()).await.unwrap();
    let delivery = mail_store::Delivery {
        queue_id: first,
        recipient: number,
        written: incoming.finish().await.unwrap(),
        file_into: None,
        or_inbox: false,
        flags: FlagSet::new(),
    };
    bob.deliver(vec![delivery]).await.unwrap();
    let copy = enqueue(&house, &to, "one").await;
    let running = house.start();
    house.empty().await;
    assert_eq!(told(&house, &[first]).await, (0, 1));
    assert_eq!(told(&house, &[copy]).await, (1, 0));
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 1);
    running.stop().await;
}
