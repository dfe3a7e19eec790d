//! Encoded words in header text (RFC 2047).

use super::{charset::Charset, guess};
use crate::{
    header::unfold,
    transfer::{Base64Decoder, QuotedPrintableDecoder},
};

/// Header text in UTF-8: unfolded, encoded words decoded wherever they stand, raw 8-bit text
/// guessed.
///
/// White space between encoded words is dropped (RFC 2047 §6.2). The octets of adjacent words in
/// one charset are put together first: much software cuts words inside a character.
pub fn decode_header(raw: &[u8]) -> String {
    header_text(raw).text
}

/// Text, and whether its charset had to be guessed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decoded {
    /// In UTF-8.
    pub text: String,
    /// Some of it was raw 8-bit text other than UTF-8 (which RFC 6532 §3.1 allows), or in words
    /// with a charset that nobody knows or that was not theirs.
    pub guessed: bool,
}

/// As [`decode_header`], and tells whether a charset was guessed.
pub fn header_text(raw: &[u8]) -> Decoded {
    let line = unfold(raw);
    let decoded = Decoded { text: String::with_capacity(line.len()), guessed: false };
    let mut text = Text { decoded, pending: None };
    // Where the last terminator stands: behind it there is no encoded word to look for.
    let last = memchr::memmem::rfind(&line, b"?=").unwrap_or(0);
    let mut plain_from = 0_usize;
    let mut from = 0_usize;
    while let Some(found) = memchr::memmem::find(line.get(from..last).unwrap_or_default(), b"=?") {
        let begin = from.saturating_add(found);
        match Word::parse(line.get(begin..).unwrap_or_default()) {
            Some((word, length)) => {
                text.plain(line.get(plain_from..begin).unwrap_or_default());
                text.word(&word);
                from = begin.saturating_add(length);
                plain_from = from;
            }
            None => from = begin.saturating_add(2),
        }
    }
    text.plain(line.get(plain_from..).unwrap_or_default());
    text.flush();
    text.decoded
}

struct Word<'a> {
    charset: &'a [u8],
    encoding: u8,
    text: &'a [u8],
}

/// Longer labels are none.
const LABEL_OCTETS_MAX: usize = 75;

impl<'a> Word<'a> {
    /// `=?charset?encoding?text?=`. The text may hold spaces and have any length: RFC 2047 §2
    /// forbids both, senders do it.
    /// With it comes its length.
    fn parse(begin: &'a [u8]) -> Option<(Self, usize)> {
        let rest = begin.strip_prefix(b"=?")?;
        let window = rest.get(..LABEL_OCTETS_MAX).unwrap_or(rest);
        let end = memchr::memchr(b'?', window)?;
        let (charset, rest) = rest.split_at_checked(end)?;
        if charset.is_empty() || charset.contains(&b' ') {
            return None;
        }
        let [b'?', encoding, b'?', rest @ ..] = rest else { return None };
        if !matches!(encoding, b'B' | b'b' | b'Q' | b'q') {
            return None;
        }
        let end = memchr::memmem::find(rest, b"?=")?;
        let (text, rest) = rest.split_at_checked(end)?;
        let word = Self { charset, encoding: encoding.to_ascii_uppercase(), text };
        let behind = rest.len().saturating_sub(2);
        Some((word, begin.len().saturating_sub(behind)))
    }

    fn octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        if self.encoding == b'B' {
            let mut decoder = Base64Decoder::default();
            decoder.push(self.text, &mut out);
            decoder.finish(&mut out);
            return out;
        }
        // RFC 2047 §4.2: `_` is a space. Written as its code, it is not taken for padding.
        let mut decoder = QuotedPrintableDecoder::default();
        for part in self.text.split_inclusive(|octet| matches!(octet, b'_' | b' ')) {
            match part.split_last() {
                Some((b'_' | b' ', before)) => {
                    decoder.push(before, &mut out);
                    decoder.push(b"=20", &mut out);
                }
                _ => decoder.push(part, &mut out),
            }
        }
        decoder.finish(&mut out);
        out
    }
}

struct Text<'a> {
    decoded: Decoded,
    /// Encoded words that more may follow: their charset and octets.
    pending: Option<(&'a [u8], Vec<u8>)>,
}

