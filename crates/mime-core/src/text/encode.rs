//! Writing header text in ASCII: encoded words in UTF-8 (RFC 2047), parameters (RFC 2231).

use base64::{Engine, engine::general_purpose::STANDARD};

/// What fits between `=?UTF-8?B?` and `?=` in a word of 75 characters (RFC 2047 §2).
const WORD_ROOM: usize = 75 - 12;
/// How many octets make as much base64: whole quanta of four characters.
const WORD_OCTETS: usize = WORD_ROOM / 4 * 3;
/// A parameter that is longer is cut into sections. Its line begins with a space and may go on
/// with a semicolon (RFC 5322 §2.1.1).
const PARAM_OCTETS_MAX: usize = 76;

/// The text as encoded words, each on a line of its own after the first: `CRLF SPACE` between them.
/// Quoted-printable or base64, whichever is shorter.
pub fn encode_words(text: &str) -> String {
    let as_q: usize = text.bytes().map(q_length).fold(0, usize::saturating_add);
    let as_b = text.len().div_ceil(3).saturating_mul(4);
    let by_q = as_q <= as_b;
    let word_room = if by_q { WORD_ROOM } else { WORD_OCTETS };
    let mut out = String::new();
    let mut word = String::new();
    let mut room = word_room;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let octets = c.encode_utf8(&mut buffer).as_bytes();
        let length =
            if by_q { octets.iter().map(|octet| q_length(*octet)).sum() } else { octets.len() };
        if length > room {
            put_word(&mut out, &word, by_q);
            word.clear();
            room = word_room;
        }
        room = room.saturating_sub(length);
        word.push(c);
    }
    put_word(&mut out, &word, by_q);
    out
}

fn put_word(out: &mut String, word: &str, by_q: bool) {
    if word.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push_str("\r\n ");
    }
    out.push_str(if by_q { "=?UTF-8?Q?" } else { "=?UTF-8?B?" });
    if by_q {
        word.bytes().for_each(|octet| put_q(out, octet));
    } else {
        out.push_str(&STANDARD.encode(word));
    }
    out.push_str("?=");
}

/// What may stand bare in a word of a phrase (RFC 2047 §5 rule 3), the strictest place.
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!*+-/".contains(&octet)
}

fn q_length(octet: u8) -> usize {
    if octet == b' ' || is_plain(octet) { 1 } else { 3 }
}

fn put_q(out: &mut String, octet: u8) {
    if octet == b' ' {
        out.push('_');
    } else if is_plain(octet) {
        out.push(char::from(octet));
    } else {
        out.push_str(&format!("={octet:02X}"));
    }
}

/// A parameter: `name=value`, quoted where it must be, or `name*=utf-8''...` (RFC 2231 §4). One that
/// is too long for a line becomes several, a line each (RFC 2231 §3).
pub fn encode_param(name: &str, value: &str) -> String {
    let extended = !value.is_ascii();
    let whole = match extended {
        true => format!("{name}*=utf-8''{}", value.chars().map(escaped).collect::<String>()),
        false => ascii_param(name, value),
    };
    if whole.len() <= PARAM_OCTETS_MAX {
        return whole;
    }
    // `name*99*=utf-8''` and a semicolon are the most that stands around a section.
    let room = PARAM_OCTETS_MAX.saturating_sub(name.len()).saturating_sub(13);
    let mut sections: Vec<String> = Vec::new();
    let mut section = String::new();
    for c in value.chars() {
        let written = if extended { escaped(c) } else { quoted(c) };
        if section.len().saturating_add(written.len()) > room && !section.is_empty() {
            sections.push(std::mem::take(&mut section));
        }
        section.push_str(&written);
    }
    sections.push(section);
    let written = sections.iter().enumerate().map(|(number, section)| match (extended, number) {
        (true, 0) => format!("{name}*0*=utf-8''{section}"),
        (true, _) => format!("{name}*{number}*={section}"),
        (false, _) => format!("{name}*{number}=\"{section}\""),
    });
    written.collect::<Vec<_>>().join(";\r\n ")
}

/// A parameter whose value is ASCII, on one line whatever its length.
pub(crate) fn ascii_param(name: &str, value: &str) -> String {
    let is_token = |octet: u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet);
    if !value.is_empty() && value.bytes().all(is_token) {
        return format!("{name}={value}");
    }
    format!("{name}=\"{}\"", value.chars().map(quoted).collect::<String>())
}

/// A character of a quoted string (RFC 5322 §3.2.4).
fn quoted(c: char) -> String {
    if matches!(c, '\\' | '"') { format!("\\{c}") } else { c.to_string() }
}

/// A character of an extended value (RFC 2231 §4), all of its octets together.
fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() || "-._~".contains(c) {
        return c.to_string();
    }
    let mut buffer = [0; 4];
    c.encode_utf8(&mut buffer).bytes().map(|octet| format!("%{octet:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::decode_header;

    #[test]
    fn words() {
        assert_eq!(encode_words("é"), "=?UTF-8?B?w6k=?=");
        assert_eq!(encode_words("café au lait"), "=?UTF-8?Q?caf=C3=A9_au_lait?=");
        assert_eq!(encode_words("가나다"), "=?UTF-8?B?6rCA64KY64uk?=");
        assert_eq!(encode_words(""), "");
    }

    #[test]
    fn parameters() {
        assert_eq!(encode_param("name", "a.txt"), "name=a.txt");
        assert_eq!(encode_param("name", "a \"b\".txt"), "name=\"a \\\"b\\\".txt\"");
        assert_eq!(encode_param("name", "가.txt"), "name*=utf-8''%EA%B0%80.txt");
        let long = encode_param("filename", &"가나다".repeat(10));
        assert!(long.starts_with("filename*0*=utf-8''%EA"), "{long}");
        assert!(long.contains(";\r\n filename*1*=%E"), "{long}");
        let long = encode_param("name", &"a\"".repeat(40));
        assert!(
            long.starts_with(r#"name*0="a\"a\""#) && long.contains(";\r\n name*1=\""),
            "{long}"
        );
    }

    /// Base64 comes in quanta: one octet more than 45 made a word too long.
    #[test]
    fn no_word_is_too_long() {
        for ascii in 0..50 {
            for more in ["가", "é", "\u{1f600}"] {
                let text = format!("{}{}", "a".repeat(ascii), more.repeat(60));
                let encoded = encode_words(&text);
                assert!(encoded.split("\r\n ").all(|word| word.len() <= 75), "{encoded}");
                assert_eq!(decode_header(encoded.as_bytes()), text);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn encoding_then_decoding_gives_the_same(text in "[ -~가-힣é\u{1f600}]{0,200}") {
            let encoded = encode_words(&text);
            proptest::prop_assert!(encoded.is_ascii());
            proptest::prop_assert!(encoded.split("\r\n ").all(|word| word.len() <= 75), "{}", encoded);
            proptest::prop_assert_eq!(decode_header(encoded.as_bytes()), text);
        }
    }
}
