//! A host as the caller describes it: where it is, what it speaks, and how sure of it one must be.

use std::{fmt, net::SocketAddr, path::PathBuf};

use agent_kit::tls::ClientPolicy;
use mail_types::{Domain, MxPattern, TlsaRecord};
use sasl_core::client::Credentials;
use smtp_core::client::{Protocol, StartTls};

/// A host that takes mail.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name: what its certificate is asked for.
    pub name: Domain,
    /// Where it listens, in the order to try.
    pub places: Vec<Place>,
    /// What it speaks.
    pub protocol: Protocol,
    /// What TLS must be.
    pub security: Security,
    /// Whom to sign in as, where it wants that.
    pub credentials: Option<Credentials>,
}

impl Host {
    /// A host as any other MTA: SMTP, TLS where it is offered, no sign-in.
    pub fn new(name: Domain, addresses: Vec<SocketAddr>) -> Self {
        let places = addresses.into_iter().map(Place::Tcp).collect();
        let (protocol, security) = (Protocol::Smtp, Security::Opportunistic);
        Self { name, places, protocol, security, credentials: None }
    }
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Over TCP.
    Tcp(SocketAddr),
    /// On this machine, by a socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{}:{}", Domain::from_ip(address.ip()), address.port()),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// What TLS must be, and whose certificate will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// No TLS.
    Clear,
    /// TLS where it is offered, with any certificate; where the handshake fails, without
    /// (RFC 7435 §3).
    Opportunistic,
    /// STARTTLS, and a certificate that is valid for the host's name.
    Required,
    /// TLS from the start, and a certificate that is valid for the host's name (RFC 8314 §3.3).
    FromStart,
    /// STARTTLS, and a certificate that the TLSA records of the host speak of (RFC 7672 §2.2).
    Dane {
        /// The records, proved by DNSSEC; not empty.
        records: Vec<TlsaRecord>,
        /// Which names may stand in a certificate under a trust anchor: the TLSA base domain,
        /// then the domain of the mail (RFC 7672 §3.2.2). The first is asked for (§8.1).
        names: Vec<Domain>,
    },
    /// STARTTLS, a name that the domain's policy has, and a certificate that is valid for it
    /// (RFC 8461 §4.1, §4.2).
    MtaSts {
        /// The policy's `mx` lines.
        patterns: Vec<MxPattern>,
    },
}

impl Security {
    /// Whether mail reaches such a host only after it has proved who it is (RFC 8689 §4.2.1).
    pub fn authenticates(&self) -> bool {
        match self {
            Self::Clear | Self::Opportunistic => false,
            Self::Required | Self::FromStart | Self::MtaSts { .. } => true,
            Self::Dane { records, .. } => ClientPolicy::can_use(records),
        }
    }

    pub(crate) fn start_tls(&self) -> StartTls {
        match self {
            Self::Clear | Self::FromStart => StartTls::Never,
            Self::Opportunistic => StartTls::IfOffered,
            Self::Required | Self::Dane { .. } | Self::MtaSts { .. } => StartTls::Required,
        }
    }
}
