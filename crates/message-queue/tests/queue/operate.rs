//! What the operator changes: redirected, given up, counted, chosen in every way.

use mail_types::{Domain, Lane, Notify, OriginalRecipient, QueueId, ReversePath};
use message_queue::{
    Consumes, NewRecipient, Queue,
    conclude::RouteNotification,
    operator::{Bounced, Filter, GiveUp, GroupBy, State, Trace},
};

use crate::story::*;

struct Routes(Result<Vec<NewRecipient>, String>);

impl RouteNotification for Routes {
    async fn route(&self, _: &mail_types::Address) -> Result<Vec<NewRecipient>, String> {
        self.0.clone()
    }
}

fn of(id: QueueId) -> Filter {
    Filter { id: Some(id), ..Filter::default() }
}

async fn events(queue: &Queue, id: QueueId) -> Vec<String> {
    let journey = queue.trace(&Trace::Id(id), 1).await.unwrap().remove(0);
    let event = |event: &message_queue::operator::Event| {
        let words = [Some(event.what), event.address.as_deref(), event.detail.as_deref()];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    journey.events.iter().map(event).collect()
}

async fn states(queue: &Queue, id: QueueId) -> Vec<(String, State)> {
    let shown = queue.show(id).await.unwrap();
    let all = shown.into_iter().flat_map(|entry| entry.recipients);
    all.map(|one| (one.address, one.state)).collect()
}

#[tokio::test]
async fn filters_choose_by_age_reason_and_domain() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let mut new = entry(&[&format!("b{n}@x.test"), &format!("c@y{n}.test")]);
        new.reverse_path = ReversePath::Address(address(&format!("s@from{}.test", n % 2)));
        if n == 3 {
            new.recipients[1].held = Some("Looks like SPAM to us".to_owned());
        }
        ids.push(enqueue(&queue, new, b"12345", after(n)).await.unwrap());
    }
    let filter = Filter::default();
    let rows = [
        (Filter { queued_before: Some(after(2)), ..filter.clone() }, vec![0, 1]),
        (Filter { reason: Some("like spam".to_owned()), ..filter.clone() }, vec![3]),
        (Filter { reason: Some("%".to_owned()), ..filter.clone() }, vec![]),
        (
            Filter { reason: Some("like spam".to_owned()), whole_reason: true, ..filter.clone() },
            vec![],
        ),
        (Filter { address: Some("@Y2.test".to_owned()), ..filter.clone() }, vec![2]),
        (Filter { address: Some("@x.test".to_owned()), ..filter.clone() }, vec![0, 1, 2, 3]),
        (Filter { sender: Some("@from1.test".to_owned()), ..filter.clone() }, vec![1, 3]),
        (
            Filter {
                sender: Some("s@from1.test".to_owned()),
                queued_before: Some(after(3)),
                lane: Lane::parse("x.test").ok(),
                ..filter.clone()
            },
            vec![1],
        ),
        (Filter { lane: Lane::parse("y3.test").ok(), ..filter.clone() }, vec![3]),
        (Filter { state: Some(State::Delivered), ..filter }, vec![]),
    ];
    for (filter, expected) in rows {
        let found = queue.list(&filter, None, 100).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|one| one.id).collect();
        let expected: Vec<String> = expected.iter().map(|n: &usize| ids[*n].to_string()).collect();
        assert_eq!(found, expected, "{filter:?}");
        // Whoever is listed is who is changed.
        let waiting = Filter { state: filter.state.or(Some(State::Waiting)), ..filter.clone() };
        let listed = queue.list(&waiting, None, 100).await.unwrap().len();
        let held = queue.hold(&waiting, "again", after(9)).await.unwrap();
        assert!((held > 0) == (listed > 0), "{filter:?}: {held} of {listed}");
        if filter.reason.is_none() {
            let held =
                Filter { state: Some(State::Held), reason: Some("again".to_owned()), ..filter };
            queue.release(&held, after(9)).await.unwrap();
        }
    }
}

/// A lane of more recipients than are sorted at a time goes by pages all the same.
#[tokio::test]
async fn a_large_lane_is_paged_whole() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let many: Vec<String> = (0..300).map(|n| format!("a{n}@x.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for n in 0..8 {
        let mut all = many.clone();
        all.push("b@y.test");
        enqueue(&queue, entry(&all), b"", after(n)).await.unwrap();
    }
    for (lane, recipients) in [("x.test", 2400), ("y.test", 8)] {
        let filter = Filter { lane: Lane::parse(lane).ok(), ..Filter::default() };
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = queue.list(&filter, after.as_deref(), 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            seen.extend(page.into_iter().map(|one| one.id));
        }
        assert_eq!(seen.len(), 8);
        assert!(seen.is_sorted());
        assert_eq!(queue.hold(&filter, "x", START).await.unwrap(), recipients);
    }
    assert_eq!(queue.counts().await.unwrap().remote.held, 2408);
}

