//! An IMAP client session, as an account is brought here from another server: whatever that server
//! says, no panic, the same commands, bodies and ending for every cut, and no command that is two.

#![no_main]

mod conversation;

use std::time::{Duration, Instant};

use ::conversation::{Machine, Peer, PeerFacts, Step, TlsFacts, Upgraded, Wire};
use imap_core::client::{Ending, Options, Order, Outcome, Question, Session};
use libfuzzer_sys::fuzz_target;
use mail_types::Secret;
use sasl_core::client::Credentials;

/// More steps without a wait than this are an endless loop.
const STEPS_MAX: usize = 100_000;

fuzz_target!(|octets: &[u8]| {
    // The first octet says whether the connection begins with TLS; an octet 255 is where the server
    // waits for the client, so that a handshake can follow.
    let Some((choice, said)) = octets.split_first() else { return };
    let whole = play(*choice, said, said.len().max(1));
    assert_eq!(whole, play(*choice, said, 1));
    assert_eq!(whole, play(*choice, said, 7));
    for command in whole.0.split_inclusive(|octet| *octet == b'\n') {
        let line = command.strip_suffix(b"\r\n").expect("a whole line");
        assert!(!line.iter().any(u8::is_ascii_control), "{}", line.escape_ascii());
    }
});

/// All that the client sends to what the server says, the bodies it hands over, and its end.
fn play(choice: u8, said: &[u8], size: usize) -> (Vec<u8>, Vec<(u32, Vec<u8>)>, Ending) {
    let credentials = Credentials { name: "tim".to_owned(), password: Secret::new("tanstaaf") };
    let options = Options {
        host: "imap.example.net".to_owned(),
        credentials,
        nonce: [7; 18],
        patience: Duration::from_secs(60),
    };
    let (mut session, mut wire) = (Session::new(1, options), Wire::default());
    let address = ([127, 0, 0, 1], 143).into();
    let tls = (choice & 1 == 0).then(TlsFacts::default);
    session.opened(&PeerFacts { peer: Peer::Tcp { local: address, remote: address }, tls });
    let (mut sent, mut bodies) = (Vec::new(), Vec::<(u32, Vec<u8>)>::new());
    let now = Instant::now();
    let pieces = std::iter::once((&[][..], false)).chain(conversation::turns(said, 0xff, size));
    'said: for (piece, more) in pieces {
        wire.input.fill(piece);
        for step in 0.. {
            assert!(step < STEPS_MAX, "the machine does not come to a wait");
            match session.step(&mut wire, now) {
                Step::Ask(Question::Next(next)) => {
                    let order = order(&next.outcome);
                    next.order(&mut session, &mut wire, order);
                }
                Step::Ask(Question::Piece(piece)) => {
                    match bodies.last_mut().filter(|(uid, _)| *uid == piece.uid) {
                        Some((_, body)) => body.extend_from_slice(piece.bytes(&wire)),
                        None => bodies.push((piece.uid, piece.bytes(&wire).to_vec())),
                    }
                    piece.taken(&mut session, &mut wire);
                }
                Step::Ask(Question::Message(message)) => message.taken(&mut session),
                Step::Upgrade(_) => {
                    // As the driver does: whatever came before the handshake ends the connection.
                    if more || !wire.input.is_empty() {
                        break 'said;
                    }
                    session.upgraded(Upgraded::Tls(TlsFacts::default()));
                }
                Step::Wait(_) => break,
                Step::Close => break 'said,
            }
        }
        sent.append(&mut wire.output);
    }
    sent.append(&mut wire.output);
    (sent, bodies, session.ending().clone())
}

/// What an import does next.
fn order(outcome: &Outcome) -> Order {
    match outcome {
        Outcome::SignedIn => Order::List,
        Outcome::Listed(folders) => match folders.iter().find_map(|folder| folder.wire.clone()) {
            Some(name) => Order::Examine(name),
            None => Order::Logout,
        },
        Outcome::Examined(_) => Order::Uids,
        Outcome::Uids(uids) => Order::Facts(uids.iter().take(10).copied().collect()),
        Outcome::Facts(facts) => Order::Bodies(facts.iter().map(|facts| facts.uid).collect()),
        Outcome::Fetched | Outcome::Refused(_) => Order::Logout,
    }
}
