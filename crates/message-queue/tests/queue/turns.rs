//! Who is leased first: priorities, senders that take turns, what comes again.

use std::collections::{BTreeMap, VecDeque};

use mail_types::{AccountId, Handling, Priority, Timestamp};
use message_queue::{Consumer, Consumes, Lease, LeaseRequest, NewEntry, Queue};

use crate::story::*;

fn from(account: i64, to: &str) -> NewEntry {
    NewEntry { account: Some(AccountId(account)), ..entry(&[to]) }
}

async fn put(queue: &Queue, new: NewEntry, now: Timestamp) {
    enqueue(queue, new, b"", now).await.unwrap();
}

/// The local parts of what is leased, in its order.
fn names(leases: &[Lease]) -> Vec<String> {
    let name = |lease: &Lease| to(lease)[0].split('@').next().unwrap().to_owned();
    leases.iter().map(name).collect()
}

fn sorted(leases: &[Lease]) -> Vec<String> {
    let mut names = names(leases);
    names.sort();
    names
}

/// Leases and settles so many.
async fn take(consumer: &Consumer, count: u32, now: Timestamp) -> Vec<String> {
    let leases = consumer.lease(&room(count), now).await.unwrap().leases;
    let names = names(&leases);
    settle(consumer, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), now).await;
    names
}

#[tokio::test]
async fn many_messages_of_one_sender_do_not_delay_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    // One entry with many recipients as well as many entries: both are many.
    let recipients = (0..40).map(|n| recipient(&format!("m{n}@x.test"))).collect();
    put(&queue, NewEntry { recipients, ..from(1, "a@x.test") }, START).await;
    for n in 0..20 {
        put(&queue, from(1, &format!("a{n}@x.test")), START).await;
    }
    let remote = consumer(&queue, Consumes::Remote).await;
    assert_eq!(take(&remote, 1, START).await, ["m0"]);
    put(&queue, from(2, "b0@x.test"), after(1)).await;
    put(&queue, from(3, "c0@x.test"), after(1)).await;
    put(&queue, from(2, "b1@x.test"), after(1)).await;
    // His next one is the head; behind it the others have their turns.
    assert_eq!(take(&remote, 5, after(1)).await, ["a0", "b0", "c0", "a1", "b1"]);
    assert_eq!(take(&remote, 2, after(1)).await, ["a2", "a3"]);
}

#[tokio::test]
async fn strangers_are_told_apart_by_their_domains() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let of = |sender: &str, to: &str| NewEntry {
        reverse_path: mail_types::ReversePath::parse(sender).unwrap(),
        ..entry(&[to])
    };
    for n in 0..9 {
        // A list that writes another reverse-path for each subscriber.
        put(&queue, of(&format!("list+{n}@many.test"), &format!("a{n}@here.test")), START).await;
    }
    put(&queue, of("one@few.test", "b@here.test"), START).await;
    put(&queue, of("", "c@here.test"), START).await;
    let local = consumer(&queue, Consumes::Local).await;
    assert_eq!(take(&local, 4, START).await, ["a0", "b", "c", "a1"]);
}

#[tokio::test]
async fn the_higher_priority_goes_first() {
    // RFC 6710 §5.1
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let with = |number: i8, account: i64, to: &str| {
        let handling = Handling { priority: Priority::new(number).unwrap(), ..Handling::default() };
        NewEntry { handling, ..from(account, to) }
    };
    for (number, account, to) in [
        (-9, 1, "last@x.test"),
        (0, 1, "usual@x.test"),
        (0, 1, "usual2@x.test"),
        (4, 1, "soon@x.test"),
        (0, 2, "other@x.test"),
        (9, 1, "now@x.test"),
        // Between lanes as well.
        (5, 1, "lane@y.test"),
    ] {
        put(&queue, with(number, account, to), START).await;
    }
    let remote = consumer(&queue, Consumes::Remote).await;
    let request = LeaseRequest { per_lane_max: 1, ..room(1) };
    let first = remote.lease(&request, START).await.unwrap().leases;
    assert_eq!(names(&first), ["now"]);
    let then = remote.lease(&request, START).await.unwrap().leases;
    assert_eq!(names(&then), ["lane"]);
    let rest = ["soon", "usual", "other", "usual2", "last"];
    assert_eq!(take(&remote, 9, START).await, rest);
}

