//! Sessions as transcripts.

use mail_types::Secret;

use super::*;

fn session() -> Session {
    let credentials = Credentials { name: "alice".into(), password: Secret::new("se\"cret") };
    let mut session = Session::new(
        1,
        Options {
            host: "imap.example.net".into(),
            credentials,
            nonce: Nonce::default(),
            patience: Duration::from_secs(60),
        },
    );
    session.opened(&PeerFacts { peer: conversation::Peer::Unix { uid: 0 }, tls: None });
    session
}

/// Plays what a server says in steps of a size, with these orders; returns what was sent, and
/// what was asked and handed over, a line each.
fn play(session: &mut Session, said: &str, orders: &[Order], step: usize) -> (String, Vec<String>) {
    let (mut wire, now) = (Wire::default(), Instant::now());
    let (mut told, mut orders) = (Vec::new(), orders.iter());
    let mut pieces = said.as_bytes().chunks(step);
    loop {
        match session.step(&mut wire, now) {
            Step::Ask(Question::Next(next)) => {
                told.push(format!("{:?}", next.outcome));
                let order = orders.next().cloned().unwrap_or(Order::Logout);
                next.order(session, &mut wire, order);
            }
            Step::Ask(Question::Piece(piece)) => {
                let text = String::from_utf8_lossy(piece.bytes(&wire)).into_owned();
                match told.last_mut().filter(|last| last.starts_with("body ")) {
                    Some(last) => last.push_str(&text),
                    None => told.push(format!("body {} {text}", piece.uid)),
                }
                piece.taken(session, &mut wire);
            }
            Step::Ask(Question::Message(message)) => {
                told.push(format!("end {}", message.uid));
                message.taken(session);
            }
            Step::Upgrade(_) => {
                told.push("tls".into());
                session.upgraded(Upgraded::Tls(TlsFacts::default()));
            }
            Step::Wait(_) => match pieces.next() {
                Some(piece) => wire.input.fill(piece),
                None => break,
            },
            Step::Close => break,
        }
    }
    (String::from_utf8(wire.output).unwrap(), told)
}

#[test]
fn a_whole_session_however_its_bytes_come() {
    let said = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\r\na1 OK go\r\n\
        * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\na2 OK\r\n\
        a3 OK [CAPABILITY IMAP4rev1] in\r\n\
        * LIST (\\HasNoChildren) \"/\" INBOX\r\na4 OK\r\n\
        * 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\na5 OK [READ-ONLY]\r\n\
        * SEARCH 3 9\r\na6 OK\r\n\
        * 1 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 5 INTERNALDATE \"01-Jan-2024 00:00:00 +0000\")\r\n\
        * 2 FETCH (FLAGS (\\Recent))\r\na7 OK\r\n\
        * 1 FETCH (UID 3 BODY[] {5}\r\na)\r\nb FLAGS (\\Seen))\r\n\
        * 2 FETCH (UID 9 BODY[] {0}\r\n)\r\na8 OK\r\na9 NO [NONEXISTENT] no such mailbox\r\n\
        * BYE\r\na10 OK\r\n";
    let orders = [
        Order::List,
        Order::Examine("IN\"BOX".into()),
        Order::Uids,
        Order::Facts(vec![3, 9]),
        Order::Bodies(vec![3, 9]),
        Order::Examine("Gone".into()),
    ];
    let mut whole = session();
    let expected = play(&mut whole, said, &orders, 100_000);
    assert_eq!(whole.ending(), &Ending::GoodBye);
    let bodies: Vec<_> =
        expected.1.iter().filter(|l| l.starts_with("body") || l.starts_with("end")).collect();
    assert_eq!(bodies, ["body 3 a)\r\nb", "end 3", "end 9"]);
    let (sent, told) = &expected;
    for line in ["a3 AUTHENTICATE PLAIN AGFsaWNlAHNlImNyZXQ=\r\n", "a5 EXAMINE \"IN\\\"BOX\"\r\n"] {
        assert!(sent.contains(line), "{line} in {sent}");
    }
    assert!(told.iter().any(|told| told == "Refused(\"no such mailbox\")"), "{told:#?}");
    for step in [1, 3, 17] {
        let mut session = session();
        assert_eq!(play(&mut session, said, &orders, step), expected, "steps of {step}");
    }
}

