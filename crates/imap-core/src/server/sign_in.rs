//! LOGIN and AUTHENTICATE (RFC 3501 §6.2).

use base64::{Engine, prelude::BASE64_STANDARD};
use conversation::{Step, Ticket, Wire};
use mail_types::Secret;
use sasl_core::{
    Claim, Mechanism,
    server::{Exchange, ServerStep},
};

use super::{
    Question, Session, SignIn,
    session::{Access, Activity, Flow, Running},
};
use crate::{
    UidRuns,
    frame::Framed,
    order::Verb,
    response::{self, Code, Completion},
};

/// A SASL exchange whose next move is the client's.
#[derive(Debug)]
pub(super) struct Exchanging {
    tag: Box<str>,
    mechanism: Mechanism,
    exchange: Exchange,
}

impl Session {
    pub(super) fn login(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        name: &str,
        password: &Secret,
    ) -> Flow {
        if !self.may_send_password() {
            return self.no_privacy(wire, tag, Verb::Login);
        }
        match Claim::password(None, name, password) {
            Some(claim) => self.ask_sign_in(tag, Verb::Login, claim, "LOGIN"),
            None => {
                self.count_failure();
                self.end(wire, tag, Verb::Login, rejection())
            }
        }
    }

    pub(super) fn authenticate(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        mechanism: &str,
        initial: Option<&Secret>,
    ) -> Flow {
        let Some(mechanism) = Mechanism::parse(mechanism) else {
            let unknown = Completion::no(Code::Cannot, "No such authentication mechanism");
            return self.end(wire, tag, Verb::Authenticate, unknown);
        };
        if mechanism.reveals_password() && !self.may_send_password() {
            return self.no_privacy(wire, tag, Verb::Authenticate);
        }
        let exchanging = Exchanging { tag, mechanism, exchange: Exchange::new(mechanism) };
        match initial {
            // RFC 4959 §3: an empty initial response is written `=`.
            Some(initial) if initial.reveal() == b"=" => {
                self.exchange_move(wire, exchanging, Some(&Secret::new("")))
            }
            Some(initial) => self.exchange_line(wire, exchanging, initial.reveal()),
            None => self.exchange_move(wire, exchanging, None),
        }
    }

    /// Takes the client's next line.
    pub(super) fn exchange_step(&mut self, wire: &mut Wire) -> Flow {
        let framed = self.framer.next_line(&mut wire.input);
        if framed == Framed::Incomplete {
            return Flow::NeedInput;
        }
        let Activity::Exchanging(exchanging) =
            std::mem::replace(&mut self.activity, Activity::Reading)
        else {
            return Flow::Again;
        };
        if framed != Framed::Complete {
            let long = Completion::bad("The response is too long");
            self.refuse_framed(wire, Some(exchanging.tag), framed, long);
            return Flow::Again;
        }
        let line = self.framer.text(&wire.input);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = Secret::new(line.strip_suffix(b"\r").unwrap_or(line));
        self.framer.finish(&mut wire.input);
        self.exchange_line(wire, exchanging, line.reveal())
    }

    fn exchange_line(&mut self, wire: &mut Wire, exchanging: Exchanging, line: &[u8]) -> Flow {
        // RFC 3501 §6.2.2: a single asterisk cancels.
        if line == b"*" {
            let cancelled = Completion::bad("Authentication cancelled");
            return self.end(wire, exchanging.tag, Verb::Authenticate, cancelled);
        }
        match BASE64_STANDARD.decode(line) {
            Ok(response) => self.exchange_move(wire, exchanging, Some(&Secret::new(response))),
            Err(_) => {
                let bad = Completion::bad("The response is not correct base64");
                self.end(wire, exchanging.tag, Verb::Authenticate, bad)
            }
        }
    }

    fn exchange_move(
        &mut self,
        wire: &mut Wire,
        mut exchanging: Exchanging,
        response: Option<&Secret>,
    ) -> Flow {
        match exchanging.exchange.step(response.map(Secret::reveal)) {
            ServerStep::Challenge(challenge) => {
                response::continuation(&mut wire.output, &BASE64_STANDARD.encode(challenge));
                self.activity = Activity::Exchanging(exchanging);
                Flow::Again
            }
            ServerStep::Verify(claim) => {
                let method = exchanging.mechanism.name();
                self.ask_sign_in(exchanging.tag, Verb::Authenticate, claim, method)
            }
            ServerStep::Failed(_) => {
                self.count_failure();
                self.end(wire, exchanging.tag, Verb::Authenticate, rejection())
            }
        }
    }

    fn ask_sign_in(
        &mut self,
        tag: Box<str>,
        verb: Verb,
        claim: Claim,
        method: &'static str,
    ) -> Flow {
        self.activity = Activity::Running(Running { tag, verb, end: None });
        let sign_in = self.ask(SignIn { claim, method }, UidRuns::new());
        Flow::Step(Step::Ask(Question::SignIn(sign_in)))
    }

    /// The claim is true.
    pub(super) fn welcome(&mut self, ticket: Ticket, wire: &mut Wire) {
        if self.open.answered(ticket) {
            self.access = Access::Authenticated;
            self.deadline = None;
            self.framer.set_line_max(self.options.limits.line_max);
            // Clients take the list from here and ask no more.
            let list = Code::Capability(self.capabilities());
            self.end_running(wire, Completion::ok("Signed in").with(list));
        }
    }

    /// The claim is not true.
    pub(super) fn reject(&mut self, ticket: Ticket, wire: &mut Wire) {
        if self.open.answered(ticket) {
            self.count_failure();
            self.end_running(wire, rejection());
        }
    }

    fn count_failure(&mut self) {
        self.failed_sign_ins += 1;
        if self.failed_sign_ins >= self.options.limits.sign_ins_max {
            self.dismiss(None, "Too many failed sign-ins");
        }
    }

    /// RFC 5530 §3 `PRIVACYREQUIRED`; LOGINDISABLED has said so before.
    fn no_privacy(&mut self, wire: &mut Wire, tag: Box<str>, verb: Verb) -> Flow {
        let refused = Completion::no(Code::PrivacyRequired, "Use STARTTLS first");
        self.end(wire, tag, verb, refused)
    }
}

/// The same for every reason (RFC 3501 §11.2).
fn rejection() -> Completion {
    Completion::no(Code::AuthenticationFailed, "Name or password is wrong")
}
