//! Several processes, or several at once in one: nobody gets what another has, and what the dead
//! had is free at once. Two queues opened on one folder behave as two processes do: locks belong
//! to open files.

use std::collections::HashSet;

use mail_types::{Outcome, RecipientNumber};
use message_queue::{Consumes, Notification, Queue, Settlement, operator::Filter};
use stable_storage::Files;

use crate::story::*;

async fn other(folder: &std::path::Path) -> Queue {
    Queue::open(options(folder), Files::real()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_submitters_and_two_processes() {
    let folder = tempfile::tempdir().unwrap();
    let queues = [queue(folder.path()).await, other(folder.path()).await];
    let tasks: Vec<_> = (0..16u8)
        .map(|submitter| {
            let queue = queues[usize::from(submitter % 2)].clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for n in 0..12 {
                    // Some of them as files.
                    let content = vec![submitter; if n % 4 == 0 { 3000 } else { 30 }];
                    let new = entry(&["a@here.test", "b@x.test"]);
                    ids.push(enqueue(&queue, new, &content, START).await.unwrap());
                }
                ids
            })
        })
        .collect();
    let mut ids = HashSet::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    assert_eq!(ids.len(), 16 * 12);

    // Each half is consumed in the other process.
    let local = consumer(&queues[1], Consumes::Local).await;
    let remote = consumer(&queues[0], Consumes::Remote).await;
    let drain = async |consumer: &message_queue::Consumer| {
        let (mut settlements, mut found) = (Vec::new(), HashSet::new());
        loop {
            let (_, leased) =
                consumer.settle_and_lease(&mut settlements, &room(20), START).await.unwrap();
            if leased.leases.is_empty() {
                return found;
            }
            for lease in leased.leases {
                assert!(found.insert(lease.entry.id), "leased twice");
                settlements.push(all(lease, &delivered(), None));
            }
        }
    };
    let (one, two) = tokio::join!(drain(&local), drain(&remote));
    assert_eq!((one, two), (ids.clone(), ids));
    assert!(spool(folder.path()).is_empty());
}

#[tokio::test]
async fn a_lane_is_leased_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (queue, other) = (queue(folder.path()).await, other(folder.path()).await);
    for _ in 0..4 {
        enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    }
    let (one, two) =
        (consumer(&queue, Consumes::Remote).await, consumer(&other, Consumes::Remote).await);
    let leased = one.lease(&room(2), START).await.unwrap();
    assert_eq!(leased.leases.len(), 2);
    let nothing = two.lease(&room(2), START).await.unwrap();
    assert!(nothing.leases.is_empty());
    // Another lane is free.
    enqueue(&queue, entry(&["a@y.test"]), b"", START).await.unwrap();
    assert_eq!(lease(&two, START).await.len(), 1);
    // When all of the lane is settled, it is free.
    settle(&one, leased.leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), START)
        .await;
    assert_eq!(lease(&two, START).await.len(), 2);
}

#[tokio::test]
async fn what_the_dead_had_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, entry(&["a@here.test"]), b"content", START).await.unwrap();
    let dying = consumer(&queue, Consumes::Local).await;
    let mut kept = lease(&dying, START).await;
    let kept = kept.remove(0);
    let heir = consumer(&other(folder.path()).await, Consumes::Local).await;
    assert!(lease(&heir, START).await.is_empty(), "the holder lives");
    // Its lock goes with it, as it does when it is killed.
    drop(dying);
    let inherited = lease(&heir, START).await;
    assert_eq!(inherited.iter().map(to).collect::<Vec<_>>(), [["a@here.test"]]);
    assert_eq!(inherited[0].recipients[0].attempts, 0);

    // Whoever still has the old lease can do nothing with it.
    let late = consumer(&queue, Consumes::Local).await;
    let settled = settle(&late, vec![all(kept, &failed("no"), None)], START).await;
    assert_eq!((settled.settled, settled.superseded), (0, 1));
    let settled =
        settle(&heir, inherited.into_iter().map(|l| all(l, &delivered(), None)).collect(), START);
    assert_eq!(settled.await.settled, 1);
}

/// A settlement that fails one recipient, with a notification of some size about it.
async fn with_notification(queue: &Queue, lease: message_queue::Lease, size: usize) -> Settlement {
    let mut draft = queue.draft();
    draft.write(&vec![b'n'; size]).await.unwrap();
    let mut new = entry(&["sender@here.test"]);
    new.reverse_path = mail_types::ReversePath::Null;
    let content = draft.seal().await.unwrap();
    let mut settlement = all(lease, &failed("no such mailbox"), None);
    settlement.notify(Notification { entry: new, content });
    settlement
}

#[tokio::test]
async fn a_notification_is_queued_with_its_cause_and_only_then() {
    for size in [10, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let cause = enqueue(&queue, entry(&["a@x.test"]), b"original", START).await.unwrap();
        let first = consumer(&queue, Consumes::Remote).await;
        let stale = lease(&first, START).await.remove(0);
        drop(first);
        let second = consumer(&queue, Consumes::Remote).await;
        let fresh = lease(&second, START).await.remove(0);

        // The one who lost the lease: nothing is queued, nothing is left.
        let late = with_notification(&queue, stale, size).await;
        assert_eq!(settle(&second, vec![late], START).await.superseded, 1);
        assert_eq!(queue.list(&Filter::default(), None, 9).await.unwrap().len(), 1);
        while !spool(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }

        let good = with_notification(&queue, fresh, size).await;
        assert_eq!(settle(&second, vec![good], after(1)).await.settled, 1);
        assert!(queue.show(cause).await.unwrap().is_none());
        let local = consumer(&queue, Consumes::Local).await;
        let [notification] = &lease(&local, after(1)).await[..] else { panic!("no notification") };
        assert_eq!(octets(&notification.entry.content).await, vec![b'n'; size]);
        let trace = message_queue::operator::Trace::Id(cause);
        let journey = queue.trace(&trace, 1).await.unwrap().remove(0);
        let events: Vec<_> = journey.events.iter().map(|event| event.what).collect();
        assert_eq!(events, ["queued", "notified", "failed"]);
        assert_eq!(journey.events[1].detail.as_deref(), Some(&*notification.entry.id.to_string()));
    }
}

#[tokio::test]
async fn settlements_survive_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let id = enqueue(&queue, entry(&["a@x.test"]), b"original", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let fresh = lease(&remote, START).await.remove(0);
    let mut settlement = with_notification(&queue, fresh, 5000).await;
    // A notification whose id is taken can't be queued.
    let mut draft = queue.draft();
    draft.write(b"x").await.unwrap();
    let mut new = entry(&["sender@here.test"]);
    new.id = Some(id);
    settlement.notify(Notification { entry: new, content: draft.seal().await.unwrap() });
    let mut settlements = vec![settlement];
    assert!(remote.settle(&mut settlements, START).await.is_err());
    assert_eq!(settlements.len(), 1);
    assert!(queue.show(id).await.unwrap().is_some());
    assert_eq!(spool(folder.path()).len(), 1, "the notification's content is lost");

    let mut settlement = settlements.remove(0);
    let outcome: Outcome = deferred("our own trouble");
    settlement.recipient(RecipientNumber(0), outcome, Some(after(1)));
    drop(settlement);
}
