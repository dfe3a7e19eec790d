//! The machine: which command is out, and what its completion means.

use std::time::{Duration, Instant};

use conversation::{
    Machine, Notice, OpenQuestion, PeerFacts, Step, Ticket, TlsFacts, Upgrade, Upgraded, Wait, Wire,
};
use sasl_core::{client::Credentials, server::Nonce};

use super::{
    order::{Facts, Order, Outcome, Selected},
    reader::{Breach, Line, Read, Reader},
    response::{Response, Said, Status},
    sign_in::{Account, SignIn},
};

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's name, as it is called.
    pub host: String,
    /// Whom to sign in as.
    pub credentials: Credentials,
    /// Random, for mechanisms that need it.
    pub nonce: Nonce,
    /// How long to wait for the server to say anything.
    pub patience: Duration,
}

/// What the session asks.
#[derive(Debug)]
#[must_use]
pub enum Question {
    /// What next?
    Next(Next),
    /// A piece of a body.
    Piece(Piece),
    /// A body is over.
    Message(Message),
}

/// What the last order came to; its answer is the next.
#[derive(Debug)]
pub struct Next {
    /// What it came to.
    pub outcome: Outcome,
    ticket: Ticket,
}

/// A piece of the body of a message.
#[derive(Debug)]
pub struct Piece {
    /// The message.
    pub uid: u32,
    octets: usize,
    ticket: Ticket,
}

/// The body of a message was handed over, whole.
#[derive(Debug)]
pub struct Message {
    /// The message.
    pub uid: u32,
    ticket: Ticket,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As ordered.
    GoodBye,
    /// The connection ended before, or the server was silent too long.
    Broken,
    /// The server refused what a session cannot do without, or broke the protocol: in words.
    Failed(String),
}

#[derive(Debug)]
enum State {
    Greeting,
    /// CAPABILITY is out.
    Capability,
    /// STARTTLS is out.
    StartTls,
    /// The handshake is to begin, or under way.
    Handshake,
    /// TLS stands, and nothing has been said under it.
    Secured,
    SignIn(SignIn),
    /// Nothing is out: asks.
    Ready(Outcome),
    /// An order is out, and what came of it so far.
    Running(Order, Outcome),
    LoggingOut,
    Closed,
}

/// One connection to a server.
#[derive(Debug)]
pub struct Session {
    options: Options,
    open: OpenQuestion,
    reader: Reader,
    state: State,
    serial: u32,
    tls: Option<TlsFacts>,
    capabilities: Vec<String>,
    /// Whether they hold for how things are now.
    known: bool,
    /// The message whose body is being read.
    body: Option<u32>,
    deadline: Option<Instant>,
    ending: Ending,
}

impl Next {
    /// Orders what comes next.
    pub fn order(self, session: &mut Session, wire: &mut Wire, order: Order) {
        if session.open.answered(self.ticket) {
            session.send(order, wire);
        }
    }
}

impl Piece {
    /// What it is, as it stands on the wire.
    pub fn bytes<'w>(&self, wire: &'w Wire) -> &'w [u8] {
        wire.input.bytes().get(..self.octets).unwrap_or_default()
    }

    /// It was taken.
    pub fn taken(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            session.reader.take(&mut wire.input, self.octets);
        }
    }
}

impl Message {
    /// It was taken.
    pub fn taken(self, session: &mut Session) {
        // Whether it is the open one makes no difference: nothing depends on it.
        let _ = session.open.answered(self.ticket);
    }
}

impl Session {
    /// A session that waits for the greeting; `number` is unique within the process.
    pub fn new(number: u64, options: Options) -> Self {
        Self {
            options,
            open: OpenQuestion::new(number),
            reader: Reader::default(),
            state: State::Greeting,
            serial: 0,
            tls: None,
            capabilities: Vec::new(),
            known: false,
            body: None,
            deadline: None,
            ending: Ending::Broken,
        }
    }

