//! The server's side of an exchange.
//!
//! The client controls every byte of a response; each part of it is limited to
//! [`MAX_FIELD_OCTETS`]. What the server has to add of its own, random bytes and an account's salt,
//! is asked for by [`ServerStep::Prepare`].

mod messages;
mod scram;
#[cfg(test)]
mod tests;

use crate::{Claim, CramClaim, DigestClaim, LastWord, Mechanism, ScramHash, Setting, digest};
use messages::{external, field, login, plain};
use scram::{ScramBegun, ScramChallenged};

/// The longest name or password. RFC 4616 §2 asks for 255 octets; tokens used as passwords are
/// longer.
pub const MAX_FIELD_OCTETS: usize = 1024;

/// What the protocol is to do next.
#[derive(Debug)]
#[must_use]
pub enum ServerStep {
    /// Send this challenge, which may be empty, and come back with the response.
    Challenge(Vec<u8>),
    /// Get this, and come back with it to [`Exchange::prepared`].
    Prepare(Preparation),
    /// Have this judged; if it is true, come back to [`Exchange::proven`].
    Verify(Claim),
    /// The client is signed in.
    Done,
    /// The client broke the rules: the exchange is over.
    Failed(ExchangeError),
}

/// What the server's first challenge needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// A nonce and nothing else.
    Nonce,
    /// A nonce, and the salt of this name's password; for a name that nobody has, a salt that is
    /// the same each time (RFC 5802 §9).
    Salted {
        /// The hash of the mechanism.
        hash: ScramHash,
        /// The name, prepared.
        name: String,
    },
}

/// Random bytes, never used before.
pub type Nonce = [u8; 18];

/// What was asked for by [`ServerStep::Prepare`].
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The nonce.
    pub nonce: Nonce,
    /// The salt and the number of iterations, if they were asked for.
    pub salt: Option<(Vec<u8>, u32)>,
}

/// How a client broke the rules of its mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The response has not the form that the mechanism wants.
    #[error("the response does not have the form that the mechanism asks for")]
    Malformed,
    /// A name or a password is longer than anyone's.
    #[error("a name or a password in the response is too long")]
    TooLong,
    /// The exchange is not bound to this TLS session: somebody is in between, or the client binds
    /// in a way that is not known here.
    #[error("the exchange is not bound to this TLS session")]
    Binding,
    /// The client spoke when it was not its turn.
    #[error("the exchange is over already")]
    Over,
}

/// One exchange, from the choice of the mechanism to the claim.
#[derive(Debug)]
pub struct Exchange {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was said.
    Begun(Mechanism),
    LoginPassword(String),
    /// The challenge of DIGEST-MD5 or CRAM-MD5 needs a nonce.
    Preparing(Mechanism),
    ScramBegun(Box<ScramBegun>),
    ScramChallenged(Box<ScramChallenged>),
    CramChallenged(Vec<u8>),
    DigestChallenged(String),
    /// The claim is with its judge.
    Claimed,
    /// The server has proved itself; the client acknowledges it.
    LastWord,
    Over,
}

impl Exchange {
    /// An exchange by this mechanism.
    pub fn new(mechanism: Mechanism) -> Self {
        Self { state: State::Begun(mechanism) }
    }

