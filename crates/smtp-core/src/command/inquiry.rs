//! The arguments of VRFY, EXPN and ETRN.

use std::fmt;

use mail_types::Domain;

use crate::reply::PeerError;

/// What ETRN asks the queue to try at once (RFC 1985 §5, §5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `host`: what waits for this domain.
    Host(Domain),
    /// `@host`: for this domain and all below it.
    Subdomains(Domain),
    /// `#name`: a queue, whatever that is here.
    Queue(Box<str>),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(domain) => write!(f, "{domain}"),
            Self::Subdomains(domain) => write!(f, "@{domain}"),
            Self::Queue(name) => write!(f, "#{name}"),
        }
    }
}

/// `"VRFY" SP String [SP "SMTPUTF8"]` (RFC 5321 §4.1.1.6, RFC 6531 §3.7.4.2), EXPN likewise: the
/// text without the brackets of a path, and whether the reply may be UTF-8.
pub(crate) fn verify_argument<'a>(
    argument: &'a str,
    usage: &'static str,
) -> Result<(&'a str, bool), PeerError> {
    let (text, smtputf8) = match argument.rsplit_once(' ') {
        Some((text, word)) if word.eq_ignore_ascii_case("SMTPUTF8") => (text.trim_end(), true),
        _ => (argument, false),
    };
    if text.is_empty() {
        return Err(PeerError::Syntax(usage));
    }
    if !smtputf8 && !text.is_ascii() {
        return Err(PeerError::NeedsSmtpUtf8);
    }
    let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    Ok((bare.unwrap_or(text), smtputf8))
}

/// `ETRN [option character]node-name` (RFC 1985 §5).
pub(crate) fn etrn_node(argument: &str) -> Result<Node, PeerError> {
    const USAGE: PeerError = PeerError::Syntax("ETRN your.domain");
    let domain = |text: &str| {
        // RFC 1985 §5: a fully qualified name.
        let domain = Domain::parse(text).ok().filter(|domain| !domain.is_literal());
        domain.filter(|domain| domain.as_str().contains('.')).ok_or(USAGE)
    };
    if let Some(name) = argument.strip_prefix('#') {
        let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        return if fits { Ok(Node::Queue(name.into())) } else { Err(USAGE) };
    }
    match argument.strip_prefix('@') {
        Some(name) => domain(name).map(Node::Subdomains),
        None => domain(argument).map(Node::Host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whom_to_verify() {
        let cases = [
            ("smith", Ok(("smith", false))),
            ("<smith@example.org>", Ok(("smith@example.org", false))),
            ("John Smith", Ok(("John Smith", false))),
            ("smith SMTPUTF8", Ok(("smith", true))),
            ("\u{e4}@example.org smtputf8", Ok(("\u{e4}@example.org", true))),
            ("\u{e4}@example.org", Err(PeerError::NeedsSmtpUtf8)),
            ("", Err(PeerError::Syntax("VRFY address"))),
        ];
        for (argument, expected) in cases {
            assert_eq!(verify_argument(argument, "VRFY address"), expected, "{argument}");
        }
    }

    #[test]
    fn reads_what_to_start() {
        let domain = |text: &str| Domain::parse(text).unwrap();
        let bad = || Err(PeerError::Syntax("ETRN your.domain"));
        let cases = [
            ("Example.org", Ok(Node::Host(domain("example.org")))),
            ("@example.org", Ok(Node::Subdomains(domain("example.org")))),
            ("#uucp", Ok(Node::Queue("uucp".into()))),
            ("localname", bad()),
            ("", bad()),
            ("@", bad()),
            ("#", bad()),
            ("example.org example.net", bad()),
            ("[192.0.2.1]", bad()),
        ];
        for (argument, expected) in cases {
            assert_eq!(etrn_node(argument), expected, "{argument}: RFC 1985 §5");
        }
    }
}
