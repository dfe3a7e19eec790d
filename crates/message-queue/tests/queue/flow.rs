//! Enqueue, lease, settle, in a world where nothing breaks.

use std::time::Duration;

use mail_types::{
    AccountId, BodyKind, DeliverBy, DsnReturn, Flag, FlagSet, Handling, Lane, Late, MailboxName,
    Notify, OriginalRecipient, Priority, RecipientNumber, ReversePath, Timestamp,
};
use message_queue::{Consumes, Content, FileInto, LeaseRequest, NewRecipient, Settlement};

use crate::story::*;

#[tokio::test]
async fn what_is_leased_is_what_was_queued() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["\"a b\"@here.test", "c@here.test"]);
    new.id = Some(queue.new_id(START));
    new.account = Some(AccountId(7));
    new.body = BodyKind::EightBitMime;
    new.smtputf8 = true;
    new.ret = Some(DsnReturn::Full);
    new.envid = Some("an id".to_owned());
    new.handling = Handling {
        submitter: Some(ReversePath::Null),
        deliver_by: Some(DeliverBy {
            at: Timestamp::from_millis(-5),
            late: Late::Notify,
            trace: true,
        }),
        priority: Priority::new(-9).unwrap(),
        require_tls: true,
        tls_optional: false,
        hold_request: Some("for;60".into()),
    };
    new.origin.tls = Some("TLSv1.3".to_owned());
    new.message_id = Some("x@y".to_owned());
    new.recipients[1] = NewRecipient {
        original: Some(OriginalRecipient::new("rfc822", "o@there.test").unwrap()),
        reverse_path: Some(ReversePath::Null),
        notify: Notify { success: true, failure: false, delay: true },
        account: Some(AccountId(8)),
        file_into: Some(FileInto {
            mailbox: MailboxName::parse("Sent/보낸").unwrap(),
            or_inbox: true,
            flags: FlagSet::from_iter([Flag::Seen, Flag::parse("$Label").unwrap()]),
        }),
        head: b"List-Id: \xff\r\n".to_vec(),
        ..new.recipients[1].clone()
    };
    let id = enqueue(&queue, new.clone(), b"small\r\n", START).await.unwrap();
    assert_eq!(Some(id), new.id);

    let consumer = consumer(&queue, Consumes::Local).await;
    let leases = lease(&consumer, START).await;
    let [lease] = leases.as_slice() else { panic!("{leases:?}") };
    let of = &lease.entry;
    assert_eq!((of.id, of.queued_at, lease.lane.clone()), (id, START, Lane::Local));
    assert_eq!((&of.reverse_path, of.account), (&new.reverse_path, new.account));
    assert_eq!((of.body, of.smtputf8, of.ret), (new.body, new.smtputf8, new.ret));
    assert_eq!(of.handling, new.handling);
    assert_eq!((&of.envid, &of.origin, &of.message_id), (&new.envid, &new.origin, &new.message_id));
    assert_eq!(octets(&of.content).await, b"small\r\n");
    let [first, second] = lease.recipients.as_slice() else { panic!("{lease:?}") };
    assert_eq!((first.number, &first.address), (RecipientNumber(0), &new.recipients[0].address));
    assert_eq!((&first.reverse_path, first.notify), (&new.reverse_path, Notify::DEFAULT));
    assert_eq!((first.attempts, first.account, &first.file_into), (0, None, &None));
    let expected = &new.recipients[1];
    assert_eq!(second.original, expected.original);
    assert_eq!(Some(&second.reverse_path), expected.reverse_path.as_ref());
    assert_eq!((second.notify, second.account), (expected.notify, expected.account));
    assert_eq!((&second.file_into, &second.head), (&expected.file_into, &expected.head));
}

