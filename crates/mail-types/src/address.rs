//! Addresses and the two paths of an envelope.

use std::{fmt, str::FromStr};

use crate::{Domain, LocalPart, Malformed};

/// A mailbox of RFC 5321 §4.1.2: `local-part@domain`.
///
/// Two addresses are equal if their local parts are the same to the letter and their domains are
/// equal as domains. Use [`Address::folded`] to look an own mailbox up.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: LocalPart,
    domain: Domain,
}

impl Address {
    /// An address of its two parts.
    pub fn new(local: LocalPart, domain: Domain) -> Self {
        Self { local, domain }
    }

    /// Parses `Local-part "@" ( Domain / address-literal )`, without angle brackets.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        // The last @ divides: one inside a quoted local part stands before it.
        let (local, domain) = text.rsplit_once('@').ok_or(Malformed("the address lacks @"))?;
        Ok(Self { local: LocalPart::parse(local)?, domain: Domain::parse(domain)? })
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The key under which an own mailbox is looked up: local part in lower case, unquoted.
    pub fn folded(&self) -> String {
        format!("{}@{}", self.local.as_str().to_lowercase(), self.domain)
    }

    /// Whether it needs SMTPUTF8 on the wire (RFC 6531 §3.3); domains never do, they are A-labels.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.as_str().is_ascii()
    }
}

impl FromStr for Address {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where notifications about a message go; [`ReversePath::Null`] for what must cause none
/// (RFC 5321 §4.5.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ReversePath {
    /// `<>`.
    Null,
    /// `<address>`.
    Address(Address),
}

impl ReversePath {
    /// Parses an address, or the empty string for `<>`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() { Ok(Self::Null) } else { Address::parse(text).map(Self::Address) }
    }

    /// The address, if there is one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}

/// The address without brackets; nothing for the null path.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Where a message is to go: an address, or the bare `<Postmaster>` of RFC 5321 §4.1.1.3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ForwardPath {
    /// `<Postmaster>`, in any case, without a domain.
    Postmaster,
    /// `<address>`.
    Address(Address),
}

impl ForwardPath {
    /// Parses an address, or `postmaster` alone.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.eq_ignore_ascii_case("postmaster") {
            Ok(Self::Postmaster)
        } else {
            Address::parse(text).map(Self::Address)
        }
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("postmaster"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(
            Address::parse(input).ok().map(|a| a.to_string()).as_deref(),
            expected,
            "{input:?}"
        );
    }

    #[test]
    fn mailboxes() {
        check("alice@example.org", Some("alice@example.org"));
        check("Alice@EXAMPLE.org", Some("Alice@example.org"));
        check("a.b+tag@example.org", Some("a.b+tag@example.org"));
        check("\"a b\"@example.org", Some("\"a b\"@example.org"));
        check("\"ab\"@example.org", Some("ab@example.org"));
        check("\"a@b\"@example.org", Some("\"a@b\"@example.org"));
        check("\"a\\\"b\"@example.org", Some("\"a\\\"b\"@example.org"));
        check("a..b@example.org", Some("\"a..b\"@example.org"));
        check(".a@example.org", Some("\".a\"@example.org"));
        check("아리@example.org", Some("아리@example.org"));
        check("a@[127.0.0.1]", Some("a@[127.0.0.1]"));
        for bad in
            ["", "@", "a", "a@", "@b", "a b@c", "\"\"@c", "\"a@c", "a\"b@c", "a\r@c", "<a@c>"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn equality_is_of_domains_not_of_spelling() {
        let parse = |text| Address::parse(text).unwrap();
        assert_eq!(parse("a@EXAMPLE.org"), parse("a@example.ORG"));
        assert_ne!(parse("A@example.org"), parse("a@example.org"));
        assert_eq!(parse("A@example.org").folded(), parse("a@Example.org").folded());
    }

    #[test]
    fn paths() {
        assert_eq!(ReversePath::parse("").unwrap(), ReversePath::Null);
        assert_eq!(ForwardPath::parse("PostMaster").unwrap(), ForwardPath::Postmaster);
        assert!(ForwardPath::parse("nobody").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_rendered_parses_to_the_same(content in "[ -~가-힣]{1,40}", domain in "[a-z]{1,9}(\\.[a-z]{2,5}){0,2}") {
            let address = Address::new(LocalPart::from_content(&content).unwrap(), Domain::parse(&domain).unwrap());
            proptest::prop_assert_eq!(Address::parse(&address.to_string()).unwrap(), address);
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = Address::parse(&text);
        }
    }
}
