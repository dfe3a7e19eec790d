//! The machine: which command is out, and what its completion means.

use std::time::{Duration, Instant};

use conversation::{
    Machine, Notice, OpenQuestion, PeerFacts, Step, Ticket, TlsFacts, Upgrade, Upgraded, Wait, Wire,
};
use sasl_core::{client::Credentials, server::Nonce};

use super::{
    gather::Bounds,
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
    /// How long the responses are that are held for the order, in octets.
    held: usize,
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
            held: 0,
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
        self.held = 0;
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
            other => self.gather(other, line.octets())?,
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

    /// Data that came while an order is out, of a response of a length.
    fn gather(&mut self, response: Response, octets: usize) -> Result<(), Breach> {
        let State::Running(order, outcome) = &mut self.state else { return Ok(()) };
        Bounds::of(order).gather(outcome, response, octets, &mut self.held)
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
        loop {
            return match self.reader.read(&mut wire.input)? {
                Read::Nothing => Ok(None),
                Read::Body if self.body.is_some() => Err(Breach("two bodies of one message")),
                Read::Body => {
                    self.body = Some(self.body_begins()?);
                    continue;
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
            };
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
                // Whatever came was taken, also of a line that goes on: the server is not silent.
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
mod tests;
