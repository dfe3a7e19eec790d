//! What the operator sees and does.

use mail_types::{Lane, QueueId, Reply};
use message_queue::{
    Consumes, Queue, Refusal,
    operator::{Filter, State, Trace},
};

use crate::story::*;

fn of(id: QueueId) -> Filter {
    Filter { id: Some(id), ..Filter::default() }
}

async fn ids(queue: &Queue, filter: &Filter) -> Vec<String> {
    let all = queue.list(filter, None, 100).await.unwrap();
    all.into_iter().map(|summary| summary.id).collect()
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut all_ids = Vec::new();
    for n in 0..5 {
        let mut new = entry(&["a@here.test", &format!("b{n}@X.test")]);
        if n == 3 {
            new.reverse_path = mail_types::ReversePath::Null;
            new.recipients[1].held = Some("waits".to_owned());
        }
        all_ids.push(enqueue(&queue, new, b"12345", after(n)).await.unwrap().to_string());
    }
    let lane = Lane::parse("@x.test").unwrap();
    let rows = [
        (Filter::default(), vec![0, 1, 2, 3, 4]),
        (Filter { lane: Some(lane), ..Filter::default() }, vec![0, 1, 2, 3, 4]),
        (Filter { lane: Lane::parse("@y.test").ok(), ..Filter::default() }, vec![]),
        (Filter { state: Some(State::Held), ..Filter::default() }, vec![3]),
        (Filter { address: Some("B2@x.test".to_owned()), ..Filter::default() }, vec![2]),
        (Filter { sender: Some(String::new()), ..Filter::default() }, vec![3]),
        (
            Filter {
                sender: Some("Sender@there.test".to_owned()),
                id: Some(all_ids[1].parse().unwrap()),
                ..Filter::default()
            },
            vec![1],
        ),
    ];
    for (filter, expected) in rows {
        let expected: Vec<String> = expected.iter().map(|n: &usize| all_ids[*n].clone()).collect();
        assert_eq!(ids(&queue, &filter).await, expected, "{filter:?}");
    }
    let page = queue.list(&Filter::default(), Some(&all_ids[1]), 2).await.unwrap();
    assert_eq!(page.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), &all_ids[2..4]);
    let shown = queue.show(all_ids[3].parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((shown.size, shown.queued_at, shown.recipients.len()), (5, after(3), 2));
    let held = &shown.recipients[1];
    assert_eq!((held.state, held.problem.as_deref()), (State::Held, Some("waits")));
    assert_eq!(held.lane, "@x.test");
    let content = queue.content(all_ids[0].parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(octets(&content).await, b"12345");
    assert!(queue.content(queue.new_id(START)).await.unwrap().is_none());
}

#[tokio::test]
async fn hold_release_retry_remove() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    let id = enqueue(&queue, entry(&["a@x.test"]), &[b'x'; 5000], START).await.unwrap();

    assert_eq!(queue.hold(&of(id), "looks odd", START).await.unwrap(), 1);
    assert_eq!(queue.hold(&of(id), "looks odd", START).await.unwrap(), 0);
    assert!(lease(&remote, after(1)).await.is_empty());
    assert_eq!(queue.counts().await.unwrap().remote.held, 1);

    assert_eq!(queue.release(&of(id), after(2)).await.unwrap(), 1);
    let leases = lease(&remote, after(2)).await;
    let settlements = leases.into_iter().map(|l| all(l, &deferred("later"), Some(after(90))));
    settle(&remote, settlements.collect(), after(2)).await;
    assert!(lease(&remote, after(3)).await.is_empty());

    assert_eq!(queue.retry(&of(id), after(4)).await.unwrap(), 1);
    assert_eq!(queue.retry(&of(id), after(4)).await.unwrap(), 0);
    let leases = lease(&remote, after(4)).await;
    assert_eq!(leases.len(), 1);
    // Being handed over: nothing can be done.
    assert_eq!(queue.remove(&of(id), after(4)).await.unwrap(), 0);
    let settlements = leases.into_iter().map(|l| all(l, &deferred("later"), Some(after(90))));
    settle(&remote, settlements.collect(), after(4)).await;

    assert_eq!(spool(folder.path()).len(), 1);
    assert_eq!(queue.remove(&Filter::default(), after(5)).await.unwrap(), 1);
    assert!(queue.show(id).await.unwrap().is_none());
    assert!(spool(folder.path()).is_empty());
    let journey = queue.trace(&Trace::Id(id), 1).await.unwrap().remove(0);
    let events: Vec<_> = journey.events.iter().map(|event| event.what).collect();
    assert_eq!(
        events,
        ["queued", "held", "released", "deferred", "retried", "deferred", "removed"]
    );
}

