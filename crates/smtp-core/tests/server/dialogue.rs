//! How a transcript's questions are answered.
//!
//! Without a scripted answer: mail comes from anyone, goes to anyone at `example.org`, every
//! password is right, and content is taken. `A: kind refuse REASON` refuses, `A: kind drop` drops
//! the question; kinds are `sign-in`, `sender`, `recipient`, `begin`, `piece`, `complete`.
//! What the session refuses by itself is compared with `A: refused PART: REPLY`, if it is there.
//! Content that was taken is compared with the `A: content TEXT` lines, a line each.

use std::sync::Arc;

use conversation::{Peer, PeerFacts, TlsFacts, Wire};
use mail_types::{Address, Domain, ForwardPath, QueueId};
use sasl_core::Mechanism;
use smtp_core::{
    reply::Refusal,
    server::{AuthPolicy, Limits, Options, Question, RefusedPart, Session},
};
use testkit::transcript::{Answers, Dialogue};

pub(crate) struct SmtpDialogue {
    options: Options,
    implicit_tls: bool,
    content: Vec<u8>,
}

impl Default for SmtpDialogue {
    fn default() -> Self {
        let options = Options {
            hostname: Domain::parse("mx.example.org").unwrap(),
            starttls: true,
            auth: AuthPolicy::NotHere,
            message_octets_max: 10_000,
            limits: Limits::default(),
        };
        Self { options, implicit_tls: false, content: Vec::new() }
    }
}

/// What the script wants.
enum Script {
    Accept,
    Refuse(Refusal),
    Drop,
}

fn script(kind: &str, answers: &mut Answers) -> Script {
    let Some(words) = answers.take(kind) else { return Script::Accept };
    match words.split_once(' ').unwrap_or((&words, "")) {
        ("accept", _) => Script::Accept,
        ("drop", _) => Script::Drop,
        ("refuse", reason) => Script::Refuse(match reason {
            "unknown" => Refusal::UnknownMailbox,
            "full" => Refusal::MailboxFull,
            "relay" => Refusal::RelayDenied,
            "sender" => Refusal::SenderNotYours(Address::parse("alice@example.org").ok()),
            "storage" => Refusal::NoStorage,
            "loop" => Refusal::Loop,
            "credentials" => Refusal::BadCredentials,
            "later" => Refusal::SignInLater,
            _ => panic!("no such reason: {reason}"),
        }),
        _ => panic!("no such answer: {words}"),
    }
}

impl SmtpDialogue {
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    fn check_content(&self, answers: &mut Answers) {
        let mut expected = String::new();
        while let Some(line) = answers.take("content") {
            expected.push_str(&line);
            expected.push_str("\r\n");
        }
        if !expected.is_empty() {
            assert_eq!(String::from_utf8_lossy(&self.content), expected);
        }
    }
}

impl Dialogue for SmtpDialogue {
    type Machine = Session;

    fn given(&mut self, words: &str) -> Result<(), String> {
        let limits = &mut self.options.limits;
        match words.split_once(' ').unwrap_or((words, "")) {
            ("submission", _) => {
                let mechanisms = vec![Mechanism::Plain, Mechanism::Login];
                self.options.auth = AuthPolicy::Required(mechanisms);
            }
            ("local-socket", _) => {
                self.options.auth = AuthPolicy::Known;
                self.options.starttls = false;
            }
            ("tls", _) => self.implicit_tls = true,
            ("no-tls", _) => self.options.starttls = false,
            ("errors", number) => limits.errors = number.parse().map_err(|_| "a number")?,
            ("recipients", number) => limits.recipients = number.parse().map_err(|_| "a number")?,
            ("refused-recipients", number) => {
                limits.refused_recipients = number.parse().map_err(|_| "a number")?;
            }
            _ => return Err(format!("no such option: {words}")),
        }
        Ok(())
    }

    fn open(&mut self, connection: usize) -> (Session, PeerFacts) {
        let tls = self.implicit_tls.then_some(TlsFacts {
            version: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            server_name: None,
            verified: false,
        });
        let peer = Peer::Tcp {
            local: "192.0.2.1:25".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
        };
        let session = Session::new(Arc::new(self.options.clone()), connection as u64);
        (session, PeerFacts { peer, tls })
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
            Question::SignIn(ask) => match script("sign-in", answers) {
                Script::Accept => ask.welcome(session, wire),
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Sender(ask) => match script("sender", answers) {
                Script::Accept => {
                    self.content.clear();
                    let _ = ask.accept(session, wire);
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Recipient(ask) => match script("recipient", answers) {
                Script::Accept if is_elsewhere(&ask.rcpt().forward_path) => {
                    ask.refuse(session, wire, &Refusal::RelayDenied);
                }
                Script::Accept => {
                    let _ = ask.accept(session, wire);
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Begin(ask) => match script("begin", answers) {
                Script::Accept => ask.accept(session, wire),
                Script::Refuse(refusal) => ask.refuse(session, wire, refusal),
                Script::Drop => drop(ask),
            },
            Question::Piece(ask) => match script("piece", answers) {
                Script::Accept => {
                    self.content.extend_from_slice(ask.bytes(wire));
                    ask.taken(session, wire);
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, refusal),
                Script::Drop => drop(ask),
            },
            Question::Complete(ask) => match script("complete", answers) {
                Script::Accept => {
                    self.check_content(answers);
                    ask.queued(session, wire, QueueId::from_bytes([1; 10]));
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Refused(ask) => match answers.take("refused").as_deref() {
                Some("drop") => drop(ask),
                expected => {
                    let part = match ask.part() {
                        RefusedPart::Sender(said) => format!("MAIL {said}"),
                        RefusedPart::Recipient(said) => format!("RCPT {said}"),
                        RefusedPart::Content => "content".to_owned(),
                    };
                    let seen = format!("{part}: {}", ask.reply());
                    assert_eq!(expected.unwrap_or(&seen), seen);
                    ask.noted(session);
                }
            },
        }
    }
}

fn is_elsewhere(path: &ForwardPath) -> bool {
    let home = ["example.org", "foo.com", "xyz.com"];
    matches!(path, ForwardPath::Address(a) if !home.contains(&a.domain().as_str()))
}