#[test]
fn what_ends_a_session() {
    for (said, why) in [
        ("* BYE busy\r\n", "greets with: busy"),
        ("* OK [CAPABILITY IMAP4rev1]\r\n", "no TLS"),
        ("* OK [CAPABILITY X STARTTLS]\r\na1 NO not now\r\n", "not now"),
        ("* OK [CAPABILITY X STARTTLS]\r\na2 OK\r\n", "another command"),
        ("+ more\r\n", "nobody asked for"),
        ("* OK hello\r\n* 1 FETCH (UID 1 BODY[] {3}\r\n", "nobody asked for"),
    ] {
        let mut session = session();
        play(&mut session, said, &[], 1000);
        let Ending::Failed(text) = session.ending() else { panic!("{said}") };
        assert!(text.contains(why), "{said}: {text}");
    }
}

#[test]
fn passwords_are_quoted() {
    let said = "* OK [CAPABILITY X STARTTLS] hi\r\na1 OK\r\n* CAPABILITY X\r\na2 OK\r\n";
    let (sent, _) = play(&mut session(), said, &[], 1000);
    assert!(sent.ends_with("a3 LOGIN \"alice\" \"se\\\"cret\"\r\n"), "{sent}");
}

/// What a server says until the first order is asked for: three commands were sent.
const SIGNED_IN: &str = "* OK [CAPABILITY X STARTTLS] hi\r\na1 OK\r\n\
    * CAPABILITY X\r\na2 OK\r\na3 OK [CAPABILITY X] in\r\n";

#[test]
fn what_ends_a_session_while_an_order_is_out() {
    let bodies = Order::Bodies(vec![3, 9]);
    for (order, said, why) in [
        (
            bodies.clone(),
            "* 1 FETCH (UID 3 BODY[] {0}\r\n BODY[] {0}\r\n)\r\n".to_owned(),
            "two bodies of one message",
        ),
        (bodies, "* 1 FETCH (UID 4 BODY[] {3}\r\n".to_owned(), "nobody asked for"),
        (
            Order::Facts(vec![3]),
            "* 1 FETCH (UID 3 RFC822.SIZE 5)\r\n".repeat(3),
            "more messages than were asked for",
        ),
        (Order::List, "* LIST () / A\r\n".repeat(100_001), "more mailboxes than can be held"),
    ] {
        let mut session = session();
        play(&mut session, &format!("{SIGNED_IN}{said}"), &[order], 100_000);
        let Ending::Failed(text) = session.ending() else { panic!("{why}") };
        assert!(text.contains(why), "{why}: {text}");
    }
}

#[test]
fn a_message_whose_date_nobody_can_read_is_told() {
    let said = format!(
        "{SIGNED_IN}* 1 FETCH (UID 3 FLAGS () RFC822.SIZE 5 INTERNALDATE \"soon\")\r\na4 OK\r\n"
    );
    let (_, told) = play(&mut session(), &said, &[Order::Facts(vec![3])], 1000);
    let facts = Facts { uid: 3, size: Some(5), ..Facts::default() };
    assert_eq!(told.last(), Some(&format!("{:?}", Outcome::Facts(vec![facts]))));
}

#[test]
fn many_uids_come_through_however_little_the_input_holds() {
    let uids: Vec<u32> = (1_000_000..1_040_000).collect();
    let words: String = uids.iter().map(|uid| format!(" {uid}")).collect();
    let said = format!("{SIGNED_IN}* SEARCH{words}\r\na4 OK\r\n");
    let (_, told) = play(&mut session(), &said, &[Order::Uids], 4096);
    assert_eq!(told.last(), Some(&format!("{:?}", Outcome::Uids(uids))));
}

#[test]
fn a_server_in_the_middle_of_a_line_is_not_silent() {
    let (mut session, mut wire, begin) = (session(), Wire::default(), Instant::now());
    for seconds in [0, 40, 80, 120] {
        wire.input.fill(b"* OK and so on ");
        let now = begin + Duration::from_secs(seconds);
        let Step::Wait(wait) = session.step(&mut wire, now) else { panic!("after {seconds} s") };
        assert_eq!(wait.until, Some(now + Duration::from_secs(60)));
        assert!(wire.input.is_empty());
    }
    let late = begin + Duration::from_secs(180);
    assert!(matches!(session.step(&mut wire, late), Step::Close));
}
