//! Which hosts an MTA-STS policy admits.

use std::fmt;

use crate::{Domain, Malformed};

/// One `mx` line of a policy: a host, or all hosts one label below a domain (RFC 8461 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxPattern {
    wildcard: bool,
    domain: Domain,
}

impl MxPattern {
    /// Parses `mail.example.com` or `*.example.com`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, text),
        };
        let domain = Domain::parse(name)?;
        match domain.is_literal() {
            true => Err(Malformed("a policy names hosts, not addresses")),
            false => Ok(Self { wildcard, domain }),
        }
    }

    /// Whether the policy admits this MX host. The wildcard stands for exactly one label
    /// (RFC 8461 §4.1).
    pub fn matches(&self, host: &Domain) -> bool {
        if !self.wildcard {
            return self.domain == *host;
        }
        let below = host.as_str().split_once('.');
        below.is_some_and(|(_, parent)| parent == self.domain.as_str())
    }
}

impl fmt::Display for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*." } else { "" }, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8461_section_4_1() {
        for (pattern, host, expected) in [
            ("mail.example.com", "mail.example.com", true),
            ("MAIL.example.com", "mail.Example.com", true),
            ("mail.example.com", "other.example.com", false),
            ("*.example.com", "mail.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "foo.bar.example.com", false),
            ("*.example.com", "mail.example.net", false),
            ("*.b\u{fc}cher.example", "mx.xn--bcher-kva.example", true),
        ] {
            let host = Domain::parse(host).unwrap();
            let pattern = MxPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(&host), expected, "{pattern}");
            assert_eq!(MxPattern::parse(&pattern.to_string()), Ok(pattern));
        }
        for bad in ["", "*", "*.", "m*.example.com", "a.*.example.com", "[192.0.2.1]"] {
            assert!(MxPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
