//! Destinations that rest.

use std::time::Duration;

use mail_types::Lane;
use message_queue::{
    Consumes, Settlement,
    operator::{Destination, Trace},
};

use crate::story::*;

fn destination(text: &str) -> Destination {
    Destination::parse(text).unwrap()
}

#[tokio::test]
async fn nothing_is_leased_of_what_is_paused_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let local = consumer(&queue, Consumes::Local).await;
    queue.pause(&destination("X.test"), "they asked for it", START).await.unwrap();
    let id =
        enqueue(&queue, entry(&["a@x.test", "b@y.test", "c@here.test"]), b"", START).await.unwrap();

    let leased = remote.lease(&room(100), START).await.unwrap();
    assert_eq!(leased.leases.iter().flat_map(to).collect::<Vec<_>>(), ["b@y.test"]);
    assert_eq!(leased.next_due, None, "what is paused is not due");
    assert!(leased.paused.is_empty(), "nothing of it was leased");
    assert_eq!(lease(&local, START).await.len(), 1);

    let paused = queue.paused().await.unwrap();
    assert_eq!((paused.len(), paused[0].since), (1, START));
    assert_eq!(
        (&paused[0].destination, &paused[0].reason[..]),
        (&destination("x.test"), "they asked for it")
    );
    assert!(paused[0].destination.covers("@x.test") && !paused[0].destination.covers("@y.test"));

    // Again: another reason, the same pause.
    queue.pause(&destination("@x.test"), "still", after(5)).await.unwrap();
    let paused = queue.paused().await.unwrap();
    assert_eq!((paused.len(), paused[0].since, &paused[0].reason[..]), (1, START, "still"));

    assert!(queue.resume(&destination("x.test")).await.unwrap());
    assert!(!queue.resume(&destination("x.test")).await.unwrap());
    assert_eq!(
        lease(&remote, after(5)).await.iter().flat_map(to).collect::<Vec<_>>(),
        ["a@x.test"]
    );
    // Waiting for its turn was no attempt.
    let journey = queue.trace(&Trace::Id(id), 1).await.unwrap().remove(0);
    assert!(journey.events.iter().all(|event| event.what == "queued"), "{journey:?}");
}

#[tokio::test]
async fn all_other_servers_or_the_own_mailboxes_can_be_paused() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let local = consumer(&queue, Consumes::Local).await;
    for (paused, remote_leases, local_leases) in [("*", 0, 1), ("local", 2, 0)] {
        let paused = destination(paused);
        queue.pause(&paused, "", START).await.unwrap();
        let new = entry(&["a@x.test", "b@y.test", "c@here.test"]);
        enqueue(&queue, new, b"", START).await.unwrap();
        let counted = (lease(&remote, START).await.len(), lease(&local, START).await.len());
        assert_eq!(counted, (remote_leases, local_leases), "{paused}");
        queue.resume(&paused).await.unwrap();
        lease(&remote, START).await;
        lease(&local, START).await;
    }
}

#[tokio::test]
async fn a_consumer_hears_at_once_what_it_has_of_a_paused_lane_and_may_give_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    for all in [false, true] {
        enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
        let leases = lease(&remote, START).await;
        let paused = destination(if all { "*" } else { "x.test" });
        queue.pause(&paused, "", START).await.unwrap();
        // The bell: this does not take an hour.
        remote.wait(Duration::from_secs(3600)).await;
        let leased = remote.lease(&room(100), START).await.unwrap();
        assert_eq!(leased.paused, [Lane::parse("x.test").unwrap()]);
        settle(&remote, leases.into_iter().map(Settlement::of).collect(), START).await;
        let leased = remote.lease(&room(100), START).await.unwrap();
        assert_eq!((leased.leases.len(), leased.paused.len()), (0, 0));
        queue.resume(&paused).await.unwrap();
        remote.wait(Duration::from_secs(3600)).await;
        let leases = lease(&remote, START).await;
        assert_eq!(leases[0].recipients[0].attempts, 0);
        settle(
            &remote,
            leases.into_iter().map(|l| self::all(l, &delivered(), None)).collect(),
            START,
        )
        .await;
    }
}
