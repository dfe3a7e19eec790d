//! Signing in at the other server (RFC 9051 §6.2.2, §6.2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use conversation::TlsFacts;
use mail_types::Secret;
use sasl_core::{
    Bindings, Mechanism, Service, Setting,
    client::{ClientStep, Credentials, Exchange},
    server::Nonce,
};

/// A sign-in that is under way.
#[derive(Debug)]
pub(super) enum SignIn {
    /// By a mechanism.
    Exchange(Box<Sasl>),
    /// By LOGIN.
    Login,
}

#[derive(Debug)]
pub(super) struct Sasl {
    exchange: Exchange,
    host: String,
    tls: TlsFacts,
    /// The initial response, where it has to wait until it is asked for.
    kept: Option<Secret>,
    cancelled: bool,
}

/// Whom one signs in as, and what the exchange needs besides.
pub(super) struct Account<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) nonce: Nonce,
    /// The server's name.
    pub(super) host: &'a str,
}

impl SignIn {
    /// Writes the command, without its tag; none if there is no way to sign in. TLS stands.
    pub(super) fn begin(
        capabilities: &[String],
        tls: &TlsFacts,
        account: &Account<'_>,
        output: &mut Vec<u8>,
    ) -> Option<Self> {
        let has = |name: &str| capabilities.iter().any(|capability| capability == name);
        let mechanisms = capabilities.iter().filter_map(|name| name.strip_prefix("AUTH="));
        let setting = setting(account.host, tls);
        let Some(mechanism) = Mechanism::choose(mechanisms, true, setting.bindings) else {
            if has("LOGINDISABLED") {
                return None;
            }
            output.extend_from_slice(b"LOGIN ");
            quote(account.credentials.name.as_bytes(), output)?;
            output.push(b' ');
            quote(account.credentials.password.reveal(), output)?;
            output.extend_from_slice(b"\r\n");
            return Some(Self::Login);
        };
        let credentials = account.credentials.clone();
        let mut exchange = Exchange::new(mechanism, credentials, account.nonce, &setting);
        let first = exchange.initial_response(&setting);
        output.extend_from_slice(format!("AUTHENTICATE {mechanism}").as_bytes());
        let kept = match first {
            // RFC 4959 §3.
            Some(response) if has("SASL-IR") => {
                output.push(b' ');
                match response.reveal() {
                    b"" => output.push(b'='),
                    octets => output.extend_from_slice(STANDARD.encode(octets).as_bytes()),
                }
                None
            }
            first => first,
        };
        output.extend_from_slice(b"\r\n");
        let (host, tls) = (account.host.to_owned(), tls.clone());
        Some(Self::Exchange(Box::new(Sasl { exchange, host, tls, kept, cancelled: false })))
    }

    /// Answers a challenge; none if the server asks for what was cancelled.
    pub(super) fn answer(&mut self, challenge: &[u8], output: &mut Vec<u8>) -> Option<()> {
        let Self::Exchange(sasl) = self else { return None };
        match sasl.response(challenge) {
            Some(response) => {
                output.extend_from_slice(STANDARD.encode(response.reveal()).as_bytes());
                output.extend_from_slice(b"\r\n");
            }
            // RFC 9051 §6.2.2: the server answers the cancellation with BAD.
            None if !sasl.cancelled => {
                sasl.cancelled = true;
                output.extend_from_slice(b"*\r\n");
            }
            None => return None,
        }
        Some(())
    }

    /// Whether a success may be believed.
    pub(super) fn is_satisfied(&self) -> bool {
        match self {
            Self::Login => true,
            Self::Exchange(sasl) => !sasl.cancelled && sasl.exchange.is_satisfied(),
        }
    }
}

impl Sasl {
    fn response(&mut self, challenge: &[u8]) -> Option<Secret> {
        if self.cancelled {
            return None;
        }
        if let Some(kept) = self.kept.take() {
            return Some(kept);
        }
        let challenge = STANDARD.decode(challenge).ok()?;
        match self.exchange.step(&challenge, &setting(&self.host, &self.tls)) {
            ClientStep::Respond(response) => Some(response),
            ClientStep::Cancel => None,
        }
    }
}

fn setting<'s>(host: &'s str, tls: &'s TlsFacts) -> Setting<'s> {
    let exporter = tls.identity.exporter.as_ref().map(|data| &data[..]);
    let end_point = tls.identity.end_point.as_deref();
    Setting {
        service: Service::Imap,
        host,
        bindings: Bindings { exporter, end_point },
        plus_announced: false,
        certificate: None,
    }
}

/// Writes a quoted string; none if it holds what no quoted string may.
fn quote(octets: &[u8], output: &mut Vec<u8>) -> Option<()> {
    if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0) || !octet.is_ascii()) {
        return None;
    }
    output.push(b'"');
    for octet in octets {
        if matches!(octet, b'"' | b'\\') {
            output.push(b'\\');
        }
        output.push(*octet);
    }
    output.push(b'"');
    Some(())
}
