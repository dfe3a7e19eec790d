//! Strings on their way out: quoted when the content allows, literal when it demands it.

use mail_types::MailboxName;

use crate::utf7;

/// Longer strings go as literals: clients read quoted strings into small buffers.
const QUOTED_MAX: usize = 1024;

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - length..).unwrap_or_default());
}

/// `string` (RFC 3501 §4.3): quoted, or a literal for what a quoted string cannot hold: 8-bit
/// octets, CR, LF. NUL is not permitted anywhere (RFC 3501 §9) and left out.
pub(crate) fn string(out: &mut Vec<u8>, octets: &[u8]) {
    // Nearly all are: without a branch for each octet, the loop is one for many at a time.
    let is_special =
        |octet: &u8| !octet.is_ascii() | matches!(octet, 0 | b'\r' | b'\n' | b'"' | b'\\');
    let is_plain = !octets.iter().fold(false, |any, octet| any | is_special(octet));
    if is_plain && octets.len() <= QUOTED_MAX {
        out.reserve(octets.len().saturating_add(2));
        out.push(b'"');
        out.extend_from_slice(octets);
        return out.push(b'"');
    }
    if octets.contains(&0) {
        let without: Vec<u8> = octets.iter().copied().filter(|b| *b != 0).collect();
        return string(out, &without);
    }
    if octets.len() > QUOTED_MAX
        || octets.iter().any(|b| !b.is_ascii() || matches!(b, b'\r' | b'\n'))
    {
        return literal(out, octets);
    }
    out.push(b'"');
    for byte in octets {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// A tag where only a quoted string may stand, however long: no character of a tag needs a
/// backslash.
pub(crate) fn quoted_tag(out: &mut Vec<u8>, tag: &str) {
    out.push(b'"');
    out.extend_from_slice(tag.as_bytes());
    out.push(b'"');
}

fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    literal_head(out, octets.len() as u64);
    out.extend_from_slice(octets);
}

/// `{n}` and CRLF: n octets must follow.
pub(crate) fn literal_head(out: &mut Vec<u8>, length: u64) {
    out.push(b'{');
    number(out, length);
    out.extend_from_slice(b"}\r\n");
}

/// `nstring`: NIL for nothing (RFC 3501 §4.5).
pub(crate) fn nstring(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    match octets {
        Some(octets) => string(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `astring` (RFC 3501 §9): bare if it can be.
pub(crate) fn astring(out: &mut Vec<u8>, octets: &[u8]) {
    let bare = !octets.is_empty()
        && octets.iter().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\".contains(b));
    // An atom that reads NIL would be taken for nothing.
    if bare && !octets.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(octets);
    } else {
        string(out, octets);
    }
}

/// How mailbox names are spelled on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spelling {
    /// In modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    Utf7,
    /// In UTF-8, for those who have enabled it (RFC 9051 §5.1, RFC 9755 §3).
    Utf8,
}

/// A mailbox name, always quoted: some clients take a bare name apart at its special characters.
pub fn render_mailbox_name(out: &mut Vec<u8>, name: &MailboxName, spelling: Spelling) {
    name_text(out, name.as_str(), spelling);
}

/// A name, or what stands for one.
pub(crate) fn name_text(out: &mut Vec<u8>, name: &str, spelling: Spelling) {
    let plain = |c: char| !c.is_control();
    match spelling {
        // No name has a NUL, CR or LF; to be sure, what can't be quoted goes as it always does.
        Spelling::Utf8 if name.chars().all(plain) && name.len() <= QUOTED_MAX => {
            out.push(b'"');
            for byte in name.bytes() {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
        Spelling::Utf8 => string(out, name.as_bytes()),
        Spelling::Utf7 => string(out, utf7::encode(name).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(render: fn(&mut Vec<u8>, &[u8]), octets: &[u8], expected: &[u8]) {
        let mut out = Vec::new();
        render(&mut out, octets);
        assert_eq!(out, expected, "{}", octets.escape_ascii());
    }

    #[test]
    fn strings() {
        check(string, b"", b"\"\"");
        check(string, b"a \"b\" \\c\t", b"\"a \\\"b\\\" \\\\c\t\"");
        check(string, b"a\r\nb", b"{4}\r\na\r\nb");
        check(string, "é".as_bytes(), b"{2}\r\n\xc3\xa9");
        check(string, b"a\0b", b"\"ab\"");
        let long = [b'x'; QUOTED_MAX + 1];
        let mut expected = b"{1025}\r\n".to_vec();
        expected.extend_from_slice(&long);
        check(string, &long, &expected);
    }

    #[test]
    fn astrings() {
        check(astring, b"From", b"From");
        check(astring, b"a]b", b"a]b");
        check(astring, b"nil", b"\"nil\"");
        check(astring, b"", b"\"\"");
        check(astring, b"a b", b"\"a b\"");
        check(astring, b"a%", b"\"a%\"");
    }

    #[test]
    fn numbers() {
        for value in [0, 9, 10, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
