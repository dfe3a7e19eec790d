//! The names of mechanisms.

use std::fmt;

use crate::ScramHash;

/// A mechanism that both sides here can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mechanism {
    /// SCRAM-SHA-256-PLUS (RFC 7677), bound to the TLS session.
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS (RFC 5802), bound to the TLS session.
    ScramSha1Plus,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// RFC 4422 §A: the TLS session has said who it is, by a certificate.
    External,
    /// RFC 2831; historic.
    DigestMd5,
    /// RFC 2195.
    CramMd5,
    /// RFC 4616.
    Plain,
    /// Never a standard, and still what older mail clients use.
    Login,
}

impl Mechanism {
    /// All of them, the preferred ones first: the order in which they are announced.
    pub const ALL: &'static [Self] = &[
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::External,
        Self::DigestMd5,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::External => "EXTERNAL",
            Self::DigestMd5 => "DIGEST-MD5",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// By its name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether the client speaks first, so that an initial response may come with the command
    /// (RFC 4422 §3.3).
    pub fn begins_with_client(self) -> bool {
        match self {
            Self::ScramSha256Plus
            | Self::ScramSha1Plus
            | Self::ScramSha256
            | Self::ScramSha1
            | Self::External
            | Self::Plain => true,
            Self::DigestMd5 | Self::CramMd5 | Self::Login => false,
        }
    }

    /// Whether the password itself crosses the wire, so that TLS must protect it (RFC 4616 §1).
    pub fn reveals_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
    }

    /// Whether it says something about the TLS session, and so needs one.
    pub fn needs_tls(self) -> bool {
        matches!(
            self,
            Self::ScramSha256Plus
                | Self::ScramSha1Plus
                | Self::External
                | Self::Plain
                | Self::Login
        )
    }

    /// The hash of a SCRAM mechanism.
    pub fn scram_hash(self) -> Option<ScramHash> {
        match self {
            Self::ScramSha256Plus | Self::ScramSha256 => Some(ScramHash::Sha256),
            Self::ScramSha1Plus | Self::ScramSha1 => Some(ScramHash::Sha1),
            _ => None,
        }
    }

    /// Whether it binds the exchange to the TLS session (RFC 5802 §6).
    pub fn binds_channel(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::parse(&mechanism.name().to_lowercase()), Some(*mechanism));
        }
        assert_eq!(Mechanism::parse("PLAIN "), None);
        assert_eq!(Mechanism::parse("SCRAM-SHA-512"), None);
        assert_eq!(Mechanism::parse(""), None);
    }
}
