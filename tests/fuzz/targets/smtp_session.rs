//! An SMTP or LMTP server session, with an agent that answers as it likes: whatever the peer sends,
//! no panic, the same replies for every cut, buffers that stay small, and no 250 to content but the
//! one that the agent has given.

#![no_main]

mod conversation;

use std::{cell::Cell, sync::Arc, time::Duration};

use ::conversation::TlsFacts;
use conversation::play_over;
use libfuzzer_sys::fuzz_target;
use mail_types::{Address, Domain, QueueId, Timestamp};
use sasl_core::Offers;
use smtp_core::{
    reply::Refusal,
    server::{
        AuthPolicy, BareLineEnds, Dialect, Extensions, Limits, Options, Question, Session, Started,
    },
};

/// The agent: what it does next is drawn from the input's first octets.
struct Agent {
    seed: u64,
    queued: Cell<usize>,
    refused_pieces: Cell<bool>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Yes,
    No,
    Silent,
}

impl Agent {
    fn mood(&mut self) -> Mood {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match self.seed >> 61 {
            0 => Mood::No,
            1 => Mood::Silent,
            _ => Mood::Yes,
        }
    }

    /// How many pieces there are depends on the cut, so a piece is no occasion for a mood.
    fn answer(
        &mut self,
        question: Question,
        session: &mut Session,
        wire: &mut ::conversation::Wire,
    ) {
        if let Question::Piece(ask) = question {
            return match self.refused_pieces.get() {
                true => ask.refuse(session, wire, Refusal::Loop),
                false => ask.taken(session, wire),
            };
        }
        let no = Refusal::RelayDenied;
        match (question, self.mood()) {
            (_, Mood::Silent) => {}
            (Question::Sender(ask), Mood::Yes) => drop(ask.accept(session, wire)),
            (Question::Sender(ask), Mood::No) => ask.refuse(session, wire, &no),
            (Question::Recipient(ask), Mood::Yes) => drop(ask.accept(session, wire)),
            (Question::Recipient(ask), Mood::No) => ask.refuse(session, wire, &no),
            (Question::Begin(ask), Mood::Yes) => ask.accept(session, wire),
            (Question::Begin(ask), Mood::No) => ask.refuse(session, wire, no),
            (Question::Complete(ask), Mood::Yes) => {
                self.queued.set(self.queued.get() + 1);
                ask.queued(session, wire, QueueId::from_bytes([7; 10]));
            }
            (Question::Complete(ask), Mood::No) => ask.refuse(session, wire, &no),
            (Question::SignIn(ask), Mood::Yes) => ask.welcome(session, wire, None),
            (Question::SignIn(ask), Mood::No) => {
                ask.refuse(session, wire, &Refusal::BadCredentials)
            }
            (Question::Prepare(ask), _) => ask.refuse(session, wire, &Refusal::SignInLater),
            (Question::Client(ask), Mood::Yes) => ask.welcome(session, wire),
            (Question::Client(ask), Mood::No) => ask.refuse(session, wire, &no),
            (Question::Verify(ask), Mood::Yes) => {
                let mailboxes = ["a@example.org", "\u{e4}@example.org"];
                let mailboxes = mailboxes.map(|text| Address::parse(text).unwrap());
                ask.found(session, wire, &mailboxes);
            }
            (Question::Verify(ask), Mood::No) => ask.refuse(session, wire, &no),
            (Question::Etrn(ask), Mood::Yes) => ask.started(session, wire, Started::Pending(3)),
            (Question::Etrn(ask), Mood::No) => ask.refuse(session, wire, &Refusal::NodeNotAllowed),
            (Question::Refused(ask), _) => ask.noted(session),
            (Question::Piece(_), _) => {}
        }
        assert!(wire.output.len() < 1 << 20);
    }
}

fn options(choice: u8) -> Options {
    let flag = |bit: u8| choice >> bit & 1 == 1;
    Options {
        auth: match choice % 3 {
            0 => AuthPolicy::NotHere,
            1 => AuthPolicy::Known,
            _ => AuthPolicy::Required(Offers::passwords()),
        },
        message_octets_max: 4096,
        dialect: if flag(3) { Dialect::Lmtp } else { Dialect::Smtp },
        bare_line_ends: if flag(4) { BareLineEnds::Repaired } else { BareLineEnds::Refused },
        extensions: Extensions {
            deliver_by: flag(5).then_some(60),
            future_release: flag(5).then_some(Duration::from_secs(86_400)),
            priority: flag(5),
            require_tls: flag(5),
            etrn: flag(5),
        },
        limits: Limits { recipients: 3, messages: 9, idle_commands: 20, ..Limits::default() },
        ..Options::new(Domain::parse("mx.example.org").unwrap())
    }
}

fuzz_target!(|octets: &[u8]| {
    let Some((&[choice, moods, more], octets)) = octets.split_first_chunk() else { return };
    let options = Arc::new(options(choice));
    let refuses_pieces = more & 2 != 0;
    let play = |size| {
        let session =
            Session::new(options.clone(), 1).opened_at(Timestamp::from_secs(1_800_000_000));
        let session = if more & 1 != 0 { session.trusting() } else { session };
        let (queued, refused_pieces) = (Cell::new(0), Cell::new(refuses_pieces));
        let mut agent = Agent { seed: moods.into(), queued, refused_pieces };
        let tls = (choice >> 6 & 1 == 1).then(TlsFacts::default);
        let said = play_over(tls, session, octets, size, |question, session, wire| {
            agent.answer(question, session, wire);
        });
        let claimed = String::from_utf8_lossy(&said).matches("250 2.0.0 Queued as ").count();
        match options.dialect {
            Dialect::Smtp => assert_eq!(claimed, agent.queued.get()),
            // RFC 2033 §4.2: a reply for each recipient.
            Dialect::Lmtp => assert!((claimed > 0) == (agent.queued.get() > 0)),
        }
        said
    };
    let (pieces, whole) = (play(1), play(octets.len().max(1)));
    // A piece that is refused may hide a fault that comes later in the same content.
    if !refuses_pieces {
        assert_eq!(pieces, whole);
    }
});
