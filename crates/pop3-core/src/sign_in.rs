//! AUTHORIZATION: USER and PASS (RFC 1939 §7), AUTH (RFC 5034 §4), STLS (RFC 2595 §4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::Secret;
use sasl_core::{
    Claim, Mechanism,
    server::{Exchange, ServerStep},
};

use crate::{
    Maildrop, Refusal,
    command::Verb,
    question::{Question, SignIn},
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
        Positive::StartTls.write(output);
        Ok(Flow::StartTls)
    }

    /// RFC 1939 §7: any name is fine until its password has come.
    pub(crate) fn user(
        &mut self,
        arguments: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        self.check_may_sign_in()?;
        let name = Verb::User.text(arguments)?;
        self.state = State::Authorization(Step::Named(name.into()));
        Positive::SendPassword.write(output);
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
        self.check_may_sign_in()?;
        let mut words = Verb::Auth.text(arguments)?.split_ascii_whitespace();
        let (Some(name), initial, None) = (words.next(), words.next(), words.next()) else {
            return Err(Verb::Auth.misused());
        };
        let mechanism = Mechanism::parse(name)
            .filter(|mechanism| self.options.mechanisms.contains(mechanism))
            .ok_or(PeerError::UnknownMechanism)?;
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

    /// A line of the client's during AUTH. Whatever is wrong with it, the exchange is over.
    pub(crate) fn sasl_response(
        &mut self,
        exchange: Box<Exchange>,
        line: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        if line == b"*" {
            return Err(PeerError::Cancelled);
        }
        let response = decode(line)?;
        self.exchange(exchange, Some(&response), output)
    }

    fn exchange(
        &mut self,
        mut exchange: Box<Exchange>,
        response: Option<&[u8]>,
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        // As if USER had not come (RFC 5034 §4); an exchange that goes on is put back.
        self.state = State::Authorization(Step::Start);
        match exchange.step(response) {
            ServerStep::Challenge(challenge) => {
                Positive::Challenge(&STANDARD.encode(challenge)).write(output);
                self.state = State::Authorization(Step::Exchange(exchange));
                Ok(Flow::Go)
            }
            ServerStep::Verify(claim) => Ok(self.ask_to_sign_in(claim)),
            ServerStep::Failed(_) => Err(PeerError::BadResponse),
        }
    }

    fn ask_to_sign_in(&mut self, claim: Claim) -> Flow {
        Flow::Ask(Question::SignIn(SignIn { ticket: self.open.ask(), claim }))
    }

    pub(crate) fn sign_in_succeeded(&mut self, maildrop: Maildrop, output: &mut Vec<u8>) {
        Positive::SignedIn(&maildrop).write(output);
        self.state = State::Transaction(Box::new(maildrop));
    }

    pub(crate) fn sign_in_failed(&mut self, refusal: Refusal, output: &mut Vec<u8>) {
        refusal.write(output);
        self.sign_in_failures += 1;
        if self.sign_in_failures > self.options.limits.sign_in_failures {
            self.leave(Farewell::TooManyErrors, output);
        }
    }

    /// RFC 5034 §4, RFC 4616 §1: a password does not cross the wire in the clear.
    pub(crate) fn may_sign_in(&self) -> bool {
        self.has_tls() || (self.options.without_tls_on_loopback && self.is_on_loopback())
    }

    fn check_may_sign_in(&self) -> Result<(), PeerError> {
        if self.may_sign_in() { Ok(()) } else { Err(PeerError::NeedsTls) }
    }
}

fn decode(base64: &[u8]) -> Result<Vec<u8>, PeerError> {
    STANDARD.decode(base64).map_err(|_| PeerError::BadBase64)
}
