//! AUTHORIZATION: USER and PASS, APOP (RFC 1939 §7), AUTH (RFC 5034 §4), STLS (RFC 2595 §4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::Secret;
use sasl_core::{
    ApopClaim, Bindings, Claim, LastWord, Mechanism, Protection, Service, Setting,
    server::{Exchange, ExchangeError, Preparation, Prepared, ServerStep, timestamp},
};

use crate::{
    Maildrop, Refusal,
    command::Verb,
    question::{Prepare, Question, SignIn},
    response::{Farewell, PeerError, Positive},
    session::{Flow, Session},
    state::{State, Step},
};

impl Session {
    pub(crate) fn stls(&mut self, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        if self.has_tls() {
            return Err(PeerError::TlsStands);
        }
        if !self.options.stls {
            return Err(PeerError::NoTlsHere);
        }
        Positive::StartTls.write(self.language, output);
        Ok(Flow::StartTls)
    }

    /// RFC 1939 §7: any name is fine until its password has come.
    pub(crate) fn user(
        &mut self,
        arguments: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        self.check_may_send_password()?;
        let name = Verb::User.text(arguments)?;
        self.state = State::Authorization(Step::Named(name.into()));
        Positive::SendPassword.write(self.language, output);
        Ok(Flow::Go)
    }

    /// RFC 1939 §7: PASS has exactly one argument, so spaces are part of it.
    pub(crate) fn pass(&mut self, password: &[u8]) -> Result<Flow, PeerError> {
        let State::Authorization(step @ Step::Named(_)) = &mut self.state else {
            return Err(PeerError::NoName);
        };
        let Step::Named(name) = std::mem::replace(step, Step::Start) else {
            return Err(PeerError::NoName);
        };
        match Claim::password(None, &name, &Secret::new(password)) {
            Some(claim) => Ok(self.ask_to_sign_in(claim)),
            None => Err(Verb::Pass.misused()),
        }
    }

    /// `AUTH mechanism [initial-response]`.
    pub(crate) fn auth(
        &mut self,
        arguments: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        let announced = self.announced();
        if announced.is_empty() && !self.has_tls() {
            return Err(PeerError::NeedsTls);
        }
        let mut words = Verb::Auth.text(arguments)?.split_ascii_whitespace();
        let (Some(name), initial, None) = (words.next(), words.next(), words.next()) else {
            return Err(Verb::Auth.misused());
        };
        let mechanism = match Mechanism::parse(name) {
            Some(mechanism) if announced.contains(&mechanism) => mechanism,
            Some(known) if !self.has_tls() && self.options.offers.mechanisms.contains(&known) => {
                return Err(PeerError::NeedsTls);
            }
            _ => return Err(PeerError::UnknownMechanism),
        };
        let initial = match initial {
            // RFC 5034 §4: only for mechanisms that begin with the client.
            Some(_) if !mechanism.begins_with_client() => {
                return Err(PeerError::NoInitialResponse);
            }
            // RFC 5034 §4: a lone = is a response of no octets.
            Some("=") => Some(Vec::new()),
            Some(base64) => Some(decode(base64.as_bytes())?),
            None => None,
        };
        self.exchange(Box::new(Exchange::new(mechanism)), initial.as_deref(), output)
    }

    /// `APOP name digest` (RFC 1939 §7).
    pub(crate) fn apop(&mut self, arguments: &[u8]) -> Result<Flow, PeerError> {
        let arguments = Verb::Apop.text(arguments)?;
        let timestamp = self.timestamp.as_deref().ok_or(PeerError::NoApopHere)?;
        let (name, digest) = arguments.trim().rsplit_once(' ').ok_or(Verb::Apop.misused())?;
        let claim = ApopClaim::new(timestamp.as_bytes(), name, digest);
        let claim = claim.ok_or(Verb::Apop.misused())?;
        // As if USER had not come.
        self.state = State::Authorization(Step::Start);
        Ok(self.ask_to_sign_in(Claim::Apop(claim)))
    }

    /// A line of the client's during AUTH. Whatever is wrong with it, the exchange is over.
    pub(crate) fn sasl_response(
        &mut self,
        step: Step,
        line: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        if line == b"*" {
            return Err(PeerError::Cancelled);
        }
        let response = decode(line)?;
        match step {
            Step::Exchange(exchange) => self.exchange(exchange, Some(&response), output),
            Step::Acknowledging(mut exchange, maildrop) => {
                match exchange.step(Some(&response), &self.setting()) {
                    ServerStep::Done => {
                        self.sign_in_succeeded(maildrop, output);
                        Ok(Flow::Go)
                    }
                    _ => Err(PeerError::BadResponse),
                }
            }
            Step::Start | Step::Named(_) => Ok(Flow::Go),
        }
    }

    fn exchange(
        &mut self,
        mut exchange: Box<Exchange>,
        response: Option<&[u8]>,
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        let step = exchange.step(response, &self.setting());
        self.follow(exchange, step, output)
    }

