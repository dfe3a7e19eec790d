//! The client's side of an exchange: for hosts that want us to sign in before they relay.

use mail_types::Secret;

use crate::Mechanism;

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
    /// The server asks for more than the mechanism has: cancel (RFC 4422 §3.5).
    Cancel,
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange {
    credentials: Credentials,
    state: State,
}

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword,
    Over,
}

impl Exchange {
    /// An exchange by this mechanism.
    pub fn new(mechanism: Mechanism, credentials: Credentials) -> Self {
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginName,
        };
        Self { credentials, state }
    }

    /// What may be sent along with the command, if the mechanism begins with the client
    /// (RFC 4422 §3.3).
    pub fn initial_response(&mut self) -> Option<Secret> {
        match self.state {
            State::Plain => {
                self.state = State::Over;
                Some(self.plain())
            }
            // A server that asks for the user name is not prepared to be told it before.
            State::LoginName | State::LoginPassword | State::Over => None,
        }
    }

    /// Answers a decoded challenge. What LOGIN's challenges say is not defined anywhere: the first
    /// asks for the name, the second for the password.
    pub fn step(&mut self, _challenge: &[u8]) -> ClientStep {
        let (response, next) = match self.state {
            State::Plain => (self.plain(), State::Over),
            State::LoginName => (Secret::new(self.credentials.name.as_str()), State::LoginPassword),
            State::LoginPassword => (self.credentials.password.clone(), State::Over),
            State::Over => return ClientStep::Cancel,
        };
        self.state = next;
        ClientStep::Respond(response)
    }

    /// RFC 4616 §2, without an authorization identity.
    fn plain(&self) -> Secret {
        let name = self.credentials.name.as_bytes();
        Secret::new([b"\0", name, b"\0", self.credentials.password.reveal()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{self, ServerStep};

    fn credentials() -> Credentials {
        Credentials { name: "tim".into(), password: Secret::new("tanstaaftanstaaf") }
    }

    #[test]
    fn plain_is_the_example_of_rfc_4616_section_4() {
        let mut exchange = Exchange::new(Mechanism::Plain, credentials());
        let first = exchange.initial_response().unwrap();
        assert_eq!(first.reveal(), b"\0tim\0tanstaaftanstaaf");
        assert!(matches!(exchange.step(b""), ClientStep::Cancel));
    }

    #[test]
    fn both_sides_understand_each_other() {
        for mechanism in Mechanism::ALL {
            let mut client = Exchange::new(*mechanism, credentials());
            let mut server = server::Exchange::new(*mechanism);
            let mut response = client.initial_response();
            let claim = loop {
                match server.step(response.as_ref().map(Secret::reveal)) {
                    ServerStep::Verify(claim) => break claim,
                    ServerStep::Failed(error) => panic!("{mechanism}: {error}"),
                    ServerStep::Challenge(challenge) => match client.step(&challenge) {
                        ClientStep::Respond(next) => response = Some(next),
                        ClientStep::Cancel => panic!("{mechanism}: the client ran out of answers"),
                    },
                }
            };
            let crate::Claim::Password { authorization, authentication, password } = claim;
            assert_eq!((authorization, authentication.as_str()), (None, "tim"));
            assert_eq!(password, credentials().password);
        }
    }
}