#[tokio::test]
async fn what_comes_again_and_what_is_new_share_the_room() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    for n in 0..8 {
        put(&queue, from(1, &format!("again{n}@dead{n}.test")), START).await;
        put(&queue, from(1, &format!("more{n}@x.test")), START).await;
    }
    let leases = lease(&remote, START).await;
    let end = |l| all(l, &deferred("no connection"), Some(after(5)));
    settle(&remote, leases.into_iter().map(end).collect(), START).await;
    for n in 0..8 {
        put(&queue, from(1, &format!("new{n}@x.test")), after(5)).await;
    }
    put(&queue, from(1, "new@y.test"), after(5)).await;
    // Eight dead destinations get no more than their part of the room; the lane that has both gives
    // a quarter to what comes again.
    let request = LeaseRequest { leases_max: 8, again_max: 5, per_lane_max: 4, except: Vec::new() };
    let leased = remote.lease(&request, after(5)).await.unwrap();
    let names = names(&leased.leases);
    let count = |name: &str| names.iter().filter(|one| one.starts_with(name)).count();
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!((count("again"), count("more"), count("new")), (5, 0, 3), "{names:?}");
    assert_eq!(leased.next_due, Some(after(5)), "what had no room is due");
    let none = LeaseRequest { again_max: 0, ..request.clone() };
    let leases = remote.lease(&none, after(5)).await.unwrap().leases;
    assert!(leases.iter().all(|lease| lease.recipients[0].attempts == 0));
}

#[tokio::test]
async fn lanes_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    for n in 0..6 {
        put(&queue, from(1, &format!("a{n}@x.test")), START).await;
    }
    put(&queue, from(1, "b@y.test"), after(1)).await;
    put(&queue, from(1, "c@a.test"), after(2)).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let request = LeaseRequest { per_lane_max: 2, ..room(3) };
    let first = remote.lease(&request, after(3)).await.unwrap().leases;
    assert_eq!(sorted(&first), ["a0", "a1", "b"]);
    // The lane that was served waits behind the one that was not.
    let second = remote.lease(&request, after(3)).await.unwrap().leases;
    assert_eq!(sorted(&second), ["a2", "a3", "c"]);
}

#[tokio::test]
async fn what_is_given_back_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    for n in 0..3 {
        put(&queue, from(1, &format!("a{n}@x.test")), START).await;
    }
    let dying = consumer(&queue, Consumes::Remote).await;
    assert_eq!(names(&dying.lease(&room(2), START).await.unwrap().leases), ["a0", "a1"]);
    drop(dying);
    put(&queue, from(2, "b0@x.test"), START).await;
    let heir = consumer(&queue, Consumes::Remote).await;
    assert_eq!(take(&heir, 9, START).await, ["a0", "a1", "a2", "b0"]);
}

/// Random arrivals and leases: each sender's messages go in their order, and between two of one
/// sender who waits no other has more than two turns.
#[tokio::test]
async fn whoever_waits_has_his_turn() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut waiting: BTreeMap<i64, VecDeque<String>> = BTreeMap::new();
    let mut passed: BTreeMap<i64, BTreeMap<i64, u32>> = BTreeMap::new();
    for step in 0..300 {
        if random(3) > 0 {
            // The first sender writes as much as all others.
            let sender = i64::try_from(random(6).saturating_sub(2)).unwrap();
            let name = format!("s{sender}-{step}");
            put(&queue, from(sender, &format!("{name}@x.test")), START).await;
            waiting.entry(sender).or_default().push_back(name);
            passed.entry(sender).or_default();
            continue;
        }
        for name in take(&remote, 1, START).await {
            let sender: i64 = name[1..2].parse().unwrap();
            assert_eq!(waiting.get_mut(&sender).unwrap().pop_front(), Some(name));
            for (other, passed) in &mut passed {
                if *other != sender && !waiting[other].is_empty() {
                    let turns = passed.entry(sender).or_default();
                    *turns += 1;
                    assert!(*turns <= 2, "{sender} before {other} at step {step}");
                }
            }
            passed.get_mut(&sender).unwrap().clear();
        }
        waiting.retain(|_, names| !names.is_empty());
        passed.retain(|sender, _| waiting.contains_key(sender));
    }
}
