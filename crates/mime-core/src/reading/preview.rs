//! The first words of a message, for a list of messages.
//!
//! Only the beginning of a body is decoded, so the cost does not grow with the message.

use super::{Numbered, Reading, search::is_ignorable};
use crate::{
    body_structure::Part,
    text::{decode_text_part, text_of_html},
    transfer::Encoding,
};

/// Gathers words until it is full.
#[derive(Clone, Debug)]
pub struct Preview {
    text: String,
    chars: usize,
    chars_max: usize,
}

impl Preview {
    /// How much of a part's body is of use; what follows need not be read. HTML begins with styles.
    pub const BODY_OCTETS_MAX: u64 = 64 * 1024;

    /// A preview of at most so many characters.
    pub fn new(chars_max: usize) -> Self {
        Self { text: String::new(), chars: 0, chars_max }
    }

    /// The preview of a message that is in memory.
    pub fn of(reading: &Reading<'_>, message: &[u8], chars_max: usize) -> String {
        let mut preview = Self::new(chars_max);
        for Numbered { part, .. } in &reading.text {
            let start = usize::try_from(part.body.start).unwrap_or(usize::MAX);
            let end = usize::try_from(part.body.end).unwrap_or(usize::MAX);
            preview.push(part, message.get(start..end).unwrap_or_default());
            if preview.is_full() {
                break;
            }
        }
        preview.finish()
    }

    /// Takes the words of a part of [`Reading::text`], given its body or the beginning of it.
    /// Quoted lines say what is known already and are left out, as are parts that are no text.
    pub fn push(&mut self, part: &Part, body: &[u8]) {
        let (kind, subtype) = part.shown_type();
        if !kind.eq_ignore_ascii_case(b"text") {
            return;
        }
        let length = usize::try_from(Self::BODY_OCTETS_MAX).unwrap_or(usize::MAX);
        let body = body.get(..length).unwrap_or(body);
        let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
        let text = decode_text_part(body, encoding, part.media_type.param("charset"));
        let text = match subtype.eq_ignore_ascii_case(b"html") {
            true => text_of_html(&text),
            false => text,
        };
        for line in text.lines().filter(|line| !line.starts_with('>')) {
            // RFC 3676 §4.3: what follows is a signature.
            if line == "-- " || self.is_full() {
                break;
            }
            line.split_whitespace().for_each(|word| self.word(word));
        }
    }

    /// Whether it takes no more.
    pub fn is_full(&self) -> bool {
        self.chars >= self.chars_max
    }

    /// The words, with single spaces between them.
    pub fn finish(self) -> String {
        self.text
    }

    fn word(&mut self, word: &str) {
        // Senders fill the space behind their own preview with what is not seen.
        if word.chars().all(is_ignorable) {
            return;
        }
        let between = if self.text.is_empty() { None } else { Some(' ') };
        for c in
            between.into_iter().chain(word.chars().filter(|c| !c.is_control() && !is_ignorable(*c)))
        {
            if self.is_full() {
                return;
            }
            self.text.push(c);
            self.chars = self.chars.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Structure;

    #[track_caller]
    fn check(message: &[u8], chars_max: usize, expected: &str) {
        let structure = Structure::of(message);
        let reading = Reading::of(&structure.body.root);
        assert_eq!(Preview::of(&reading, message, chars_max), expected);
    }

    #[test]
    fn previews() {
        check(b"\r\nHello,\r\n\r\n  big \t world\r\n", 100, "Hello, big world");
        check(b"\r\nHello, world", 7, "Hello, ");
        check(b"\r\n> old\r\nnew\r\n-- \r\nme\r\n", 100, "new");
        check(b"Content-Type: text/html\r\n\r\n<style>x</style><p>a&amp;b</p>", 100, "a&b");
        check(b"Content-Type: text/plain; charset=euc-kr\r\n\r\n\xb0\xa1\xb3\xaa", 1, "가");
        check("Content-Type: text/html; charset=utf-8\r\n\r\n<div>Sale</div>&zwnj;&nbsp;&zwnj;&nbsp;\u{34f}<blockquote>old</blockquote>new".as_bytes(), 100, "Sale new");
        check(b"Content-Type: image/png\r\n\r\nabc", 100, "");
        check(b"", 100, "");
    }

    #[test]
    fn it_is_bounded() {
        let long = [b"\r\n".as_slice(), &b"word ".repeat(100_000)].concat();
        let structure = Structure::of(&long);
        let preview = Preview::of(&Reading::of(&structure.body.root), &long, 256);
        assert_eq!(preview.chars().count(), 256);
    }
}
