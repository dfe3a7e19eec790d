//! Signing in (RFC 4954 §4), where a host relays only for whom it knows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use conversation::{TlsFacts, TlsIdentity};
use mail_types::{Reply, Secret};
use sasl_core::{
    Bindings, Mechanism, Service, Setting,
    client::{ClientStep, Exchange},
};

use super::Account;

/// The longest command line that everybody takes (RFC 5321 §4.5.3.1.4); an initial response that
/// does not fit is sent when it is asked for (RFC 4954 §4).
const LINE_OCTETS: usize = 512;

/// AUTH is out.
#[derive(Debug)]
pub(super) struct SignIn {
    exchange: Exchange,
    host: String,
    tls: Option<Box<TlsIdentity>>,
    /// An initial response that was too long to go with the command.
    kept: Option<Secret>,
    cancelled: bool,
}

/// What a reply came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The exchange goes on.
    More,
    /// We are signed in.
    In,
    /// We are not.
    Refused,
}

impl SignIn {
    /// Begins with the best mechanism of those offered; none if no one will do. What would show
    /// the password to the wire is used under TLS only.
    pub(super) fn begin(
        offered: &[Mechanism],
        tls: Option<&TlsFacts>,
        account: &Account,
        output: &mut Vec<u8>,
    ) -> Option<Self> {
        let names = offered.iter().map(|mechanism| mechanism.name());
        let (host, tls) = (account.host.clone(), tls.map(|tls| tls.identity.clone()));
        let setting = setting(&host, tls.as_deref());
        let mechanism = Mechanism::choose(names, tls.is_some(), setting.bindings)?;
        let credentials = account.credentials.clone();
        let mut exchange = Exchange::new(mechanism, credentials, account.nonce, &setting);
        let first = exchange.initial_response(&setting);
        let mut line = format!("AUTH {mechanism}").into_bytes();
        let kept = match first {
            Some(response) if response.reveal().len() * 4 / 3 + line.len() + 8 > LINE_OCTETS => {
                Some(response)
            }
            Some(response) => {
                line.push(b' ');
                // RFC 4954 §4: an empty one is a single equals sign.
                match response.reveal() {
                    b"" => line.push(b'='),
                    octets => line.extend_from_slice(STANDARD.encode(octets).as_bytes()),
                }
                None
            }
            None => None,
        };
        line.extend_from_slice(b"\r\n");
        output.append(&mut line);
        Some(Self { exchange, host, tls, kept, cancelled: false })
    }

    /// Takes the server's reply, and answers a challenge.
    pub(super) fn hear(&mut self, reply: &Reply, output: &mut Vec<u8>) -> Heard {
        if reply.code() != 334 {
            // RFC 4954 §4: what the server has to say at the end comes as a challenge, so that
            // nothing is left to prove by now.
            let fine = reply.is_positive() && !self.cancelled && self.exchange.is_satisfied();
            return if fine { Heard::In } else { Heard::Refused };
        }
        let challenge = reply.lines().first().map(String::as_str).unwrap_or_default();
        match self.answer(challenge.trim()) {
            Some(response) => {
                output.extend_from_slice(STANDARD.encode(response.reveal()).as_bytes());
                output.extend_from_slice(b"\r\n");
            }
            // RFC 4954 §4: the server answers the cancellation with 501.
            None if !self.cancelled => {
                self.cancelled = true;
                output.extend_from_slice(b"*\r\n");
            }
            None => return Heard::Refused,
        }
        Heard::More
    }

    fn answer(&mut self, challenge: &str) -> Option<Secret> {
        if self.cancelled {
            return None;
        }
        if let Some(kept) = self.kept.take() {
            return Some(kept);
        }
        let challenge = STANDARD.decode(challenge).ok()?;
        match self.exchange.step(&challenge, &setting(&self.host, self.tls.as_deref())) {
            ClientStep::Respond(response) => Some(response),
            ClientStep::Cancel => None,
        }
    }
}

/// What the exchange knows of its surroundings.
fn setting<'s>(host: &'s str, tls: Option<&'s TlsIdentity>) -> Setting<'s> {
    let exporter = tls.and_then(|tls| tls.exporter.as_ref()).map(|data| &data[..]);
    let end_point = tls.and_then(|tls| tls.end_point.as_deref());
    Setting {
        service: Service::Smtp,
        host,
        bindings: Bindings { exporter, end_point },
        plus_announced: false,
        certificate: None,
    }
}
