//! How a transcript's questions are answered.
//!
//! Without a scripted answer every password but `wrong` is right, and the maildrop holds the two
//! messages of 120 and 200 octets that RFC 1939 speaks of. `A: kind drop` drops a question; the
//! kinds are `sign-in`, `listing`, `message`, `update`. Further answers:
//!
//! | line | meaning |
//! | --- | --- |
//! | `A: sign-in refuse credentials` | also `in-use`, `too-soon`, `failure`, `broken` |
//! | `A: claim name password` | what the next sign-in has to claim |
//! | `A: message gone`, `half` | the message is not there; it ends in the middle |
//! | `A: utf8 yes`, `no` | whether the next message may have UTF-8 in its header |
//! | `A: update failed` | the messages are not removed |
//! | `A: removed 1 2` | the UIDs that the next update has to name |
//! | `A: fetched 1 2` | likewise, as fetched whole |

use std::{sync::Arc, time::Duration};

use conversation::{Peer, PeerFacts, TlsFacts, Wire};
use mail_types::{Domain, Secret, Uid, UidValidity};
use pop3_core::{
    Entry, Limits, Maildrop, Message, Options, Question, Refusal, Session, SignIn, Update,
};
use sasl_core::{
    Claim, CramSecret, DigestSecret, LastWord, Mechanism, Offers, ScramVerifier, server::Prepared,
};
use testkit::transcript::{Answers, Dialogue};

pub(crate) struct Pop3Dialogue {
    options: Options,
    remote: &'static str,
    implicit_tls: bool,
    messages: Vec<Vec<u8>>,
    removed: bool,
}

impl Default for Pop3Dialogue {
    fn default() -> Self {
        let options = Options {
            hostname: Domain::parse("mx.example.org").unwrap(),
            stls: true,
            offers: Offers::passwords(),
            apop: false,
            expire_days: None,
            login_delay: Duration::ZERO,
            limits: Limits::default(),
        };
        let messages = vec![message_of(120), message_of(200)];
        Self { options, remote: "198.51.100.7:40000", implicit_tls: true, messages, removed: false }
    }
}

/// The name, the password, and our last word; without a password to see it is `secret` or `wrong`.
fn judge(claim: &Claim) -> (String, String, Option<LastWord>) {
    let secret = Secret::new("secret");
    let proved = match claim {
        Claim::Password { authentication, password, .. } => {
            let password = String::from_utf8_lossy(password.reveal()).into_owned();
            return (authentication.clone(), password, None);
        }
        Claim::Scram(claim) => {
            claim.check(&ScramVerifier::new(claim.hash(), &secret, b"salt", 4096)).map(Some)
        }
        Claim::Cram(claim) => claim.check(&CramSecret::new(&secret)).then_some(None),
        Claim::Digest(claim) => {
            claim.check(&[DigestSecret::new("tim", "mx.example.org", &secret)]).map(Some)
        }
        Claim::Apop(claim) => claim.check(&secret).then_some(None),
        _ => None,
    };
    let name = claim.authentication().unwrap_or_default().to_owned();
    match proved {
        Some(last_word) => (name, "secret".to_owned(), last_word),
        None => (name, "wrong".to_owned(), None),
    }
}

/// A message of exactly so many octets.
fn message_of(octets: usize) -> Vec<u8> {
    let mut message = b"Subject: a\r\n\r\n".to_vec();
    while message.len() + 42 <= octets {
        message.extend_from_slice(&[b'x'; 40]);
        message.extend_from_slice(b"\r\n");
    }
    let rest = octets - message.len() - 2;
    message.extend(std::iter::repeat_n(b'.', rest));
    message.extend_from_slice(b"\r\n");
    message
}

impl Pop3Dialogue {
    /// Whether messages were removed.
    pub(crate) fn removed(&self) -> bool {
        self.removed
    }

    fn uid(place: usize) -> Uid {
        Uid::new(u32::try_from(place + 1).unwrap()).unwrap()
    }

    fn maildrop(&self) -> Maildrop {
        let entry = |(place, message): (usize, &Vec<u8>)| Entry {
            uid: Self::uid(place),
            octets: message.len() as u64,
        };
        let entries = self.messages.iter().enumerate().map(entry);
        Maildrop::new(UidValidity::new(0x5f5e_1000).unwrap(), entries)
    }

