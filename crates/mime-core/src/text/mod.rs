//! Text for people and for SEARCH: header text and text parts, decoded to UTF-8.
//!
//! Decoding never fails: what cannot be decoded becomes U+FFFD. What has no label, or one that
//! cannot be right, is guessed, and the caller may learn that it was.

mod casemap;
mod charset;
mod encode;
mod entities;
mod guess;
mod html;
mod iso_2022_jp;
mod iso_2022_kr;
mod johab;
mod layout;
mod utf_7;
mod words;

use crate::transfer::{self, Encoding};

pub use casemap::{casemap, casemap_into};
pub use charset::Charset;
pub(crate) use encode::ascii_param;
pub use encode::{encode_param, encode_words};
pub(crate) use html::HtmlText;
pub use html::text_of_html;
pub use words::{Decoded, decode_header, header_text};

/// A whole text part in UTF-8.
pub fn decode_text_part(body: &[u8], encoding: Encoding, charset: Option<&[u8]>) -> String {
    let mut text = String::with_capacity(body.len());
    let mut decoder = TextDecoder::new(encoding, charset);
    decoder.push(body, &mut text);
    decoder.finish(&mut text);
    text
}

/// Octets in UTF-8, given the label of their charset.
pub fn decode_octets(octets: &[u8], charset: &[u8]) -> Decoded {
    let mut text = String::with_capacity(octets.len());
    let guessed = Charset::of_label(charset).decode(octets, &mut text);
    Decoded { text, guessed }
}

/// Decodes a text part by pieces.
pub struct TextDecoder {
    transfer: transfer::Decoder,
    charset: charset::Decoder,
    /// Between the two; kept for its room.
    octets: Vec<u8>,
}

impl TextDecoder {
    /// A decoder at the start of a part's body, given the part's encoding and charset parameter.
    pub fn new(encoding: Encoding, charset: Option<&[u8]>) -> Self {
        let charset = charset.map_or(Charset::Unknown, Charset::of_label).decoder();
        Self { transfer: transfer::Decoder::new(encoding), charset, octets: Vec::new() }
    }

    /// Takes the next piece and appends its text, as far as it is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        if self.transfer.is_identity() {
            return self.charset.push(piece, out);
        }
        self.octets.clear();
        self.transfer.push(piece, &mut self.octets);
        self.charset.push(&self.octets, out);
    }

    /// The body has ended. Tells whether the charset was guessed: there was no label, or the text
    /// was not what it said.
    pub fn finish(mut self, out: &mut String) -> bool {
        self.octets.clear();
        self.transfer.finish(&mut self.octets);
        self.charset.push(&self.octets, out);
        self.charset.finish(out)
    }
}

impl std::fmt::Debug for TextDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], encoding: Encoding, charset: Option<&str>, expected: &str) {
        let charset = charset.map(str::as_bytes);
        assert_eq!(decode_text_part(body, encoding, charset), expected, "{}", body.escape_ascii());
        let mut by_octets = String::new();
        let mut decoder = TextDecoder::new(encoding, charset);
        body.chunks(1).for_each(|octet| decoder.push(octet, &mut by_octets));
        decoder.finish(&mut by_octets);
        assert_eq!(by_octets, expected, "{} by octets", body.escape_ascii());
    }

    #[test]
    fn encodings_and_charsets() {
        use Encoding::{Base64, EightBit, QuotedPrintable, SevenBit};
        check(b"plain", SevenBit, None, "plain");
        check(b"sKGzqrTZ", Base64, Some("EUC-KR"), "가나다");
        check(b"=B0=A1=B3=AA =B4=D9", QuotedPrintable, Some("euc-kr"), "가나 다");
        check(b"\xb0\xa1", EightBit, Some("\"cp949\""), "가");
        check(b"\x1b$)C\n\x0e0!\x0fa\n0!", SevenBit, Some("iso-2022-kr"), "\n가a\n0!");
        check(b"\x1b$x", SevenBit, Some("iso-2022-kr"), "\u{1b}$x");
        check(b"Hi Mom -+Jjo--!", SevenBit, Some("UTF-7"), "Hi Mom -\u{263a}-!");
        check(b"\x1b$BF|K\\\x1b(B", SevenBit, Some("ISO-2022-JP"), "日本");
        check(b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(J\x1b(B", SevenBit, Some("ISO-2022-JP"), "日本");
        check(b"a\x1b\x1b$BF|\x1b(Bb", SevenBit, Some("ISO-2022-JP"), "a\u{fffd}日b");
        check(b"\x93\xfa\x96{", EightBit, Some("Shift_JIS"), "日本");
        check(b"\xb4e\x91w", EightBit, Some("johab"), "안녕");
        check(b"\xe9", EightBit, Some("iso-8859-1"), "é");
        check(b"\xd4\xc1", EightBit, Some("koi8-r"), "та");
    }

    #[test]
    fn labels_that_lie_or_are_missing() {
        use Encoding::EightBit;
        check("가나다".as_bytes(), EightBit, Some("iso-2022-jp"), "가나다");
        check(b"\x1b(I1\x1b(B \x1b$BF|\x1b(B", EightBit, Some("iso-2022-jp"), "ｱ 日");
        check("가나다".as_bytes(), EightBit, Some("us-ascii"), "가나다");
        check("가나다".as_bytes(), EightBit, Some("euc-kr"), "가나다");
        check(b"\xb0\xa1\xb3\xaa\xb4\xd9", EightBit, Some("utf-8"), "가나다");
        check(b"\xb0\xa1\xb3\xaa\xb4\xd9", EightBit, Some("iso-8859-1"), "가나다");
        check(b"d\xe9j\xe0 \xc4PFEL", EightBit, Some("iso-8859-1"), "déjà ÄPFEL");
        check(b"d\xe9j\xe0", EightBit, None, "déjà");
        check(b"d\xe9j\xe0 vu", EightBit, Some("no-such"), "déjà vu");
        check(b"\x1b$)C\x0e0!\x0f", EightBit, Some("us-ascii"), "가");
        check("가\x1b$)C\x0e0!".as_bytes(), EightBit, Some("utf-8"), "가\x1b$)C\x0e0!");
        // A syllable of EUC-KR whose two octets are a letter in UTF-8 as well.
        check(b"\xc8\xa5", EightBit, Some("euc-kr"), "혼");
    }

    #[test]
    fn guesses_are_told() {
        let check = |body: &[u8], charset: Option<&str>, expected| {
            let mut decoder = TextDecoder::new(Encoding::EightBit, charset.map(str::as_bytes));
            let mut text = String::new();
            decoder.push(body, &mut text);
            assert_eq!(decoder.finish(&mut text), expected, "{charset:?} {text:?}");
        };
        check(b"plain", None, false);
        check(b"plain", Some("no-such"), false);
        check("가".as_bytes(), Some("utf-8"), false);
        check(b"\xb0\xa1", Some("euc-kr"), false);
        check(b"\xe9", Some("iso-8859-1"), false);
        check("가".as_bytes(), None, true);
        check("가".as_bytes(), Some("us-ascii"), true);
        check(b"\xb0\xa1\xb3\xaa", Some("utf-8"), true);
        check("한국어 ".repeat(3000).as_bytes(), None, true);
    }

    #[test]
    fn long_text_is_guessed_from_its_beginning() {
        let text = "한국어 ".repeat(3000);
        check(text.as_bytes(), Encoding::EightBit, None, &text);
    }
}
