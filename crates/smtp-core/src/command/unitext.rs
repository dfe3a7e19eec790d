//! The encoding of addresses of the type utf-8, as ORCPT has them.

/// Decodes an address of the type `utf-8`.
///
/// ```text
/// utf-8-addr-xtext    = 1*(QCHAR / EmbeddedUnicodeChar)      RFC 6533 §3
/// utf-8-addr-unitext  = 1*(QUCHAR / EmbeddedUnicodeChar)
/// EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"
/// QCHAR               = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
/// ```
///
/// Tolerant in one point: a `+` with two digits is taken as xtext has it, since senders write that.
/// Nothing if it is neither.
pub(super) fn decode_unitext(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(['\\', '+', '=']) {
        let (plain, escape) = rest.split_at(place);
        decoded.push_str(plain);
        if let Some(escape) = escape.strip_prefix("\\x{") {
            let (point, behind) = escape.split_once('}')?;
            decoded.push(character(point)?);
            rest = behind;
        } else {
            let digits = escape.strip_prefix('+')?.get(..2)?;
            decoded.push(character(digits).filter(char::is_ascii)?);
            rest = escape.get(3..)?;
        }
    }
    decoded.push_str(rest);
    (!decoded.contains(|c: char| c.is_control())).then_some(decoded)
}

fn character(digits: &str) -> Option<char> {
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = matches!(digits.len(), 2..=6) && hexadecimal;
    fits.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_all_three_forms() {
        let cases = [
            ("a@example.org", Some("a@example.org")),
            ("\\x{E4}@example.org", Some("\u{e4}@example.org")),
            ("\u{e4}@example.org", Some("\u{e4}@example.org")),
            ("a\\x{2B}b\\x{3d}c@example.org", Some("a+b=c@example.org")),
            ("\\x{5C}\\x{1F600}@x.example", Some("\\\u{1f600}@x.example")),
            ("a+2Bb@example.org", Some("a+b@example.org")),
            ("a\\b@example.org", None),
            ("a\\x{D800}@example.org", None),
            ("a\\x{110000}@example.org", None),
            ("a\\x{1}@example.org", None),
            ("a\\x{41", None),
            ("a=b", None),
            ("a+", None),
            ("a+E4", None),
            ("a\\x{0A}b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decode_unitext(text).as_deref(), expected, "{text}: RFC 6533 §3");
        }
    }
}
