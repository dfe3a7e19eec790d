//! Which events lie between two moments.

use super::*;

const ME: AccountId = AccountId(1);

fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

/// `id:name:messages:modseq` of each mailbox, behind a `+` what is subscribed.
fn moment(text: &str) -> Moment {
    let mut moment = Moment::default();
    for word in text.split_whitespace() {
        if let Some(subscribed) = word.strip_prefix('+') {
            moment.subscribed.insert(name(subscribed));
            continue;
        }
        let parts: Vec<&str> = word.split(':').collect();
        let number = |at: usize| parts.get(at).map_or(0, |text| text.parse().unwrap());
        let key = (ME, MailboxId(i64::from(number(0))));
        let seen = Seen {
            name: name(parts[1]),
            readable: true,
            uid_validity: UidValidity::MIN,
            uid_next: Uid::MIN,
            messages: number(2),
            unseen: 0,
            mod_seq: ModSeq(number(3).into()),
            notes: 0,
        };
        moment.mailboxes.insert(key, seen);
    }
    moment
}

fn all() -> Events {
    Events {
        messages: true,
        flags: true,
        names: true,
        subscriptions: true,
        metadata: true,
        server_metadata: true,
    }
}

fn group(mailboxes: NotifyMailboxes) -> EventGroup {
    EventGroup { mailboxes, events: all() }
}

fn told(events: &[Event]) -> String {
    let told = events.iter().map(|event| match event {
        Event::Messages((_, id)) => format!("messages {id}"),
        Event::Flags((_, id)) => format!("flags {id}"),
        Event::Name(name) => format!("name {name}"),
        Event::Renamed { from, to } => format!("{from} is {to}"),
        Event::Subscription(name) => format!("subscription {name}"),
        Event::Metadata((_, id), since) => format!("notes {id} since {since}"),
        Event::ServerMetadata(since) => format!("server since {since}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn what_happened() {
    let check = |mailboxes: NotifyMailboxes, before: &str, now: &str, expected: &str| {
        let events = events(&[group(mailboxes)], ME, &moment(before), &moment(now));
        assert_eq!(told(&events), expected, "{before} -> {now}");
    };
    let personal = || NotifyMailboxes::Personal;
    check(personal(), "1:INBOX:1:1", "1:INBOX:1:1", "");
    check(personal(), "1:INBOX:1:1", "1:INBOX:2:2", "messages 1");
    check(personal(), "1:INBOX:1:1", "1:INBOX:1:2", "flags 1");
    check(personal(), "1:INBOX", "1:INBOX 2:a/b", "name a, name a/b");
    check(personal(), "1:INBOX 2:a", "1:INBOX", "name a");
    check(personal(), "2:a 3:a/b", "2:x 3:x/b", "a is x");
    check(personal(), "2:a 3:a/b", "2:a 3:c", "a/b is c");
    check(personal(), "1:INBOX +INBOX", "1:INBOX +x", "subscription INBOX, subscription x");
    let subtree = || NotifyMailboxes::Subtree(vec![name("a")]);
    check(
        subtree(),
        "1:a:1:1 2:a/b:1:1 3:ab:1:1",
        "1:a:2:2 2:a/b:2:2 3:ab:2:2",
        "messages 1, messages 2",
    );
    check(subtree(), "1:b", "1:a/b", "b is a/b");
    let one = || NotifyMailboxes::Mailboxes(vec![name("a")]);
    check(one(), "1:a:1:1 2:a/b:1:1", "1:a:2:2 2:a/b:2:2", "messages 1");
    check(one(), "1:a", "1:a 2:a/b", "name a");
    check(NotifyMailboxes::Subscribed, "1:a:1:1 2:b:1:1 +b", "1:a:2:2 2:b:2:2 +b", "messages 2");
}

#[test]
fn only_what_is_asked_for() {
    let names = Events { names: true, ..Events::default() };
    let groups = [EventGroup { mailboxes: NotifyMailboxes::Personal, events: names }];
    let found = events(&groups, ME, &moment("1:a:1:1"), &moment("1:b:2:2 +b"));
    assert_eq!(told(&found), "a is b");
    assert_eq!(told(&events(&[], ME, &moment("1:a:1:1"), &moment("1:b:2:2"))), "");
    // Groups about the same mailbox add up (RFC 5465 §6).
    let messages = Events { messages: true, ..Events::default() };
    let more =
        EventGroup { mailboxes: NotifyMailboxes::Mailboxes(vec![name("b")]), events: messages };
    let groups = [groups[0].clone(), more];
    let found = events(&groups, ME, &moment("1:a:1:1"), &moment("1:b:2:2"));
    assert_eq!(told(&found), "a is b, messages 1");
}

#[test]
fn what_may_not_be_read_is_told_by_name_only() {
    let groups = [group(NotifyMailboxes::Personal)];
    let (before, mut now) = (moment("1:a:1:1"), moment("1:b:2:2"));
    for seen in now.mailboxes.values_mut() {
        seen.readable = false;
    }
    assert_eq!(told(&events(&groups, ME, &before, &now)), "a is b");
}

#[test]
fn own_doings() {
    let now = moment("1:a");
    let own = [name("a/b")];
    assert!(Event::Name(name("a/b")).is_own(&own, &now));
    assert!(Event::Name(name("a")).is_own(&own, &now), "above it");
    assert!(!Event::Name(name("c")).is_own(&own, &now));
    assert!(!Event::Messages((ME, MailboxId(1))).is_own(&[name("a")], &now));
}
