//! The session in dialogues, and at its ends.

use std::time::{Duration, Instant};

use conversation::{Machine, Peer, PeerFacts, Step, Wire};
use mail_types::{BodyKind, Domain, DsnReturn, Notify, Outcome, RecipientNumber, ReversePath};
use testkit::transcript::{Answers, Dialogue, Side, replay_folder};

use super::*;

#[test]
fn dialogues() -> Result<(), testkit::transcript::Failure> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/client");
    replay_folder::<Client>(folder).map(|count| assert!(count >= 15))
}

#[derive(Default)]
struct Client {
    no_tls: bool,
}

fn options(start_tls: StartTls) -> Options {
    Options {
        hello: Domain::parse("client.example.org").unwrap(),
        host: "mx.example.net".to_owned(),
        start_tls,
        timeouts: Timeouts::default(),
    }
}

fn facts() -> PeerFacts {
    let address = "127.0.0.1:25".parse().unwrap();
    PeerFacts { peer: Peer::Tcp { local: address, remote: address }, tls: None }
}

impl Dialogue for Client {
    type Machine = Session;
    const SIDE: Side = Side::Client;

    fn given(&mut self, words: &str) -> Result<(), String> {
        self.no_tls = words == "tls never";
        Ok(())
    }

    fn open(&mut self, _connection: usize) -> (Session, PeerFacts) {
        let start_tls = if self.no_tls { StartTls::Never } else { StartTls::IfOffered };
        (Session::new(1, options(start_tls)), facts())
    }

    fn answer(
        &mut self,
        _connection: usize,
        question: Question,
        session: &mut Session,
        wire: &mut Wire,
        answers: &mut Answers,
    ) {
        match question {
            Question::Next(next) => {
                if let Some(report) = &next.report {
                    let expected = answers.take("report");
                    assert_eq!(Some(render(report)), expected);
                }
                match answers.take("next") {
                    Some(words) => next.send(session, wire, message(&words)),
                    None => next.quit(session, wire),
                }
            }
            Question::Content(mut content) => {
                let text = answers.take("content").expect("content").replace("\\r\\n", "\r\n");
                for piece in text.as_bytes().chunks(3) {
                    content.piece(wire, piece);
                }
                content.end(session, wire);
            }
        }
    }
}

