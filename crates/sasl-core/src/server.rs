//! The server's side of an exchange.
//!
//! The client controls every byte of a response; each part of it is limited to
//! [`MAX_FIELD_OCTETS`].

use mail_types::Secret;

use crate::{Claim, Mechanism};

/// The longest name or password. RFC 4616 §2 asks for 255 octets; tokens used as passwords are
/// longer.
pub const MAX_FIELD_OCTETS: usize = 1024;

/// What the protocol is to do next.
#[derive(Debug)]
#[must_use]
pub enum ServerStep {
    /// Send this challenge, which may be empty, and come back with the response.
    Challenge(Vec<u8>),
    /// Have this judged: the exchange is over.
    Verify(Claim),
    /// The client broke the rules: the exchange is over.
    Failed(ExchangeError),
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
    Plain,
    LoginName,
    LoginPassword(String),
    Over,
}

impl Exchange {
    /// An exchange by this mechanism.
    pub fn new(mechanism: Mechanism) -> Self {
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginName,
        };
        Self { state }
    }

    /// Takes the client's decoded response: nothing at the start if it sent none with its command
    /// (RFC 4422 §3.3), then one for each challenge.
    pub fn step(&mut self, response: Option<&[u8]>) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Over), response) {
            (State::Plain, None) => {
                self.state = State::Plain;
                ServerStep::Challenge(Vec::new())
            }
            (State::Plain, Some(message)) => verify(plain(message)),
            (State::LoginName, None) => {
                self.state = State::LoginName;
                ServerStep::Challenge(b"Username:".to_vec())
            }
            (State::LoginName, Some(name)) => match field(name) {
                Ok(name) => {
                    self.state = State::LoginPassword(name.to_owned());
                    ServerStep::Challenge(b"Password:".to_vec())
                }
                Err(error) => ServerStep::Failed(error),
            },
            (State::LoginPassword(name), Some(password)) => verify(login(&name, password)),
            (State::LoginPassword(_), None) => ServerStep::Failed(ExchangeError::Malformed),
            (State::Over, _) => ServerStep::Failed(ExchangeError::Over),
        }
    }
}

fn verify(claim: Result<Claim, ExchangeError>) -> ServerStep {
    match claim {
        Ok(claim) => ServerStep::Verify(claim),
        Err(error) => ServerStep::Failed(error),
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2).
fn plain(message: &[u8]) -> Result<Claim, ExchangeError> {
    let mut parts = message.split(|byte| *byte == 0);
    let (Some(authorization), Some(authentication), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ExchangeError::Malformed);
    };
    let authorization = if authorization.is_empty() { None } else { Some(field(authorization)?) };
    // RFC 4616 §2 has UTF-8 for the password as well.
    let password = field(password)?;
    Claim::password(authorization, field(authentication)?, &Secret::new(password))
        .ok_or(ExchangeError::Malformed)
}

/// The password of LOGIN may be in any charset: no document says otherwise, and old clients send
/// their own.
fn login(name: &str, password: &[u8]) -> Result<Claim, ExchangeError> {
    if password.len() > MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    Claim::password(None, name, &Secret::new(password)).ok_or(ExchangeError::Malformed)
}

fn field(bytes: &[u8]) -> Result<&str, ExchangeError> {
    if bytes.len() > MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(ExchangeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    /// `authzid|authcid|password`, `+challenge` or `!error`.
    fn shown(step: ServerStep) -> String {
        match step {
            ServerStep::Challenge(text) => format!("+{}", String::from_utf8(text).unwrap()),
            ServerStep::Failed(error) => format!("!{error:?}"),
            ServerStep::Verify(Claim::Password { authorization, authentication, password }) => {
                let password = String::from_utf8_lossy(password.reveal()).into_owned();
                format!("{}|{authentication}|{password}", authorization.unwrap_or_default())
            }
        }
    }

    fn check_plain(message: &[u8], expected: &str) {
        let mut exchange = Exchange::new(Mechanism::Plain);
        assert_eq!(shown(exchange.step(Some(message))), expected, "{message:?}");
        assert_eq!(shown(exchange.step(Some(message))), "!Over");
    }

    #[test]
    fn plain_messages() {
        // RFC 4616 §4.
        check_plain(b"\0tim\0tanstaaftanstaaf", "|tim|tanstaaftanstaaf");
        check_plain(b"Ursel\0Kurt\0xipj3plmq", "Ursel|Kurt|xipj3plmq");
        // RFC 4616 §2: UTF-8, 255 octets at least, nothing empty, no further NUL.
        check_plain("\0아리\0비밀".as_bytes(), "|아리|비밀");
        check_plain(b"\0a\0\xff", "!Malformed");
        let long = "x".repeat(255);
        check_plain(format!("{long}\0{long}\0{long}").as_bytes(), &format!("{long}|{long}|{long}"));
        let longer = "x".repeat(MAX_FIELD_OCTETS + 1);
        check_plain(format!("\0{longer}\0a").as_bytes(), "!TooLong");
        check_plain(format!("\0a\0{longer}").as_bytes(), "!TooLong");
        for bad in
            [&b""[..], b"\0", b"\0\0", b"a\0b", b"\0a\0", b"\0\0b", b"\0a\0b\0", b"\0a\0b\0c"]
        {
            check_plain(bad, "!Malformed");
        }
        // RFC 4013: prepared.
        check_plain("\0I\u{AD}X\0\u{2168}".as_bytes(), "|IX|IX");
    }

    /// Backslashes where the NULs belong are no credentials; the right token is.
    #[test]
    fn tokens_as_they_come_over_the_wire() {
        check_plain(&STANDARD.decode("XFVZRU9OR1x0ZXN0").unwrap(), "!Malformed");
        check_plain(&STANDARD.decode("AFVZRU9ORwB0ZXN0").unwrap(), "|UYEONG|test");
    }

    #[test]
    fn plain_without_initial_response() {
        let mut exchange = Exchange::new(Mechanism::Plain);
        assert_eq!(shown(exchange.step(None)), "+");
        assert_eq!(shown(exchange.step(Some(b"\0tim\0secret"))), "|tim|secret");
    }

    #[test]
    fn login() {
        let mut exchange = Exchange::new(Mechanism::Login);
        assert_eq!(shown(exchange.step(None)), "+Username:");
        assert_eq!(shown(exchange.step(Some(b"tim"))), "+Password:");
        assert_eq!(shown(exchange.step(Some(b"secret"))), "|tim|secret");
        assert_eq!(shown(exchange.step(Some(b"secret"))), "!Over");

        let mut early = Exchange::new(Mechanism::Login);
        assert_eq!(shown(early.step(Some(b"tim"))), "+Password:");
        assert_eq!(shown(early.step(Some(b""))), "!Malformed");

        let mut nameless = Exchange::new(Mechanism::Login);
        assert_eq!(shown(nameless.step(Some(b""))), "!Malformed");
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_answered(
            login: bool,
            responses in proptest::collection::vec(proptest::option::of(proptest::collection::vec(0u8.., 0..40)), 0..5),
        ) {
            let mut exchange = Exchange::new(if login { Mechanism::Login } else { Mechanism::Plain });
            for response in responses {
                let _ = shown(exchange.step(response.as_deref()));
            }
        }
    }
}
