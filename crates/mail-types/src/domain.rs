//! The part of an address behind the `@`: a domain name or an address literal.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::Malformed;

/// A domain name in its one comparable form (lower case, IDN labels as A-labels), or an address
/// literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.2, §4.1.3).
///
/// Equality is equality of domains: case never counts, and an IDN equals its A-label form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// The longest name in octets (RFC 5321 §4.5.3.1.2).
    pub const MAX_OCTETS: usize = 255;

    /// Parses `Domain / address-literal` (RFC 5321 §4.1.2); U-labels are converted (RFC 6531 §3.3).
    ///
    /// More tolerant than the grammar in one point: `_` may stand in a label, as it does in names
    /// of real hosts.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_OCTETS {
            return Err(Malformed("the domain is longer than 255 octets"));
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(Malformed("the address literal lacks ]"))?;
            return Self::literal(inner);
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text)
                .map_err(|_| Malformed("the internationalized domain name is not valid"))?
        };
        check_name(&ascii)?;
        Ok(Self(ascii.into()))
    }

    /// The literal of an IP address.
    pub fn from_ip(ip: IpAddr) -> Self {
        Self(match ip {
            IpAddr::V4(v4) => format!("[{v4}]").into(),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]").into(),
        })
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, if this is an address literal.
    pub fn ip(&self) -> Option<IpAddr> {
        let inner = self.0.strip_prefix('[')?.strip_suffix(']')?;
        inner.strip_prefix("IPv6:").unwrap_or(inner).parse().ok()
    }

    /// Whether this is an address literal and not a name.
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    fn literal(inner: &str) -> Result<Self, Malformed> {
        let ip = match inner.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
                inner.get(5..).and_then(|v6| v6.parse().ok()).map(IpAddr::V6)
            }
            _ => inner.parse().ok().map(IpAddr::V4),
        };
        ip.map(Self::from_ip).ok_or(Malformed("the address literal holds no IP address"))
    }
}

fn check_name(name: &str) -> Result<(), Malformed> {
    if name.is_empty() {
        return Err(Malformed("the domain is empty"));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(Malformed("the domain has an empty label"));
        }
        if label.len() > 63 {
            return Err(Malformed("a label of the domain is longer than 63 octets"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Malformed("a label of the domain starts or ends with a hyphen"));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(Malformed("the domain has a character that no domain has"));
        }
    }
    Ok(())
}

impl FromStr for Domain {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(Domain::parse(input).ok().as_ref().map(Domain::as_str), expected, "{input:?}");
    }

    #[test]
    fn forms() {
        check("example.org", Some("example.org"));
        check("EXAMPLE.Org", Some("example.org"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("한국.example", Some("xn--3e0b707e.example"));
        check("a_b.example", Some("a_b.example"));
        check("localhost", Some("localhost"));
        check("[192.0.2.1]", Some("[192.0.2.1]"));
        check("[IPv6:2001:DB8::1]", Some("[IPv6:2001:db8::1]"));
        check("[ipv6:::1]", Some("[IPv6:::1]"));
        for bad in ["", ".", "a..b", "example.org.", "-a.example", "a-.example", "a b", "[1.2.3]"] {
            check(bad, None);
        }
        for bad in ["[192.0.2.1", "[IPv6:xyz]", "[]", "a@b", "exam\0ple", "ex\u{202e}ample.org"] {
            check(bad, None);
        }
        check(&"a".repeat(64), None);
        check(&format!("{}a", "a.".repeat(128)), None);
    }

    #[test]
    fn literals_have_an_ip() {
        assert_eq!(Domain::parse("[127.0.0.1]").unwrap().ip(), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(Domain::parse("[IPv6:::1]").unwrap().ip(), Some("::1".parse().unwrap()));
        assert_eq!(Domain::parse("example.org").unwrap().ip(), None);
    }
}