impl<'a> Text<'a> {
    fn word(&mut self, word: &Word<'a>) {
        match &mut self.pending {
            Some((charset, octets)) if charset.eq_ignore_ascii_case(word.charset) => {
                octets.extend_from_slice(&word.octets());
            }
            _ => {
                self.flush();
                self.pending = Some((word.charset, word.octets()));
            }
        }
    }

    fn plain(&mut self, text: &[u8]) {
        let between_words = self.pending.is_some() && text.trim_ascii().is_empty();
        if between_words {
            // Dropped if a word follows; at the end of a value there is no white space.
            return;
        }
        self.flush();
        match std::str::from_utf8(text) {
            Ok(text) if !text.contains(['\u{1b}', '\u{e}']) => {
                self.decoded.text.push_str(text);
            }
            _ => {
                guess::charset_of(text, None).decode(text, &mut self.decoded.text);
                self.decoded.guessed = true;
            }
        }
    }

    fn flush(&mut self) {
        if let Some((charset, octets)) = self.pending.take() {
            let charset = Charset::of_label(charset);
            self.decoded.guessed |= charset.decode(&octets, &mut self.decoded.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &[u8], expected: &str) {
        assert_eq!(decode_header(raw), expected, "{}", raw.escape_ascii());
    }

    #[test]
    fn rfc_2047_section_8() {
        check(b"(=?ISO-8859-1?Q?a?=)", "(a)");
        check(b"(=?ISO-8859-1?Q?a?= b)", "(a b)");
        check(b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)");
        check(b"(=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-1?Q?b?=)", "(ab)");
        check(b"(=?ISO-8859-1?Q?a_b?=)", "(a b)");
        check(b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
        check(b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
        check(b"=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström");
        let folded = b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=";
        check(folded, "If you can read this you understand the example.");
    }

    #[test]
    fn korean() {
        check(b"=?EUC-KR?B?vsiz58fPvLy/5C4=?=", "안녕하세요.");
        check(b"=?ks_c_5601-1987?B?sKGzqrTZ?=", "가나다");
        check(b"=?EUC-KR?Q?=B0=A1=B3=AA_=B4=D9?=", "가나 다");
        check(b"=?ISO-2022-KR?B?GyQpQw4wITMqNFkP?=", "가나다");
        check(b"\xb0\xa1\xb3\xaa\xb4\xd9", "가나다");
        check("가나다".as_bytes(), "가나다");
        // A syllable cut in two by the words.
        check(b"=?EUC-KR?Q?=B0?= =?euc-kr?Q?=A1?=", "가");
    }

    #[test]
    fn other_charsets() {
        check(b"=?utf-7?Q?+rACwmA-?=", "가나");
        check(b"=?utf-7?Q?a+-b?=", "a+b");
        check(b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本");
        // Each word ends in ASCII, and the next leaves it at once.
        check(b"=?ISO-2022-JP?B?GyRCRnwbKEI=?= =?ISO-2022-JP?B?GyRCS1wbKEI=?=", "日本");
        check(b"=?UTF-8*ko?Q?=EA=B0=80?=", "가");
        check(b"=?no-such?Q?=EA=B0=80?=", "가");
    }

    #[test]
    fn guesses_are_told() {
        let check = |raw: &[u8], expected| {
            assert_eq!(header_text(raw).guessed, expected, "{}", raw.escape_ascii());
        };
        check(b"plain =?UTF-8?Q?a?= =?no-such?Q?a?=", false);
        check("가".as_bytes(), false);
        check(b"=?EUC-KR?B?sKGzqrTZ?=", false);
        check(b"\xb0\xa1", true);
        check(b"=?no-such?Q?=EA=B0=80?=", true);
        check(b"=?US-ASCII?Q?=EA=B0=80?=", true);
        check(b"=?UTF-8?B?sKGzqrTZ?=", true);
    }

    #[test]
    fn broken() {
        check(b"=?UTF-8?Q?a b?=", "a b");
        check(b"=?UTF-8?Q?a", "=?UTF-8?Q?a");
        check(b"=?UTF-8?X?a?=", "=?UTF-8?X?a?=");
        check(b"=?=?UTF-8?Q?a?=", "=?a");
        check(b"x=?UTF-8?Q?a?=y", "xay");
        check(b"=?UTF-8?Q?=FF?=", "\u{ff}");
        check(b"=?UTF-8?Q?=C3=A9=FF?=", "\u{e9}\u{fffd}");
        check(b"=?UTF-8?B??=", "");
        check(b"", "");
    }
}
