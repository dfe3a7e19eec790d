//! An SMTP client session: whatever the server replies, no panic, the same words for every cut, and
//! one outcome for each recipient of each message.

#![no_main]

mod conversation;

use std::time::Instant;

use ::conversation::{Machine, Peer, PeerFacts, Step, TlsFacts, Upgraded, Wire};
use libfuzzer_sys::fuzz_target;
use mail_types::{
    Address, BodyKind, Domain, Handling, Notify, Outcome, RecipientNumber, ReversePath, Secret,
    Timestamp,
};
use sasl_core::client::Credentials;
use smtp_core::client::{
    Account, Message, Options, Protocol, Question, Recipient, Report, Session, StartTls, Timeouts,
};

/// More steps without a wait than this are an endless loop.
const STEPS_MAX: usize = 100_000;
const CONTENT: &[u8] = b"Subject: x\r\n\r\n.dot\r\n";

fuzz_target!(|octets: &[u8]| {
    // The first octet says what kind of session it is, and how many messages there are; a NUL is
    // where the server waits for the client, so that a handshake can follow.
    let Some((choice, replies)) = octets.split_first() else { return };
    let turns = |size| play(*choice, replies, size);
    assert_eq!(turns(replies.len().max(1)), turns(1));
});

/// All that the client says to `replies`, which come in pieces of this size, and what it reports.
fn play(choice: u8, replies: &[u8], size: usize) -> (Vec<u8>, Vec<Report>) {
    let bit = |number: u8| choice >> number & 1 == 1;
    let credentials = Credentials { name: "tim".to_owned(), password: Secret::new("tanstaaf") };
    let options = Options {
        hello: Domain::parse("client.example.org").unwrap(),
        host: "mx.example.net".to_owned(),
        protocol: if bit(0) { Protocol::Lmtp } else { Protocol::Smtp },
        start_tls: if bit(1) { StartTls::Required } else { StartTls::IfOffered },
        account: bit(2).then(|| Account { credentials, host: "mx".to_owned(), nonce: [7; 18] }),
        timeouts: Timeouts::default(),
    };
    let mut left = usize::from(choice >> 3 & 3);
    let recipients = if bit(5) { 3 } else { 1 };
    let inquiry = bit(7);
    let body = if bit(6) { BodyKind::EightBitMime } else { BodyKind::SevenBit };
    let (mut session, mut wire) = (Session::new(1, options), Wire::default());
    let address = ([127, 0, 0, 1], 25).into();
    session.opened(&PeerFacts { peer: Peer::Tcp { local: address, remote: address }, tls: None });
    let (mut said, mut given, mut reports) = (Vec::new(), 0, Vec::new());
    let now = Instant::now();
    let turns = conversation::turns(replies, 0, size);
    'replies: for (piece, more) in std::iter::once((&[][..], false)).chain(turns) {
        wire.input.fill(piece);
        for step in 0.. {
            assert!(step < STEPS_MAX, "the machine does not come to a wait");
            let step = session.step(&mut wire, now);
            match step {
                Step::Ask(Question::Next(mut next)) => {
                    reports.extend(next.report.take());
                    match left.checked_sub(1) {
                        Some(fewer) => {
                            (left, given) = (fewer, given + 1);
                            next.send(&mut session, &mut wire, message(recipients, body, inquiry));
                        }
                        None => next.quit(&mut session, &mut wire),
                    }
                }
                Step::Ask(Question::Content(mut content)) => {
                    assert!(!inquiry, "nobody is sent what is only asked about");
                    CONTENT.chunks(7).for_each(|piece| content.piece(&mut wire, piece));
                    content.end(&mut session, &mut wire);
                }
                Step::Upgrade(_) => {
                    // As the driver does: whatever came before the handshake ends the connection.
                    said.append(&mut wire.output);
                    if more || !wire.input.is_empty() {
                        break 'replies;
                    }
                    session.upgraded(Upgraded::Tls(TlsFacts::default()));
                }
                Step::Wait(_) => break,
                Step::Close => break 'replies,
            }
        }
        said.append(&mut wire.output);
    }
    said.append(&mut wire.output);
    reports.extend(session.finish("the connection was lost").report);
    assert_eq!(reports.len(), given, "a report for each message");
    for report in &reports {
        assert_eq!(report.outcomes.len(), recipients as usize);
        for (_, outcome) in &report.outcomes {
            match outcome {
                Outcome::Delivered { reply, .. } => assert!(reply.is_positive()),
                Outcome::Deferred(problem) => assert_eq!(problem.status.class(), 4),
                Outcome::Failed(problem) => assert_eq!(problem.status.class(), 5),
            }
        }
    }
    (said, reports)
}

fn message(recipients: u32, body: BodyKind, inquiry: bool) -> Message {
    let recipient = |number| Recipient {
        number: RecipientNumber(number),
        address: Address::parse(&format!("b{number}@example.net")).unwrap(),
        notify: Notify::DEFAULT,
        original: None,
    };
    Message {
        reverse_path: ReversePath::parse("a@example.org").unwrap(),
        recipients: (0..recipients).map(recipient).collect(),
        size: CONTENT.len() as u64,
        body,
        smtputf8: false,
        ret: None,
        envid: None,
        handling: Handling::default(),
        now: Timestamp::from_secs(0),
        inquiry,
    }
}
