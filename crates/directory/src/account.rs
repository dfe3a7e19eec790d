//! What the directory holds.

use std::{fmt, str::FromStr};

use mail_types::{AccountId, Address, Domain, Malformed, Quota, Timestamp};

/// Somebody who has mail here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For ever, and never another one's.
    pub id: AccountId,
    /// The address, in the case in which it was given.
    pub address: Address,
    /// Grows when proofs of the password and live sessions must end.
    pub generation: i64,
    /// Neither signs in nor gets mail. See [`Account::is_shut`], which asks for the end as well.
    pub disabled: bool,
    /// The most bytes of all its mail.
    pub quota_bytes: Option<u64>,
    /// The most messages that it may have.
    pub quota_messages: Option<u64>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it counts as disabled, if ever.
    pub expires: Option<Timestamp>,
}

impl Account {
    /// How much mail it may have, by itself.
    pub fn quota(&self) -> Quota {
        Quota { octets: self.quota_bytes, messages: self.quota_messages }
    }

    /// Whether it is disabled or has expired: nobody signs in, and no mail is taken for it.
    pub fn is_shut(&self, now: Timestamp) -> bool {
        self.disabled || self.expires.is_some_and(|end| end <= now)
    }
}

/// Where else an account's mail goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forward {
    /// To whom, in the order in which they were named; empty: nowhere else.
    pub targets: Vec<Address>,
    /// Whether the account's own mailbox gets it too.
    pub keep: bool,
}

/// What an account may, and wants, when it sends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sending {
    /// Addresses, or all of a domain, that it may send as beside its own, in the order in which
    /// they were granted.
    pub send_as: Vec<AliasName>,
    /// Whether submission leaves a copy of what it sends in its Sent mailbox.
    pub sent_copy: bool,
}

impl Sending {
    /// Whether it was granted an address, case apart.
    pub fn grants(&self, address: &Address) -> bool {
        self.send_as.iter().any(|grant| match grant {
            AliasName::Address(granted) => granted.folded() == address.folded(),
            AliasName::CatchAll(domain) => domain == address.domain(),
        })
    }
}

/// An address that stands for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// What it is called.
    pub name: AliasName,
    /// Where its mail goes, in order; never empty.
    pub targets: Vec<Address>,
}

/// What an alias is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasName {
    /// One address.
    Address(Address),
    /// `@domain`: all addresses of a domain that nobody else has.
    CatchAll(Domain),
}

impl AliasName {
    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Address(address) => address.domain(),
            Self::CatchAll(domain) => domain,
        }
    }

    /// The key under which it is looked up.
    pub(crate) fn folded(&self) -> String {
        match self {
            Self::Address(address) => address.folded(),
            Self::CatchAll(domain) => format!("@{domain}"),
        }
    }
}

impl FromStr for AliasName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.strip_prefix('@') {
            Some(domain) => Domain::parse(domain).map(Self::CatchAll),
            None => Address::parse(text).map(Self::Address),
        }
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::CatchAll(domain) => write!(f, "@{domain}"),
        }
    }
}