    /// Does what the mechanism wants next.
    fn follow(
        &mut self,
        exchange: Box<Exchange>,
        step: ServerStep,
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        // As if USER had not come (RFC 5034 §4); an exchange that goes on is put back.
        self.state = State::Authorization(Step::Start);
        match step {
            ServerStep::Challenge(challenge) => {
                Positive::Challenge(&STANDARD.encode(challenge)).write(self.language, output);
                self.state = State::Authorization(Step::Exchange(exchange));
                Ok(Flow::Go)
            }
            ServerStep::Prepare(wanted) => {
                self.state = State::Authorization(Step::Exchange(exchange));
                let ticket = self.open.ask();
                Ok(Flow::Ask(Question::Prepare(Prepare { ticket, wanted })))
            }
            ServerStep::Verify(claim) => {
                self.state = State::Authorization(Step::Exchange(exchange));
                Ok(self.ask_to_sign_in(claim))
            }
            // Somebody stands in between: nothing is wrong with how it was said.
            ServerStep::Failed(ExchangeError::Binding) => {
                self.sign_in_failed(Refusal::BadCredentials, output);
                Ok(Flow::Go)
            }
            // What is done has its maildrop, and is not followed here.
            ServerStep::Failed(_) | ServerStep::Done => Err(PeerError::BadResponse),
        }
    }

    /// What the challenge is made of: of an exchange, or of the greeting.
    pub(crate) fn prepared(&mut self, prepared: Prepared, output: &mut Vec<u8>) {
        if matches!(self.state, State::Opening) {
            let made = timestamp(&prepared.nonce, self.options.hostname.as_str());
            self.timestamp = Some(made.into());
            return self.greet(output);
        }
        let Some(mut exchange) = self.take_exchange() else { return };
        let step = exchange.prepared(prepared, &self.setting());
        // A prepared exchange has a challenge, and no further question.
        if let Err(error) = self.follow(exchange, step, output) {
            self.blame(error, output);
        }
    }

    /// The claim is true, and the maildrop is open.
    pub(crate) fn proven(
        &mut self,
        maildrop: Maildrop,
        last_word: Option<LastWord>,
        output: &mut Vec<u8>,
    ) {
        let maildrop = Box::new(maildrop);
        let Some(mut exchange) = self.take_exchange() else {
            return self.sign_in_succeeded(maildrop, output);
        };
        match exchange.proven(last_word) {
            ServerStep::Challenge(word) => {
                Positive::Challenge(&STANDARD.encode(word)).write(self.language, output);
                let step = Step::Acknowledging(exchange, maildrop);
                self.state = State::Authorization(step);
            }
            _ => self.sign_in_succeeded(maildrop, output),
        }
    }

    fn take_exchange(&mut self) -> Option<Box<Exchange>> {
        let State::Authorization(step) = &mut self.state else { return None };
        match std::mem::replace(step, Step::Start) {
            Step::Exchange(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// The exchange is over, if there was one.
    pub(crate) fn forget_exchange(&mut self) {
        self.take_exchange();
    }

    /// Says who we are.
    pub(crate) fn greet(&mut self, output: &mut Vec<u8>) {
        Positive::Greeting(&self.options.hostname, self.timestamp.as_deref())
            .write(self.language, output);
        self.state = State::Authorization(Step::Start);
    }

    /// Before the greeting, where APOP is there: what was never said before.
    pub(crate) fn ask_for_timestamp(&mut self) -> Question {
        let ticket = self.open.ask();
        Question::Prepare(Prepare { ticket, wanted: Preparation::Nonce })
    }

    fn ask_to_sign_in(&mut self, claim: Claim) -> Flow {
        Flow::Ask(Question::SignIn(SignIn { ticket: self.open.ask(), claim }))
    }

    fn sign_in_succeeded(&mut self, maildrop: Box<Maildrop>, output: &mut Vec<u8>) {
        Positive::SignedIn(&maildrop).write(self.language, output);
        self.state = State::Transaction(maildrop);
    }

    pub(crate) fn sign_in_failed(&mut self, refusal: Refusal, output: &mut Vec<u8>) {
        self.forget_exchange();
        refusal.write(self.language, output);
        self.sign_in_failures += 1;
        if self.sign_in_failures > self.options.limits.sign_in_failures {
            self.leave(Farewell::TooManyErrors, output);
        }
    }

    /// What AUTH takes here and now, the preferred first.
    pub(crate) fn announced(&self) -> Vec<Mechanism> {
        self.options.offers.announced(self.protection(), &self.setting())
    }

    /// RFC 4616 §1, RFC 8314 §3.3: a password does not cross the wire in the clear.
    pub(crate) fn may_send_password(&self) -> bool {
        self.options.offers.allow_passwords(self.protection())
    }

    fn check_may_send_password(&self) -> Result<(), PeerError> {
        match self.may_send_password() {
            true => Ok(()),
            false if self.has_tls() => Err(PeerError::UnknownMechanism),
            false => Err(PeerError::NeedsTls),
        }
    }

    /// Whether the greeting announces APOP.
    pub(crate) fn may_use_apop(&self) -> bool {
        self.options.apop && self.options.offers.allow_challenges(self.protection())
    }

    fn protection(&self) -> Protection {
        match (self.has_tls(), self.is_on_loopback()) {
            (true, _) => Protection::Tls,
            (false, true) => Protection::Loopback,
            (false, false) => Protection::None,
        }
    }

    fn setting(&self) -> Setting<'_> {
        let identity = self.tls().map(|tls| &*tls.identity);
        let bindings = Bindings {
            exporter: identity.and_then(|it| it.exporter.as_ref()).map(<[u8; 32]>::as_slice),
            end_point: identity.and_then(|it| it.end_point.as_deref()),
        };
        Setting {
            service: Service::Pop,
            host: self.options.hostname.as_str(),
            bindings,
            plus_announced: self.options.offers.bind(bindings),
            certificate: identity.and_then(|it| it.client_certificate.as_ref()),
        }
    }
}

fn decode(base64: &[u8]) -> Result<Vec<u8>, PeerError> {
    STANDARD.decode(base64).map_err(|_| PeerError::BadBase64)
}
