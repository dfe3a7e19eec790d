//! The machine: which reply is awaited, and what follows from it.

use std::time::{Duration, Instant};

use conversation::{
    Machine, Notice, OpenQuestion, PeerFacts, Step, Ticket, TlsFacts, Upgrade, Upgraded, Wait, Wire,
};
use mail_types::{EnhancedStatus, Outcome, Problem, Reply, Scope};

use super::{
    Content, Extensions, Message, Next, Options, Question, Report, StartTls,
    replies::{NoReply, Replies},
    transaction::{Then, Transaction, refusal},
};
use crate::data::Encoder;

/// How a session ended.
#[derive(Debug)]
pub struct Ending {
    /// What became of the last message, if nobody has been told yet.
    pub report: Option<Report>,
    /// Why no more messages can be sent to this host now, if it did not end in peace. Class 5 says
    /// that the host never takes mail.
    pub problem: Option<Problem>,
}

#[derive(Debug)]
enum State {
    /// Waits for the greeting.
    Greeting,
    /// EHLO is out, or else HELO.
    Hello {
        ehlo: bool,
    },
    /// STARTTLS is out.
    StartTls,
    /// The server is ready for the handshake.
    Handshake,
    /// TLS stands, and nothing has been said under it.
    Secured,
    /// Nothing is out: asks for a message.
    Ready,
    /// Commands of the envelope are out.
    Envelope(Box<Transaction>),
    /// The server waits for the content: asks for it.
    Content(Box<Transaction>),
    /// The final dot is out.
    Verdict(Box<Transaction>),
    /// QUIT is out.
    Quit,
    Closed,
}

/// One connection to a server.
#[derive(Debug)]
pub struct Session {
    options: Options,
    open: OpenQuestion,
    state: State,
    replies: Replies,
    extensions: Extensions,
    tls: Option<TlsFacts>,
    /// When the awaited reply is late; not known before the first wait for it.
    deadline: Option<Instant>,
    /// Whether the server still holds a transaction that was given up.
    needs_reset: bool,
    stopping: bool,
    unreported: Option<Report>,
    problem: Option<Problem>,
}

impl Session {
    /// A session that waits for the greeting; `number` is unique within the process.
    pub fn new(number: u64, options: Options) -> Self {
        Self {
            options,
            open: OpenQuestion::new(number),
            state: State::Greeting,
            replies: Replies::default(),
            extensions: Extensions::default(),
            tls: None,
            deadline: None,
            needs_reset: false,
            stopping: false,
            unreported: None,
            problem: None,
        }
    }

    /// After the connection has ended: what became of the message that was on its way. `why` is
    /// the driver's word for the end; it counts if the session did not end itself.
    pub fn finish(mut self, why: &str) -> Ending {
        self.break_off(why);
        Ending { report: self.unreported, problem: self.problem }
    }

    pub(super) fn begin(&mut self, ticket: Ticket, message: Message, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        let mut transaction = Transaction::new(message, self.needs_reset);
        if let Some(problem) = transaction.misfit(&self.extensions) {
            let host = Some(self.options.host.clone());
            transaction.end_rest(&Outcome::Failed(Problem { host, ..problem }));
            return self.report(transaction);
        }
        self.needs_reset = false;
        transaction.send(&self.extensions, &mut wire.output);
        self.state = State::Envelope(Box::new(transaction));
    }

    pub(super) fn good_bye(&mut self, ticket: Ticket, wire: &mut Wire) {
        if self.open.answered(ticket) {
            self.quit(wire);
        }
    }

    pub(super) fn content_ends(&mut self, ticket: Ticket, encoder: Encoder, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        if let State::Content(transaction) = std::mem::replace(&mut self.state, State::Closed) {
            encoder.finish(&mut wire.output);
            self.state = State::Verdict(transaction);
        }
    }

    pub(super) fn content_missing(&mut self, ticket: Ticket, why: &str) {
        if self.open.answered(ticket) {
            self.break_off(why);
        }
    }