#[tokio::test]
async fn a_large_operation_is_done_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let many: Vec<String> = (0..1100).map(|n| format!("a{n}@x.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..2 {
        enqueue(&queue, entry(&many), b"", START).await.unwrap();
    }
    assert_eq!(queue.hold(&Filter::default(), "stop", START).await.unwrap(), 2200);
    assert_eq!(queue.release(&Filter::default(), START).await.unwrap(), 2200);
    assert_eq!(queue.counts().await.unwrap().remote.waiting, 2200);
    assert_eq!(queue.remove(&Filter::default(), START).await.unwrap(), 2200);
    assert_eq!(queue.counts().await.unwrap(), Default::default());
}

#[tokio::test]
async fn an_operation_wakes_the_consumers_it_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["a@x.test"]);
    new.recipients[0].held = Some("waits".to_owned());
    enqueue(&queue, new, b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    queue.release(&Filter::default(), START).await.unwrap();
    remote.wait(std::time::Duration::from_secs(3600)).await;
    assert_eq!(lease(&remote, START).await.len(), 1);
}

#[tokio::test]
async fn a_journey_is_found_by_id_message_id_and_address() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["Alice@here.test"]);
    new.message_id = Some("one@there.test".to_owned());
    let one = enqueue(&queue, new, b"123", START).await.unwrap();
    let two = enqueue(&queue, entry(&["bob@x.test"]), b"", after(1)).await.unwrap();
    let local = consumer(&queue, Consumes::Local).await;
    let leases = lease(&local, after(2)).await;
    settle(&local, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), after(2))
        .await;

    let rows = [
        (Trace::Id(one), vec![one]),
        (Trace::MessageId("one@there.test".to_owned()), vec![one]),
        (Trace::MessageId("two@there.test".to_owned()), vec![]),
        (Trace::Address("alice@here.test".to_owned()), vec![one]),
        (Trace::Address("bob@x.test".to_owned()), vec![two]),
        (Trace::Address("SENDER@there.test".to_owned()), vec![two, one]),
        (Trace::Address("nobody@x.test".to_owned()), vec![]),
    ];
    for (by, expected) in rows {
        let found = queue.trace(&by, 10).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|journey| journey.id).collect();
        assert_eq!(found, expected.iter().map(QueueId::to_string).collect::<Vec<_>>(), "{by:?}");
    }
    let journey = queue.trace(&Trace::Id(one), 1).await.unwrap().remove(0);
    assert_eq!(
        (journey.size, journey.queued_at, journey.sender.as_str()),
        (3, START, "sender@there.test")
    );
    assert_eq!(journey.origin.agent, "a test");
    let [queued, delivered] = &journey.events[..] else { panic!("{journey:?}") };
    assert_eq!((queued.what, queued.address.as_deref()), ("queued", Some("Alice@here.test")));
    assert_eq!((delivered.what, delivered.at), ("delivered", after(2)));
    assert_eq!(delivered.detail.as_deref(), Some("a test: 250 ok"));
}

