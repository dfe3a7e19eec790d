//! A list too long to be held at once is written in parts.

use std::{sync::Arc, time::Instant};

use conversation::{Machine, Peer, PeerFacts, Step, Wire};
use mail_types::{Domain, Uid, UidValidity};
use pop3_core::{Entry, Limits, Listing, Maildrop, Options, Question, Session};

const MESSAGES: u32 = 10_000;

/// A session whose client has just asked for the list.
fn asked_for_list() -> (Session, Wire, Listing) {
    let options = Options {
        hostname: Domain::parse("mx.example.org").unwrap(),
        stls: false,
        offers: sasl_core::Offers { all_on_loopback: true, ..sasl_core::Offers::passwords() },
        apop: false,
        expire_days: None,
        login_delay: std::time::Duration::ZERO,
        limits: Limits::default(),
    };
    let mut session = Session::new(Arc::new(options), 1);
    session.opened(&PeerFacts { peer: Peer::Unix { uid: 1 }, tls: None });
    let mut wire = Wire::default();
    wire.input.fill(b"USER a\r\nPASS a\r\n");
    let Step::Ask(Question::SignIn(ask)) = session.step(&mut wire, Instant::now()) else {
        panic!("no sign-in")
    };
    let entry = |n| Entry { uid: Uid::new(n).unwrap(), octets: 1000 };
    let maildrop = Maildrop::new(UidValidity::MIN, (1..=MESSAGES).map(entry));
    ask.welcome(&mut session, &mut wire, maildrop, None);
    wire.input.fill(b"LIST\r\n");
    let Step::Ask(Question::Listing(listing)) = session.step(&mut wire, Instant::now()) else {
        panic!("no listing")
    };
    wire.output.clear();
    (session, wire, listing)
}

#[test]
fn no_part_is_large_and_together_they_are_whole() {
    let (mut session, mut wire, listing) = asked_for_list();
    let (mut next, mut whole) = (Some(listing), Vec::new());
    while let Some(listing) = next {
        next = listing.write_part(&mut session, &mut wire);
        assert!(wire.output.len() < 9000);
        whole.append(&mut wire.output);
    }
    let text = String::from_utf8(whole).unwrap();
    assert!(text.starts_with("+OK 10000 messages (10000000 octets)\r\n1 1000\r\n2 1000\r\n"));
    assert!(text.ends_with("\r\n10000 1000\r\n.\r\n"));
    assert_eq!(text.lines().count(), 10_002);
    assert!(matches!(session.step(&mut wire, Instant::now()), Step::Wait(_)));
}

#[test]
fn half_a_list_ends_the_connection() {
    let (mut session, mut wire, listing) = asked_for_list();
    drop(listing.write_part(&mut session, &mut wire));
    wire.output.clear();
    assert!(matches!(session.step(&mut wire, Instant::now()), Step::Close));
    assert!(wire.output.is_empty());
}
