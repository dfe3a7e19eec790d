//! LOGIN and AUTHENTICATE (RFC 3501 §6.2).

use base64::{Engine, prelude::BASE64_STANDARD};
use conversation::{Peer, Step, Ticket, Wire};
use mail_types::Secret;
use sasl_core::{
    Bindings, Claim, LastWord, Mechanism, Protection, Service, Setting,
    server::{Exchange, Prepared, ServerStep},
};

use super::{
    Prepare, Question, Session, SignIn,
    session::{Access, Activity, Flow, Running},
};
use crate::{
    Language, UidRuns,
    command::Enable,
    frame::Framed,
    order::Verb,
    response::{self, Code, Completion},
};

/// A SASL exchange.
#[derive(Debug)]
pub(super) struct Exchanging {
    pub(super) tag: Box<str>,
    mechanism: Mechanism,
    exchange: Box<Exchange>,
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
            Some(claim) => {
                self.activity =
                    Activity::Running(Running { tag, verb: Verb::Login, end: None, lowest: None });
                let sign_in = self.ask(SignIn { claim, method: "LOGIN" }, UidRuns::new());
                Flow::Step(Step::Ask(Question::SignIn(sign_in)))
            }
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
        let announced = self.announced();
        let mechanism = match Mechanism::parse(mechanism) {
            Some(mechanism) if announced.contains(&mechanism) => mechanism,
            Some(mechanism)
                if self.tls().is_none() && self.options.offers.mechanisms.contains(&mechanism) =>
            {
                return self.no_privacy(wire, tag, Verb::Authenticate);
            }
            _ => {
                let unknown = Completion::no(Code::Cannot, "No such authentication mechanism");
                return self.end(wire, tag, Verb::Authenticate, unknown);
            }
        };
        let exchange = Box::new(Exchange::new(mechanism));
        let exchanging = Exchanging { tag, mechanism, exchange };
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
        let step = exchanging.exchange.step(response.map(Secret::reveal), &self.setting());
        self.exchange_follow(wire, exchanging, step)
    }

    /// Does what the mechanism wants next.
    fn exchange_follow(
        &mut self,
        wire: &mut Wire,
        exchanging: Exchanging,
        step: ServerStep,
    ) -> Flow {
        match step {
            ServerStep::Challenge(challenge) => {
                response::continuation(&mut wire.output, &BASE64_STANDARD.encode(challenge));
                self.activity = Activity::Exchanging(exchanging);
                Flow::Again
            }
            ServerStep::Prepare(wanted) => {
                self.activity = Activity::Judging(exchanging);
                let prepare = self.ask(Prepare { wanted }, UidRuns::new());
                Flow::Step(Step::Ask(Question::Prepare(prepare)))
            }
            ServerStep::Verify(claim) => {
                let method = exchanging.mechanism.name();
                self.activity = Activity::Judging(exchanging);
                let sign_in = self.ask(SignIn { claim, method }, UidRuns::new());
                Flow::Step(Step::Ask(Question::SignIn(sign_in)))
            }
            ServerStep::Done => {
                self.activity = Activity::Judging(exchanging);
                self.signed_in(wire);
                Flow::Again
            }
            ServerStep::Failed(_) => {
                self.count_failure();
                self.end(wire, exchanging.tag, Verb::Authenticate, rejection())
            }
        }
    }

    /// What the mechanism needs is there.
    pub(super) fn prepared(&mut self, ticket: Ticket, wire: &mut Wire, prepared: Prepared) {
        if self.open.answered(ticket) {
            self.go_on(wire, |exchange, setting| exchange.prepared(prepared, setting));
        }
    }

    /// The claim is true.
    pub(super) fn welcome(&mut self, ticket: Ticket, wire: &mut Wire, last_word: Option<LastWord>) {
        if !self.open.answered(ticket) {
            return;
        }
        match &self.activity {
            Activity::Judging(_) => self.go_on(wire, |exchange, _| exchange.proven(last_word)),
            _ => self.signed_in(wire),
        }
    }

    /// Takes the exchange up again after an answer; nothing is asked before the client's next line.
    fn go_on(
        &mut self,
        wire: &mut Wire,
        how: impl FnOnce(&mut Exchange, &Setting<'_>) -> ServerStep,
    ) {
        let taken = std::mem::replace(&mut self.activity, Activity::Reading);
        let Activity::Judging(mut exchanging) = taken else { return };
        let step = how(&mut exchanging.exchange, &self.setting());
        self.exchange_follow(wire, exchanging, step);
    }

    fn signed_in(&mut self, wire: &mut Wire) {
        self.access = Access::Authenticated;
        self.deadline = None;
        self.framer.set_line_max(self.options.limits.line_max);
        // Clients take the list from here and ask no more.
        let list = Code::Capability(self.capabilities());
        self.end_running(wire, Completion::ok("Signed in").with(list));
    }

    /// Nobody is signed in any more: all is as it was before, but for TLS (RFC 8437 §3, §4.1).
    pub(super) fn signed_out(&mut self, ticket: Ticket, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        self.access = Access::NotAuthenticated;
        self.enabled = Enable::default();
        self.language = Language::default();
        self.notifying = None;
        self.deadline = None;
        let line_max = usize::try_from(self.options.limits.command_before_sign_in_max);
        self.framer.set_line_max(line_max.unwrap_or(self.options.limits.line_max));
        let list = Code::Capability(self.capabilities());
        self.end_running(wire, Completion::ok("Signed out").with(list));
    }

    /// The claim is not true.
    pub(super) fn reject(&mut self, ticket: Ticket, wire: &mut Wire) {
        if self.open.answered(ticket) {
            self.count_failure();
            self.end_running(wire, rejection());
        }
    }

    /// What AUTHENTICATE takes here and now, the preferred first.
    pub(super) fn announced(&self) -> Vec<Mechanism> {
        self.options.offers.announced(self.protection(), &self.setting())
    }

    pub(super) fn may_send_password(&self) -> bool {
        self.options.offers.allow_passwords(self.protection())
    }

    fn protection(&self) -> Protection {
        match self.peer().map(|facts| facts.peer) {
            _ if self.tls().is_some() => Protection::Tls,
            Some(Peer::Tcp { remote, .. }) if !remote.ip().to_canonical().is_loopback() => {
                Protection::None
            }
            Some(_) => Protection::Loopback,
            None => Protection::None,
        }
    }

    fn setting(&self) -> Setting<'_> {
        let identity = self.tls().map(|tls| &*tls.identity);
        let bindings = Bindings {
            exporter: identity.and_then(|it| it.exporter.as_ref()).map(<[u8; 32]>::as_slice),
            end_point: identity.and_then(|it| it.end_point.as_deref()),
        };
        Setting {
            service: Service::Imap,
            host: &self.options.hostname,
            bindings,
            plus_announced: self.options.offers.bind(bindings),
            certificate: identity.and_then(|it| it.client_certificate.as_ref()),
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
