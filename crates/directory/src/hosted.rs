//! Domains as they are served here, and how their addresses are written.

use std::{fmt, str::FromStr};

use mail_types::{Domain, Malformed, Quota};

/// A domain whose mail is taken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedDomain {
    /// Its name.
    pub name: Domain,
    /// What is done with its mail.
    pub kind: DomainKind,
    /// How its subaddresses are written.
    pub subaddress: Subaddress,
    /// How much mail all of its accounts may have together.
    pub quota: Quota,
}

impl HostedDomain {
    /// A domain with mailboxes of its own, written as everywhere.
    pub fn own(name: Domain) -> Self {
        let subaddress = Subaddress::default();
        Self { name, kind: DomainKind::Own, subaddress, quota: Quota::NONE }
    }
}

/// What is done with a domain's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainKind {
    /// It has accounts and aliases here.
    Own,
    /// Each of its addresses stands for the same one in another domain, which has its mail here.
    AliasOf(Domain),
    /// It is another server's, for which we take its mail and pass it on: by the route that the
    /// configuration has for it, or to the hosts that the DNS prefers to us (RFC 5321 §5.1).
    Relayed(RelayedTo),
}

/// For whom of a relayed domain mail is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayedTo {
    /// For everybody: what the other server refuses we must return then, often to innocents.
    Anybody,
    /// For those who are listed here.
    Listed,
    /// For those who are listed here, and for whom the other server says that it takes mail: it is
    /// asked while the sender waits.
    Asked,
}

impl fmt::Display for DomainKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("mailboxes here"),
            Self::AliasOf(other) => write!(f, "alias of {other}"),
            Self::Relayed(RelayedTo::Anybody) => f.write_str("relayed, all recipients"),
            Self::Relayed(RelayedTo::Listed) => f.write_str("relayed, listed recipients"),
            Self::Relayed(RelayedTo::Asked) => {
                f.write_str("relayed, recipients that its server takes")
            }
        }
    }
}

/// How a domain writes subaddresses (RFC 5233 §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subaddress {
    /// What divides the user from the detail; none: there are no subaddresses.
    pub separator: Option<char>,
    /// Whether mail with a detail is filed into the mailbox of that name, if the account has it.
    pub filed: bool,
}

impl Default for Subaddress {
    fn default() -> Self {
        Self { separator: Some('+'), filed: false }
    }
}

/// A separator as it is typed: one of a few characters, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separator(pub Option<char>);

impl FromStr for Separator {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut chars = text.chars();
        match (text, chars.next(), chars.next()) {
            ("none", ..) => Ok(Self(None)),
            (_, Some(one), None) if "+-_=.#~/".contains(one) => Ok(Self(Some(one))),
            _ => Err(Malformed("a separator is one of + - _ = . # ~ / or the word none")),
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(separator) => write!(f, "{separator}"),
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        for text in ["+", "-", "none"] {
            assert_eq!(text.parse::<Separator>().unwrap().to_string(), text);
        }
        for text in ["", "++", "a", "@", "%", "!"] {
            assert!(text.parse::<Separator>().is_err(), "{text}");
        }
    }
}
