//! How a transcript's questions are answered.
//!
//! Without a scripted answer: mail comes from anyone, goes to anyone at `example.org`, every
//! password is right, and content is taken. `A: kind refuse REASON` refuses, `A: kind drop` drops
//! the question; kinds are `sign-in`, `sender`, `recipient`, `begin`, `piece`, `complete`, `client`.
//! VRFY and EXPN are told nothing, unless `A: verify TEXT: ADDRESS ..` says what; nothing waits for
//! the domain of an ETRN, unless `A: etrn NUMBER` says how much. `A: peer ADDRESS` is compared with
//! what XCLIENT has made of the peer.
//! What the session refuses by itself is compared with `A: refused PART: REPLY`, if it is there.
//! Content that was taken is compared with the `A: content TEXT` lines, a line each.

use std::{sync::Arc, time::Duration};

use conversation::{Peer, PeerFacts, TlsFacts, Wire};
use mail_types::{Address, Domain, ForwardPath, Priority, QueueId, Secret, Timestamp};
use sasl_core::{
    Claim, CramSecret, DigestSecret, Mechanism, Offers, ScramVerifier, server::Prepared,
};
use smtp_core::{
    reply::Refusal,
    server::{
        AuthPolicy, BareLineEnds, Dialect, LastWord, Limits, Options, Question, RefusedPart,
        Session, Started, Verify,
    },
};
use testkit::transcript::{Answers, Dialogue};

pub(crate) struct SmtpDialogue {
    options: Options,
    /// No message gets a higher one.
    priority_max: Priority,
    implicit_tls: bool,
    trusted: bool,
    content: Vec<u8>,
}

