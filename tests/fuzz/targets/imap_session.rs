//! An IMAP session: whatever the client sends, no panic, and the same responses for every cut.

#![no_main]

mod conversation;

use std::sync::Arc;

use imap_core::{
    UidRuns,
    server::{Opened, Options, Question, Session},
};
use libfuzzer_sys::fuzz_target;
use mail_types::{ModSeq, Uid, UidValidity};
use sasl_core::{Mechanism, Offers, server::Prepared};

fuzz_target!(|octets: &[u8]| {
    // The first octet says which questions get no answer.
    let Some((choice, octets)) = octets.split_first() else { return };
    let offers = Offers {
        mechanisms: Mechanism::ALL.to_vec(),
        challenges_in_clear: true,
        all_on_loopback: true,
    };
    let options = Arc::new(Options { starttls: false, offers, ..Options::default() });
    let play = |size| {
        let mut drops = *choice;
        conversation::play(
            Session::new(1, options.clone()),
            octets,
            size,
            |question, session, wire| {
                if let Question::AppendPiece(ask) = question {
                    return ask.taken(session, wire);
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
                    Question::Select(ask) => ask.opened(session, wire, opened()),
                    Question::Changes(ask) => ask.finish(session, wire),
                    Question::AppendBegin(ask) => ask.accept(session, wire),
                    Question::AppendComplete(ask) => {
                        let first = Uid::new(1).unwrap();
                        ask.stored(session, wire, UidValidity::new(1).unwrap(), first);
                    }
                    Question::AppendAbandoned(ask) => ask.forgotten(session),
                    // A dropped question is a temporary failure, which is an answer too.
                    _ => {}
                }
            },
        )
    };
    assert_eq!(play(1), play(octets.len().max(1)));
});

fn opened() -> Opened {
    let uid = |number| Uid::new(number).unwrap();
    Opened {
        uids: UidRuns::from_ranges([(uid(1), uid(3)), (uid(7), uid(9))]),
        recent: UidRuns::from_ranges([(uid(9), uid(9))]),
        first_unseen: Some(uid(2)),
        keywords: Vec::new(),
        uid_validity: UidValidity::new(1).unwrap(),
        uid_next: uid(10),
        highest_mod_seq: ModSeq(7),
        read_only: false,
    }
}