    /// Takes the client's decoded response: nothing at the start if it sent none with its command
    /// (RFC 4422 §3.3), then one for each challenge.
    pub fn step(&mut self, response: Option<&[u8]>, setting: &Setting<'_>) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Over), response) {
            (State::Begun(mechanism), response) => self.begin(mechanism, response, setting),
            (State::LoginPassword(name), Some(password)) => self.claim(login(&name, password)),
            (State::ScramChallenged(challenged), Some(message)) => {
                self.claim(challenged.take(message).map(|claim| Claim::Scram(Box::new(claim))))
            }
            (State::CramChallenged(challenge), Some(response)) => {
                self.claim(CramClaim::parse(challenge, response).map(Claim::Cram))
            }
            (State::DigestChallenged(nonce), Some(response)) => {
                let claim = DigestClaim::parse(&nonce, setting.service, response);
                self.claim(claim.map(|claim| Claim::Digest(Box::new(claim))))
            }
            // RFC 4422 §5: the server's own proof came as a challenge; the answer is empty.
            (State::LastWord, Some(b"")) => ServerStep::Done,
            (State::LastWord, Some(_)) => ServerStep::Failed(ExchangeError::Malformed),
            (State::Over | State::Claimed | State::Preparing(_) | State::ScramBegun(_), _) => {
                ServerStep::Failed(ExchangeError::Over)
            }
            (_, None) => ServerStep::Failed(ExchangeError::Malformed),
        }
    }

    fn begin(
        &mut self,
        mechanism: Mechanism,
        response: Option<&[u8]>,
        setting: &Setting<'_>,
    ) -> ServerStep {
        match (mechanism, response) {
            (Mechanism::Login, None) => {
                self.state = State::Begun(mechanism);
                ServerStep::Challenge(b"Username:".to_vec())
            }
            (Mechanism::Login, Some(name)) => match field(name) {
                Ok(name) => {
                    self.state = State::LoginPassword(name.to_owned());
                    ServerStep::Challenge(b"Password:".to_vec())
                }
                Err(error) => ServerStep::Failed(error),
            },
            // RFC 2831 §2.2.2: what a client remembers of an earlier session is not looked at.
            (Mechanism::DigestMd5 | Mechanism::CramMd5, _) => {
                self.state = State::Preparing(mechanism);
                ServerStep::Prepare(Preparation::Nonce)
            }
            (_, None) => {
                self.state = State::Begun(mechanism);
                ServerStep::Challenge(Vec::new())
            }
            (Mechanism::Plain, Some(message)) => self.claim(plain(message)),
            (Mechanism::External, Some(message)) => self.claim(external(message, setting)),
            (_, Some(message)) => match ScramBegun::take(mechanism, message, setting) {
                Ok(begun) => {
                    let preparation = begun.preparation();
                    self.state = State::ScramBegun(Box::new(begun));
                    ServerStep::Prepare(preparation)
                }
                Err(error) => ServerStep::Failed(error),
            },
        }
    }

    /// Takes what was asked for; the challenge follows.
    pub fn prepared(&mut self, prepared: Prepared, setting: &Setting<'_>) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Preparing(Mechanism::CramMd5) => {
                let challenge = timestamp(&prepared.nonce, setting.host).into_bytes();
                self.state = State::CramChallenged(challenge.clone());
                ServerStep::Challenge(challenge)
            }
            State::Preparing(_) => {
                let nonce = scram::printable(&prepared.nonce);
                let challenge = digest::challenge(setting.host, &nonce);
                self.state = State::DigestChallenged(nonce);
                ServerStep::Challenge(challenge)
            }
            State::ScramBegun(begun) => {
                let (challenged, challenge) = begun.challenge(&prepared);
                self.state = State::ScramChallenged(Box::new(challenged));
                ServerStep::Challenge(challenge)
            }
            _ => ServerStep::Failed(ExchangeError::Over),
        }
    }

    /// The claim is true; some mechanisms have the server say a last word.
    pub fn proven(&mut self, last_word: Option<LastWord>) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Over), last_word) {
            (State::Claimed, Some(word)) => {
                self.state = State::LastWord;
                ServerStep::Challenge(word.as_bytes().to_vec())
            }
            (State::Claimed, None) => ServerStep::Done,
            _ => ServerStep::Failed(ExchangeError::Over),
        }
    }

    fn claim(&mut self, claim: Result<Claim, ExchangeError>) -> ServerStep {
        match claim {
            Ok(claim) => {
                self.state = State::Claimed;
                ServerStep::Verify(claim)
            }
            Err(error) => ServerStep::Failed(error),
        }
    }
}

/// A msg-id that never was before, as CRAM-MD5 and APOP ask for (RFC 2195 §2, RFC 1939 §7).
pub fn timestamp(nonce: &Nonce, host: &str) -> String {
    let (parts, _) = nonce.as_chunks::<9>();
    let digits = |part: &[u8]| part.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    let numbers: Vec<String> = parts.iter().map(|part| digits(part).to_string()).collect();
    format!("<{}@{host}>", numbers.join("."))
}
