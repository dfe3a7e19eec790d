//! What the server offers, as its reply to EHLO says.

use mail_types::Reply;

/// The service extensions that matter to a client (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// Commands may be sent in groups (RFC 2920 §3).
    pub pipelining: bool,
    /// BODY=8BITMIME (RFC 6152 §2).
    pub eight_bit_mime: bool,
    /// SIZE, with the largest message taken, if the server says one (RFC 1870 §4).
    pub size: Option<Option<u64>>,
    /// STARTTLS (RFC 3207 §2).
    pub starttls: bool,
    /// NOTIFY, ORCPT, RET and ENVID (RFC 3461 §3).
    pub dsn: bool,
    /// SMTPUTF8 (RFC 6531 §3.1).
    pub smtputf8: bool,
}

impl Extensions {
    /// From the reply to EHLO: its first line is the greeting, each other one a keyword.
    pub(super) fn parse(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines().iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit_mime = true,
                // RFC 1870 §4: a limit of zero, or none, means that none is fixed.
                "SIZE" => {
                    let limit = words.next().and_then(|limit| limit.parse().ok());
                    found.size = Some(limit.filter(|limit| *limit > 0));
                }
                "STARTTLS" => found.starttls = true,
                "DSN" => found.dsn = true,
                "SMTPUTF8" => found.smtputf8 = true,
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords() {
        let lines = ["host", "size 1000", "PIPELINING", "X-ODD 1 2", "Dsn", ""].map(String::from);
        let found = Extensions::parse(&Reply::of_lines(250, None, lines.to_vec()));
        let expected = Extensions {
            size: Some(Some(1000)),
            pipelining: true,
            dsn: true,
            ..Extensions::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_size_of_zero_is_no_limit() {
        for (line, expected) in [
            ("SIZE", Some(None)),
            ("SIZE 0", Some(None)),
            ("SIZE x", Some(None)),
            ("STARTTLS", None),
        ] {
            let lines = vec!["host".to_owned(), line.to_owned()];
            assert_eq!(Extensions::parse(&Reply::of_lines(250, None, lines)).size, expected);
        }
    }
}
