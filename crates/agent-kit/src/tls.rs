//! TLS for both sides. Which crypto provider the whole program uses is said here and nowhere else.
//!
//! Invariants: a certificate that cannot be loaded never replaces one that works; a conversation
//! learns of its session only by [`TlsFacts`].

mod client;
mod dane;
mod fault;
mod identity;
mod server;

use std::{io, path::PathBuf, sync::Arc};

use conversation::{TlsFacts, TlsIdentity};
use rustls::{CipherSuite, CommonState, ProtocolVersion, crypto::CryptoProvider};

pub use client::{ClientPolicy, ClientTls, Roots};
pub use conversation::CertificateFault;
pub use identity::certificate_digest;
pub use server::ServerTls;

/// What can go wrong with TLS, in one line: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates or keys cannot be read.
    #[error(
        "cannot read {path}: {cause}; the process needs read access to it ([tls] in the config)"
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file of certificates has none in it.
    #[error(
        "no certificate in {path}; it must be PEM, the server's certificate first, then its issuers'"
    )]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A key file has no key in it.
    #[error("no private key in {path}; it must be PEM, not encrypted (PKCS #8, PKCS #1 or SEC 1)")]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The certificate and the key cannot be used together.
    #[error(
        "{certificate} and {key} cannot be used: {cause}; is the key that of the first certificate?"
    )]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        cause: rustls::Error,
    },
    /// The provider cannot do what was configured.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// No TLS was configured for this side.
    #[error("TLS is not configured")]
    NotConfigured,
    /// The host's name cannot stand in a certificate.
    #[error("{0} is neither a host name nor an address")]
    HostName(String),
    /// The handshake was not finished in time.
    #[error("the TLS handshake took too long")]
    TimedOut,
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
}

/// The one crypto provider: ring.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What a conversation may know of its session.
fn facts(
    state: &CommonState,
    server_name: Option<&str>,
    verified: bool,
    identity: Box<TlsIdentity>,
) -> TlsFacts {
    let version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLS",
    };
    let cipher = match state.negotiated_cipher_suite().map(|suite| suite.suite()) {
        // The registered names; rustls has names of its own for these three (RFC 8446 §B.4).
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
        Some(suite) => suite.as_str().unwrap_or("unknown"),
        None => "unknown",
    };
    TlsFacts { version, cipher, server_name: server_name.map(Into::into), verified, identity }
}
