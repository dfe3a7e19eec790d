//! Fetches MTA-STS policies (RFC 8461 §3.3).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use agent_kit::Stop;
use https_client::{HttpsClient, HttpsError, Request, Target};
use mail_dns::Resolver;
use mail_types::Domain;
use smtp_client::Roots;
use tls_policy::{ResultKind, StsPolicy};

/// The largest policy, in octets.
const POLICY_MAX: usize = 64 * 1024;
/// How long a policy host may take. RFC 8461 §3.3 suggests a minute; mail waits for it.
const WITHIN: Duration = Duration::from_secs(20);

/// Why there is no policy, as it is reported, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoPolicy {
    pub(super) kind: ResultKind,
    pub(super) reason: String,
}

/// Asks policy hosts.
pub(super) struct Fetcher {
    resolver: Resolver,
    /// None if no authorities are known.
    https: Option<HttpsClient>,
    reach: Reach,
}

/// Where other domains can have us connect to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// The port of policy hosts.
    pub(super) port: u16,
    /// Addresses of networks that are not the Internet as well.
    pub(super) private: bool,
}

impl Fetcher {
    pub(super) fn new(
        resolver: Resolver,
        roots: Option<&Roots>,
        reach: Reach,
        stop: &Stop,
    ) -> Self {
        let https = roots.and_then(|roots| HttpsClient::new(roots, stop.clone()).ok());
        Self { resolver, https, reach }
    }

    /// The policy that the domain's policy host has now.
    pub(super) async fn fetch(&self, domain: &Domain) -> Result<StsPolicy, NoPolicy> {
        let failed = |reason: String| NoPolicy { kind: ResultKind::StsPolicyFetchError, reason };
        let host = Domain::parse(&format!("mta-sts.{domain}"))
            .map_err(|_| failed("the name of its policy host is too long".to_owned()))?;
        let target = Target::new(host, self.reach.port, "/.well-known/mta-sts.txt")
            .map_err(|why| failed(why.to_string()))?;
        let request = Request { target, content: None, body_max: POLICY_MAX, within: WITHIN };
        let response = self.ask(request).await.map_err(|reason| match reason {
            Unasked::Tls(reason) => NoPolicy { kind: ResultKind::StsWebpkiInvalid, reason },
            Unasked::Other(reason) | Unasked::Unheard(reason) => failed(reason),
        })?;
        // RFC 8461 §3.3: no other status, and no redirection.
        if response.status != 200 {
            return Err(failed(format!("the policy host answered {}", response.status)));
        }
        let invalid = |reason: String| NoPolicy { kind: ResultKind::StsPolicyInvalid, reason };
        // RFC 8461 §3.2: where strangers may keep files, they rarely may keep plain text.
        if response.media_type.as_deref() != Some("text/plain") {
            let media_type = response.media_type.as_deref().unwrap_or("nothing");
            return Err(invalid(format!("the policy is no text/plain but {media_type:.100}")));
        }
        StsPolicy::parse(&response.body).map_err(|why| invalid(why.to_string()))
    }

    /// Sends a request to the host that it names, unless that is none of the Internet's: a stranger
    /// has named it, and must not have us knock at the doors of our own network.
    pub(super) async fn ask(&self, request: Request) -> Result<https_client::Response, Unasked> {
        let Some(https) = &self.https else {
            return Err(Unasked::Other("no authorities are known here".to_owned()));
        };
        let target = &request.target;
        let found = self.resolver.addresses(&target.host).await;
        let found = found.map_err(|problem| Unasked::Other(problem.to_string()))?;
        let at_port = |ip| SocketAddr::new(ip, target.port);
        let may = |ip: &IpAddr| self.reach.private || is_public(*ip);
        let addresses: Vec<SocketAddr> = found.into_iter().filter(may).map(at_port).collect();
        if addresses.is_empty() {
            let reason = format!("{} has no public address", target.host);
            return Err(Unasked::Other(reason));
        }
        https.ask(request, &addresses).await.map_err(|error| match error {
            HttpsError::Tls(error) => Unasked::Tls(error.to_string()),
            HttpsError::Connect(_) => Unasked::Other(error.to_string()),
            _ => Unasked::Unheard(error.to_string()),
        })
    }
}

/// Why a request came to nothing, in words.
#[derive(Debug)]
pub(super) enum Unasked {
    /// The host has not proved who it is.
    Tls(String),
    /// It has not heard the request.
    Other(String),
    /// It may have heard it; what it answered is not known.
    Unheard(String),
}

impl std::fmt::Display for Unasked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Tls(reason) | Self::Other(reason) | Self::Unheard(reason)) = self;
        f.write_str(reason)
    }
}

/// Whether an address is one of the Internet's (the registries of RFC 6890 §2.2).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [first, second, third, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && second & 0xc0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && second & 0xfe == 18);
    !special
}

/// Only 2000::/3 is given out. What stands for an IPv4 address there is as good as that one (6to4,
/// RFC 3056 §2; the same behind a translator, RFC 6052 §2.1).
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match v6.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        // Teredo, benchmarks, ORCHID and documentation.
        [0x2001, second, ..] if second < 0x0200 || second == 0x0db8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_our_own_networks_are_none_of_the_internets() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("100.63.0.1", true),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.19.0.1", false),
            ("192.0.2.1", false),
            ("192.0.0.8", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.216.34", true),
            ("fd00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2606:2800:220:1::1", true),
            ("2001:4860:4860::8888", true),
            ("2001:db8::1", false),
            ("3fff:1::1", false),
            ("2002:7f00:1::", false),
            ("2002:5db8:d822::", true),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::5db8:d822", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
