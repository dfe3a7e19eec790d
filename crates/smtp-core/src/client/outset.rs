//! What stands before the first message: the greeting, EHLO, TLS, and who we are.

use conversation::Wire;
use mail_types::{EnhancedStatus, Problem, Reply, Scope};

use super::{
    Extensions, Protocol, StartTls,
    session::{Session, State},
    sign_in::{Heard, SignIn},
};

impl Session {
    /// The server has greeted.
    pub(super) fn hear_greeting(&mut self, reply: &Reply, wire: &mut Wire) {
        match reply.is_positive() {
            true => self.introduce(wire),
            false => self.turn_away(reply, "the server takes no connection", wire),
        }
    }

    /// Says who we are, and asks what is offered.
    pub(super) fn introduce(&mut self, wire: &mut Wire) {
        let verb = match self.options.protocol {
            Protocol::Smtp => "EHLO",
            // RFC 2033 §4.1
            Protocol::Lmtp => "LHLO",
        };
        self.hello(verb, wire);
        self.state = State::Hello { extended: true };
    }

    pub(super) fn hear_hello(&mut self, extended: bool, reply: &Reply, wire: &mut Wire) {
        if !reply.is_positive() {
            // RFC 5321 §3.2: a server that does not know EHLO may know HELO. Under TLS it has
            // known it once already.
            let older = extended
                && reply.is_permanent()
                && self.tls.is_none()
                && self.options.protocol == Protocol::Smtp;
            if !older {
                return self.turn_away(reply, "the server refused our greeting", wire);
            }
            self.hello("HELO", wire);
            self.state = State::Hello { extended: false };
            return;
        }
        self.extensions = if extended { Extensions::parse(reply) } else { Extensions::default() };
        let start_tls = self.options.start_tls;
        let wanted = self.tls.is_none() && start_tls != StartTls::Never;
        self.has_no_tls = wanted && !self.extensions.starttls;
        match wanted {
            true if self.extensions.starttls => {
                wire.output.extend_from_slice(b"STARTTLS\r\n");
                self.state = State::StartTls;
            }
            true if start_tls == StartTls::Required => {
                self.go_without("the server offers no TLS, and mail must not go without", wire);
            }
            _ => self.sign_in(wire),
        }
    }

    pub(super) fn hear_start_tls(&mut self, reply: &Reply, wire: &mut Wire) {
        if reply.code() == 220 {
            self.state = State::Handshake;
            return;
        }
        self.has_no_tls = true;
        if self.options.start_tls == StartTls::Required {
            self.turn_away(reply, "the server refused TLS, and mail must not go without", wire);
        } else {
            self.sign_in(wire);
        }
    }

    pub(super) fn hear_sign_in(&mut self, mut sign_in: SignIn, reply: &Reply, wire: &mut Wire) {
        match sign_in.hear(reply, &mut wire.output) {
            Heard::More => self.state = State::SignIn(Box::new(sign_in)),
            Heard::In => self.state = State::Ready,
            Heard::Refused => self.turn_away(reply, "the server did not let us sign in", wire),
        }
    }

    /// All is said about the connection: signs in if that is wanted.
    fn sign_in(&mut self, wire: &mut Wire) {
        let Some(account) = &self.options.account else {
            self.state = State::Ready;
            return;
        };
        let (offered, tls) = (&self.extensions.sign_in, self.tls.as_ref());
        match SignIn::begin(offered, tls, account, &mut wire.output) {
            Some(sign_in) => self.state = State::SignIn(Box::new(sign_in)),
            None => {
                let text = "the server offers no way to sign in that is known here and safe";
                self.go_without(text, wire);
            }
        }
    }

    fn hello(&mut self, verb: &str, wire: &mut Wire) {
        let line = format!("{verb} {}\r\n", self.options.hello);
        wire.output.extend_from_slice(line.as_bytes());
    }

    /// What the server offers is not enough: leaves without a message.
    fn go_without(&mut self, text: &str, wire: &mut Wire) {
        let host = Some(self.options.host.clone());
        self.problem = Some(Problem { host, ..Problem::new(NOT_SECURE, Scope::Host, text) });
        self.quit(wire);
    }
}

/// RFC 3463 §3.8, X.7.4: security features not supported.
const NOT_SECURE: EnhancedStatus = EnhancedStatus::new(4, 7, 4);
