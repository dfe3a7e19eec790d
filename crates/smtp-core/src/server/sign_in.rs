//! AUTH (RFC 4954).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sasl_core::{
    Bindings, LastWord, Mechanism, Protection, Service, Setting,
    server::{Exchange, ExchangeError, Prepared, ServerStep},
};

use super::{
    options::AuthPolicy,
    order::OutOfOrder,
    question::{Prepare, Question, SignIn},
    session::{Flow, Session},
    state::Activity,
};
use crate::{
    command::Auth,
    reply::{PeerError, Positive, Refusal},
};

impl Session {
    /// `AUTH mechanism [initial-response]`.
    pub(super) fn auth(&mut self, argument: &str, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        let offers = match &self.options.auth {
            AuthPolicy::NotHere => return Err(PeerError::NoAuthHere),
            AuthPolicy::Known => return Err(PeerError::Order(OutOfOrder::SignedIn)),
            AuthPolicy::Required(offers) | AuthPolicy::Optional(offers) => offers,
        };
        // RFC 4954 §4: once a session; an extension of EHLO's.
        if self.signed_in {
            return Err(PeerError::Order(OutOfOrder::SignedIn));
        }
        if !self.is_extended() {
            return Err(PeerError::Order(OutOfOrder::NoExtensions));
        }
        let announced = self.announced();
        if announced.is_empty() && !self.has_tls() {
            return Err(PeerError::NeedsTlsForAuth);
        }
        let Auth { mechanism, initial } = Auth::parse(argument)?;
        let mechanism = match Mechanism::parse(mechanism) {
            Some(mechanism) if announced.contains(&mechanism) => mechanism,
            // RFC 8314 §3.3: some never in the clear.
            Some(mechanism) if !self.has_tls() && offers.mechanisms.contains(&mechanism) => {
                return Err(PeerError::NeedsTlsForAuth);
            }
            _ => return Err(PeerError::UnknownMechanism),
        };
        let initial = match initial {
            // RFC 4954 §4: only for mechanisms that begin with the client. LOGIN has no document,
            // and clients that send the name along.
            Some(_) if !mechanism.begins_with_client() && mechanism != Mechanism::Login => {
                return Err(PeerError::BadResponse);
            }
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
        let step = exchange.step(response, &self.setting());
        self.state.turn_to(Activity::SigningIn(exchange));
        self.follow(step, output)
    }

    /// What the mechanism needs is there.
    pub(super) fn prepared(&mut self, prepared: Prepared, output: &mut Vec<u8>) {
        self.go_on(output, |exchange, setting| exchange.prepared(prepared, setting));
    }

    /// The claim is true.
    pub(super) fn proven(&mut self, last_word: Option<LastWord>, output: &mut Vec<u8>) {
        self.go_on(output, |exchange, _| exchange.proven(last_word));
    }

    /// Takes the exchange up again after an answer; nothing is asked before the client's next line.
    fn go_on(
        &mut self,
        output: &mut Vec<u8>,
        how: impl FnOnce(&mut Exchange, &Setting<'_>) -> ServerStep,
    ) {
        let taken = self.state.activity().map(|it| std::mem::replace(it, Activity::Idle));
        let Some(Activity::SigningIn(mut exchange)) = taken else { return };
        let step = how(&mut exchange, &self.setting());
        self.state.turn_to(Activity::SigningIn(exchange));
        if let Err(error) = self.follow(step, output) {
            self.blame(error, output);
        }
    }

    /// Does what the mechanism wants next; if it is over, so is the activity.
    fn follow(&mut self, step: ServerStep, output: &mut Vec<u8>) -> Result<Flow, PeerError> {
        match step {
            ServerStep::Challenge(challenge) => {
                Positive::Challenge(&STANDARD.encode(challenge)).write(output);
                Ok(Flow::Go)
            }
            ServerStep::Prepare(wanted) => {
                let ticket = self.open.ask();
                Ok(Flow::Ask(Question::Prepare(Prepare { ticket, wanted })))
            }
            ServerStep::Verify(claim) => {
                let claim = Box::new(claim);
                Ok(Flow::Ask(Question::SignIn(SignIn { ticket: self.open.ask(), claim })))
            }
            ServerStep::Done => {
                self.sign_in_succeeded(output);
                Ok(Flow::Go)
            }
            // Somebody stands in between: nothing is wrong with how it was said.
            ServerStep::Failed(ExchangeError::Binding) => {
                self.sign_in_failed(&Refusal::BadCredentials, output);
                Ok(Flow::Go)
            }
            ServerStep::Failed(_) => {
                self.state.turn_to(Activity::Idle);
                Err(PeerError::BadResponse)
            }
        }
    }

    /// What may be used here and now; nothing where nobody signs in.
    pub(super) fn announced(&self) -> Vec<Mechanism> {
        let protection = if self.has_tls() { Protection::Tls } else { Protection::None };
        let offers = self.options.auth.offers();
        offers.map(|offers| offers.announced(protection, &self.setting())).unwrap_or_default()
    }

    fn setting(&self) -> Setting<'_> {
        let identity = self.tls().map(|tls| &*tls.identity);
        let bindings = Bindings {
            exporter: identity.and_then(|it| it.exporter.as_ref()).map(<[u8; 32]>::as_slice),
            end_point: identity.and_then(|it| it.end_point.as_deref()),
        };
        Setting {
            service: Service::Smtp,
            host: self.options.hostname.as_str(),
            bindings,
            plus_announced: self.options.auth.offers().is_some_and(|offers| offers.bind(bindings)),
            certificate: identity.and_then(|it| it.client_certificate.as_ref()),
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
        if let Err(farewell) = self.counts.failed_sign_in(&self.options.limits) {
            self.leave(farewell, output);
        }
    }
}

fn decode(base64: &str) -> Result<Vec<u8>, PeerError> {
    STANDARD.decode(base64).map_err(|_| PeerError::BadBase64)
}