    /// How it ended.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    fn command(&mut self, words: &str, wire: &mut Wire) {
        self.serial += 1;
        wire.output.extend_from_slice(format!("a{} {words}\r\n", self.serial).as_bytes());
    }

    fn fail(&mut self, why: impl Into<String>) {
        self.ending = Ending::Failed(why.into());
        self.state = State::Closed;
    }

    fn send(&mut self, order: Order, wire: &mut Wire) {
        let set = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let (words, outcome) = match &order {
            Order::List => ("LIST \"\" \"*\"".to_owned(), Outcome::Listed(Vec::new())),
            Order::Examine(name) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                (format!("EXAMINE \"{name}\""), Outcome::Examined(Selected::default()))
            }
            Order::Uids => ("UID SEARCH ALL".to_owned(), Outcome::Uids(Vec::new())),
            Order::Facts(uids) => (
                format!("UID FETCH {} (UID FLAGS INTERNALDATE RFC822.SIZE)", set(uids)),
                Outcome::Facts(Vec::new()),
            ),
            Order::Bodies(uids) => {
                (format!("UID FETCH {} (UID BODY.PEEK[])", set(uids)), Outcome::Fetched)
            }
            Order::Logout => {
                self.command("LOGOUT", wire);
                self.ending = Ending::GoodBye;
                self.state = State::LoggingOut;
                return;
            }
        };
        self.command(&words, wire);
        self.state = State::Running(order, outcome);
    }

    /// After the greeting, TLS and a sign-in: what is missing before one can go on.
    fn proceed(&mut self, wire: &mut Wire) {
        if !self.known {
            self.command("CAPABILITY", wire);
            self.state = State::Capability;
            return;
        }
        let Some(tls) = &self.tls else {
            if self.capabilities.iter().any(|name| name == "STARTTLS") {
                self.command("STARTTLS", wire);
                self.state = State::StartTls;
            } else {
                self.fail("the server offers no TLS: a password is not sent in the clear");
            }
            return;
        };
        let account = Account {
            credentials: &self.options.credentials,
            nonce: self.options.nonce,
            host: &self.options.host,
        };
        let mut words = Vec::new();
        match SignIn::begin(&self.capabilities, tls, &account, &mut words) {
            Some(sign_in) => {
                self.serial += 1;
                wire.output.extend_from_slice(format!("a{} ", self.serial).as_bytes());
                wire.output.append(&mut words);
                self.state = State::SignIn(sign_in);
            }
            None => self.fail("the server offers no way to sign in that is known here"),
        }
    }

    fn hear(&mut self, line: &Line, wire: &mut Wire) -> Result<(), Breach> {
        match Response::of(line)? {
            Response::Continue(challenge) => {
                let State::SignIn(sign_in) = &mut self.state else {
                    return Err(Breach("a continuation that nobody asked for"));
                };
                if sign_in.answer(&challenge, &mut wire.output).is_none() {
                    self.fail("the server goes on with a sign-in that was cancelled");
                }
            }
            Response::Done { tag, status, said } => {
                if tag != format!("a{}", self.serial).as_bytes() {
                    return Err(Breach("the completion of another command"));
                }
                self.complete(status, said, wire);
            }
            Response::Status { status, said } => self.status(status, &said, wire),
            Response::Capability(capabilities) => self.learn(Some(capabilities)),
            other => self.gather(other),
        }
        Ok(())
    }

    fn learn(&mut self, capabilities: Option<Vec<String>>) {
        if let Some(capabilities) = capabilities {
            self.capabilities = capabilities;
            self.known = true;
        }
    }

    fn status(&mut self, status: Status, said: &Said, wire: &mut Wire) {
        match (&mut self.state, status) {
            (State::Greeting, Status::Ok) => {
                self.learn(said.capabilities());
                self.proceed(wire);
            }
            (State::Greeting, _) => self.fail(format!("the server greets with: {}", said.text)),
            (State::LoggingOut, Status::Bye) => {}
            (_, Status::Bye) => self.fail(format!("the server says good-bye: {}", said.text)),
            (State::Running(_, Outcome::Examined(selected)), Status::Ok) => {
                if let Some(number) = said.number("UIDVALIDITY") {
                    selected.uid_validity = number;
                }
            }
            _ => self.learn(said.capabilities()),
        }
    }

    /// Data that came while an order is out.
    fn gather(&mut self, response: Response) {
        let State::Running(_, outcome) = &mut self.state else { return };
        match (outcome, response) {
            (Outcome::Listed(folders), Response::List(folder)) => folders.push(folder),
            (Outcome::Examined(selected), Response::Exists(count)) => selected.messages = count,
            (Outcome::Uids(uids), Response::Search(found)) => uids.extend(found),
            // News of flags may come for any message at any time; what was asked for has a date.
            (Outcome::Facts(all), Response::Fetch(facts))
                if facts.uid != 0 && facts.internal_date.is_some() =>
            {
                all.push(facts);
            }
            _ => {}
        }
    }

    fn complete(&mut self, status: Status, said: Said, wire: &mut Wire) {
        let fine = status == Status::Ok;
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Capability if fine && self.known => self.proceed(wire),
            State::StartTls if fine => self.state = State::Handshake,
            State::SignIn(sign_in) if fine && sign_in.is_satisfied() => {
                self.learn(said.capabilities());
                self.state = State::Ready(Outcome::SignedIn);
            }
            State::SignIn(_) if fine => self.fail("the server does not know the password itself"),
            State::Running(_, outcome) if fine => self.state = State::Ready(outcome),
            State::Running(..) => self.state = State::Ready(Outcome::Refused(said.text)),
            State::LoggingOut => {}
            _ => self.fail(format!("the server refuses: {}", said.text)),
        }
    }

    /// Which message a body belongs to: the UID stands before it, or only one was asked for.
    fn body_begins(&mut self) -> Result<u32, Breach> {
        let State::Running(Order::Bodies(asked), _) = &self.state else {
            return Err(Breach("a body that nobody asked for"));
        };
        let mut before = self.reader.line().clone();
        before.text.extend_from_slice(b")");
        let uid = match Response::of(&before)? {
            Response::Fetch(Facts { uid, .. }) if uid != 0 => uid,
            _ => match asked.as_slice() {
                [only] => *only,
                _ => return Err(Breach("a body without the UID of its message")),
            },
        };
        if !asked.contains(&uid) {
            return Err(Breach("the body of a message that nobody asked for"));
        }
        Ok(uid)
    }

    /// Reads on; nothing if more has to come.
    fn read(&mut self, wire: &mut Wire) -> Result<Option<Step<Question>>, Breach> {
        match self.reader.read(&mut wire.input)? {
            Read::Nothing => Ok(None),
            Read::Body => {
                self.body = Some(self.body_begins()?);
                self.read(wire)
            }
            Read::Piece(octets) => {
                let uid = self.body.ok_or(Breach("a body without a message"))?;
                let piece = Piece { uid, octets, ticket: self.open.ask() };
                Ok(Some(Step::Ask(Question::Piece(piece))))
            }
            Read::Whole(line) => {
                self.hear(&line, wire)?;
                Ok(self.body.take().map(|uid| {
                    let ticket = self.open.ask();
                    Step::Ask(Question::Message(Message { uid, ticket }))
                }))
            }
        }
    }
}