impl Default for SmtpDialogue {
    fn default() -> Self {
        let options = Options {
            starttls: true,
            message_octets_max: 10_000,
            limits: Limits { messages: 1000, ..Limits::default() },
            ..Options::new(Domain::parse("mx.example.org").unwrap())
        };
        let priority_max = Priority::new(9).unwrap();
        Self { options, priority_max, implicit_tls: false, trusted: false, content: Vec::new() }
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
            "full for long" => Refusal::MailboxFullForLong,
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
                self.options.auth = AuthPolicy::Required(Offers::passwords());
            }
            ("every-mechanism", words) => {
                let mechanisms = Mechanism::ALL.to_vec();
                let challenges_in_clear = words == "in clear";
                let offers = Offers { mechanisms, challenges_in_clear, all_on_loopback: false };
                self.options.auth = AuthPolicy::Required(offers);
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
            ("excess-recipients", number) => {
                limits.excess_recipients = number.parse().map_err(|_| "a number")?;
            }
            ("messages", number) => limits.messages = number.parse().map_err(|_| "a number")?,
            ("idle-commands", number) => {
                limits.idle_commands = number.parse().map_err(|_| "a number")?;
            }
            ("lmtp", _) => self.options.dialect = Dialect::Lmtp,
            ("repair", _) => self.options.bare_line_ends = BareLineEnds::Repaired,
            ("proxy", _) => self.trusted = true,
            ("etrn", _) => self.options.extensions.etrn = true,
            ("deliver-by", least) => {
                self.options.extensions.deliver_by = Some(least.parse().unwrap_or(60));
            }
            ("future-release", _) => {
                self.options.extensions.future_release = Some(Duration::from_secs(86_400));
            }
            ("priority", most) => {
                self.options.extensions.priority = true;
                self.priority_max = Priority::parse(most).unwrap_or(self.priority_max);
            }
            ("require-tls", _) => self.options.extensions.require_tls = true,
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
            ..TlsFacts::default()
        });
        let peer = Peer::Tcp {
            local: "192.0.2.1:25".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
        };
        let session = Session::new(Arc::new(self.options.clone()), connection as u64)
            .opened_at(Timestamp::from_secs(1_800_000_000));
        let session = if self.trusted { session.trusting() } else { session };
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
            Question::Prepare(ask) => match script("prepare", answers) {
                Script::Accept => {
                    let salt = Some((b"salt".to_vec(), 4096));
                    ask.ready(session, wire, Prepared { nonce: [0; 18], salt });
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::SignIn(ask) => match script("sign-in", answers) {
                Script::Accept => match judge(ask.claim()) {
                    Some(last_word) => ask.welcome(session, wire, last_word),
                    None => ask.refuse(session, wire, &Refusal::BadCredentials),
                },
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Sender(ask) => match script("sender", answers) {
                Script::Accept => {
                    self.content.clear();
                    let _ = ask.accept_at_most(session, wire, self.priority_max);
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
            Question::Client(ask) => match script("client", answers) {
                Script::Accept => {
                    if let Some(expected) = answers.take("peer") {
                        let peer = session.peer();
                        assert!(
                            matches!(peer, Some(Peer::Tcp { remote, .. })
                            if remote.to_string() == expected),
                            "{peer:?}"
                        );
                    }
                    ask.welcome(session, wire);
                }
                Script::Refuse(refusal) => ask.refuse(session, wire, &refusal),
                Script::Drop => drop(ask),
            },
            Question::Verify(ask) => verify(ask, session, wire, answers),
            Question::Etrn(ask) => match answers.take("etrn").as_deref() {
                None => ask.started(session, wire, Started::NothingWaits),
                Some("refuse") => ask.refuse(session, wire, &Refusal::NodeNotAllowed),
                Some("drop") => drop(ask),
                Some(count) => {
                    ask.started(session, wire, Started::Pending(count.parse().unwrap()));
                }
            },
            // Every error has it, and no transcript speaks of it.
            Question::Refused(ask) if *ask.part() == RefusedPart::Command => ask.noted(session),
            Question::Refused(ask) => match answers.take("refused").as_deref() {
                Some("drop") => drop(ask),
                expected => {
                    let part = match ask.part() {
                        RefusedPart::Sender(said) => format!("MAIL {said}"),
                        RefusedPart::Recipient(said) => format!("RCPT {said}"),
                        RefusedPart::Content => "content".to_owned(),
                        RefusedPart::Command => "command".to_owned(),
                    };
                    let seen = format!("{part}: {}", ask.reply());
                    assert_eq!(expected.unwrap_or(&seen), seen);
                    ask.noted(session);
                }
            },
        }
    }
}

/// Every password is right; where it cannot be seen, it is `secret`.
fn judge(claim: &Claim) -> Option<Option<LastWord>> {
    let secret = Secret::new("secret");
    match claim {
        Claim::Scram(claim) => {
            claim.check(&ScramVerifier::new(claim.hash(), &secret, b"salt", 4096)).map(Some)
        }
        Claim::Cram(claim) => claim.check(&CramSecret::new(&secret)).then_some(None),
        Claim::Digest(claim) => {
            claim.check(&[DigestSecret::new("tim", "mx.example.org", &secret)]).map(Some)
        }
        _ => Some(None),
    }
}

fn is_elsewhere(path: &ForwardPath) -> bool {
    let home = ["example.org", "foo.com", "xyz.com"];
    matches!(path, ForwardPath::Address(a) if !home.contains(&a.domain().as_str()))
}

/// `A: verify ADDRESS ..` names mailboxes, `A: verify refuse` says that there is none.
fn verify(ask: Verify, session: &mut Session, wire: &mut Wire, answers: &mut Answers) {
    match answers.take("verify").as_deref() {
        None => ask.untold(session, wire),
        Some("refuse") => ask.refuse(session, wire, &Refusal::UnknownMailbox),
        Some("drop") => drop(ask),
        Some(expected) => {
            let (text, mailboxes) = expected.split_once(": ").unwrap();
            assert_eq!(ask.text(), text);
            let mailboxes: Vec<Address> =
                mailboxes.split(' ').map(|mailbox| Address::parse(mailbox).unwrap()).collect();
            ask.found(session, wire, &mailboxes);
        }
    }
}
