//! Who is at the other end, and over which transport.

use std::net::SocketAddr;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerFacts {
    /// Where from.
    pub peer: Peer,
    /// The TLS session, if the connection began with one (implicit TLS, RFC 8314 §3).
    pub tls: Option<TlsFacts>,
}

/// The peer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp {
        /// Our end.
        local: SocketAddr,
        /// Its end.
        remote: SocketAddr,
    },
    /// Over a Unix socket: a program on this machine.
    Unix {
        /// The user it runs as, as the kernel says.
        uid: u32,
    },
}

/// What is known of a TLS session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The host name that the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// As client: whether the peer's certificate was verified for its name.
    pub verified: bool,
}