    /// Takes a reply to what is out.
    fn hear(&mut self, reply: &Reply, wire: &mut Wire) {
        if reply.code() == 421 && !matches!(self.state, State::Quit) {
            // RFC 5321 §4.2.1: may answer any command; the server closes the connection.
            return self.end_with(host_refusal(reply, &self.options.host, "the server broke off"));
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Greeting if reply.is_positive() => self.say(b"EHLO ", wire),
            State::Greeting => self.turn_away(reply, "the server takes no connection", wire),
            State::Hello { ehlo } => self.hear_hello(ehlo, reply, wire),
            State::StartTls if reply.code() == 220 => self.state = State::Handshake,
            State::StartTls => self.state = State::Ready,
            State::Envelope(mut transaction) => {
                let (host, offered) = (&self.options.host, &self.extensions);
                match transaction.reply(reply, host, offered, &mut wire.output) {
                    Then::Wait => self.state = State::Envelope(transaction),
                    Then::Content => self.state = State::Content(transaction),
                    Then::EmptyContent => {
                        Encoder::new().finish(&mut wire.output);
                        self.state = State::Verdict(transaction);
                    }
                    Then::Over { reset } => {
                        self.needs_reset = reset;
                        self.report(*transaction);
                    }
                }
            }
            State::Verdict(mut transaction) => {
                transaction.verdict(reply, &self.options.host);
                self.report(*transaction);
            }
            // In the other states nothing is awaited, so no reply is taken.
            other @ (State::Handshake | State::Secured | State::Ready | State::Content(_)) => {
                self.state = other;
            }
            State::Quit | State::Closed => {}
        }
    }

    fn hear_hello(&mut self, ehlo: bool, reply: &Reply, wire: &mut Wire) {
        if !reply.is_positive() {
            // RFC 5321 §3.2: a server that does not know EHLO may know HELO. Under TLS it has
            // known it once already.
            return match ehlo && reply.is_permanent() && self.tls.is_none() {
                true => self.say(b"HELO ", wire),
                false => self.turn_away(reply, "the server refused our greeting", wire),
            };
        }
        self.extensions = if ehlo { Extensions::parse(reply) } else { Extensions::default() };
        let wanted = self.options.start_tls == StartTls::IfOffered && self.tls.is_none();
        if wanted && self.extensions.starttls {
            wire.output.extend_from_slice(b"STARTTLS\r\n");
            self.state = State::StartTls;
        } else {
            self.state = State::Ready;
        }
    }

    fn say(&mut self, hello: &[u8], wire: &mut Wire) {
        wire.output.extend_from_slice(hello);
        wire.output.extend_from_slice(self.options.hello.as_str().as_bytes());
        wire.output.extend_from_slice(b"\r\n");
        self.state = State::Hello { ehlo: hello.starts_with(b"EHLO") };
    }

    fn quit(&mut self, wire: &mut Wire) {
        wire.output.extend_from_slice(b"QUIT\r\n");
        self.state = State::Quit;
    }

    /// The server wants nothing from us; RFC 5321 §3.1 has us say QUIT all the same.
    fn turn_away(&mut self, reply: &Reply, text: &str, wire: &mut Wire) {
        self.problem = Some(host_refusal(reply, &self.options.host, text));
        self.quit(wire);
    }

    fn report(&mut self, transaction: Transaction) {
        self.unreported = Some(transaction.into_report(&self.extensions, self.tls.clone()));
        self.state = State::Ready;
    }

    /// Ends the session where it is, for a reason that no reply stands behind.
    fn break_off(&mut self, why: &str) {
        let during = match &self.state {
            State::Quit | State::Closed => {
                self.state = State::Closed;
                return;
            }
            State::Greeting => "waiting for the greeting",
            State::Hello { .. } | State::Secured => "waiting for the reply to our greeting",
            State::StartTls | State::Handshake => "changing to TLS",
            State::Ready => "between two messages",
            State::Envelope(_) => "waiting for the replies to the envelope",
            State::Content(_) => "sending the message",
            State::Verdict(_) => {
                "waiting for the reply to the whole message, which may therefore arrive twice"
            }
        };
        // RFC 3463 §3.5, X.4.2: bad connection.
        let status = EnhancedStatus::new(4, 4, 2);
        let mut problem = Problem::new(status, Scope::Host, format!("{why} while {during}"));
        problem.host = Some(self.options.host.clone());
        self.end_with(problem);
    }

