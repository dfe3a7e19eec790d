//! Parameters in the words of people (RFC 2231), with all that senders do instead.
//!
//! RFC 2231 forbids encoded words in parameters; half of the world's file names are written in
//! them, cut into continuations like anything else. Raw 8-bit values are guessed.

use crate::{
    body_structure::Param,
    text::{Decoded, decode_octets, header_text},
};

/// The decoded value of a parameter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParamText {
    /// The value, in UTF-8.
    pub value: Decoded,
    /// Its language tag, if it says one (RFC 2231 §4).
    pub language: Option<String>,
}

/// The decoded value of a parameter, given its name without marks; `None` if it is not there.
///
/// Of several forms the most explicit holds: `name*`, then `name*0` and what continues it, then
/// `name`. One that is empty gives way to the next.
pub fn param_text(params: &[Param], name: &str) -> Option<ParamText> {
    let mut forms: Vec<(Form, &[u8])> = params
        .iter()
        .filter_map(|param| Some((Form::parse(&param.name, name)?, &*param.value)))
        .collect();
    // Stable: of duplicates the first holds.
    forms.sort_by_key(|(form, _)| *form);

    let whole = |wanted| forms.iter().find(|(form, _)| *form == wanted).map(|(_, value)| *value);
    let candidates = [
        whole(Form::Extended).map(|value| assemble(&[(true, value)])),
        Some(section_values(&forms)).filter(|list| !list.is_empty()).map(|list| assemble(&list)),
        whole(Form::Plain).map(|value| assemble(&[(false, value)])),
    ];
    let mut found = candidates.into_iter().flatten();
    let first = found.next()?;
    if !first.value.text.is_empty() {
        return Some(first);
    }
    Some(found.find(|other| !other.value.text.is_empty()).unwrap_or(first))
}

/// How the name of a parameter is marked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Form {
    /// `name`
    Plain,
    /// `name*`
    Extended,
    /// `name*1` or `name*1*`
    Section { number: u32, extended: bool },
}

impl Form {
    fn parse(written: &[u8], name: &str) -> Option<Self> {
        let (start, marks) = written.split_at_checked(name.len())?;
        if !start.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        match marks {
            [] => return Some(Self::Plain),
            [b'*'] => return Some(Self::Extended),
            _ => {}
        }
        let digits = marks.strip_prefix(b"*")?;
        let (digits, extended) = match digits.strip_suffix(b"*") {
            Some(digits) => (digits, true),
            None => (digits, false),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self::Section { number, extended })
    }
}

/// The values of `name*0`, `name*1` and so on, up to the first gap (RFC 2231 §3), in whatever order
/// they stood. Some senders count from 1.
fn section_values<'a>(sorted: &[(Form, &'a [u8])]) -> Vec<(bool, &'a [u8])> {
    let mut values = Vec::new();
    let mut wanted = None;
    for (form, value) in sorted {
        let Form::Section { number, extended } = *form else { continue };
        let next = wanted.unwrap_or(number.min(1));
        if number > next {
            break;
        }
        if number == next {
            values.push((extended, *value));
            wanted = Some(next.saturating_add(1));
        }
    }
    values
}

/// Puts sections together before decoding: a character may be cut between them.
fn assemble(sections: &[(bool, &[u8])]) -> ParamText {
    let mut charset = None;
    let mut language = None;
    let mut octets = Vec::new();
    for (index, (extended, value)) in sections.iter().enumerate() {
        if !extended {
            octets.extend_from_slice(value);
            continue;
        }
        let mut value = *value;
        if index == 0
            && let Some((label, tag, rest)) = split_label(value)
        {
            charset = Some(label).filter(|label| !label.is_empty());
            language = Some(String::from_utf8_lossy(tag).into_owned()).filter(|t| !t.is_empty());
            value = rest;
        }
        percent_decode(value, &mut octets);
    }
    // An encoded word inside is decoded even where a label stands before it.
    let has_word = memchr::memmem::find(&octets, b"=?").is_some() && octets.is_ascii();
    let value = match charset {
        Some(label) if !has_word => decode_octets(&octets, label),
        _ => header_text(&octets),
    };
    ParamText { value, language }
}