fn render(report: &Report) -> String {
    let one = |(number, outcome): &(RecipientNumber, Outcome)| match outcome {
        Outcome::Delivered { reply, .. } => {
            let status = reply.status().map_or("-".to_owned(), |status| status.to_string());
            format!("{number} delivered {status}")
        }
        Outcome::Deferred(problem) => format!("{number} deferred {}", problem.status),
        Outcome::Failed(problem) => format!("{number} failed {}", problem.status),
    };
    report.outcomes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `send from=a@b to=c@d,e@f size=1 body=8 utf8 ret=hdrs envid=x notify=success`
fn message(words: &str) -> Message {
    let value = |key: &str| words.split(' ').find_map(|word| word.strip_prefix(key));
    let success = value("notify=").is_some_and(|notify| notify == "success");
    let notify = match success {
        true => Notify { success: true, ..Notify::NEVER },
        false => Notify::DEFAULT,
    };
    let recipients = value("to=").unwrap().split(',').zip(0..).map(|(address, number)| Recipient {
        number: RecipientNumber(number),
        address: address.parse().unwrap(),
        notify,
        original: None,
    });
    Message {
        reverse_path: ReversePath::parse(value("from=").unwrap()).unwrap(),
        recipients: recipients.collect(),
        size: value("size=").map_or(100, |size| size.parse().unwrap()),
        body: if value("body=8").is_some() { BodyKind::EightBitMime } else { BodyKind::SevenBit },
        smtputf8: words.split(' ').any(|word| word == "utf8"),
        ret: value("ret=hdrs").map(|_| DsnReturn::Headers),
        envid: value("envid=").map(str::to_owned),
    }
}

/// A session that sends one message to two recipients and hears `heard`; then the connection ends.
fn cut_off(heard: &str) -> Ending {
    let (mut session, mut wire) = (Session::new(1, options(StartTls::Never)), Wire::default());
    session.opened(&facts());
    wire.input.fill(heard.replace('\n', "\r\n").as_bytes());
    let now = Instant::now();
    loop {
        match session.step(&mut wire, now) {
            Step::Ask(Question::Next(next)) => {
                let message = message("send from=a@example.org to=b@example.net,c@example.net");
                next.send(&mut session, &mut wire, message);
            }
            Step::Ask(Question::Content(mut content)) => {
                content.piece(&mut wire, b"hi\r\n");
                content.end(&mut session, &mut wire);
            }
            Step::Upgrade(_) => panic!("no TLS here"),
            Step::Wait(_) | Step::Close => return session.finish("the connection was lost"),
        }
    }
}

#[test]
fn every_recipient_gets_one_outcome_wherever_the_connection_ends() {
    let greeting = "220 hi\n250-mx\n250 PIPELINING\n";
    for (heard, expected, status) in [
        ("", None, "4.4.2"),
        ("554 no\n", None, "4.0.0"),
        ("521 5.3.2 never\n", None, "5.3.2"),
        ("220 hi\n", None, "4.4.2"),
        ("220 hi\n421 4.3.2 stopping\n", None, "4.3.2"),
        ("220 hi\n550 no\n550 no\n", None, "4.0.0"),
        ("G250", Some("0 deferred 4.4.2, 1 deferred 4.4.2"), "4.4.2"),
        ("G250 ok\n550 5.1.1 no\n", Some("0 failed 5.1.1, 1 deferred 4.4.2"), "4.4.2"),
        ("G250 ok\n250 ok\n421 4.3.2 x\n", Some("0 deferred 4.3.2, 1 deferred 4.3.2"), "4.3.2"),
        ("G250 ok\nwhat\n", Some("0 deferred 4.4.2, 1 deferred 4.4.2"), "4.4.2"),
        (
            "G250 ok\n250 ok\n550 5.1.1 no\n354 go\n",
            Some("0 deferred 4.4.2, 1 failed 5.1.1"),
            "4.4.2",
        ),
    ] {
        let ending = cut_off(&heard.replace('G', greeting));
        assert_eq!(ending.report.as_ref().map(render).as_deref(), expected, "{heard:?}");
        let problem = ending.problem.expect("no peaceful end");
        assert_eq!(problem.status.to_string(), status, "{heard:?}");
    }
}

#[test]
fn a_lost_verdict_is_told_as_such() {
    // RFC 5321 §4.1.1.4
    let ending = cut_off("220 hi\n250 mx\n250 ok\n250 ok\n250 ok\n354 go\n");
    let text = ending.problem.unwrap().text;
    assert!(text.contains("may therefore arrive twice"), "{text}");
}

#[test]
fn many_recipients_go_in_groups() {
    // RFC 2920 §3.1: never more on the way than the peer's window takes.
    let (mut session, mut wire) = (Session::new(1, options(StartTls::Never)), Wire::default());
    let to: Vec<String> = (0..1000).map(|n| format!("recipient-{n}@example.net")).collect();
    let words = format!("send from=a@example.org to={}", to.join(","));
    wire.input.fill(b"220 hi\r\n250-mx\r\n250 PIPELINING\r\n");
    let (now, mut groups, mut sent) = (Instant::now(), 0, false);
    loop {
        match session.step(&mut wire, now) {
            Step::Ask(Question::Next(next)) if !sent => {
                sent = true;
                wire.output.clear();
                next.send(&mut session, &mut wire, message(&words));
            }
            Step::Ask(Question::Next(next)) => {
                assert_eq!(next.report.unwrap().outcomes.len(), 1000);
                break;
            }
            Step::Wait(_) => {
                assert!(wire.output.len() < 5000, "{}", wire.output.len());
                let lines = wire.output.iter().filter(|byte| **byte == b'\n').count();
                groups += 1;
                wire.output.clear();
                wire.input.fill("452 4.5.3 too many\r\n".repeat(lines).as_bytes());
                if groups == 1 {
                    wire.input.clear();
                    wire.input.fill(b"250 sender ok\r\n");
                    wire.input.fill("452 4.5.3 no\r\n".repeat(lines - 1).as_bytes());
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(groups > 5, "{groups}");
}

#[test]
fn a_dropped_question_ends_the_session() {
    let (mut session, mut wire) = (Session::new(1, options(StartTls::Never)), Wire::default());
    wire.input.fill(b"220 hi\r\n250 mx\r\n");
    let now = Instant::now();
    assert!(matches!(session.step(&mut wire, now), Step::Ask(Question::Next(_))));
    wire.output.clear();
    assert!(matches!(session.step(&mut wire, now), Step::Wait(_)));
    assert_eq!(wire.output, b"QUIT\r\n");
    assert!(matches!(session.step(&mut wire, now + Duration::from_secs(60)), Step::Close));
}