    /// Ends the session; the message that is on its way is deferred.
    fn end_with(&mut self, problem: Problem) {
        let state = std::mem::replace(&mut self.state, State::Closed);
        // A server that has the whole message may have taken it: another host must not be tried
        // at once with the same.
        let scope = if matches!(state, State::Verdict(_)) { Scope::Message } else { Scope::Host };
        if let State::Envelope(mut transaction)
        | State::Content(mut transaction)
        | State::Verdict(mut transaction) = state
        {
            let status = problem.status.with_class(4);
            transaction.end_rest(&Outcome::Deferred(Problem { status, scope, ..problem.clone() }));
            self.unreported = Some(transaction.into_report(&self.extensions, self.tls.clone()));
        }
        self.problem = Some(problem);
    }

    fn patience(&self) -> Duration {
        let timeouts = &self.options.timeouts;
        match &self.state {
            State::Envelope(transaction) if transaction.awaits_data() => timeouts.data,
            State::Envelope(_) => timeouts.command,
            State::Verdict(_) => timeouts.verdict,
            State::Quit => timeouts.quit,
            _ => timeouts.greeting,
        }
    }
}

/// What a refusal before any message means: only 521 says that there is never mail service on
/// this host (RFC 7504 §3); 554 is also said for blocked addresses and by sick servers, so that
/// trying again and elsewhere makes sense.
fn host_refusal(reply: &Reply, host: &str, text: &str) -> Problem {
    let (Outcome::Failed(problem) | Outcome::Deferred(problem)) =
        refusal(reply, host, Scope::Host, text)
    else {
        return Problem::new(EnhancedStatus::new(4, 0, 0), Scope::Host, text);
    };
    let class = if reply.code() == 521 { 5 } else { 4 };
    Problem { status: problem.status.with_class(class), ..problem }
}

impl Machine for Session {
    type Question = Question;

    fn opened(&mut self, peer: &PeerFacts) {
        self.tls.clone_from(&peer.tls);
    }

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        if self.open.abandoned() {
            match self.state {
                State::Content(_) => self.break_off("the content was not given"),
                _ => self.quit(wire),
            }
        }
        loop {
            match self.state {
                State::Closed => return Step::Close,
                State::Handshake => return Step::Upgrade(Upgrade::Tls),
                State::Secured => self.say(b"EHLO ", wire),
                State::Ready if self.stopping && self.unreported.is_none() => self.quit(wire),
                State::Ready => {
                    let (ticket, report) = (self.open.ask(), self.unreported.take());
                    let next = Next { ticket, extensions: self.extensions, report };
                    return Step::Ask(Question::Next(next));
                }
                State::Content(_) => {
                    let (ticket, encoder) = (self.open.ask(), Encoder::new());
                    return Step::Ask(Question::Content(Content { ticket, encoder }));
                }
                _ => {}
            }
            match self.replies.next(&mut wire.input) {
                Ok(Some(reply)) => {
                    self.deadline = None;
                    self.hear(&reply, wire);
                }
                Err(NoReply(why)) => self.break_off(why),
                Ok(None) => {
                    let patience = self.patience();
                    let until = *self.deadline.get_or_insert(now + patience);
                    if now < until {
                        return Step::Wait(Wait { until: Some(until), news: false });
                    }
                    self.break_off("the server said nothing for too long");
                }
            }
        }
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        if let Upgraded::Tls(facts) = upgraded {
            self.tls = Some(facts);
        }
        // RFC 3207 §4.2: what the server said before is forgotten, and EHLO is sent again.
        self.extensions = Extensions::default();
        self.state = State::Secured;
    }

    fn notice(&mut self, notice: Notice) {
        self.stopping |= notice == Notice::Shutdown;
    }
}
