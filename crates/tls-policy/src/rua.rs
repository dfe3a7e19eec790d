//! TLSRPT: where a domain wants its reports (RFC 8460 §3).

use mail_types::Address;

use crate::fields::{only_one, pairs, trim};

/// Most places of one domain.
const PLACES_MAX: usize = 5;

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportUri {
    /// By mail.
    Mail(Address),
    /// By POST to this `https` URI.
    Post(String),
}

/// Where a domain wants reports, from the texts at `_smtp._tls` below it; none if it wants none.
///
/// `tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]`
pub fn report_uris(texts: &[String]) -> Vec<ReportUri> {
    let fields = only_one(texts, "v=TLSRPTv1").and_then(pairs).unwrap_or_default();
    let rua = fields.into_iter().find(|(name, _)| *name == "rua");
    let uris = rua.into_iter().flat_map(|(_, uris)| uris.split(','));
    uris.filter_map(|uri| parse(trim(uri))).take(PLACES_MAX).collect()
}

fn parse(uri: &str) -> Option<ReportUri> {
    let (scheme, rest) = uri.split_once(':')?;
    // RFC 3986 §2: nothing else stands in one, and nothing else gets into a log or a request.
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if scheme.eq_ignore_ascii_case("https") && rest.starts_with("//") {
        return Some(ReportUri::Post(uri.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("mailto") {
        return None;
    }
    // RFC 6068 §2: what stands behind the question mark are header fields, which are ours to write.
    let to = rest.split_once('?').map_or(rest, |(to, _)| to);
    Address::parse(&decoded(to)?).ok().map(ReportUri::Mail)
}

/// Without percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    octets.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_dns() {
        for (text, expected) in [
            ("v=TLSRPTv1;rua=mailto:reports@example.com", "reports@example.com"),
            (
                "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
                "https://reporting.example.com/v1/tlsrpt",
            ),
            (
                "v=TLSRPTv1; x=y; rua=mailto:a@b.test , https://c.test/x;",
                "a@b.test https://c.test/x",
            ),
            ("v=TLSRPTv1; rua=MAILTO:a%2Bb@c.test?subject=x", "a+b@c.test"),
            ("v=TLSRPTv1; rua=mailto:a%2@c.test,http://c.test/,ftp:x,mailto:", ""),
            ("v=TLSRPTv1; rua=mailto:a%0d%0aRCPT@c.test", ""),
            ("v=TLSRPTv1;", ""),
            ("v=TLSRPTv2; rua=mailto:a@b.test", ""),
            ("rua=mailto:a@b.test", ""),
        ] {
            let shown: Vec<String> = report_uris(&[text.to_owned()])
                .into_iter()
                .map(|uri| match uri {
                    ReportUri::Mail(address) => address.to_string(),
                    ReportUri::Post(uri) => uri,
                })
                .collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
        let two = ["v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@b.test"];
        assert_eq!(report_uris(&two.map(str::to_owned)), [], "which one?");
        let many = format!("v=TLSRPTv1; rua={}", ["mailto:a@b.test"; 50].join(","));
        assert_eq!(report_uris(&[many]).len(), PLACES_MAX);
    }

    #[test]
    fn whatever_is_published_a_place_is_one_line() {
        const PIECES: &[&str] = &[
            "mailto:",
            "https://",
            "a@b.test",
            "c.test/",
            ",",
            ";",
            "%",
            "%0d%0a",
            "%41",
            "%e9",
            "?x=y",
            " ",
            "\r\n",
            "\u{fc}",
            "!",
            "rua=",
            "v=TLSRPTv1;",
        ];
        let (mut state, mut places) = (0x9e37_79b9_7f4a_7c15_u64, 0);
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit as u64).unwrap()
        };
        for _ in 0..50_000 {
            let mut text = "v=TLSRPTv1; rua=".to_owned();
            for _ in 0..below(7) {
                text.push_str(PIECES[below(PIECES.len())]);
            }
            for uri in report_uris(std::slice::from_ref(&text)) {
                places += 1;
                let shown = match uri {
                    ReportUri::Mail(address) => address.to_string(),
                    ReportUri::Post(uri) => uri,
                };
                assert!(!shown.contains(['\r', '\n']), "{text:?}: {shown:?}");
            }
        }
        assert!(places > 1_000, "{places} places");
    }
}