#[tokio::test]
async fn a_redirected_message_reaches_each_address_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["a@x.test", "b@x.test", "c@y.test", "dora@here.test"]);
    new.recipients[0].notify = Notify::NEVER;
    new.recipients[1].held = Some("waits".to_owned());
    let id = enqueue(&queue, new, &[b'x'; 5000], START).await.unwrap();
    // One is under way: it stays.
    let remote = consumer(&queue, Consumes::Remote).await;
    let y = Filter { lane: Lane::parse("y.test").ok(), ..of(id) };
    queue.hold(&Filter { lane: Lane::parse("x.test").ok(), ..of(id) }, "x", START).await.unwrap();
    let under_way = lease(&remote, START).await;
    assert_eq!(queue.redirect(&y, "z", &[recipient("z@z.test")], START).await.unwrap(), 0);

    // Two become one, beside what dora gets anyway.
    let targets = [recipient("E@z.test"), recipient("DORA@here.test")];
    let x = Filter { lane: Lane::parse("x.test").ok(), ..of(id) };
    assert_eq!(queue.redirect(&x, "team@z.test", &targets, after(1)).await.unwrap(), 2);
    let expected = [
        ("a@x.test", State::Redirected),
        ("b@x.test", State::Redirected),
        ("c@y.test", State::Leased),
        ("dora@here.test", State::Waiting),
        ("E@z.test", State::Waiting),
    ];
    let expected = expected.map(|(address, state)| (address.to_owned(), state));
    assert_eq!(states(&queue, id).await, expected);
    let told = events(&queue, id).await;
    assert!(told.contains(&"redirected a@x.test redirected to team@z.test".to_owned()), "{told:?}");
    assert!(told.contains(&"queued E@z.test for smtp-relay, lane @z.test".to_owned()), "{told:?}");
    assert_eq!(queue.trace(&Trace::Address("e@z.test".to_owned()), 9).await.unwrap().len(), 1);

    remote.wait(std::time::Duration::from_secs(3600)).await;
    let mut leases = lease(&remote, after(1)).await;
    assert_eq!(leases.len(), 1, "x.test is left");
    let lease = leases.remove(0);
    let redirected = &lease.recipients[0];
    assert_eq!((redirected.notify, redirected.attempts), (Notify::NEVER, 0));
    assert_eq!(redirected.original, OriginalRecipient::new("rfc822", "a@x.test").ok());
    let settlements = under_way.into_iter().chain([lease]).map(|one| all(one, &delivered(), None));
    settle(&remote, settlements.collect(), after(2)).await;

    // What was delivered is not delivered again; then nobody is left but those who have it.
    let dora = Filter { lane: Some(Lane::Local), ..of(id) };
    assert_eq!(queue.redirect(&dora, "e", &[recipient("e@z.test")], after(3)).await.unwrap(), 1);
    assert!(queue.show(id).await.unwrap().is_none());
    assert!(spool(folder.path()).is_empty());
}

#[tokio::test]
async fn what_is_given_up_fails_with_the_reason_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["a@x.test", "b@y.test", "c@y.test", "d@z.test"]);
    new.recipients[1].held = Some("waits".to_owned());
    new.recipients[2].notify = Notify::NEVER;
    let content = b"Subject: hello\r\n\r\nBody\r\n";
    let id = enqueue(&queue, new, content, START).await.unwrap();
    let mut silent = entry(&["e@x.test"]);
    silent.reverse_path = ReversePath::Null;
    let silent = enqueue(&queue, silent, content, START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let z = Filter { lane: Lane::parse("z.test").ok(), ..of(id) };
    queue.hold(&z, "stays", START).await.unwrap();

    let host = Domain::parse("mail.here.test").unwrap();
    let give_up = GiveUp { reason: "nobody wants this", reporting_mta: &host };
    let not_z = |queue: &Queue| {
        let queue = queue.clone();
        async move {
            let mut sum = Bounced::default();
            for lane in ["x.test", "y.test"] {
                let filter = Filter { lane: Lane::parse(lane).ok(), ..Filter::default() };
                let routes = Routes(Ok(vec![recipient("sender@here.test")]));
                let host = Domain::parse("mail.here.test").unwrap();
                let give_up = GiveUp { reason: "nobody wants this", reporting_mta: &host };
                let done = queue.bounce(&filter, give_up, &routes, after(1)).await.unwrap();
                sum.recipients += done.recipients;
                sum.notifications += done.notifications;
            }
            sum
        }
    };
    // Nobody can be told: nothing is changed.
    let ill = Routes(Err("ill".to_owned()));
    let error = queue.bounce(&of(id), give_up, &ill, after(1)).await.unwrap_err();
    assert!(error.to_string().contains("sender@there.test leads: ill"), "{error}");
    assert!(states(&queue, id).await.iter().all(|(_, state)| state.is_open()));

    let done = not_z(&queue).await;
    assert_eq!((done.recipients, done.notifications), (4, 2));
    assert!(queue.show(silent).await.unwrap().is_none());
    let open: Vec<_> =
        states(&queue, id).await.into_iter().filter(|(_, state)| state.is_open()).collect();
    assert_eq!(open, [("d@z.test".to_owned(), State::Held)]);
    let told = events(&queue, id).await;
    let failed = "failed a@x.test 5.0.0 returned by the operator: nobody wants this";
    assert!(told.contains(&failed.to_owned()), "{told:?}");
    assert!(told.iter().any(|event| event.starts_with("notified")), "{told:?}");

    let local = consumer(&queue, Consumes::Local).await;
    let notifications = lease(&local, after(1)).await;
    assert_eq!(notifications.len(), 2);
    let text = String::from_utf8(octets(&notifications[0].entry.content).await).unwrap();
    assert!(text.contains("nobody wants this") && text.contains("Status: 5.0.0"), "{text}");
    assert!(text.contains("Final-Recipient: rfc822; a@x.test"), "{text}");
    assert!(lease(&remote, after(99)).await.is_empty(), "its lanes have nothing left");
    // One notification for all that is given up of a message at once.
    let id = enqueue(&queue, entry(&["a@x.test", "b@y.test"]), content, START).await.unwrap();
    let routes = Routes(Ok(vec![recipient("sender@here.test")]));
    let done = queue.bounce(&of(id), give_up, &routes, after(2)).await.unwrap();
    assert_eq!((done.recipients, done.notifications, done.unreadable.len()), (2, 1, 0));
}

