//! Writing header text in ASCII: encoded words in UTF-8 (RFC 2047), parameters (RFC 2231).

use base64::{Engine, engine::general_purpose::STANDARD};

/// What fits between `=?UTF-8?B?` and `?=` in a word of 75 characters (RFC 2047 §2).
const WORD_ROOM: usize = 75 - 12;

/// The text as encoded words, each on a line of its own after the first: `CRLF SPACE` between them.
/// Quoted-printable or base64, whichever is shorter.
pub fn encode_words(text: &str) -> String {
    let as_q: usize = text.bytes().map(q_length).fold(0, usize::saturating_add);
    let as_b = text.len().div_ceil(3).saturating_mul(4);
    let by_q = as_q <= as_b;
    let mut out = String::new();
    let mut word = String::new();
    let mut room = WORD_ROOM;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let octets = c.encode_utf8(&mut buffer).as_bytes();
        let length = if by_q {
            octets.iter().map(|octet| q_length(*octet)).sum()
        } else {
            // 47 octets are 64 characters with padding; three quarters of the room always fit.
            octets.len().saturating_mul(4).div_ceil(3)
        };
        if length > room {
            put_word(&mut out, &word, by_q);
            word.clear();
            room = WORD_ROOM;
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

/// A parameter: `name=value`, quoted where it must be, or `name*=utf-8''...` (RFC 2231 §4).
pub fn encode_param(name: &str, value: &str) -> String {
    if !value.is_ascii() {
        let mut out = format!("{name}*=utf-8''");
        for octet in value.bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                out.push(char::from(octet));
            } else {
                out.push_str(&format!("%{octet:02X}"));
            }
        }
        return out;
    }
    let is_token = |octet: u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet);
    if !value.is_empty() && value.bytes().all(is_token) {
        return format!("{name}={value}");
    }
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{quoted}\"")
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
