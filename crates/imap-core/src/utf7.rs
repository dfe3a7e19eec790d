//! Modified UTF-7, the spelling of mailbox names on the wire (RFC 3501 §5.1.3).

use base64::{
    Engine,
    alphabet::IMAP_MUTF7,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_types::Malformed;

/// Modified BASE64: `,` for `/`, no padding, and no stray bits at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// Encodes a name.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (shifted, direct) = rest.split_at(rest.find(stands_for_itself).unwrap_or(rest.len()));
        if !shifted.is_empty() && first != '&' {
            let units: Vec<u8> = shifted.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push('&');
            BASE64.encode_string(units, &mut out);
            out.push('-');
            rest = direct;
            continue;
        }
        out.push(first);
        if first == '&' {
            out.push('-');
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out
}

/// Decodes a name, refusing what has another, correct spelling: such a name could never be told
/// back as it was given.
pub(crate) fn decode(text: &str) -> Result<String, Malformed> {
    const BAD: Malformed = Malformed("the name is not correct modified UTF-7");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_shift = false;
    while let Some(place) = rest.find('&') {
        let (direct, shifted) = rest.split_at(place);
        out.push_str(direct);
        let (word, tail) =
            shifted.get(1..).and_then(|shifted| shifted.split_once('-')).ok_or(BAD)?;
        rest = tail;
        if word.is_empty() {
            out.push('&');
            after_shift = false;
            continue;
        }
        if after_shift && direct.is_empty() {
            return Err(BAD); // A superfluous shift.
        }
        after_shift = true;
        let octets = BASE64.decode(word).map_err(|_| BAD)?;
        let (pairs, []) = octets.as_chunks::<2>() else { return Err(BAD) };
        for unit in char::decode_utf16(pairs.iter().copied().map(u16::from_be_bytes)) {
            let c = unit.map_err(|_| BAD)?;
            if stands_for_itself(c) || c == '&' {
                return Err(BAD);
            }
            out.push(c);
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Printable US-ASCII; `&` does not, but stands on the same side of a shift.
fn stands_for_itself(c: char) -> bool {
    matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for (name, spelled) in [
            ("INBOX", "INBOX"),
            ("", ""),
            ("&", "&-"),
            ("a&b", "a&-b"),
            ("&&", "&-&-"),
            // RFC 3501 §5.1.3, its example.
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("台北日本語", "&U,BTF2XlZyyKng-"),
            ("☺!", "&Jjo-!"),
            ("tb-프로", "tb-&1QS4XA-"),
            ("é&é", "&AOk-&-&AOk-"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encode(name), spelled);
            assert_eq!(decode(spelled).as_deref(), Ok(name));
        }
    }

    #[test]
    fn wrong_spellings() {
        for (wrong, why) in [
            ("&", "no end"),
            ("a&b", "no end"),
            ("&Jjo!", "RFC 3501 §5.1.3: no shift back before !"),
            ("&U,BTFw-&ZeVnLIqe-", "RFC 3501 §5.1.3: a superfluous shift"),
            ("&AGE-", "a letter that stands for itself"),
            ("&ACY-", "an ampersand that has its own form"),
            ("&2D0-", "half a surrogate pair"),
            ("&AOk=-", "padding"),
            ("&AO-", "half a unit"),
            ("&AOl-", "stray bits"),
            ("&A/k-", "not this alphabet"),
        ] {
            assert!(decode(wrong).is_err(), "{wrong}: {why}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(name in ".*") {
            let spelled = encode(&name);
            prop_assert!(spelled.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(decode(&spelled).unwrap(), name);
        }

        #[test]
        fn each_name_has_one_spelling(spelled in "[a&,A-Z0-9-]{0,12}") {
            if let Ok(name) = decode(&spelled) {
                prop_assert_eq!(encode(&name), spelled);
            }
        }
    }
}
