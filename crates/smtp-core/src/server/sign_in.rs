//! AUTH (RFC 4954).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sasl_core::{
    Mechanism,
    server::{Exchange, ServerStep},
};

use super::{
    options::AuthPolicy,
    order::OutOfOrder,
    question::{Question, SignIn},
    session::{Flow, Session},
    state::Activity,
};
use crate::{
    command::Auth,
    reply::{Farewell, PeerError, Positive, Refusal},
};

impl Session {
    /// `AUTH mechanism [initial-response]`.
    pub(super) fn auth(&mut self, argument: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        let mechanisms = match &self.options.auth {
            AuthPolicy::NotHere => return Err(PeerError::NoAuthHere),
            AuthPolicy::Known => return Err(PeerError::Order(OutOfOrder::SignedIn)),
            AuthPolicy::Required(mechanisms) => mechanisms,
        };
        // RFC 4954 §4: once a session; an extension of EHLO's; RFC 8314 §3.3: never in the clear.
        if self.signed_in {
            return Err(PeerError::Order(OutOfOrder::SignedIn));
        }
        if !self.is_extended() {
            return Err(PeerError::Order(OutOfOrder::NoExtensions));
        }
        if !self.has_tls() {
            return Err(PeerError::NeedsTlsForAuth);
        }
        let Auth { mechanism, initial } = Auth::parse(argument)?;
        let mechanism = Mechanism::parse(mechanism)
            .filter(|mechanism| mechanisms.contains(mechanism))
            .ok_or(PeerError::UnknownMechanism)?;
        let initial = match initial {
            // RFC 4954 §4: a lone = is a response of no octets.
            Some("=") => Some(Vec::new()),
            Some(base64) => Some(decode(base64)?),
            None => None,
        };
        let exchange = Box::new(Exchange::new(mechanism));
        self.exchange(exchange, initial.as_deref(), output)
    }

    /// A line of the client's during AUTH.
    pub(super) fn sasl_response(
        &mut self,
        line: &str,
        output: &mut Vec<u8>,
    ) -> Result<Flow, PeerError> {
        let Some(activity) = self.state.activity() else { return Ok(Flow::Go) };
        // Whatever is wrong with the response, the exchange is over.
        let Activity::SigningIn(exchange) = std::mem::replace(activity, Activity::Idle) else {
            return Ok(Flow::Go);
        };
        if line == "*" {
            return Err(PeerError::AuthCancelled);
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
        match exchange.step(response) {
            ServerStep::Challenge(challenge) => {
                Positive::Challenge(&STANDARD.encode(challenge)).write(output);
                self.state.turn_to(Activity::SigningIn(exchange));
                Ok(Flow::Go)
            }
            ServerStep::Verify(claim) => {
                self.state.turn_to(Activity::SigningIn(exchange));
                Ok(Flow::Ask(Question::SignIn(SignIn { ticket: self.open.ask(), claim })))
            }
            ServerStep::Failed(_) => Err(PeerError::BadResponse),
        }
    }

    pub(super) fn sign_in_succeeded(&mut self, output: &mut Vec<u8>) {
        self.signed_in = true;
        self.state.turn_to(Activity::Idle);
        Positive::SignedIn.write(output);
    }

    pub(super) fn sign_in_failed(&mut self, refusal: &Refusal, output: &mut Vec<u8>) {
        self.state.turn_to(Activity::Idle);
        refusal.write(output);
        self.faults.sign_in_failures += 1;
        if self.faults.sign_in_failures > self.limits().sign_in_failures {
            self.leave(Farewell::TooManyErrors, output);
        }
    }
}

fn decode(base64: &str) -> Result<Vec<u8>, PeerError> {
    STANDARD.decode(base64).map_err(|_| PeerError::BadBase64)
}