#[tokio::test]
async fn contents_of_all_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let sizes = [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, 300_000, 1_000_000];
    let content = |size: usize| (0..size).map(|n| (n % 251) as u8).collect::<Vec<u8>>();
    for size in sizes {
        enqueue(&queue, entry(&["a@here.test"]), &content(size), START).await.unwrap();
    }
    // In one piece, larger than every buffer.
    let mut draft = queue.draft();
    draft.write(&content(900_000)).await.unwrap();
    assert_eq!(draft.len(), 900_000);
    queue.enqueue(entry(&["a@here.test"]), draft, START).await.unwrap();
    assert_eq!(spool(folder.path()).len(), 4);

    let consumer = consumer(&queue, Consumes::Local).await;
    let leases = lease(&consumer, START).await;
    let mut found = Vec::new();
    for lease in &leases {
        let octets = octets(&lease.entry.content).await;
        assert_eq!(octets, content(octets.len()));
        let inline = matches!(lease.entry.content, Content::Bytes(_));
        assert_eq!(inline, octets.len() <= INLINE_LIMIT);
        found.push(octets.len());
    }
    found.sort_unstable();
    assert_eq!(found, [0, 1, 1000, 1001, 300_000, 900_000, 1_000_000]);
    let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
    assert_eq!(settle(&consumer, ends, START).await.settled, 7);
    assert!(spool(folder.path()).is_empty());
    assert!(queue.list(&Default::default(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_draft_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut draft = queue.draft();
    draft.write(&[b'x'; 600_000]).await.unwrap();
    assert_eq!(spool(folder.path()).len(), 1);
    let sealed = draft.seal().await.unwrap();
    // Unlinked on a blocking thread: another one that is begun later may still be earlier.
    drop(sealed);
    while !spool(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let error = enqueue(&queue, entry(&[]), b"x", START).await.unwrap_err();
    assert!(matches!(error, message_queue::QueueError::NoRecipient));
}

#[tokio::test]
async fn each_recipient_has_its_own_end() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let to_all = ["a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@y.test", "f@here.test"];
    let id = enqueue(&queue, entry(&to_all), &[b'x'; 5000], START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let mut leases = lease(&remote, START).await;
    leases.sort_by_key(to);
    assert_eq!(
        leases.iter().map(to).collect::<Vec<_>>(),
        [vec!["a@x.test", "b@x.test", "c@x.test", "d@x.test"], vec!["e@y.test"]]
    );
    assert!(lease(&remote, START).await.is_empty(), "leased twice");

    let mut first = Settlement::of(leases.remove(0));
    first.recipient(RecipientNumber(0), delivered(), None);
    first.recipient(RecipientNumber(1), deferred("come back"), Some(after(5)));
    first.recipient(RecipientNumber(2), failed("no such"), None);
    // Nothing is said of the fourth: it waits as before.
    let settled =
        settle(&remote, vec![first, all(leases.remove(0), &delivered(), None)], START).await;
    assert_eq!((settled.settled, settled.superseded), (5, 0));

    let leases = lease(&remote, START).await;
    assert_eq!(leases.iter().map(to).collect::<Vec<_>>(), [["d@x.test"]]);
    assert_eq!(leases[0].recipients[0].attempts, 0);
    settle(&remote, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), START).await;

    let nothing = remote.lease(&room(9), after(4)).await.unwrap();
    assert!(nothing.leases.is_empty());
    assert_eq!(nothing.next_due, Some(after(5)));
    let leases = lease(&remote, after(5)).await;
    let last = &leases[0].recipients[0];
    assert_eq!((last.attempts, last.last_problem.as_deref()), (1, Some("4.4.1 come back")));
    settle(&remote, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), after(5))
        .await;

    // The local one is open, so is the entry.
    assert!(queue.show(id).await.unwrap().is_some());
    assert_eq!(spool(folder.path()).len(), 1);
    let local = consumer(&queue, Consumes::Local).await;
    let leases = lease(&local, after(6)).await;
    assert_eq!(octets(&leases[0].entry.content).await.len(), 5000);
    settle(&local, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), after(6))
        .await;
    assert!(queue.show(id).await.unwrap().is_none());
    assert!(spool(folder.path()).is_empty());
}

#[tokio::test]
async fn settle_and_lease_in_one_go() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    for n in 0..10 {
        let content = format!("{n}");
        enqueue(&queue, entry(&["a@here.test"]), content.as_bytes(), after(n)).await.unwrap();
    }
    let consumer = consumer(&queue, Consumes::Local).await;
    let (mut settlements, mut seen) = (Vec::new(), Vec::new());
    loop {
        let (_, leased) =
            consumer.settle_and_lease(&mut settlements, &room(3), after(60)).await.unwrap();
        assert!(settlements.is_empty() && leased.leases.len() <= 3);
        if leased.leases.is_empty() {
            assert_eq!(leased.next_due, None);
            break;
        }
        for lease in leased.leases {
            seen.push(String::from_utf8(octets(&lease.entry.content).await).unwrap());
            settlements.push(all(lease, &delivered(), None));
        }
    }
    assert_eq!(seen.len(), 10);
    // Within a batch the order is free, between batches the oldest come first.
    assert!(seen[..3].iter().all(|n| n.as_str() < "3"), "{seen:?}");
}

