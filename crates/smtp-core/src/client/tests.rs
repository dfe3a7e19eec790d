//! The session in dialogues, and at its ends.

use std::time::{Duration, Instant};

use conversation::{Machine, Peer, PeerFacts, Step, Wire};
use mail_types::{
    BodyKind, Domain, DsnReturn, Handling, Notify, Outcome, RecipientNumber, ReversePath, Secret,
    Timestamp,
};
use sasl_core::client::Credentials;
use testkit::transcript::{Answers, Dialogue, Side, replay_folder};

use super::*;

#[test]
fn dialogues() -> Result<(), testkit::transcript::Failure> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/client");
    replay_folder::<Client>(folder).map(|count| assert!(count >= 15))
}

#[derive(Default)]
struct Client {
    options: Option<Options>,
}

fn options(start_tls: StartTls) -> Options {
    Options {
        hello: Domain::parse("client.example.org").unwrap(),
        host: "mx.example.net".to_owned(),
        protocol: Protocol::Smtp,
        start_tls,
        account: None,
        timeouts: Timeouts::default(),
    }
}

fn account(name: &str, password: &str) -> Account {
    let credentials = Credentials { name: name.to_owned(), password: Secret::new(password) };
    Account { credentials, host: "mx.example.net".to_owned(), nonce: [7; 18] }
}

fn facts() -> PeerFacts {
    let address = "127.0.0.1:25".parse().unwrap();
    PeerFacts { peer: Peer::Tcp { local: address, remote: address }, tls: None }
}

impl Dialogue for Client {
    type Machine = Session;
    const SIDE: Side = Side::Client;

    /// `tls never`, `tls required`, `lmtp`, `account NAME PASSWORD`
    fn given(&mut self, words: &str) -> Result<(), String> {
        let options = self.options.get_or_insert_with(|| options(StartTls::IfOffered));
        match words.split(' ').collect::<Vec<_>>()[..] {
            ["tls", "never"] => options.start_tls = StartTls::Never,
            ["tls", "required"] => options.start_tls = StartTls::Required,
            ["lmtp"] => options.protocol = Protocol::Lmtp,
            ["account", name, password] => options.account = Some(account(name, password)),
            _ => return Err(format!("what is {words:?}?")),
        }
        Ok(())
    }

    fn open(&mut self, _connection: usize) -> (Session, PeerFacts) {
        let options = self.options.clone().unwrap_or_else(|| options(StartTls::IfOffered));
        (Session::new(1, options), facts())
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
                // Without one the question is dropped, which the transcript shows.
                let Some(text) = answers.take("content") else { return };
                let text = text.replace("\\r\\n", "\r\n");
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
        body: match value("body=") {
            Some("8") => BodyKind::EightBitMime,
            Some("binary") => BodyKind::BinaryMime,
            _ => BodyKind::SevenBit,
        },
        smtputf8: words.split(' ').any(|word| word == "utf8"),
        ret: value("ret=hdrs").map(|_| DsnReturn::Headers),
        envid: value("envid=").map(str::to_owned),
        handling: Handling::default(),
        now: Timestamp::from_secs(0),
        inquiry: words.split(' ').any(|word| word == "inquiry"),
    }
}

/// A session that sends one message to two recipients and hears `heard`; then the connection ends.
fn cut_off(heard: &str) -> Ending {
    ended(options(StartTls::Never), heard, 1).0
}

/// A session that sends so many messages to two recipients each, and hears `heard`; then the
/// connection ends. What it has said at last comes with it.
fn ended(options: Options, heard: &str, mut messages: usize) -> (Ending, String) {
    let (mut session, mut wire) = (Session::new(1, options), Wire::default());
    session.opened(&facts());
    wire.input.fill(heard.replace('\n', "\r\n").as_bytes());
    let (now, mut reported) = (Instant::now(), None);
    loop {
        match session.step(&mut wire, now) {
            Step::Ask(Question::Next(mut next)) if messages == 0 => {
                reported = next.report.take();
                next.quit(&mut session, &mut wire);
            }
            Step::Ask(Question::Next(next)) => {
                messages -= 1;
                let words = "send from=a@example.org to=b@example.net,c@example.net size=4";
                next.send(&mut session, &mut wire, message(words));
            }
            Step::Ask(Question::Content(mut content)) => {
                content.piece(&mut wire, b"hi\r\n");
                content.end(&mut session, &mut wire);
            }
            Step::Upgrade(_) | Step::Wait(_) | Step::Close => {
                let said = String::from_utf8_lossy(&wire.output);
                let last = said.trim_end().rsplit("\r\n").next().unwrap_or_default().to_owned();
                let mut ending = session.finish("the connection was lost");
                ending.report = ending.report.or(reported);
                return (ending, last);
            }
        }
    }
}