/// `charset'language'rest`
fn split_label(value: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut pieces = value.splitn(3, |octet| *octet == b'\'');
    Some((pieces.next()?, pieces.next()?, pieces.next()?))
}

/// `%` and two digits are an octet; what is not is itself.
pub(crate) fn percent_decode(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some((first, behind)) = rest.split_first() {
        let escape = match behind {
            [high, low, behind @ ..] if *first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, behind))
            }
            _ => None,
        };
        let (octet, behind) = escape.unwrap_or((*first, behind));
        out.push(octet);
        rest = behind;
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{header::content::parse_media_type, text::encode_param};

    fn read(params: &[u8], name: &str) -> Option<ParamText> {
        let value = [b"a/b; ".as_slice(), params].concat();
        param_text(&parse_media_type(&value).unwrap().params, name)
    }

    #[track_caller]
    fn check(params: &[u8], expected: Option<&str>) {
        let found = read(params, "n").map(|found| found.value.text);
        assert_eq!(found.as_deref(), expected, "{}", params.escape_ascii());
    }

    #[test]
    fn rfc_2231_section_3_and_4() {
        check(b"N*0=\"ftp://\"; n*1=\"cs.utk.edu/pub\"", Some("ftp://cs.utk.edu/pub"));
        let title = read(b"title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title");
        let title = title.unwrap();
        assert_eq!(title.value.text, "This is ***fun***");
        assert_eq!(title.language.as_deref(), Some("en-us"));
        let title = read(
            b"title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
            "TITLE",
        );
        assert_eq!(title.unwrap().value.text, "This is even more ***fun*** isn't it!");
    }

    #[test]
    fn order_gaps_and_duplicates() {
        check(b"n*1=b; n*0=a; n=plain", Some("ab"));
        check(b"n*0=a; n*2=c", Some("a"));
        check(b"n*1=a; n*2=b", Some("ab"));
        check(b"n*2=c; n=plain", Some("plain"));
        check(b"n*0=a; n*0=x; n*1=b", Some("ab"));
        check(b"n*=utf-8''; n=plain", Some("plain"));
        check(b"n=plain; n*=utf-8''ext", Some("ext"));
        check(b"n*99999999999=a; n*x=b; nn=c", None);
        check(b"n=", Some(""));
        check(&[b"n*0=a".as_slice(), &b"; n*1=b".repeat(500)].concat(), Some("ab"));
    }

    #[test]
    fn charsets() {
        check(b"n*=euc-kr''%B0%A1%B3%AA", Some("가나"));
        // A character cut between sections.
        check(b"n*0*=UTF-8''%EA; n*1*=%B0%80; n*2*=.hwp", Some("가.hwp"));
        check(b"n*=%EA%B0%80", Some("가"));
        check(b"n*=''%EA%B0%80", Some("가"));
        check(b"n*=utf-8''100%; n=x", Some("100%"));
        check(b"n*=it's", Some("it's"));
    }

    #[test]
    fn encoded_words_and_raw_octets() {
        check(b"n=\"=?EUC-KR?B?sKGzqrTZ?=\"", Some("가나다"));
        check(b"n=\"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\"", Some("ab"));
        check(b"n*0=\"=?EUC-KR?B?sKGz\"; n*1=\"qrTZ?=\"", Some("가나다"));
        check(b"n*=utf-8''%3D%3FUTF-8%3FQ%3Fa%3F%3D", Some("a"));
        check(b"n=\"\xb0\xa1\xb3\xaa\"", Some("가나"));
        assert!(read(b"n=\"\xb0\xa1\"", "n").unwrap().value.guessed);
        assert!(!read(b"n*=euc-kr''%B0%A1", "n").unwrap().value.guessed);
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_read_back(text in "[ -~가-힣é\u{1f600}]{0,200}") {
            proptest::prop_assume!(!text.contains("=?"));
            let written = encode_param("n", &text);
            let found = read(written.as_bytes(), "n").unwrap().value;
            proptest::prop_assert_eq!(found.text.trim(), text.trim());
            proptest::prop_assert!(!found.guessed);
            proptest::prop_assert!(written.split("\r\n").all(|line| line.len() <= 78));
        }
    }
}
