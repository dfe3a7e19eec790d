//! An SMTP server session: whatever the peer sends, no panic, and the same replies for every cut.

#![no_main]

mod conversation;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mail_types::QueueId;
use sasl_core::Mechanism;
use smtp_core::server::{AuthPolicy, Limits, Options, Question, Session};

fuzz_target!(|octets: &[u8]| {
    // The first octet says which listener it is, and which questions get no answer.
    let Some((choice, octets)) = octets.split_first() else { return };
    let auth = match choice % 3 {
        0 => AuthPolicy::NotHere,
        1 => AuthPolicy::Known,
        _ => AuthPolicy::Required(vec![Mechanism::Plain, Mechanism::Login]),
    };
    let options = Arc::new(Options {
        hostname: mail_types::Domain::parse("mx.example.org").unwrap(),
        starttls: false,
        auth,
        message_octets_max: 4096,
        limits: Limits::default(),
    });
    let play = |size| {
        let mut drops = choice / 3;
        conversation::play(
            Session::new(options.clone(), 1),
            octets,
            size,
            |question, session, wire| {
                if let Question::Piece(piece) = question {
                    return piece.taken(session, wire);
                }
                drops = drops.rotate_left(1);
                if drops & 1 != 0 {
                    return;
                }
                match question {
                    Question::Prepare(ask) => {
                        let salt = Some((b"salt".to_vec(), 4096));
                        ask.ready(session, wire, Prepared { nonce: [7; 18], salt });
                    }
                    Question::SignIn(ask) => ask.welcome(session, wire, None),
                    Question::Sender(ask) => drop(ask.accept(session, wire)),
                    Question::Recipient(ask) => drop(ask.accept(session, wire)),
                    Question::Begin(ask) => ask.accept(session, wire),
                    Question::Complete(ask) => {
                        ask.queued(session, wire, QueueId::from_bytes([7; 10]))
                    }
                    _ => {}
                }
            },
        )
    };
    assert_eq!(play(1), play(octets.len().max(1)));
});
