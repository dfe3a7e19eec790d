//! A POP3 session: whatever the client sends, no panic, and the same responses for every cut.

#![no_main]

mod conversation;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mail_types::{Uid, UidValidity};
use pop3_core::{Entry, Limits, Maildrop, Options, Question, Session};
use sasl_core::{Mechanism, Offers, server::Prepared};

fuzz_target!(|octets: &[u8]| {
    // The first octet says which questions get no answer.
    let Some((choice, octets)) = octets.split_first() else { return };
    let options = Arc::new(Options {
        hostname: mail_types::Domain::parse("mx.example.org").unwrap(),
        stls: false,
        offers: Offers {
            mechanisms: Mechanism::ALL.to_vec(),
            challenges_in_clear: true,
            all_on_loopback: true,
        },
        apop: choice & 1 != 0,
        expire_days: None,
        login_delay: std::time::Duration::ZERO,
        limits: Limits::default(),
    });
    let play = |size| {
        let mut drops = *choice;
        conversation::play(
            Session::new(options.clone(), 1),
            octets,
            size,
            |question, session, wire| {
                drops = drops.rotate_left(1);
                if drops & 1 != 0 {
                    return;
                }
                match question {
                    Question::Prepare(ask) => {
                        let salt = Some((b"salt".to_vec(), 4096));
                        ask.ready(session, wire, Prepared { nonce: [7; 18], salt });
                    }
                    Question::SignIn(ask) => ask.welcome(session, wire, maildrop(), None),
                    Question::Listing(listing) => {
                        let mut rest = Some(listing);
                        while let Some(listing) = rest {
                            rest = listing.write_part(session, wire);
                        }
                    }
                    Question::Message(message) => {
                        let mut sending = message.begin(session, wire);
                        sending.write_piece(wire, b"Subject: x\r\n\r\n.dots\r\n");
                        sending.write_piece(wire, b"..\r\nend");
                        sending.finish(session, wire);
                    }
                    Question::Update(update) => update.done(session, wire),
                }
            },
        )
    };
    assert_eq!(play(1), play(octets.len().max(1)));
});

fn maildrop() -> Maildrop {
    let entries = (1..4).filter_map(Uid::new).map(|uid| Entry { uid, octets: 30 });
    Maildrop::new(UidValidity::new(1).unwrap(), entries)
}
