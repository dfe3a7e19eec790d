//! What a client claims to be.

use mail_types::Secret;

use crate::{
    ApopClaim, CramClaim, DigestClaim, ScramClaim,
    prepare::{prepare, prepare_secret},
};

/// The end of an exchange on the server's side: who the client says it is, and what proves it.
/// Protocols with commands of their own for that (IMAP LOGIN, POP3 USER and PASS) make one too.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Claim {
    /// Somebody's password.
    #[non_exhaustive]
    Password {
        /// Whom the client wants to act as, if it says so.
        authorization: Option<String>,
        /// Whose password it is; prepared and not empty.
        authentication: String,
        /// The password, prepared; not empty.
        password: Secret,
    },
    /// SCRAM, with or without channel binding, which has been checked.
    Scram(Box<ScramClaim>),
    /// CRAM-MD5.
    Cram(CramClaim),
    /// DIGEST-MD5.
    Digest(Box<DigestClaim>),
    /// POP3's APOP.
    Apop(ApopClaim),
    /// EXTERNAL (RFC 4422 §A): the TLS session says it.
    External {
        /// Whom the client wants to act as, if it says so.
        authorization: Option<String>,
        /// The SHA-256 digest of the certificate that is the client's own.
        certificate: [u8; 32],
    },
}

impl Claim {
    /// A password claim, its parts prepared by SASLprep (RFC 4616 §2). Nothing if the name or the
    /// password is empty.
    pub fn password(
        authorization: Option<&str>,
        authentication: &str,
        password: &Secret,
    ) -> Option<Self> {
        if authentication.is_empty() || password.reveal().is_empty() {
            return None;
        }
        Some(Self::Password {
            authorization: authorization
                .filter(|name| !name.is_empty())
                .map(|name| prepare(name).into_owned()),
            authentication: prepare(authentication).into_owned(),
            password: prepare_secret(password),
        })
    }

    /// Whose secret proves it; nothing where a certificate does.
    pub fn authentication(&self) -> Option<&str> {
        match self {
            Self::Password { authentication, .. } => Some(authentication),
            Self::Scram(claim) => Some(&claim.authentication),
            Self::Cram(claim) => Some(&claim.authentication),
            Self::Digest(claim) => Some(&claim.authentication),
            Self::Apop(claim) => Some(&claim.authentication),
            Self::External { .. } => None,
        }
    }

    /// Whom the client wants to act as, if it says so.
    pub fn authorization(&self) -> Option<&str> {
        match self {
            Self::Password { authorization, .. } | Self::External { authorization, .. } => {
                authorization.as_deref()
            }
            Self::Scram(claim) => claim.authorization.as_deref(),
            Self::Digest(claim) => claim.authorization.as_deref(),
            Self::Cram(_) | Self::Apop(_) => None,
        }
    }

    /// How it was made, for the log.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::Scram(claim) => claim.hash().mechanism_name(),
            Self::Cram(_) => "CRAM-MD5",
            Self::Digest(_) => "DIGEST-MD5",
            Self::Apop(_) => "APOP",
            Self::External { .. } => "EXTERNAL",
        }
    }
}

/// What the server says when a claim is proved and the mechanism has it prove itself as well
/// (RFC 4422 §5). The client acknowledges it with an empty response before it is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWord(Vec<u8>);

impl LastWord {
    pub(crate) fn new(message: String) -> Self {
        Self(message.into_bytes())
    }

    /// The message, not yet in base64.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