#[tokio::test]
async fn a_journey_is_found_however_many_came_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["alice@here.test"]);
    new.message_id = Some("one@there.test".to_owned());
    let one = enqueue(&queue, new, b"", START).await.unwrap();
    let mut others = tokio::task::JoinSet::new();
    for n in 0..600 {
        let queue = queue.clone();
        others.spawn(async move {
            let mut new = entry(&["bob@x.test"]);
            new.reverse_path = mail_types::ReversePath::Address(address("carol@there.test"));
            new.message_id = Some(format!("{n}@there.test"));
            enqueue(&queue, new, b"", after(1)).await.unwrap()
        });
    }
    assert_eq!(others.join_all().await.len(), 600);
    for by in [
        Trace::MessageId("one@there.test".to_owned()),
        Trace::Address("alice@here.test".to_owned()),
        Trace::Address("sender@there.test".to_owned()),
    ] {
        let found = queue.trace(&by, 10).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|journey| journey.id).collect();
        assert_eq!(found, [one.to_string()], "{by:?}");
    }
    let last = queue.trace(&Trace::MessageId("599@there.test".to_owned()), 10).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(
        queue.trace(&Trace::Address("bob@x.test".to_owned()), 700).await.unwrap().len(),
        600
    );
}

#[tokio::test]
async fn old_events_go_a_little_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let many: Vec<String> = (0..1200).map(|n| format!("a{n}@x.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let old = enqueue(&queue, entry(&many), b"", START).await.unwrap();
    let month = 31 * 24 * 60;
    let new = enqueue(&queue, entry(&["b@x.test"]), b"", after(month)).await.unwrap();
    queue.maintain(after(month)).await.unwrap();
    assert!(queue.trace(&Trace::Id(old), 1).await.unwrap().is_empty());
    assert_eq!(queue.trace(&Trace::Id(new), 1).await.unwrap()[0].events.len(), 1);
    // The message itself is still there.
    assert!(queue.show(old).await.unwrap().is_some());
}

#[tokio::test]
async fn refusals_are_a_ring() {
    let folder = tempfile::tempdir().unwrap();
    let options = message_queue::QueueOptions { refusals_max: 20, ..options(folder.path()) };
    let queue = Queue::create(options, stable_storage::Files::real()).await.unwrap();
    for n in 0..50 {
        queue.note_refusal(Refusal {
            at: after(n),
            agent: "smtp-relay".to_owned(),
            peer: Some("192.0.2.1".to_owned()),
            sender: Some(String::new()),
            recipient: None,
            reply: Reply::new(550, None, format!("no {n}")),
        });
    }
    loop {
        let kept = queue.refusals(100).await.unwrap();
        if kept.len() < 20 {
            // They are gathered for a moment before they are written.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        }
        assert_eq!(kept.len(), 20);
        assert_eq!((kept[0].at, kept[0].reply.to_string().as_str()), (after(49), "550 no 49"));
        return;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut last = enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    // Something is always in the queue, and never the same for long.
    let busy = queue.clone();
    let changing = tokio::spawn(async move {
        loop {
            let next = enqueue(&busy, entry(&["a@x.test"]), b"", START).await.unwrap();
            busy.remove(&of(last), START).await.unwrap();
            last = next;
        }
    });
    for _ in 0..300 {
        assert!(!queue.list(&Filter::default(), None, 9).await.unwrap().is_empty());
    }
    changing.abort();
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_wrote_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let (month, years) = (31 * 24 * 60, 20 * 365 * 24 * 60);
    let many: Vec<String> = (0..600).map(|n| format!("a{n}@x.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ahead = enqueue(&queue, entry(&many), b"", after(years)).await.unwrap();
    let old = enqueue(&queue, entry(&["b@x.test"]), b"", START).await.unwrap();
    let new = enqueue(&queue, entry(&["c@x.test"]), b"", after(month)).await.unwrap();
    queue.maintain(after(month)).await.unwrap();
    for gone in [ahead, old] {
        assert!(queue.trace(&Trace::Id(gone), 1).await.unwrap().is_empty());
    }
    assert_eq!(queue.trace(&Trace::Id(new), 1).await.unwrap()[0].events.len(), 1);
}