impl Machine for Session {
    type Question = Question;

    fn opened(&mut self, peer: &PeerFacts) {
        self.tls = peer.tls.clone();
    }

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        if self.open.abandoned() {
            self.fail("what the server sent could not be dealt with here");
        }
        loop {
            match &mut self.state {
                State::Closed => return Step::Close,
                State::Handshake => return Step::Upgrade(Upgrade::Tls),
                State::Secured => {
                    self.proceed(wire);
                    continue;
                }
                State::Ready(outcome) => {
                    let outcome = std::mem::replace(outcome, Outcome::Fetched);
                    let ticket = self.open.ask();
                    return Step::Ask(Question::Next(Next { outcome, ticket }));
                }
                _ => {}
            }
            let before = wire.input.len();
            match self.read(wire) {
                Ok(Some(step)) => {
                    self.deadline = None;
                    return step;
                }
                Ok(None) if wire.input.len() != before => self.deadline = None,
                Ok(None) if matches!(self.state, State::Ready(_) | State::Closed) => {}
                Ok(None) => {
                    let deadline = *self.deadline.get_or_insert(now + self.options.patience);
                    if now >= deadline {
                        return Step::Close;
                    }
                    return Step::Wait(Wait { until: Some(deadline), news: false });
                }
                Err(Breach(why)) => self.fail(format!("the server sent {why}")),
            }
        }
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        if let Upgraded::Tls(facts) = upgraded {
            self.tls = Some(facts);
            // RFC 9051 §6.2.1: what was known before TLS is forgotten.
            self.known = false;
            self.state = State::Secured;
        }
    }

    fn notice(&mut self, notice: Notice) {
        if notice == Notice::Shutdown {
            self.state = State::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn play(
        session: &mut Session,
        said: &str,
        orders: &[Order],
        step: usize,
    ) -> (String, Vec<String>) {
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
        for line in
            ["a3 AUTHENTICATE PLAIN AGFsaWNlAHNlImNyZXQ=\r\n", "a5 EXAMINE \"IN\\\"BOX\"\r\n"]
        {
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
}
