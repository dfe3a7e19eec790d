//! The machine.

use std::{sync::Arc, time::Instant};

use conversation::{
    Machine, Notice, OpenQuestion, Peer, PeerFacts, Step, Ticket, TlsFacts, Upgrade, Upgraded,
    Wait, Wire,
};
use mail_types::{BodyKind, Reply, Timestamp};

use super::{
    content::Receiving,
    counts::Counts,
    line::LineCutter,
    options::{AuthPolicy, Limits, Options},
    question::{Question, Refused, RefusedPart},
    state::{Activity, Hello, State, Transaction},
};
use crate::{
    command::MailFrom,
    reply::{Blame, Farewell, PeerError, Refusal},
};

/// One connection to an SMTP server.
#[derive(Debug)]
pub struct Session {
    pub(super) options: Arc<Options>,
    pub(super) open: OpenQuestion,
    pub(super) state: State,
    pub(super) lines: LineCutter,
    pub(super) signed_in: bool,
    /// The open question only tells of a refusal: nothing follows from its answer.
    telling: bool,
    /// The peer may say who its client is (XCLIENT).
    pub(super) trusted: bool,
    pub(super) peer: Option<Peer>,
    /// The name that the client has given itself, if a proxy has passed it on.
    pub(super) named: Option<Box<str>>,
    tls: Option<TlsFacts>,
    /// The time of day at which it was opened.
    pub(super) opened_at: Option<Timestamp>,
    stopping: bool,
    /// The sign-in does not count any more.
    signed_out: bool,
    /// When waiting has been long enough; set when waiting begins.
    deadline: Option<Instant>,
    /// When the client must have signed in; set at the first step.
    sign_in_by: Option<Instant>,
    pub(super) counts: Counts,
}

