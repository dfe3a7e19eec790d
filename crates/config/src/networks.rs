//! Networks, and the senders that they may name.

use std::{net::IpAddr, path::Path};

use mail_types::{Address, Domain};
use toml::de::DeValue;

use crate::value::{Value, quoted};

/// A network: `192.168.1.0/24`, `2001:db8::/48`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether it contains an address; IPv4 counts the same however it is written.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address = address.trim().parse::<IpAddr>().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }
}

impl Value for Network {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        value.as_str().and_then(Self::parse).ok_or_else(|| {
            "must be a network such as \"192.168.1.0/24\" or \"2001:db8::/48\", or one address"
                .to_owned()
        })
    }

    fn render(&self) -> String {
        quoted(&format!("{}/{}", self.address, self.bits))
    }
}

/// An address, or with `@domain` all of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderName {
    /// One address.
    Address(Address),
    /// All addresses of a domain.
    Domain(Domain),
}

impl SenderName {
    /// Whether it means an address, case apart.
    pub fn is(&self, address: &Address) -> bool {
        match self {
            Self::Address(known) => known.folded() == address.folded(),
            Self::Domain(domain) => domain == address.domain(),
        }
    }
}

impl Value for SenderName {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().unwrap_or_default();
        let parsed = match text.strip_prefix('@') {
            Some(domain) => Domain::parse(domain).map(Self::Domain),
            None => Address::parse(text).map(Self::Address),
        };
        parsed.map_err(|why| {
            format!(
                "must be an address such as \"scanner@example.org\", or \"@example.org\": {why}"
            )
        })
    }

    fn render(&self) -> String {
        match self {
            Self::Address(address) => quoted(&address.to_string()),
            Self::Domain(domain) => quoted(&format!("@{domain}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (network, inside, outside) in [
            ("192.168.1.0/24", "192.168.1.200", "192.168.2.1"),
            ("192.168.1.77/24", "192.168.1.1", "192.168.0.1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{inside} in {network}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{outside} not in {network}");
        }
        for bad in ["", "192.168.1", "192.168.1.0/33", "::/129", "192.168.1.0/", "x/8"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
