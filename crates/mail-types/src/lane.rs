//! Lanes: what divides the queue.

use std::fmt;

use crate::{Domain, Malformed};

/// The part of the queue that a recipient waits in: for this machine's own mailboxes, or for one
/// domain elsewhere. How that domain is reached is chosen at each attempt, not here.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Lane {
    /// An own mailbox.
    Local,
    /// Another server's domain.
    Remote(Domain),
}

impl Lane {
    /// Parses what `Display` renders.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text == "local" {
            Ok(Self::Local)
        } else {
            Self::remote(text.strip_prefix('@').unwrap_or(text))
        }
    }

    fn remote(domain: &str) -> Result<Self, Malformed> {
        Domain::parse(domain).map(Self::Remote)
    }
}

/// `local`, or `@` and the domain.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Remote(domain) => write!(f, "@{domain}"),
        }
    }
}