/// What comes of a line or a piece of content.
pub(super) enum Flow {
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
            signed_in: false,
            telling: false,
            trusted: false,
            peer: None,
            named: None,
            tls: None,
            opened_at: None,
            stopping: false,
            signed_out: false,
            deadline: None,
            sign_in_by: None,
            counts: Counts::default(),
        }
    }

    /// The same with a peer that may say who its client is: a proxy of ours, which speaks XCLIENT.
    pub fn trusting(self) -> Self {
        Self { trusted: true, ..self }
    }

    /// The same with the time of day, which FUTURERELEASE needs (RFC 4865 §4.2).
    pub fn opened_at(self, now: Timestamp) -> Self {
        Self { opened_at: Some(now), ..self }
    }

    /// Who is at the other end, or behind the proxy that is.
    pub fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// The TLS session, if there is one.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    /// The name that the client gave itself with HELO or EHLO.
    pub fn client_name(&self) -> Option<&str> {
        match &self.state {
            State::Greeted(hello, _) => Some(self.named.as_deref().unwrap_or(&hello.name)),
            _ => None,
        }
    }

    /// How much went wrong so far: breaches of the protocol, recipients refused, sign-ins failed.
    pub fn faults(&self) -> u32 {
        self.counts.faults()
    }

    /// Whether the client speaks ESMTP: it said EHLO.
    pub fn is_extended(&self) -> bool {
        matches!(&self.state, State::Greeted(Hello { extended: true, .. }, _))
    }

    /// Whether the client has signed in.
    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Takes an answer's ticket; false if the answer is not to the open question.
    pub(super) fn take_answer(&mut self, ticket: Ticket) -> bool {
        self.open.answered(ticket)
    }

    pub(super) fn open_transaction(&mut self, mail: &MailFrom) {
        self.state.turn_to(Activity::Transaction(Transaction {
            smtputf8: mail.smtputf8,
            binary: mail.body == BodyKind::BinaryMime,
            recipients: 0,
        }));
    }

    pub(super) fn recipient_accepted(&mut self) {
        if let Some(transaction) = self.state.transaction() {
            transaction.recipients += 1;
        }
    }

    pub(super) fn recipient_refused(&mut self, refusal: &Refusal, output: &mut Vec<u8>) {
        refusal.write(output);
        if let Err(farewell) = self.counts.refused_recipient(&self.options.limits) {
            self.leave(farewell, output);
        }
    }

    pub(super) fn receiving(&mut self) -> Option<&mut Receiving> {
        match self.state.activity()? {
            Activity::Content(_, receiving) => Some(receiving),
            _ => None,
        }
    }

    /// Replies to a breach of the protocol and counts it.
    pub(super) fn blame(&mut self, error: PeerError, output: &mut Vec<u8>) {
        error.write(output);
        if let Err(farewell) = self.counts.error(&error, &self.options.limits) {
            self.leave(farewell, output);
        } else if error == PeerError::BareLineFeed {
            // What stands behind it may be half of the line.
            self.leave(Farewell::LostTrack, output);
        }
    }

    /// Says no, for whatever reason.
    pub(super) fn say_no(&mut self, blame: Blame, output: &mut Vec<u8>) {
        match blame {
            Blame::Peer(error) => self.blame(error, output),
            Blame::Us(refusal) => refusal.write(output),
        }
    }

    /// Lets the agent know of a refusal that it was not asked about.
    pub(super) fn tell(&mut self, part: RefusedPart, reply: Reply) -> Flow {
        self.telling = true;
        Flow::Ask(Question::Refused(Refused { ticket: self.open.ask(), part, reply }))
    }

    /// The agent knows.
    pub(super) fn told(&mut self, ticket: Ticket) {
        if self.open.answered(ticket) {
            self.telling = false;
        }
    }

    /// Says the last word.
    pub(super) fn leave(&mut self, farewell: Farewell, output: &mut Vec<u8>) {
        farewell.write(output);
        self.state = State::Closed;
    }

    /// The open question was dropped: that is a failure of ours.
    fn give_up_question(&mut self, wire: &mut Wire) {
        if std::mem::take(&mut self.telling) {
            return;
        }
        if matches!(self.state, State::Opening) {
            return self.turn_away(&Refusal::Failure, &mut wire.output);
        }
        match self.state.activity() {
            Some(Activity::Content(..)) => self.content_failed(wire),
            Some(Activity::SigningIn(_)) => {
                self.sign_in_failed(&Refusal::SignInLater, &mut wire.output);
            }
            _ => Refusal::Failure.write(&mut wire.output),
        }
    }

    fn advance(&mut self, wire: &mut Wire) -> Flow {
        match &mut self.state {
            State::Opening => {
                self.greet(&mut wire.output);
                Flow::Go
            }
            State::Greeted(_, Activity::Content(..)) => self.receive(wire),
            State::Greeted(_, Activity::Skipping(_)) => self.skip(wire),
            _ => self.take_line(wire),
        }
    }

    fn wait(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        let options = self.options.clone();
        let limits = &options.limits;
        let patience = match &self.state {
            State::Greeted(_, Activity::Content(..)) => limits.content_time,
            _ => limits.command_time,
        };
        let sign_in_by = *self.sign_in_by.get_or_insert(now + limits.sign_in_time);
        let mut deadline = *self.deadline.get_or_insert(now + patience);
        if let Some(pace) = self.state.pace() {
            deadline = deadline.min(pace.deadline(now, limits));
        }
        if matches!(self.options.auth, AuthPolicy::Required(_)) && !self.signed_in {
            deadline = deadline.min(sign_in_by);
        }
        if now >= deadline {
            self.leave(Farewell::TimedOut, &mut wire.output);
            return Step::Close;
        }
        Step::Wait(Wait { until: Some(deadline), news: self.signed_in })
    }

    /// The peer did something: the time it may take starts anew.
    pub(super) fn heard(&mut self) {
        self.deadline = None;
    }
}

impl Machine for Session {
    type Question = Question;

    fn opened(&mut self, peer: &PeerFacts) {
        self.peer = Some(peer.peer);
        self.tls.clone_from(&peer.tls);
    }

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        if self.open.abandoned() {
            self.give_up_question(wire);
        }
        loop {
            if matches!(self.state, State::Closed) {
                return Step::Close;
            }
            if self.signed_out {
                self.leave(Farewell::SignedOut, &mut wire.output);
                return Step::Close;
            }
            if self.stopping {
                self.leave(Farewell::Stopping, &mut wire.output);
                return Step::Close;
            }
            match self.advance(wire) {
                Flow::Go => {}
                Flow::NeedInput => return self.wait(wire, now),
                Flow::Ask(question) => return Step::Ask(question),
                Flow::StartTls => return Step::Upgrade(Upgrade::Tls),
            }
        }
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        if let Upgraded::Tls(facts) = upgraded {
            // RFC 3207 §4.2: all that was said before is forgotten.
            self.tls = Some(facts);
            self.state = State::Fresh;
            self.signed_in = false;
            self.heard();
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Shutdown => self.stopping = true,
            // The only news there is: who signed in may stay no longer.
            Notice::Changed => self.signed_out = self.signed_in,
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
