//! Where a claim comes from.

use std::{fmt, net::IpAddr};

/// The protocol that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Message submission.
    Submission,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
}

impl Protocol {
    /// Its name in logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The protocol.
    pub protocol: Protocol,
    /// The peer's address.
    pub address: IpAddr,
    /// Whether TLS protects the connection.
    pub tls: bool,
}
