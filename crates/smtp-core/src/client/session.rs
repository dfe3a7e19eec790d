//! The machine: which reply is awaited, and what follows from it.

use std::time::{Duration, Instant};

use conversation::{
    Machine, Notice, OpenQuestion, PeerFacts, Step, Ticket, TlsFacts, Upgrade, Upgraded, Wait, Wire,
};
use mail_types::{EnhancedStatus, Outcome, Problem, Reply, Scope};

use super::{
    Content, Extensions, Message, Next, Options, Question, Report,
    content::Framing,
    replies::{NoReply, Replies},
    sign_in::SignIn,
    transaction::{Manner, Then, Transaction, refusal},
};

/// How a session ended.
#[derive(Debug)]
pub struct Ending {
    /// What became of the last message, if nobody has been told yet.
    pub report: Option<Report>,
    /// Why no more messages can be sent to this host now, if it did not end in peace. Class 5 says
    /// that the host never takes mail.
    pub problem: Option<Problem>,
    /// Whether the server takes no more messages in this session, and would in another
    /// (RFC 9422 §4.1).
    pub full: bool,
}

#[derive(Debug)]
pub(super) enum State {
    /// Waits for the greeting.
    Greeting,
    /// EHLO or LHLO is out, or else HELO.
    Hello {
        extended: bool,
    },
    /// STARTTLS is out.
    StartTls,
    /// The server is ready for the handshake.
    Handshake,
    /// TLS stands, and nothing has been said under it.
    Secured,
    /// AUTH is out.
    SignIn(Box<SignIn>),
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
    pub(super) options: Options,
    open: OpenQuestion,
    pub(super) state: State,
    replies: Replies,
    pub(super) extensions: Extensions,
    pub(super) tls: Option<TlsFacts>,
    /// Whether TLS was wanted and the server had none for us.
    pub(super) has_no_tls: bool,
    /// When the awaited reply is late; not known before the first wait for it.
    deadline: Option<Instant>,
    /// Whether the server still holds a transaction that was given up.
    needs_reset: bool,
    /// Transactions begun.
    mails: u32,
    stopping: bool,
    unreported: Option<Report>,
    pub(super) problem: Option<Problem>,
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
            has_no_tls: false,
            deadline: None,
            needs_reset: false,
            mails: 0,
            stopping: false,
            unreported: None,
            problem: None,
        }
    }

    /// The TLS that stands.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    /// Whether TLS was wanted, and the server does not offer it or has refused it.
    pub fn has_no_tls(&self) -> bool {
        self.has_no_tls
    }

    /// After the connection has ended: what became of the message that was on its way. `why` is
    /// the driver's word for the end; it counts if the session did not end itself.
    pub fn finish(mut self, why: &str) -> Ending {
        self.break_off(why);
        let full = self.problem.is_none() && self.is_full();
        Ending { report: self.unreported, problem: self.problem, full }
    }

    pub(super) fn begin(&mut self, ticket: Ticket, message: Message, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        let (protocol, chunked) = (self.options.protocol, self.extensions.chunking);
        let manner = Manner { protocol, chunked, reset: self.needs_reset };
        let mut transaction = Transaction::new(message, manner);
        if let Some(problem) = transaction.misfit(&self.extensions) {
            let host = Some(self.options.host.clone());
            transaction.end_rest(&Outcome::Failed(Problem { host, ..problem }));
            return self.report(transaction);
        }
        self.needs_reset = false;
        self.mails = self.mails.saturating_add(1);
        transaction.send(&self.extensions, &mut wire.output);
        self.state = State::Envelope(Box::new(transaction));
    }

    pub(super) fn good_bye(&mut self, ticket: Ticket, wire: &mut Wire) {
        if self.open.answered(ticket) {
            self.quit(wire);
        }
    }

    pub(super) fn content_ends(&mut self, ticket: Ticket, framing: Framing, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        if !framing.finish(&mut wire.output) {
            return self.withdraw("the message was not as long as announced");
        }
        self.await_verdict();
    }

    pub(super) fn content_missing(&mut self, ticket: Ticket, why: &str) {
        if self.open.answered(ticket) {
            self.withdraw(why);
        }
    }

    /// Takes a reply to what is out.
    fn hear(&mut self, reply: &Reply, wire: &mut Wire) {
        if reply.code() == 421 && !matches!(self.state, State::Quit) {
            // RFC 5321 §4.2.1: may answer any command; the server closes the connection.
            return self.end_with(host_refusal(reply, &self.options.host, "the server broke off"));
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Greeting => self.hear_greeting(reply, wire),
            State::Hello { extended } => self.hear_hello(extended, reply, wire),
            State::StartTls => self.hear_start_tls(reply, wire),
            State::SignIn(sign_in) => self.hear_sign_in(*sign_in, reply, wire),
            State::Envelope(mut transaction) => {
                let (host, offered) = (&self.options.host, &self.extensions);
                match transaction.reply(reply, host, offered, &mut wire.output) {
                    Then::Wait => self.state = State::Envelope(transaction),
                    Then::Content => self.state = State::Content(transaction),
                    Then::EmptyContent => {
                        let empty = Framing::begin(false, 0, &mut wire.output);
                        let _ = empty.finish(&mut wire.output);
                        self.state = State::Verdict(transaction);
                    }
                    Then::Over { reset } => {
                        self.needs_reset = reset;
                        self.report(*transaction);
                    }
                }
            }
            State::Verdict(mut transaction) => {
                match transaction.verdict(reply, &self.options.host) {
                    None => self.state = State::Verdict(transaction),
                    Some(reset) => {
                        self.needs_reset = reset;
                        self.report(*transaction);
                    }
                }
            }
            // In the other states nothing is awaited, so no reply is taken.
            other @ (State::Handshake | State::Secured | State::Ready | State::Content(_)) => {
                self.state = other;
            }
            State::Quit | State::Closed => {}
        }
    }

    /// The content is out.
    fn await_verdict(&mut self) {
        if let State::Content(mut transaction) = std::mem::replace(&mut self.state, State::Closed) {
            transaction.content_given();
            self.state = State::Verdict(transaction);
        }
    }

    /// Whether the server has said that it takes no more in this session (RFC 9422 §4.1).
    fn is_full(&self) -> bool {
        self.extensions.limits.mails.is_some_and(|most| self.mails >= most)
    }

    pub(super) fn quit(&mut self, wire: &mut Wire) {
        wire.output.extend_from_slice(b"QUIT\r\n");
        self.state = State::Quit;
    }

    /// The server wants nothing from us; RFC 5321 §3.1 has us say QUIT all the same.
    pub(super) fn turn_away(&mut self, reply: &Reply, text: &str, wire: &mut Wire) {
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
            State::SignIn(_) => "signing in",
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

    /// Ends the session within a content that we can't give to its end: the server takes nothing,
    /// and is not to blame. The message is deferred, wherever it would go.
    fn withdraw(&mut self, why: &str) {
        if let State::Content(mut transaction) = std::mem::replace(&mut self.state, State::Closed) {
            // RFC 3463 §3.4, X.3.0: other mail system status.
            let status = EnhancedStatus::new(4, 3, 0);
            transaction.end_rest(&Outcome::Deferred(Problem::new(status, Scope::Message, why)));
            self.unreported = Some(transaction.into_report(&self.extensions, self.tls.clone()));
        }
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
                State::Content(_) => self.withdraw("the message was not given"),
                _ => self.quit(wire),
            }
        }
        loop {
            match self.state {
                State::Closed => return Step::Close,
                State::Handshake => return Step::Upgrade(Upgrade::Tls),
                State::Secured => self.introduce(wire),
                State::Ready if self.stopping && self.unreported.is_none() => self.quit(wire),
                // What there is to report then is in the ending.
                State::Ready if self.is_full() => self.quit(wire),
                State::Ready => {
                    let (ticket, report) = (self.open.ask(), self.unreported.take());
                    let next = Next { ticket, extensions: self.extensions.clone(), report };
                    return Step::Ask(Question::Next(next));
                }
                State::Content(ref mut transaction) => {
                    let framing = transaction.begin_content(&mut wire.output);
                    let content = Content { ticket: self.open.ask(), framing };
                    return Step::Ask(Question::Content(content));
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
