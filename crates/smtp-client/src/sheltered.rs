//! What TLS with a host came to, for whoever counts that.

use std::net::IpAddr;

use agent_kit::{
    End,
    tls::{CertificateFault, TlsError},
};
use conversation::{Peer, TlsFacts};
use smtp_core::client::Session;

/// What TLS over one connection came to, once that is known.
#[derive(Debug)]
pub struct Sheltered<'s> {
    /// Our address and the host's, if it came to a connection over TCP.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The session, or why there is none.
    pub tls: Result<&'s TlsFacts, NoTls>,
}

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTls {
    /// The host does not offer it, or refused it after all.
    NotOffered,
    /// No connection was made: it could not have been as it must be.
    Hopeless(String),
    /// The handshake failed.
    Failed {
        /// What was wrong with its certificate, if it was that.
        fault: Option<CertificateFault>,
        /// In words.
        text: String,
    },
}

/// What is known once the host may get messages; nothing if TLS was not wanted.
pub(crate) fn by_now(session: &Session) -> Option<Result<&TlsFacts, NoTls>> {
    match session.tls() {
        Some(facts) => Some(Ok(facts)),
        None => session.has_no_tls().then_some(Err(NoTls::NotOffered)),
    }
}

/// What the end of the connection says about it.
pub(crate) fn by_end(end: &End) -> Option<NoTls> {
    match end {
        End::Tls(error) => Some(failed(error)),
        End::Injected => Some(NoTls::Failed { fault: None, text: "injected data".to_owned() }),
        _ => None,
    }
}

pub(crate) fn failed(error: &TlsError) -> NoTls {
    NoTls::Failed { fault: error.fault(), text: error.to_string() }
}

pub(crate) fn addresses(peer: Peer) -> Option<(IpAddr, IpAddr)> {
    match peer {
        Peer::Tcp { local, remote } => Some((local.ip(), remote.ip())),
        Peer::Unix { .. } => None,
    }
}
