//! What senders set times for: by when it is to be delivered (RFC 2852), from when it may leave
//! (RFC 4865); and the postmaster, who hears of what nobody else can.

use std::time::Duration;

use mail_types::{
    Address, DeliverBy, Domain, EnhancedStatus, Handling, Late, Notify, Outcome, Problem,
    ReversePath, Scope, Timestamp,
};
use message_queue::{
    Consumer, Consumes, LateIn, Lateness, Lease, NewEntry, NewRecipient, Queue,
    conclude::{Ended, Policy, RouteNotification, conclude},
    operator::{Destination, Filter, RecipientSummary, State},
    report::Notices,
    retry::Schedule,
};
use mime_core::report::Language;

use sqlx::Connection as _;

use crate::story::*;

struct Routes;

impl RouteNotification for Routes {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        Ok(vec![recipient(&format!("{}@here.test", to.local()))])
    }

    async fn postmaster(&self) -> Result<Vec<NewRecipient>, String> {
        Ok(vec![recipient("postmaster@here.test")])
    }

    fn languages(&self, to: &Address) -> Option<&'static [Language]> {
        (to.domain().as_str() == "korea.test").then_some(&[Language::Korean])
    }
}

/// The first retry is after an hour, delays are told after four, and it is given up after ten.
fn policy() -> Policy {
    let hours = |count: u64| Duration::from_secs(3600 * count);
    Policy {
        schedule: Schedule { first: hours(1), give_up_after: hours(10), ..Schedule::default() },
        delay_notice_after: hours(4),
        notices: Notices { double_bounces: true, ..Notices::default() },
    }
}

/// Concludes a lease with the same outcome for everybody, or untried.
async fn end(queue: &Queue, by: &Consumer, lease: Lease, outcome: Option<&Outcome>, at: Timestamp) {
    let ended = |number| {
        outcome.map(|outcome| Ended { number, outcome: outcome.clone(), on_success: None })
    };
    let ended = lease.recipients.iter().filter_map(|recipient| ended(recipient.number)).collect();
    let host = Domain::parse("mail.here.test").unwrap();
    let settlement = conclude(queue, lease, ended, &policy(), &host, at, &Routes).await;
    settle(by, vec![settlement], at).await;
}

/// The texts of the notifications that are there by now, which are taken.
async fn notifications(queue: &Queue, at: Timestamp) -> Vec<String> {
    let local = consumer(queue, Consumes::Local).await;
    let leases = lease(&local, at).await;
    let mut texts = Vec::new();
    for lease in leases {
        texts.push(String::from_utf8(octets(&lease.entry.content).await).unwrap());
        settle(&local, vec![all(lease, &delivered(), None)], at).await;
    }
    texts
}

fn by(seconds: i64, late: Late) -> NewEntry {
    let at = Timestamp::from_millis(START.millis() + seconds * 1000);
    let deliver_by = Some(DeliverBy { at, late, trace: false });
    NewEntry { handling: Handling { deliver_by, ..Handling::default() }, ..entry(&["a@x.test"]) }
}

fn unreachable() -> Outcome {
    let status = EnhancedStatus::new(4, 4, 1);
    Outcome::Deferred(Problem::new(status, Scope::Recipient, "nobody answers"))
}

#[tokio::test]
async fn what_must_be_returned_in_time_is() {
    // RFC 2852 §4.1.3
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let first = lease(&remote, START).await.remove(0);
    assert_eq!(first.lateness(START), Lateness::InTime);
    end(&queue, &remote, first, Some(&unreachable()), START).await;
    assert!(lease(&remote, after(9)).await.is_empty());
    // Long before the schedule's next attempt, and without one.
    let over = lease(&remote, after(10)).await.remove(0);
    let Lateness::Over(outcome) = over.lateness(after(10)) else { panic!("still tried") };
    end(&queue, &remote, over, Some(&outcome), after(10)).await;
    let [told] = &notifications(&queue, after(10)).await[..] else { panic!("nobody is told") };
    for expected in [
        "Action: failed",
        "Status: 5.4.7",
        "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Deliver-By-Date: Tue, 14 Nov 2023 22:23:20 +0000",
        "nobody answers",
    ] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
}

#[tokio::test]
async fn an_attempt_that_ends_too_late_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let first = lease(&remote, START).await.remove(0);
    end(&queue, &remote, first, Some(&unreachable()), after(11)).await;
    let [told] = &notifications(&queue, after(11)).await[..] else { panic!("nobody is told") };
    assert!(told.contains("Status: 5.4.7") && told.contains("nobody answers"), "{told}");
}

