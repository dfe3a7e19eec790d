//! Why the DNS names no host for a domain, and whether that is for good.

use mail_types::{Domain, EnhancedStatus};

/// Why there is no host to send to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsProblem {
    /// NXDOMAIN for the domain itself.
    #[error("the domain {0} does not exist")]
    NoSuchDomain(Domain),
    /// The domain exists, but has neither MX nor address records (RFC 5321 §5.1).
    #[error("the domain {0} has neither a mail server (MX) nor an address in the DNS")]
    NoRecords(Domain),
    /// The domain has MX records, and none of their hosts has an address (RFC 5321 §5.1).
    #[error("no mail server (MX) of the domain {0} has an address in the DNS")]
    NoUsableHost(Domain),
    /// A null MX: the domain says that it takes no mail (RFC 7505 §3).
    #[error("the domain {0} accepts no mail (null MX)")]
    AcceptsNoMail(Domain),
    /// The best MX host left is this machine (RFC 5321 §5.1).
    #[error("mail for the domain {0} loops back to this server, which does not handle it")]
    LoopsBack(Domain),
    /// No answer that could be relied on: time-out, SERVFAIL, or no name server known.
    #[error("the DNS gave no answer for {name}: {cause}")]
    NoAnswer {
        /// The name that was asked about.
        name: Domain,
        /// In the resolver's words.
        cause: String,
    },
}

impl DnsProblem {
    /// What it is in the terms of RFC 3463: class 5 for definite answers, 4 for none.
    pub fn status(&self) -> EnhancedStatus {
        match self {
            // RFC 3463 §3.2, X.1.2: bad destination system address.
            Self::NoSuchDomain(_) => EnhancedStatus::new(5, 1, 2),
            // RFC 3463 §3.5, X.4.4: unable to route.
            Self::NoRecords(_) | Self::NoUsableHost(_) => EnhancedStatus::new(5, 4, 4),
            // RFC 7505 §4.2.
            Self::AcceptsNoMail(_) => EnhancedStatus::new(5, 1, 10),
            // RFC 3463 §3.5, X.4.6: routing loop detected.
            Self::LoopsBack(_) => EnhancedStatus::new(5, 4, 6),
            // RFC 3463 §3.5, X.4.3: directory server failure.
            Self::NoAnswer { .. } => EnhancedStatus::new(4, 4, 3),
        }
    }

    /// Whether trying again makes no sense.
    pub fn is_permanent(&self) -> bool {
        self.status().class() == 5
    }
}
