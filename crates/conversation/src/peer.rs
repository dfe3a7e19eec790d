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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The host name that the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// As client: whether the peer's certificate was verified for its name.
    pub verified: bool,
    /// What a sign-in may have to know besides. Boxed: most sessions need it once at most.
    pub identity: Box<TlsIdentity>,
}

/// What tells one TLS session from all others, and who is at its ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsIdentity {
    /// Keying material for `tls-exporter` (RFC 9266 §2), where each session has its own.
    pub exporter: Option<[u8; 32]>,
    /// The digest of the server's certificate for `tls-server-end-point` (RFC 5929 §4.1), where
    /// its signature says by which hash.
    pub end_point: Option<Box<[u8]>>,
    /// As server: the SHA-256 digest of the certificate that the client has shown and has the key
    /// of. Nobody has vouched for it.
    pub client_certificate: Option<[u8; 32]>,
    /// As client that took any certificate: why nobody vouches for the server's, if that was looked
    /// at.
    pub fault: Option<CertificateFault>,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its time is over.
    Expired,
    /// It is for other names.
    WrongName,
    /// No authority that is trusted has issued it, or not as it should.
    Untrusted,
    /// No TLSA record speaks of it.
    Unmatched,
}