#[tokio::test]
async fn who_wants_to_know_is_told_when_the_time_is_over_and_it_goes_on() {
    // RFC 2852 §4.1.3
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, by(600, Late::Notify), b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let first = lease(&remote, START).await.remove(0);
    end(&queue, &remote, first, Some(&unreachable()), START).await;
    let late = lease(&remote, after(10)).await.remove(0);
    assert_eq!(late.lateness(after(10)), Lateness::Tell);
    end(&queue, &remote, late, None, after(10)).await;
    let [told] = &notifications(&queue, after(10)).await[..] else { panic!("nobody is told") };
    for expected in ["Action: delayed", "Status: 4.4.7", "Will-Retry-Until:", "Deliver-By-Date:"] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
    // It is due again at once, and nobody is told twice.
    let again = lease(&remote, after(10)).await.remove(0);
    assert_eq!((again.lateness(after(10)), again.recipients[0].attempts), (Lateness::InTime, 1));
    end(&queue, &remote, again, Some(&unreachable()), after(300)).await;
    assert!(notifications(&queue, after(300)).await.is_empty(), "the delay was told as well");
    let last = lease(&remote, after(900)).await.remove(0);
    end(&queue, &remote, last, Some(&unreachable()), after(900)).await;
    let [told] = &notifications(&queue, after(900)).await[..] else { panic!("never given up") };
    assert!(told.contains("Action: failed"), "{told}");
}

#[tokio::test]
async fn who_is_told_that_it_is_late() {
    let rows = [
        // What was late when it came is told by whoever handed it on (RFC 2852 §4).
        (-5, Notify::DEFAULT, 0),
        (0, Notify::DEFAULT, 0),
        (600, Notify::NEVER, 0),
        (600, Notify { success: true, failure: true, delay: false }, 0),
        (600, Notify { success: false, failure: false, delay: true }, 1),
    ];
    for (seconds, notify, told) in rows {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let mut new = by(seconds, Late::Notify);
        new.recipients[0].notify = notify;
        enqueue(&queue, new, b"", START).await.unwrap();
        let remote = consumer(&queue, Consumes::Remote).await;
        let mut attempts = 0;
        for minutes in [0, 10, 10, 11] {
            for lease in lease(&remote, after(minutes)).await {
                let outcome = unreachable();
                let tried = lease.lateness(after(minutes)) == Lateness::InTime;
                attempts += u32::from(tried);
                end(&queue, &remote, lease, tried.then_some(&outcome), after(minutes)).await;
            }
        }
        let there = notifications(&queue, after(11)).await.len();
        assert_eq!(there, told, "{seconds} seconds, {notify:?}");
        assert!((1..=2).contains(&attempts), "{attempts} attempts");
    }
}

#[tokio::test]
async fn what_is_held_for_its_sender_has_its_time_from_then_on() {
    // RFC 4865 §4.2
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["a@x.test"]);
    new.handling.hold_request = Some("for;36000".into());
    new.recipients[0].not_before = Some(after(600));
    enqueue(&queue, new, b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    assert!(lease(&remote, after(599)).await.is_empty());
    let first = lease(&remote, after(600)).await.remove(0);
    assert_eq!(first.recipients[0].since, after(600));
    end(&queue, &remote, first, Some(&unreachable()), after(600)).await;
    assert!(notifications(&queue, after(600)).await.is_empty(), "it is not late, nor given up");
    let late = lease(&remote, after(900)).await.remove(0);
    end(&queue, &remote, late, Some(&unreachable()), after(900)).await;
    let [told] = &notifications(&queue, after(900)).await[..] else { panic!("nobody is told") };
    assert!(told.contains("Action: delayed"), "{told}");
    // RFC 4865 §5.1.2
    assert!(told.contains("Future-Release-Request: for;36000\r\n"), "{told}");
}

#[tokio::test]
async fn the_postmaster_hears_of_what_has_no_sender_and_no_more_than_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let bounce = NewEntry { reverse_path: ReversePath::Null, ..entry(&["gone@x.test"]) };
    enqueue(&queue, bounce, b"Subject: a notification\r\n\r\n", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let lost = lease(&remote, START).await.remove(0);
    end(&queue, &remote, lost, Some(&failed("no such mailbox")), START).await;
    let local = consumer(&queue, Consumes::Local).await;
    let told = lease(&local, START).await.remove(0);
    assert_eq!(to(&told), ["postmaster@here.test"]);
    assert_eq!(told.entry.reverse_path, ReversePath::Null);
    let text = String::from_utf8(octets(&told.entry.content).await).unwrap();
    assert!(text.contains("To: <postmaster@mail.here.test>"), "{text}");
    assert!(text.contains("Subject: a notification"), "{text}");
    // If even that fails, nobody is left.
    end(&queue, &local, told, Some(&failed("no such mailbox")), START).await;
    assert!(notifications(&queue, START).await.is_empty());
}

/// Ends what is late of other servers' lanes, and of what is held for these reasons.
async fn end_late(queue: &Queue, held_for: &[&str], at: Timestamp) -> u64 {
    let host = Domain::parse("mail.here.test").unwrap();
    let held_for: Vec<String> = held_for.iter().map(|reason| (*reason).to_owned()).collect();
    let which = LateIn { consumes: Consumes::Remote, held_for: &held_for };
    queue.end_late(which, &policy(), &host, &Routes, at).await.unwrap()
}

async fn recipients(queue: &Queue) -> Vec<RecipientSummary> {
    let all = queue.list(&Filter::default(), None, 100).await.unwrap();
    all.into_iter().flat_map(|one| one.recipients).filter(|one| one.lane != "local").collect()
}

