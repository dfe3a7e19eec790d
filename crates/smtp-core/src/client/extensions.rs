//! What the server offers, as its reply to EHLO says.

use mail_types::Reply;
use sasl_core::Mechanism;

/// The service extensions that matter to a client (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// BDAT (RFC 3030 §2).
    pub chunking: bool,
    /// BODY=BINARYMIME (RFC 3030 §3); of use only together with `chunking`.
    pub binary_mime: bool,
    /// REQUIRETLS (RFC 8689 §2).
    pub require_tls: bool,
    /// BY=, with the shortest time that the server can keep, in seconds (RFC 2852 §2).
    pub deliver_by: Option<Option<u64>>,
    /// MT-PRIORITY= (RFC 6710 §3).
    pub priority: bool,
    /// AUTH, here and as a parameter of MAIL (RFC 4954 §3).
    pub auth: bool,
    /// How one may sign in, as far as we can.
    pub sign_in: Vec<Mechanism>,
    /// What a session may hold.
    pub limits: Limits,
}

/// How much the server takes, as far as it says so (RFC 9422 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// MAILMAX: transactions of a session.
    pub mails: Option<u32>,
    /// RCPTMAX: recipients of a transaction.
    pub recipients: Option<u32>,
    /// RCPTDOMAINMAX: different domains of the recipients of a session.
    pub domains: Option<u32>,
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
                "SIZE" => found.size = Some(words.next().and_then(positive)),
                "STARTTLS" => found.starttls = true,
                "DSN" => found.dsn = true,
                "SMTPUTF8" => found.smtputf8 = true,
                "CHUNKING" => found.chunking = true,
                "BINARYMIME" => found.binary_mime = true,
                "REQUIRETLS" => found.require_tls = true,
                "DELIVERBY" => found.deliver_by = Some(words.next().and_then(positive)),
                "MT-PRIORITY" => found.priority = true,
                "AUTH" => {
                    found.auth = true;
                    found.sign_in.extend(words.filter_map(Mechanism::parse));
                }
                "LIMITS" => found.limits = Limits::parse(words),
                _ => {}
            }
        }
        found
    }
}

impl Limits {
    /// `limit-param-list`: what is unknown or wrong is as if it were not there (RFC 9422 §3.7).
    fn parse<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut limits = Self::default();
        for word in words {
            let Some((name, value)) = word.split_once('=') else { continue };
            let digits =
                (1..=6).contains(&value.len()) && value.starts_with(|c| matches!(c, '1'..='9'));
            let Some(value) = value.parse::<u32>().ok().filter(|_| digits) else { continue };
            match name.to_ascii_uppercase().as_str() {
                "MAILMAX" => limits.mails = Some(value),
                "RCPTMAX" => limits.recipients = Some(value),
                "RCPTDOMAINMAX" => limits.domains = Some(value),
                _ => {}
            }
        }
        limits
    }
}

fn positive(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Extensions {
        let lines = std::iter::once("host").chain(lines.iter().copied()).map(str::to_owned);
        Extensions::parse(&Reply::of_lines(250, None, lines.collect()))
    }

    #[test]
    fn keywords() {
        let expected = Extensions {
            size: Some(Some(1000)),
            pipelining: true,
            dsn: true,
            chunking: true,
            deliver_by: Some(Some(240)),
            auth: true,
            sign_in: vec![Mechanism::Login, Mechanism::Plain],
            ..Extensions::default()
        };
        let lines =
            ["size 1000", "PIPELINING", "X-ODD 1 2", "Dsn", "", "CHUNKING", "DELIVERBY 240"];
        assert_eq!(parse(&[&lines[..], &["AUTH LOGIN X-ODD plain"]].concat()), expected);
        assert_eq!(parse(&[]), Extensions::default());
    }

    #[test]
    fn a_size_of_zero_is_no_limit() {
        for (line, expected) in [
            ("SIZE", Some(None)),
            ("SIZE 0", Some(None)),
            ("SIZE x", Some(None)),
            ("STARTTLS", None),
        ] {
            assert_eq!(parse(&[line]).size, expected);
        }
    }

    #[test]
    fn limits() {
        // RFC 9422 §3.7, §4, and its example of §5.
        let check = |line: &str, mails, recipients| {
            let domains = line.contains(" RCPTDOMAINMAX=1").then_some(1);
            assert_eq!(parse(&[line]).limits, Limits { mails, recipients, domains }, "{line}");
        };
        check("LIMITS RCPTMAX=20 MAILMAX=5", Some(5), Some(20));
        check("limits mailmax=999999", Some(999_999), None);
        check("LIMITS MAILMAX=0 RCPTMAX=1000000", None, None);
        check("LIMITS MAILMAX=01 RCPTMAX=+1", None, None);
        check("LIMITS MAILMAX RCPTMAX= X=1 RCPTDOMAINMAX=1", None, None);
        check("LIMITS", None, None);
    }
}
