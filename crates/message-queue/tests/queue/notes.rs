//! What processes tell each other by way of the queue.

use mail_types::{Domain, Lane};
use message_queue::{
    Consumes, Settlement,
    operator::{Condition, Filter},
};

use crate::story::*;

#[tokio::test]
async fn who_retries_or_releases_says_that_the_servers_are_worth_an_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let local = consumer(&queue, Consumes::Local).await;
    let lane = |name: &str| Lane::parse(name).unwrap();
    let new = entry(&["a@x.test", "b@y.test", "c@here.test"]);
    enqueue(&queue, new, b"", START).await.unwrap();
    let leased = remote.lease(&room(100), START).await.unwrap();
    assert!(leased.woken.is_empty());
    let mut settlements = Vec::new();
    for lease in leased.leases {
        let number = lease.recipients[0].number;
        let mut settlement = Settlement::of(lease);
        settlement.later(number, after(1000));
        settlements.push(settlement);
    }
    remote.settle(&mut settlements, START).await.unwrap();
    let of = |name: &str| Filter { lane: Some(lane(name)), ..Filter::default() };
    queue.retry(&of("@x.test"), after(1)).await.unwrap();
    queue.hold(&of("@y.test"), "not now", after(1)).await.unwrap();
    queue.retry(&of("local"), after(1)).await.unwrap();
    assert!(local.lease(&room(100), after(1)).await.unwrap().woken.is_empty());
    let leased = remote.lease(&room(100), after(1)).await.unwrap();
    assert_eq!(leased.woken, [lane("@x.test")]);
    assert_eq!(leased.leases.len(), 1);
    queue.release(&of("@y.test"), after(2)).await.unwrap();
    queue.wake(&[lane("@z.test")]).await.unwrap();
    let woken = remote.lease(&room(100), after(2)).await.unwrap().woken;
    assert_eq!(woken, [lane("@y.test"), lane("@z.test")]);
    assert!(remote.lease(&room(100), after(2)).await.unwrap().woken.is_empty(), "told once");
}

#[tokio::test]
async fn a_condition_holds_until_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    assert!(queue.conditions().await.unwrap().is_empty());
    let blocked = Condition::PortBlocked;
    queue.note_condition(blocked, Some("so it is"), START).await.unwrap();
    queue.note_condition(blocked, Some("still"), after(9)).await.unwrap();
    let found = queue.conditions().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].condition, found[0].since, &found[0].text[..]), (blocked, START, "still"));
    queue.note_condition(blocked, None, after(9)).await.unwrap();
    assert!(queue.conditions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lane_has_something_whether_it_stands_in_line_waits_or_is_leased() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let domain = Domain::parse("x.test").unwrap();
    let lane = Lane::Remote(domain.clone());
    let seen = [lane.clone()];
    let mut held = entry(&["b@x.test"]);
    held.recipients[0].held = Some("Not before Monday, they say".to_owned());
    assert!(queue.lanes_of(&domain, false).await.unwrap().is_empty());
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    assert_eq!(queue.lanes_of(&domain, false).await.unwrap(), seen, "in line");
    let leased = remote.lease(&room(100), START).await.unwrap().leases;
    assert_eq!(queue.lanes_of(&domain, false).await.unwrap(), seen, "leased");
    let later = Some(after(9));
    settle(
        &remote,
        leased.into_iter().map(|one| all(one, &deferred("not now"), later)).collect(),
        START,
    )
    .await;
    assert_eq!(queue.lanes_of(&domain, false).await.unwrap(), seen, "waits");

    // Held for a reason is held for just that.
    enqueue(&queue, held, b"", START).await.unwrap();
    assert_eq!(queue.pending(&lane, Some("Monday")).await.unwrap(), 1);
    let whole = Some("Not before Monday, they say");
    assert_eq!(queue.pending(&lane, whole).await.unwrap(), 2);
}