#[tokio::test]
async fn a_pause_keeps_no_delivery_time() {
    // RFC 2852 §4.1.3: neither for what was never tried, nor for what waits for its next attempt.
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    let tried = lease(&remote, START).await.remove(0);
    end(&queue, &remote, tried, Some(&unreachable()), START).await;
    enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    enqueue(&queue, by(600, Late::Notify), b"", START).await.unwrap();
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    let x = Destination::parse("x.test").unwrap();
    queue.pause(&x, "they move", START).await.unwrap();
    assert_eq!(end_late(&queue, &[], after(9)).await, 0);
    assert!(lease(&remote, after(10)).await.is_empty());
    assert_eq!(end_late(&queue, &[], after(10)).await, 3);
    let told = notifications(&queue, after(10)).await;
    let count = |what: &str| told.iter().filter(|text| text.contains(what)).count();
    assert_eq!((count("Status: 5.4.7"), count("Status: 4.4.7"), told.len()), (2, 1, 3));
    assert_eq!(count("nobody answers"), 1, "{told:?}");
    let left = recipients(&queue).await;
    assert!(left.iter().all(|one| one.state == State::Waiting && one.attempts == 0), "{left:?}");
    assert_eq!(left.len(), 2);
    assert_eq!(end_late(&queue, &[], after(11)).await, 0, "nobody is told twice");
    queue.resume(&x).await.unwrap();
    assert_eq!(lease(&remote, after(11)).await.len(), 2);
}

#[tokio::test]
async fn what_a_route_holds_has_its_time_and_what_the_operator_holds_waits_for_him() {
    // RFC 2852 §4.1.3
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    for (late, reason) in [
        (Late::Return, "until ETRN"),
        (Late::Notify, "until ETRN"),
        (Late::Return, "let me look at that"),
    ] {
        let mut new = by(600, late);
        new.recipients[0].held = Some(reason.to_owned());
        enqueue(&queue, new, b"", START).await.unwrap();
    }
    assert_eq!(end_late(&queue, &["until ETRN"], after(10)).await, 2);
    let left = recipients(&queue).await;
    assert!(left.len() == 2 && left.iter().all(|one| one.state == State::Held), "{left:?}");
    assert_eq!(notifications(&queue, after(10)).await.len(), 2);
    assert_eq!(end_late(&queue, &["until ETRN"], after(11)).await, 0);
    // His time counts when it is released.
    queue.release(&Filter::default(), after(12)).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let leases = lease(&remote, after(12)).await;
    let over = |lease: &&Lease| matches!(lease.lateness(after(12)), Lateness::Over(_));
    assert_eq!((leases.len(), leases.iter().filter(over).count()), (2, 1));
}

#[tokio::test]
async fn damage_and_those_who_are_at_work_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    let under_way = lease(&remote, START).await;
    for _ in 0..3 {
        enqueue(&queue, by(600, Late::Return), b"", START).await.unwrap();
    }
    let damage = "update entry set facts = '{\"deliver_by\":{' || facts
                  where id = (select max(entry) from recipient where state = 0)";
    let path = folder.path().join("queue.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(damage).execute(&mut other).await.unwrap();
    assert_eq!(end_late(&queue, &[], after(10)).await, 2, "all but the leased and the broken one");
    assert_eq!(recipients(&queue).await.len(), 2);
    drop(under_way);
}

#[tokio::test]
async fn a_sender_is_told_in_his_own_language() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    for (sender, korean) in [("kim@korea.test", true), ("sender@there.test", false)] {
        let mut new = entry(&["gone@x.test"]);
        new.reverse_path = ReversePath::Address(address(sender));
        enqueue(&queue, new, b"", START).await.unwrap();
        let lost = lease(&remote, START).await.remove(0);
        end(&queue, &remote, lost, Some(&failed("no such mailbox")), START).await;
        let [told] = &notifications(&queue, START).await[..] else { panic!("nobody is told") };
        assert_eq!(told.to_lowercase().contains("subject: =?utf-8?"), korean, "{told}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_given_up_all_the_same() {
    // RFC 3464 §2: the original is optional.
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut new = entry(&["gone@x.test"]);
    new.ret = Some(mail_types::DsnReturn::Full);
    enqueue(&queue, new, &[b'x'; 3000], START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let lost = lease(&remote, START).await.remove(0);
    let mut folders = std::fs::read_dir(folder.path().join("spool")).unwrap();
    let file = folders.find_map(|one| std::fs::read_dir(one.unwrap().path()).unwrap().next());
    std::fs::OpenOptions::new()
        .write(true)
        .open(file.unwrap().unwrap().path())
        .unwrap()
        .set_len(9)
        .unwrap();
    end(&queue, &remote, lost, Some(&failed("no such mailbox")), START).await;
    let [told] = &notifications(&queue, START).await[..] else { panic!("nobody is told") };
    assert!(told.contains("Action: failed") && told.contains("Status: 5.1.1"), "{told}");
}