#[test]
fn every_class_of_reply_at_every_stage() {
    // RFC 5321 §4.2.1, §4.3.2. For each stage: what is said then, and what has become of the
    // recipients (`-`: nothing was given yet) and of the host.
    const REPLIES: [&str; 7] =
        ["250 ok", "354 go", "450 4.2.0 x", "550 5.1.1 x", "421 4.3.2 x", "what?", ""];
    let start_tls = "220 hi\n250-mx\n250 STARTTLS\n";
    let mail = "220 hi\n250 mx\n";
    let rcpt = format!("{mail}250 ok\n");
    let data = format!("{rcpt}250 ok\n250 ok\n");
    let dot = format!("{data}354 go\n");
    let rset = format!("{rcpt}250 ok\n250 ok\n550 no\n");
    let mut table = String::new();
    for (stage, tls, heard) in [
        ("greeting", StartTls::Never, ""),
        ("EHLO", StartTls::Never, "220 hi\n"),
        ("HELO", StartTls::Never, "220 hi\n502 what\n"),
        ("STARTTLS", StartTls::IfOffered, start_tls),
        ("STARTTLS!", StartTls::Required, start_tls),
        ("MAIL", StartTls::Never, mail),
        ("RCPT", StartTls::Never, &rcpt),
        ("DATA", StartTls::Never, &data),
        ("dot", StartTls::Never, &dot),
        ("RSET", StartTls::Never, &rset),
    ] {
        for reply in REPLIES {
            let heard = match reply {
                "" => heard.to_owned(),
                reply => format!("{heard}{reply}\n"),
            };
            let messages = if stage == "RSET" { 2 } else { 1 };
            let (ending, said) = ended(options(tls), &heard, messages);
            let report = ending.report.as_ref().map_or("-".to_owned(), render);
            let host =
                ending.problem.map_or("fine".to_owned(), |problem| problem.status.to_string());
            table.push_str(&format!("{stage} {reply:?} {said:?}: {report}; host {host}\n"));
        }
    }
    let expected = include_str!("../../tests/transcripts/client/replies.table");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/client/replies.table");
        std::fs::write(file, &table).unwrap();
    } else {
        assert_eq!(table, expected);
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

#[test]
fn every_prefix_of_a_dialogue_has_its_ends() {
    // RFC 5321 §6.1: nothing counts as delivered before its reply is there to the last octet.
    let smtp = "220 hi\n250-mx\n250-PIPELINING\n250 DSN\n250 ok\n250 ok\n550 5.1.1 no\n354 go\n\
                250 2.0.0 taken\n";
    let chunked = smtp.replace("DSN", "CHUNKING").replace("354 go\n", "");
    let lmtp = smtp.replace("550 5.1.1 no", "250 ok") + "452 4.2.2 full\n";
    for (protocol, dialogue) in
        [(Protocol::Smtp, smtp), (Protocol::Smtp, &chunked), (Protocol::Lmtp, &lmtp)]
    {
        let (taken, mut delivered) = (dialogue.find("taken\n").unwrap() + 6, 0);
        for end in 0..=dialogue.len() {
            let lmtp_or_not = Options { protocol, ..options(StartTls::Never) };
            let (ending, _) = ended(lmtp_or_not, &dialogue[..end], 1);
            let report = ending.report.as_ref().map(render).unwrap_or_default();
            assert!(report.is_empty() || report.contains(", 1 "), "{report}");
            assert_eq!(report.contains("0 delivered 2.0.0"), end >= taken, "{end}: {report}");
            delivered += usize::from(end >= taken);
        }
        assert!(delivered > 0);
    }
}

#[test]
fn lmtp_outcomes_are_those_that_were_heard() {
    // RFC 2033 §5: replies that came count, the rest is deferred.
    let lmtp = || Options { protocol: Protocol::Lmtp, ..options(StartTls::Never) };
    let to_the_dot = "220 hi\n250 mx\n250 ok\n250 ok\n250 ok\n354 go\n";
    for (heard, expected) in [
        ("", "0 deferred 4.4.2, 1 deferred 4.4.2"),
        ("250 2.0.0 ok\n", "0 delivered 2.0.0, 1 deferred 4.4.2"),
        ("452 4.2.2 full\n421 4.3.2 bye\n", "0 deferred 4.2.2, 1 deferred 4.3.2"),
    ] {
        let (ending, _) = ended(lmtp(), &format!("{to_the_dot}{heard}"), 1);
        assert_eq!(ending.report.as_ref().map(render).as_deref(), Some(expected), "{heard:?}");
        assert!(ending.problem.is_some());
    }
}

#[test]
fn a_server_takes_so_many_messages_a_session() {
    // RFC 9422 §4.1: those that fail count as well.
    let heard = "220 hi\n250-mx\n250 LIMITS MAILMAX=2\n550 5.7.1 no\n550 5.7.1 no\n";
    let (ending, said) = ended(options(StartTls::Never), heard, 5);
    assert_eq!(
        ending.report.as_ref().map(render).as_deref(),
        Some("0 failed 5.7.1, 1 failed 5.7.1")
    );
    assert!(ending.full && ending.problem.is_none());
    assert_eq!(said, "QUIT");
    let (ending, _) = ended(options(StartTls::Never), "220 hi\n250 mx\n550 5.7.1 no\n", 1);
    assert!(!ending.full, "it may say QUIT by itself");
}

#[test]
fn what_is_not_as_long_as_announced_is_not_ended() {
    // RFC 3030 §2: the octets of a chunk are counted.
    let heard = "220 hi\n250-mx\n250 CHUNKING\n250 ok\n250 ok\n250 ok\n";
    for (pieces, fine) in [(&["hi", "\r\n"][..], true), (&["hi"], false), (&["hi\r\n", "x"], false)]
    {
        let (mut session, mut wire) = (Session::new(1, options(StartTls::Never)), Wire::default());
        wire.input.fill(heard.replace('\n', "\r\n").as_bytes());
        let now = Instant::now();
        let waits = loop {
            match session.step(&mut wire, now) {
                Step::Ask(Question::Next(next)) => {
                    let words = "send from=a@example.org to=b@example.net,c@example.net size=4";
                    next.send(&mut session, &mut wire, message(words));
                }
                Step::Ask(Question::Content(mut content)) => {
                    pieces.iter().for_each(|piece| content.piece(&mut wire, piece.as_bytes()));
                    content.end(&mut session, &mut wire);
                }
                step => break matches!(step, Step::Wait(_)),
            }
        };
        assert_eq!(waits, fine, "{pieces:?}");
        let said = String::from_utf8_lossy(&wire.output);
        let (_, behind) = said.split_once("BDAT 4 LAST\r\n").unwrap();
        assert!("hi\r\n".starts_with(behind), "{behind:?}");
        if !fine {
            is_our_trouble(session.finish("the conversation ended"));
        }
    }
}

/// Everybody is deferred, and nothing is held against the server.
fn is_our_trouble(ending: Ending) {
    assert_eq!(ending.problem, None);
    let report = ending.report.unwrap();
    assert!(report.outcomes.iter().all(|(_, outcome)| Report::is_ours(outcome)), "{report:?}");
}

#[test]
fn what_cannot_be_read_is_no_fault_of_the_server() {
    for greeting in ["250-mx\n250 CHUNKING\n250 ok\n250 ok\n", "250 mx\n250 ok\n250 ok\n354 go\n"] {
        for dropped in [false, true] {
            let mut session = Session::new(1, options(StartTls::Never));
            let mut wire = Wire::default();
            wire.input.fill(format!("220 hi\n{greeting}").replace('\n', "\r\n").as_bytes());
            loop {
                match session.step(&mut wire, Instant::now()) {
                    Step::Ask(Question::Next(next)) => {
                        let words = "send from=a@example.org to=b@example.net size=4";
                        next.send(&mut session, &mut wire, message(words));
                    }
                    Step::Ask(Question::Content(content)) if dropped => drop(content),
                    Step::Ask(Question::Content(content)) => {
                        content.give_up(&mut session, "the disk is ill");
                    }
                    step => break assert!(matches!(step, Step::Close), "{step:?}"),
                }
            }
            assert!(!wire.output.ends_with(b"\r\n.\r\n"));
            is_our_trouble(session.finish("the conversation ended"));
        }
    }
}

#[test]
fn success_that_proves_nothing_is_not_believed() {
    // RFC 5802 §5: a server that does not know the password cannot prove that it does.
    let signing_in = |heard: &str| {
        let account = Some(account("tim", "tanstaaf"));
        let heard = format!("220 hi\n250-mx\n250 AUTH SCRAM-SHA-256\n{heard}");
        let (ending, said) = ended(Options { account, ..options(StartTls::Never) }, &heard, 1);
        (ending.problem.map(|problem| problem.text), said)
    };
    let (_, said) = signing_in("");
    assert!(said.starts_with("AUTH SCRAM-SHA-256 "), "{said}");
    let (problem, said) = signing_in("235 2.7.0 welcome\n");
    assert!(problem.unwrap().contains("did not let us sign in"));
    assert_eq!(said, "QUIT");
    // RFC 4954 §4: what is no base64 is answered by cancelling.
    assert_eq!(signing_in("334 ???\n").1, "*");
}
