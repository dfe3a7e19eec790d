//! The machine.

use std::{sync::Arc, time::Instant};

use conversation::{
    Machine, Notice, OpenQuestion, Peer, PeerFacts, Step as Next, TlsFacts, Upgrade, Upgraded,
    Wait, Wire,
};

use crate::{
    Options, Question, Refusal,
    language::Language,
    line::LineCutter,
    response::{Farewell, PeerError},
    state::{State, Step},
};

/// One connection to a POP3 server.
#[derive(Debug)]
pub struct Session {
    pub(crate) options: Arc<Options>,
    pub(crate) open: OpenQuestion,
    pub(crate) state: State,
    pub(crate) lines: LineCutter,
    pub(crate) language: Language,
    /// The client has said UTF8 (RFC 6856 §2.1).
    pub(crate) utf8: bool,
    /// A response of many lines has begun and not ended.
    pub(crate) half_said: bool,
    pub(crate) sign_in_failures: u32,
    /// What APOP answers to; none where that is not there.
    pub(crate) timestamp: Option<Box<str>>,
    errors: u32,
    peer: Option<Peer>,
    tls: Option<TlsFacts>,
    stopping: bool,
    /// The sign-in does not count any more.
    signed_out: bool,
    /// When waiting has been long enough; set when waiting begins.
    deadline: Option<Instant>,
    /// When the client must have signed in; set at the first wait.
    sign_in_by: Option<Instant>,
}

/// What comes of a line.
pub(crate) enum Flow {
    /// More may be in the input.
    Go,
    /// The input does not suffice.
    NeedInput,
    /// The agent decides.
    Ask(Question),
    /// TLS comes next.
    StartTls,
}

impl Session {
    /// A session of a listener with these options; `number` is unique within the process.
    pub fn new(options: Arc<Options>, number: u64) -> Self {
        Self {
            options,
            open: OpenQuestion::new(number),
            state: State::Opening,
            lines: LineCutter::default(),
            language: Language::default(),
            utf8: false,
            half_said: false,
            sign_in_failures: 0,
            timestamp: None,
            errors: 0,
            peer: None,
            tls: None,
            stopping: false,
            signed_out: false,
            deadline: None,
            sign_in_by: None,
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// Whether TLS protects the connection.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The TLS session, if there is one.
    pub(crate) fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    pub(crate) fn is_on_loopback(&self) -> bool {
        match self.peer {
            Some(Peer::Tcp { remote, .. }) => remote.ip().to_canonical().is_loopback(),
            Some(Peer::Unix { .. }) => true,
            None => false,
        }
    }

    /// Answers a breach of the protocol and counts it.
    pub(crate) fn blame(&mut self, error: PeerError, output: &mut Vec<u8>) {
        error.write(self.language, output);
        self.errors += 1;
        if self.errors > self.options.limits.errors {
            self.leave(Farewell::TooManyErrors, output);
        }
    }

    /// Says the last word.
    pub(crate) fn leave(&mut self, farewell: Farewell, output: &mut Vec<u8>) {
        farewell.write(self.language, output);
        self.state = State::Closed;
    }

    /// The client did something: the time it may keep silent starts anew.
    pub(crate) fn heard(&mut self) {
        self.deadline = None;
    }

    /// The open question was dropped: that is a failure of ours.
    fn give_up_question(&mut self, output: &mut Vec<u8>) {
        if self.half_said {
            self.state = State::Closed;
        } else if matches!(self.state, State::Opening) {
            self.greet(output);
        } else {
            self.forget_exchange();
            Refusal::Failure.write(self.language, output);
        }
    }

    fn wait(&mut self, now: Instant) -> Next<Question> {
        let limits = &self.options.limits;
        let sign_in_by = *self.sign_in_by.get_or_insert(now + limits.sign_in_time);
        let mut deadline = *self.deadline.get_or_insert(now + limits.idle_time);
        if self.state.maildrop().is_none() {
            deadline = deadline.min(sign_in_by);
        }
        if now >= deadline {
            // RFC 1939 §3: without UPDATE and without a word.
            self.state = State::Closed;
            return Next::Close;
        }
        Next::Wait(Wait { until: Some(deadline), news: self.state.maildrop().is_some() })
    }
}

impl Machine for Session {
    type Question = Question;

    fn opened(&mut self, peer: &PeerFacts) {
        self.peer = Some(peer.peer);
        self.tls.clone_from(&peer.tls);
    }

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Next<Question> {
        if self.open.abandoned() {
            self.give_up_question(&mut wire.output);
        }
        loop {
            match &self.state {
                State::Closed => return Next::Close,
                _ if self.signed_out => {
                    self.leave(Farewell::SignedOut, &mut wire.output);
                    return Next::Close;
                }
                _ if self.stopping => {
                    self.leave(Farewell::Stopping, &mut wire.output);
                    return Next::Close;
                }
                State::Opening if self.may_use_apop() => {
                    return Next::Ask(self.ask_for_timestamp());
                }
                State::Opening => self.greet(&mut wire.output),
                State::Authorization(_) | State::Transaction(_) => match self.take_line(wire) {
                    Flow::Go => {}
                    Flow::NeedInput => return self.wait(now),
                    Flow::Ask(question) => return Next::Ask(question),
                    Flow::StartTls => return Next::Upgrade(Upgrade::Tls),
                },
            }
        }
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        if let Upgraded::Tls(facts) = upgraded {
            // Whatever was said in the clear is forgotten.
            self.tls = Some(facts);
            self.language = Language::default();
            self.utf8 = false;
            self.state = State::Authorization(Step::Start);
            self.heard();
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Shutdown => self.stopping = true,
            // The only news there is: who signed in may stay no longer.
            Notice::Changed => self.signed_out = self.state.maildrop().is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_small() {
        let size = size_of::<Session>();
        assert!(size < 512, "{size} octets");
    }
}