#[tokio::test]
async fn lanes_have_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    for n in 0..5 {
        for lane in ["x", "y", "z"] {
            let address = format!("a{n}@{lane}.test");
            enqueue(&queue, entry(&[&address]), b"", START).await.unwrap();
        }
    }
    let remote = consumer(&queue, Consumes::Remote).await;
    let lane = |name: &str| Lane::Remote(mail_types::Domain::parse(name).unwrap());
    let request = LeaseRequest { per_lane_max: 2, except: vec![lane("y.test")], ..room(100) };
    let leased = remote.lease(&request, START).await.unwrap();
    let of = |name: &str| leased.leases.iter().filter(|lease| lease.lane == lane(name)).count();
    assert_eq!((of("x.test"), of("y.test"), of("z.test")), (2, 0, 2));
    // What had no room is due.
    assert_eq!(leased.next_due, Some(START));
    let request = LeaseRequest { per_lane_max: 3, ..room(4) };
    assert_eq!(remote.lease(&request, START).await.unwrap().leases.len(), 4);
}

#[tokio::test]
async fn later_is_not_now_and_held_is_not_ever() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["now@x.test", "later@x.test", "held@x.test"]);
    new.recipients[1].not_before = Some(after(10));
    new.recipients[2].held = Some("the demo sends nothing".to_owned());
    enqueue(&queue, new, b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let leased = remote.lease(&room(9), START).await.unwrap();
    assert_eq!(leased.leases.iter().flat_map(to).collect::<Vec<_>>(), ["now@x.test"]);
    assert_eq!(leased.next_due, Some(after(10)));
    let leases = lease(&remote, after(10)).await;
    assert_eq!(leases.iter().flat_map(to).collect::<Vec<_>>(), ["later@x.test"]);
    assert_eq!(remote.lease(&room(9), after(100_000)).await.unwrap().next_due, None);
}

#[tokio::test]
async fn a_message_rings_for_those_it_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let local = consumer(&queue, Consumes::Local).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    enqueue(&queue, entry(&["a@here.test"]), b"", START).await.unwrap();
    local.wait(Duration::from_secs(3600)).await;
    // The ring is sent before enqueue returns: it would be here by now.
    let quiet = tokio::time::timeout(Duration::ZERO, remote.wait(Duration::from_secs(3600))).await;
    assert!(quiet.is_err(), "a local message woke the remote consumer");
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    remote.wait(Duration::from_secs(3600)).await;
}

#[tokio::test]
async fn a_full_disk_is_noticed_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let real = queue(folder.path()).await;
    assert!(real.has_room());
    let options = message_queue::QueueOptions { room_min: u64::MAX, ..options(folder.path()) };
    let full = message_queue::Queue::open(options, stable_storage::Files::real()).await.unwrap();
    assert!(!full.has_room());
}

#[tokio::test]
async fn what_is_given_back_untried_waits_and_counts_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let id = enqueue(&queue, entry(&["a@here.test", "b@here.test"]), b"x", START).await.unwrap();
    let consumer = consumer(&queue, Consumes::Local).await;
    let lease_of_both = lease(&consumer, START).await.pop().unwrap();
    let mut settlement = Settlement::of(lease_of_both);
    settlement.recipient(RecipientNumber(0), delivered(), None);
    settlement.later(RecipientNumber(1), after(5));
    assert_eq!(settle(&consumer, vec![settlement], START).await.settled, 2);
    assert!(lease(&consumer, after(4)).await.is_empty());
    let again = lease(&consumer, after(5)).await.pop().unwrap();
    assert_eq!((again.recipients.len(), again.recipients[0].attempts), (1, 0));
    let trace = message_queue::operator::Trace::Id(id);
    let events = queue.trace(&trace, 1).await.unwrap().remove(0).events;
    assert_eq!(events.iter().filter(|e| e.recipient == Some(RecipientNumber(1))).count(), 1);
}
