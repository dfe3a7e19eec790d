//! Whom to ask for what.

use std::time::Duration;

use mail_types::{Domain, Malformed};

/// A server and what it is asked for: an `https` URI (RFC 9110 §4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whose certificate it must be.
    pub host: Domain,
    /// Where it listens.
    pub port: u16,
    /// The path with its query, as it stands in the request.
    pub path: String,
}

/// The longest path that is asked for, in octets.
const PATH_MAX: usize = 2048;

impl Target {
    /// A path of a host.
    pub fn new(host: Domain, port: u16, path: &str) -> Result<Self, Malformed> {
        if !path.starts_with('/') || path.len() > PATH_MAX {
            return Err(Malformed("a path begins with a slash and is not too long"));
        }
        // RFC 3986 §3.3: nothing that could end the request line, or begin another.
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(Malformed("a path has printable ASCII only"));
        }
        Ok(Self { host, port, path: path.to_owned() })
    }

    /// Parses `https://host[:port]/path?query`. A fragment is for readers (RFC 9110 §4.2.5), and
    /// nobody's name belongs in front of the host.
    pub fn parse(uri: &str) -> Result<Self, Malformed> {
        const BAD: Malformed = Malformed("it is no https URI of a host");
        let rest = uri
            .get(..8)
            .filter(|scheme| scheme.eq_ignore_ascii_case("https://"))
            .and_then(|_| uri.get(8..))
            .ok_or(BAD)?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| BAD)?),
            None => (authority, 443),
        };
        let host = Domain::parse(host).map_err(|_| BAD)?;
        if host.is_literal() || port == 0 {
            return Err(BAD);
        }
        match path.starts_with('/') {
            true => Self::new(host, port, path),
            false => Self::new(host, port, &format!("/{path}")),
        }
    }

    /// The host as a request names it (RFC 9110 §7.2).
    pub(crate) fn authority(&self) -> String {
        match self.port {
            443 => self.host.to_string(),
            port => format!("{}:{port}", self.host),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Of whom, for what.
    pub target: Target,
    /// What is posted; without it, the request is a GET.
    pub content: Option<Content>,
    /// The largest body of the response, in octets.
    pub body_max: usize,
    /// How long all of it may take, from the first connection.
    pub within: Duration,
}

/// What is posted.
#[derive(Debug, Clone)]
pub struct Content {
    /// Its media type.
    pub media_type: &'static str,
    /// All of it.
    pub octets: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        for (uri, expected) in [
            ("https://a.example/v1/tlsrpt", Some("a.example 443 /v1/tlsrpt")),
            ("HTTPS://A.example", Some("a.example 443 /")),
            ("https://a.example:8443/x?y=1#z", Some("a.example 8443 /x?y=1")),
            ("https://a.example?y", Some("a.example 443 /?y")),
            ("http://a.example/", None),
            ("https://", None),
            ("https://a.example:0/", None),
            ("https://a.example:99999/", None),
            ("https://me@a.example/", None),
            ("https://[::1]/", None),
            ("https://a.example/a b", None),
            ("https://a.example/\r\nX: y", None),
            ("https://a.example/\u{fc}", None),
            ("mailto:a@b.example", None),
        ] {
            let parsed = Target::parse(uri).ok();
            let parsed = parsed.map(|it| format!("{} {} {}", it.host, it.port, it.path));
            assert_eq!(parsed.as_deref(), expected, "{uri}");
        }
        assert!(Target::parse(&format!("https://a.example/{}", "x".repeat(PATH_MAX))).is_err());
    }
}