    fn sign_in(&self, ask: SignIn, session: &mut Session, wire: &mut Wire, answers: &mut Answers) {
        let (authentication, password, last_word) = judge(ask.claim());
        if let Some(expected) = answers.take("claim") {
            assert_eq!(format!("{authentication} {password}").trim(), expected);
        }
        let refusal = match answers.take("sign-in").as_deref() {
            Some("drop") => return drop(ask),
            Some("refuse in-use") => Some(Refusal::InUse),
            Some("refuse too-soon") => Some(Refusal::TooSoon),
            Some("refuse failure") => Some(Refusal::Failure),
            Some("refuse broken") => Some(Refusal::Broken),
            Some("refuse credentials") => Some(Refusal::BadCredentials),
            Some(words) => panic!("no such answer: {words}"),
            None => (password == "wrong").then_some(Refusal::BadCredentials),
        };
        match refusal {
            Some(refusal) => ask.refuse(session, wire, refusal),
            None => ask.welcome(session, wire, self.maildrop(), last_word),
        }
    }

    fn message(&self, ask: Message, session: &mut Session, wire: &mut Wire, answers: &mut Answers) {
        if let Some(expected) = answers.take("utf8") {
            assert_eq!(if ask.takes_utf8() { "yes" } else { "no" }, expected);
        }
        let script = answers.take("message");
        match script.as_deref() {
            Some("drop") => return drop(ask),
            Some("gone") => return ask.refuse(session, wire, Refusal::MessageGone),
            Some("half") | None => {}
            Some(words) => panic!("no such answer: {words}"),
        }
        let mut messages = self.messages.iter().enumerate();
        let (_, message) = messages.find(|(place, _)| Self::uid(*place) == ask.uid()).unwrap();
        let mut sending = ask.begin(session, wire);
        for (count, piece) in message.chunks(7).enumerate() {
            if !sending.wants_more() {
                break;
            }
            if script.is_some() && count == 2 {
                return drop(sending);
            }
            sending.write_piece(wire, piece);
        }
        sending.finish(session, wire);
    }

    fn update(
        &mut self,
        ask: Update,
        session: &mut Session,
        wire: &mut Wire,
        answers: &mut Answers,
    ) {
        if let Some(expected) = answers.take("removed") {
            let named: Vec<String> = ask.deleted().iter().map(Uid::to_string).collect();
            assert_eq!(named.join(" "), expected);
        }
        if let Some(expected) = answers.take("fetched") {
            let named: Vec<String> = ask.fetched().iter().map(Uid::to_string).collect();
            assert_eq!(named.join(" "), expected);
        }
        match answers.take("update").as_deref() {
            Some("drop") => drop(ask),
            Some("failed") => ask.failed(session, wire),
            Some(words) => panic!("no such answer: {words}"),
            None => {
                self.removed |= !ask.deleted().is_empty();
                ask.done(session, wire);
            }
        }
    }
}

impl Dialogue for Pop3Dialogue {
    type Machine = Session;

    fn given(&mut self, words: &str) -> Result<(), String> {
        let limits = &mut self.options.limits;
        match words.split_once(' ').unwrap_or((words, "")) {
            ("plain", _) => self.implicit_tls = false,
            ("no-tls", _) => {
                self.implicit_tls = false;
                self.options.stls = false;
            }
            ("loopback", _) => self.remote = "[::1]:40000",
            ("without-tls-on-loopback", _) => self.options.offers.all_on_loopback = true,
            ("every-mechanism", _) => {
                self.options.offers.mechanisms = Mechanism::ALL.to_vec();
                self.options.apop = true;
            }
            ("challenges-in-clear", _) => self.options.offers.challenges_in_clear = true,
            ("errors", number) => limits.errors = number.parse().map_err(|_| "a number")?,
            ("expire", days) => {
                self.options.expire_days = Some(days.parse().map_err(|_| "a number")?);
            }
            ("login-delay", seconds) => {
                let seconds = seconds.parse().map_err(|_| "a number")?;
                self.options.login_delay = Duration::from_secs(seconds);
            }
            ("empty", _) => self.messages.clear(),
            ("message", text) => {
                let text = text.replace("\\r", "\r").replace("\\n", "\n");
                self.messages.push(text.into_bytes());
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
            ..TlsFacts::default()
        });
        let peer = Peer::Tcp {
            local: "192.0.2.1:995".parse().unwrap(),
            remote: self.remote.parse().unwrap(),
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
            Question::Prepare(ask) => match answers.take("prepare").as_deref() {
                Some("drop") => drop(ask),
                Some(words) => panic!("no such answer: {words}"),
                None => {
                    let salt = Some((b"salt".to_vec(), 4096));
                    ask.ready(session, wire, Prepared { nonce: [0; 18], salt });
                }
            },
            Question::SignIn(ask) => self.sign_in(ask, session, wire, answers),
            Question::Message(ask) => self.message(ask, session, wire, answers),
            Question::Update(ask) => self.update(ask, session, wire, answers),
            Question::Listing(ask) => match answers.take("listing").as_deref() {
                Some("drop") => drop(ask),
                Some(words) => panic!("no such answer: {words}"),
                None => {
                    let mut listing = Some(ask);
                    while let Some(part) = listing {
                        listing = part.write_part(session, wire);
                    }
                }
            },
        }
    }
}
