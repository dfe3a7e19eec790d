//! How mail for other domains leaves this machine.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use mail_types::Domain;

use crate::{page::Page, reader::Reader, section::Field, value::quoted};

/// The way to one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Ask the DNS for the domain's mail exchangers.
    Mx,
    /// Always this host.
    Host(HostPort),
    /// The host of the smarthost with this name.
    Via(String),
    /// Always this LMTP server (RFC 2033).
    Lmtp(LmtpServer),
    /// Take it durably, then drop it.
    Discard,
    /// Keep it in the queue until the operator releases it, for this reason.
    Hold(String),
}

impl Route {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "mx" => Ok(Self::Mx),
            "discard" => Ok(Self::Discard),
            "hold" => Ok(Self::Hold("the configuration holds mail for this domain".to_owned())),
            text => {
                if let Some(reason) = text.strip_prefix("hold:") {
                    return match reason.trim() {
                        "" => Err("must have a reason after \"hold:\", or be \"hold\"".to_owned()),
                        reason => Ok(Self::Hold(reason.to_owned())),
                    };
                }
                if let Some(name) = text.strip_prefix("via:") {
                    return Ok(Self::Via(name.trim().to_owned()));
                }
                if let Some(server) = text.strip_prefix("lmtp:") {
                    return LmtpServer::parse(server.trim()).map(Self::Lmtp);
                }
                HostPort::parse(text).map(Self::Host).ok_or_else(|| {
                    "must be \"mx\", \"discard\", \"hold: the reason\", a host with its port such \
                     as \"smart.example.net:587\", \"via:\" and the name of a smarthost, or \
                     \"lmtp:\" and a host with its port or the path of a socket"
                        .to_owned()
                })
            }
        }
    }
}

/// Where an LMTP server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LmtpServer {
    /// Over TCP.
    Host(HostPort),
    /// On this machine, by a Unix socket.
    Socket(PathBuf),
}

impl LmtpServer {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Socket(PathBuf::from(text)));
        }
        match HostPort::parse(text) {
            // RFC 2033 §5
            Some(host) if host.port == 25 => Err("must not speak LMTP on port 25".to_owned()),
            Some(host) => Ok(Self::Host(host)),
            None => Err("must name a host with its port, or the path of a socket, after \"lmtp:\""
                .to_owned()),
        }
    }
}

/// A host by name or address literal, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The name, or an address literal such as `[192.0.2.1]`.
    pub host: Domain,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// Parses `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<std::net::SocketAddr>() {
            return Some(Self { host: Domain::from_ip(address.ip()), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':')?;
        Some(Self { host: Domain::parse(host).ok()?, port: port.parse().ok()? })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The routes by domain, with one for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    by_domain: BTreeMap<Domain, Route>,
    otherwise: Route,
}

impl Routes {
    /// The way to `domain`.
    pub fn to(&self, domain: &Domain) -> &Route {
        self.own(domain).unwrap_or(&self.otherwise)
    }

    /// The way to `domain`, if it has a line of its own.
    pub fn own(&self, domain: &Domain) -> Option<&Route> {
        self.by_domain.get(domain)
    }

    /// The way to all domains without a line of their own.
    pub fn otherwise(&self) -> &Route {
        &self.otherwise
    }

    /// The reasons for which routes hold mail.
    pub fn hold_reasons(&self) -> Vec<String> {
        let reason = |route: &Route| match route {
            Route::Hold(reason) => Some(reason.clone()),
            _ => None,
        };
        self.routes().filter_map(reason).collect()
    }

    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.by_domain.values().chain([&self.otherwise])
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self { by_domain: BTreeMap::new(), otherwise: Route::Mx }
    }
}

/// Whom a line of the table speaks of.
enum Pattern {
    Domain(Domain),
    Otherwise,
}

impl Field for Routes {
    fn take(mut self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.entries(|key, text| {
            let pattern = match key {
                "*" => Pattern::Otherwise,
                name => Domain::parse(name)
                    .map(Pattern::Domain)
                    .map_err(|why| format!("is neither a domain nor \"*\": {why}"))?,
            };
            Ok((pattern, Route::parse(text)?))
        });
        for (pattern, route) in lines {
            match pattern {
                Pattern::Domain(domain) => drop(self.by_domain.insert(domain, route)),
                Pattern::Otherwise => self.otherwise = route,
            }
        }
        self
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| {
            page.example_line("\"*\"", &quoted("mx"));
            page.example_line("\"example.net\"", &quoted("smart.example.net:587"));
            page.example_line("\"example.info\"", &quoted("via:alice-at-example-net"));
            page.example_line("\"lists.example.org\"", &quoted("lmtp:/run/lists/lmtp"));
            page.example_line("\"example.com\"", &quoted("hold: their server moves this week"));
            page.example_line("\"example.edu\"", &quoted("discard"));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let host = |host: &str, port| {
            Some(Route::Host(HostPort { host: Domain::parse(host).unwrap(), port }))
        };
        let lmtp = |port| {
            let host = Domain::parse("[127.0.0.1]").unwrap();
            Some(Route::Lmtp(LmtpServer::Host(HostPort { host, port })))
        };
        for (text, expected) in [
            ("mx", Some(Route::Mx)),
            ("discard", Some(Route::Discard)),
            ("hold: not today", Some(Route::Hold("not today".into()))),
            ("smart.example.net:587", host("smart.example.net", 587)),
            ("127.0.0.2:2525", host("[127.0.0.2]", 2525)),
            ("[::1]:25", host("[IPv6:::1]", 25)),
            ("via: a b", Some(Route::Via("a b".into()))),
            ("lmtp:127.0.0.1:24", lmtp(24)),
            ("lmtp: /run/x y", Some(Route::Lmtp(LmtpServer::Socket("/run/x y".into())))),
            ("lmtp:127.0.0.1:25", None),
            ("hold:", None),
            ("hold: ", None),
            ("lmtp:", None),
            ("lmtp:run/x", None),
            ("smart.example.net", None),
            ("a b:25", None),
            ("", None),
        ] {
            assert_eq!(Route::parse(text).ok(), expected, "{text:?}");
        }
    }
}
