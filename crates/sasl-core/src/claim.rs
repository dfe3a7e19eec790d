//! What a client claims to be.

use mail_types::Secret;

use crate::prepare::{prepare, prepare_secret};

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
}
