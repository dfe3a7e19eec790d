//! Message-ID lists: Message-ID, In-Reply-To, References (RFC 5322 §3.6.4).

use super::content::behind_comment;
use crate::Octets;

/// The message ids in a field's value, with their angle brackets, without the white space and
/// comments that obsolete syntax puts inside them (RFC 5322 §4.5.4).
/// What stands between ids is passed over, comments and quoted strings too.
pub fn message_ids(value: &[u8]) -> Vec<Octets> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.iter().position(|octet| matches!(octet, b'<' | b'(' | b'"')) {
        rest = rest.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'(') => rest = behind_comment(rest),
            Some(b'"') => {
                let inner = rest.get(1..).unwrap_or_default();
                let length = memchr::memchr(b'"', inner).map_or(0, |at| at.saturating_add(1));
                rest = inner.get(length..).unwrap_or_default();
            }
            _ => {
                let Some(end) = memchr::memchr(b'>', rest) else { break };
                let (id, behind) = rest.split_at_checked(end.saturating_add(1)).unwrap_or_default();
                ids.push(bare(id));
                rest = behind;
            }
        }
    }
    ids
}

fn bare(id: &[u8]) -> Octets {
    let mut out = Vec::with_capacity(id.len());
    let mut rest = id;
    // Once a comment does not end, none behind it does.
    let mut comments_end = true;
    while let Some((octet, behind)) = rest.split_first() {
        if *octet == b'(' && comments_end {
            let behind_it = behind_comment(rest);
            comments_end = !behind_it.is_empty();
            if comments_end {
                rest = behind_it;
                continue;
            }
        }
        out.extend(Some(*octet).filter(|octet| !octet.is_ascii_whitespace()));
        rest = behind;
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[&str]) {
        let ids = message_ids(value.as_bytes());
        let ids: Vec<_> = ids.iter().map(|id| String::from_utf8_lossy(id)).collect();
        assert_eq!(ids, expected, "{value:?}");
    }

    #[test]
    fn lists() {
        check("<a@b>", &["<a@b>"]);
        check(" <a@b>\r\n <c@d> ", &["<a@b>", "<c@d>"]);
        check("<a@b><c@d>", &["<a@b>", "<c@d>"]);
        check("<a\r\n @b>", &["<a@b>"]);
        // RFC 5322 appendix A.6.3.
        check("<1234   @   local(blah)  .machine .example>", &["<1234@local.machine.example>"]);
        check("<a(b@c>", &["<a(b@c>"]);
        check("your message (<x@y>) of \"<z@z>\" today <a@b>", &["<a@b>"]);
        check("<a@b", &[]);
        check("a@b", &[]);
        check("\"open <a@b>", &["<a@b>"]);
        check("", &[]);
    }
}
