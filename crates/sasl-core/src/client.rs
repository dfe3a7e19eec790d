//! The client's side of an exchange: for hosts that want us to sign in before they relay.
//!
//! The server controls every byte of a challenge. One that knows the password proves it, where the
//! mechanism has it do so: a reply of success counts only once [`Exchange::is_satisfied`].

mod digest;
mod scram;
#[cfg(test)]
mod tests;

use mail_types::Secret;

use crate::{Bindings, Mechanism, Setting, challenge, server::Nonce};
use digest::DigestAnswered;
use scram::{ScramAnswered, ScramOpened};

/// Whom we sign in as.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// Its password.
    pub password: Secret,
}

/// What the protocol is to do next.
#[derive(Debug)]
#[must_use]
pub enum ClientStep {
    /// Send this response.
    Respond(Secret),
    /// The server asks for more than the mechanism has, breaks its rules, or does not know the
    /// password itself: cancel (RFC 4422 §3.5).
    Cancel,
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange {
    credentials: Credentials,
    mechanism: Mechanism,
    /// The host as we call it.
    host: String,
    nonce: Nonce,
    state: State,
}

#[derive(Debug)]
enum State {
    Begun,
    LoginPassword,
    ScramOpened(Box<ScramOpened>),
    ScramAnswered(Box<ScramAnswered>),
    DigestAnswered(Box<DigestAnswered>),
    /// All was said; if the server had to prove itself, it has.
    Satisfied,
    Failed,
}

impl Mechanism {
    /// The best of those that a server announces, by what the TLS session allows and the
    /// credentials suffice for: never a password in the clear. EXTERNAL is not chosen: whoever has
    /// a certificate for it says so.
    pub fn choose<'m>(
        announced: impl IntoIterator<Item = &'m str>,
        tls: bool,
        bindings: Bindings<'_>,
    ) -> Option<Self> {
        let announced: Vec<Self> = announced.into_iter().filter_map(Self::parse).collect();
        Self::ALL.iter().copied().find(|mechanism| {
            announced.contains(mechanism)
                && *mechanism != Self::External
                && (tls || !mechanism.needs_tls())
                && (bindings.best().is_some() || !mechanism.binds_channel())
        })
    }
}

impl Exchange {
    /// An exchange by this mechanism with the host of this setting.
    pub fn new(
        mechanism: Mechanism,
        credentials: Credentials,
        nonce: Nonce,
        setting: &Setting<'_>,
    ) -> Self {
        let host = setting.host.to_owned();
        Self { credentials, mechanism, host, nonce, state: State::Begun }
    }

    /// What may be sent along with the command, if the mechanism begins with the client
    /// (RFC 4422 §3.3).
    pub fn initial_response(&mut self, setting: &Setting<'_>) -> Option<Secret> {
        let begins = self.mechanism.begins_with_client() && matches!(self.state, State::Begun);
        begins.then(|| self.begin(b"", setting)).flatten()
    }

    /// Answers a decoded challenge. What LOGIN's challenges say is not defined anywhere: the first
    /// asks for the name, the second for the password.
    pub fn step(&mut self, challenge: &[u8], setting: &Setting<'_>) -> ClientStep {
        let response = match std::mem::replace(&mut self.state, State::Failed) {
            State::Begun => self.begin(challenge, setting),
            State::LoginPassword => {
                self.state = State::Satisfied;
                Some(self.credentials.password.clone())
            }
            State::ScramOpened(opened) => self.answer_scram(&opened, challenge),
            State::ScramAnswered(answered) => self.acknowledge(answered.is_proof(challenge)),
            State::DigestAnswered(answered) => self.acknowledge(answered.is_proof(challenge)),
            State::Satisfied | State::Failed => None,
        };
        response.map_or(ClientStep::Cancel, ClientStep::Respond)
    }

    /// Whether the mechanism has nothing more to ask of the server. A server that reports success
    /// before does not know the password, and must not be believed (RFC 5802 §5).
    pub fn is_satisfied(&self) -> bool {
        matches!(self.state, State::Satisfied)
    }

    fn begin(&mut self, challenge: &[u8], setting: &Setting<'_>) -> Option<Secret> {
        let Credentials { name, password } = &self.credentials;
        let (response, next) = match self.mechanism {
            Mechanism::Plain => (plain(name, password), State::Satisfied),
            Mechanism::Login => (Secret::new(name.as_str()), State::LoginPassword),
            Mechanism::CramMd5 => {
                let name = crate::prepare(name);
                (challenge::cram_response(&name, password, challenge), State::Satisfied)
            }
            Mechanism::DigestMd5 => {
                let parts = (self.host.as_str(), setting.service, &self.nonce);
                let (response, answered) = digest::answer(&self.credentials, challenge, parts)?;
                (response, State::DigestAnswered(Box::new(answered)))
            }
            // The certificate says who we are.
            Mechanism::External => (Secret::new(name.as_str()), State::Satisfied),
            Mechanism::ScramSha256Plus
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256
            | Mechanism::ScramSha1 => {
                let bindings = setting.bindings;
                let opened = ScramOpened::new(self.mechanism, name, &self.nonce, bindings)?;
                (Secret::new(opened.message()), State::ScramOpened(Box::new(opened)))
            }
        };
        self.state = next;
        Some(response)
    }

    fn answer_scram(&mut self, opened: &ScramOpened, challenge: &[u8]) -> Option<Secret> {
        let (response, answered) = opened.answer(&self.credentials.password, challenge)?;
        self.state = State::ScramAnswered(Box::new(answered));
        Some(response)
    }

    /// The server's own proof is acknowledged with nothing.
    fn acknowledge(&mut self, proved: bool) -> Option<Secret> {
        proved.then(|| {
            self.state = State::Satisfied;
            Secret::new("")
        })
    }
}

/// RFC 4616 §2, without an authorization identity.
fn plain(name: &str, password: &Secret) -> Secret {
    Secret::new([b"\0", name.as_bytes(), b"\0", password.reveal()].concat())
}