#[tokio::test]
async fn groups_tell_where_it_waits_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    for n in 0..3 {
        let new = entry(&["a@x.test", "b@x.test", &format!("c@y{n}.test"), "d@here.test"]);
        enqueue(&queue, new, b"", after(n)).await.unwrap();
    }
    let leases = lease(&remote, after(3)).await;
    let settlements = leases.into_iter().map(|one| {
        let text = format!("no answer from {}", one.lane);
        all(one, &deferred(&text), Some(after(60)))
    });
    settle(&remote, settlements.collect(), after(4)).await;
    let x = Filter { lane: Lane::parse("x.test").ok(), ..Filter::default() };
    queue
        .hold(&Filter { queued_before: Some(after(1)), ..x.clone() }, "odd", after(5))
        .await
        .unwrap();

    let groups = queue.groups(GroupBy::Destination, &Filter::default(), 2).await.unwrap();
    assert_eq!((groups.in_all, groups.largest.len()), (5, 2));
    let first = &groups.largest[0];
    assert_eq!((&first.name[..], first.counts.waiting, first.counts.held), ("@x.test", 4, 2));
    assert_eq!((first.oldest, first.next_at, first.attempts), (Some(START), Some(after(60)), 1));
    assert_eq!(first.problem.as_deref(), Some("4.4.1 no answer from @x.test"));
    assert_eq!(
        (&groups.largest[1].name[..], groups.largest[1].problem.as_deref()),
        ("local", None)
    );

    let senders = queue.groups(GroupBy::Sender, &Filter::default(), 9).await.unwrap();
    assert_eq!((senders.in_all, &senders.largest[0].name[..]), (1, "sender@there.test"));
    assert_eq!((senders.largest[0].counts.all(), senders.largest[0].destinations), (12, 5));

    let reasons = queue.groups(GroupBy::Reason, &x, 9).await.unwrap();
    let names: Vec<&str> = reasons.largest.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["4.4.1 no answer from @x.test", "odd"]);

    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.local.waiting, counts.remote.waiting, counts.remote.held), (3, 7, 2));
}

#[tokio::test]
async fn what_happened_since_the_last_look_is_counted_by_domain() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    let before = queue.pace(None).await.unwrap();
    assert!(before.happened.is_empty());
    enqueue(&queue, entry(&["\"a@b\"@X.test", "c@y.test"]), b"", START).await.unwrap();
    let leases = lease(&remote, START).await;
    settle(&remote, leases.into_iter().map(|one| all(one, &delivered(), None)).collect(), START)
        .await;
    let mut pace = queue.pace(Some(&before)).await.unwrap();
    pace.happened.sort();
    let expected = [
        ("@x.test", "delivered", 2),
        ("@x.test", "queued", 1),
        ("@y.test", "delivered", 1),
        ("@y.test", "queued", 1),
    ];
    assert_eq!(
        pace.happened,
        expected.map(|(domain, what, count)| (domain.to_owned(), what, count))
    );
    assert!(queue.pace(Some(&pace)).await.unwrap().happened.is_empty());
}
