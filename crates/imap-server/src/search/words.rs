//! Looking for words in text that comes by pieces, with bounded memory.

/// Text in the form in which it is compared (RFC 5255 §4.2).
pub(super) use mime_core::text::casemap as fold;

use mime_core::reading::casemap_shown;

/// The words looked for, and which of them were seen.
#[derive(Debug)]
pub(super) struct Needles {
    needles: Vec<Needle>,
    /// The end of what was fed, folded: a word may go on in the next piece.
    tail: String,
    /// Octets of the longest word.
    longest: usize,
}

#[derive(Debug)]
struct Needle {
    text: String,
    folded: String,
    /// As it stands in the shown text of HTML, where that is another form and not empty.
    shown: Option<String>,
    found: bool,
}

impl Needle {
    fn new(text: String) -> Self {
        let (folded, shown) = (fold(&text), casemap_shown(&text));
        let shown = (shown != folded && !shown.is_empty()).then_some(shown);
        // The empty text is in every body.
        Self { folded, shown, found: text.is_empty(), text }
    }
}

impl Needles {
    pub(super) fn new(texts: Vec<String>) -> Self {
        let needles: Vec<Needle> = texts.into_iter().map(Needle::new).collect();
        // What is not seen is left out of a shown form, which is none the longer for it.
        let longest = needles.iter().map(|needle| needle.folded.len()).max().unwrap_or(0);
        Self { needles, tail: String::new(), longest }
    }

    /// Forgets what was seen: the next message begins.
    pub(super) fn restart(&mut self) {
        self.tail.clear();
        for needle in &mut self.needles {
            needle.found = needle.text.is_empty();
        }
    }

    /// Whether nothing more can be found.
    pub(super) fn all_found(&self) -> bool {
        self.needles.iter().all(|needle| needle.found)
    }

    /// Whether this text was seen.
    pub(super) fn found(&self, text: &str) -> bool {
        self.needles.iter().any(|needle| needle.found && needle.text == text)
    }

    /// Takes a whole text.
    pub(super) fn take(&mut self, text: &str) {
        self.push(&fold(text));
        self.end_of_text();
    }

    /// Takes the next piece of a text, folded already.
    pub(super) fn push(&mut self, piece: &str) {
        self.look(piece, |needle| &needle.folded);
    }

    /// Takes the next piece of what is shown of HTML, folded already.
    pub(super) fn push_shown(&mut self, piece: &str) {
        self.look(piece, |needle| needle.shown.as_ref().unwrap_or(&needle.folded));
    }

    fn look(&mut self, piece: &str, form: fn(&Needle) -> &String) {
        self.tail.push_str(piece);
        for needle in self.needles.iter_mut().filter(|needle| !needle.found) {
            needle.found = self.tail.contains(form(needle));
        }
        let mut cut = self.tail.len().saturating_sub(self.longest);
        while !self.tail.is_char_boundary(cut) {
            cut += 1;
        }
        self.tail.drain(..cut);
    }

    /// The text has ended; a word does not go on in the next one.
    pub(super) fn end_of_text(&mut self) {
        self.tail.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_across_pieces_and_not_across_texts() {
        let mut needles = Needles::new(vec!["Straße".into(), "안녕".into(), "zz".into()]);
        for piece in ["die STRA", "SSE? nein: STRA", "ße; 안", "녕"] {
            needles.push(&fold(piece));
        }
        assert!(needles.found("Straße") && needles.found("안녕") && !needles.found("zz"));
        needles.restart();
        assert!(!needles.found("Straße"));
        needles.push("Z");
        needles.end_of_text();
        needles.push("Z");
        assert!(!needles.found("zz"));
        needles.push(&fold("Z"));
        assert!(needles.found("zz"));
        needles.restart();
        needles.take("wide ｚｚ, and straße");
        assert!(needles.found("zz") && needles.found("Straße"));
    }

    #[test]
    fn what_nobody_sees_counts_but_in_html() {
        let (joined, apart) = ("می\u{200c}خواهم", "میخواهم");
        let mut needles = Needles::new(vec![joined.into(), apart.into(), "\u{200c}".into()]);
        needles.push_shown(&casemap_shown(joined));
        needles.end_of_text();
        assert!(needles.found(joined) && needles.found(apart) && !needles.found("\u{200c}"));
        needles.restart();
        needles.take(apart);
        assert!(!needles.found(joined) && needles.found(apart));
        needles.restart();
        needles.take(joined);
        assert!(needles.found(joined) && !needles.found(apart) && needles.found("\u{200c}"));
    }

    #[test]
    fn the_empty_text_is_everywhere() {
        let needles = Needles::new(vec![String::new()]);
        assert!(needles.found("") && needles.all_found());
    }

    #[test]
    fn memory_is_bounded_by_the_longest_word() {
        let mut needles = Needles::new(vec!["0123456789".into()]);
        for _ in 0..1000 {
            needles.push("abcdefghijklmnop");
        }
        assert!(needles.tail.len() <= 10);
    }
}
