//! Addresses that name this host instead of a domain, and local parts that name a way onwards.
//!
//! Strangers write both, some of them to find a relay. RFC 5321 §4.5.1 wants the postmaster of every
//! name that we answer to; RFC 1123 §5.2.17 wants mail to our own address literal taken as our own.

use std::net::IpAddr;

use config::Config;
use conversation::Peer;
use mail_types::{Address, Domain};

/// What this host is called at this connection.
#[derive(Debug, Clone)]
pub(super) struct OwnHost {
    name: Domain,
    literal: Option<Domain>,
}

/// What a forward-path to this host means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// Just what it says: a domain, ours or another's.
    AsWritten,
    /// Whoever answers for the host.
    Postmaster,
    /// A mailbox of the host: of the first domain, if there is one.
    OfFirstDomain,
}

impl OwnHost {
    /// A host of this name that the peer has reached at this address.
    pub(super) fn new(name: Domain, reached_at: Option<IpAddr>) -> Self {
        let literal = reached_at.map(|address| Domain::from_ip(address.to_canonical()));
        Self { name, literal }
    }

    /// The names of this host, as the client has reached it.
    pub(super) fn at(config: &Config, peer: Peer) -> Self {
        let reached_at = match peer {
            Peer::Tcp { local, .. } => Some(local.ip()),
            Peer::Unix { .. } => None,
        };
        Self::new(config.hostname.clone(), reached_at)
    }

    pub(super) fn meant(&self, address: &Address) -> Meant {
        let literal = self.literal.as_ref() == Some(address.domain());
        if !literal && *address.domain() != self.name {
            return Meant::AsWritten;
        }
        let local = address.local().as_str();
        if ["postmaster", "abuse"].iter().any(|name| name.eq_ignore_ascii_case(local)) {
            Meant::Postmaster
        } else if literal {
            Meant::OfFirstDomain
        } else {
            Meant::AsWritten
        }
    }
}

/// Whether a local part could be meant as a way onwards: `user%host`, `host!user`, `user@host` in
/// quotes. A mailbox may be called so; that something is not called so and is taken all the same,
/// by a catch-all, would look like a relay, and to the next hop perhaps be one.
pub(super) fn names_a_way(address: &Address) -> bool {
    address.local().as_str().contains(['%', '!', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_is_known_by_name_and_address() {
        let name = Domain::parse("mx.example.org").unwrap();
        let host = OwnHost::new(name.clone(), "::ffff:192.0.2.1".parse().ok());
        for (address, meant) in [
            ("Postmaster@MX.example.org", Meant::Postmaster),
            ("abuse@mx.example.org", Meant::Postmaster),
            ("alice@mx.example.org", Meant::AsWritten),
            ("postmaster@example.org", Meant::AsWritten),
            ("postmaster@[192.0.2.1]", Meant::Postmaster),
            ("alice@[192.0.2.1]", Meant::OfFirstDomain),
            ("alice@[192.0.2.2]", Meant::AsWritten),
        ] {
            assert_eq!(host.meant(&Address::parse(address).unwrap()), meant, "{address}");
        }
        let host = OwnHost::new(name, "2001:db8::1".parse().ok());
        let literal = Address::parse("abuse@[IPv6:2001:DB8::1]").unwrap();
        assert_eq!(host.meant(&literal), Meant::Postmaster);
    }
}
