//! The text of a part for search: decoded by pieces, HTML without its marks, folded if wanted.
//!
//! Memory is bounded whatever the part's size: text is held back only to the next place where
//! cutting it changes nothing.

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfkc_quick,
};

use crate::{
    body_structure::Part,
    text::{HtmlText, TextDecoder},
    transfer::Encoding,
};

/// The most that is held back while no place to cut is in sight: no letter has so many marks on it.
const FOLD_MAX: usize = 1024;

/// Gives the text of one part, by pieces.
#[derive(Debug)]
pub struct SearchText {
    decoder: TextDecoder,
    /// Takes the marks out, if it is HTML.
    html: Option<HtmlText>,
    folds: bool,
    /// What was decoded of a piece; kept for its room.
    decoded: String,
    /// Text that is not yet folded.
    unfolded: String,
}

impl SearchText {
    /// For this part; `None` if it holds no text. With `folds`, the text comes as
    /// [`fold_for_search`] makes it.
    pub fn new(part: &Part, folds: bool) -> Option<Self> {
        let (kind, subtype) = part.shown_type();
        let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
        kind.eq_ignore_ascii_case(b"text").then(|| Self {
            decoder: TextDecoder::new(encoding, part.media_type.param("charset")),
            html: subtype.eq_ignore_ascii_case(b"html").then(HtmlText::default),
            folds,
            decoded: String::new(),
            unfolded: String::new(),
        })
    }

    /// As [`SearchText::new`], but HTML with its marks, as it was written.
    pub fn source(part: &Part, folds: bool) -> Option<Self> {
        Some(Self { html: None, ..Self::new(part, folds)? })
    }

    /// Whether marks are taken out of the text.
    pub fn is_html(&self) -> bool {
        self.html.is_some()
    }

    /// Takes the next piece of the part's body and appends its text, as far as it is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        let Self { decoder, html, folds, decoded, unfolded } = self;
        let text = if *folds { &mut *unfolded } else { &mut *out };
        match html {
            None => decoder.push(piece, text),
            Some(html) => {
                decoded.clear();
                decoder.push(piece, decoded);
                html.push(decoded, text);
            }
        }
        if *folds {
            self.fold(out);
        }
    }

    /// The body has ended. Tells whether the charset was guessed.
    pub fn finish(self, out: &mut String) -> bool {
        let Self { decoder, html, folds, mut decoded, mut unfolded } = self;
        let text = if folds { &mut unfolded } else { &mut *out };
        let guessed = match html {
            None => decoder.finish(text),
            Some(mut html) => {
                decoded.clear();
                let guessed = decoder.finish(&mut decoded);
                html.push(&decoded, text);
                html.finish(text);
                guessed
            }
        };
        if folds {
            fold_for_search(&unfolded, out);
        }
        guessed
    }

    fn fold(&mut self, out: &mut String) {
        let cut = match fold_cut(&self.unfolded) {
            0 if self.unfolded.len() >= FOLD_MAX => self.unfolded.len(),
            cut => cut,
        };
        fold_for_search(self.unfolded.get(..cut).unwrap_or_default(), out);
        self.unfolded.drain(..cut);
    }
}

/// The place before the last character that never joins with what stands before it.
fn fold_cut(text: &str) -> usize {
    let stands_alone = |c: char| {
        canonical_combining_class(c) == 0 && is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes
    };
    text.char_indices().rev().find(|(_, c)| stands_alone(*c)).map_or(0, |(at, _)| at)
}

/// Appends text as it is compared: compatibility forms made one (NFKC), case folded, characters
/// that are not seen left out. A needle is folded in the same way.
///
/// Case is folded by way of the capital letter, so that `ß` is `ss` and all sigmas are one.
pub fn fold_for_search(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        return;
    }
    let composed = text.nfkc().filter(|c| !is_ignorable(*c));
    let folded = composed.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    out.extend(folded.nfkc());
}

/// What is not seen: soft hyphens, joiners, variation selectors, marks of direction and byte order.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Structure;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        fold_for_search(text, &mut out);
        out
    }

    #[test]
    fn folding() {
        let same = |texts: &[&str]| {
            texts.iter().for_each(|text| assert_eq!(folded(text), folded(texts[0]), "{text:?}"));
        };
        same(&["straße", "STRASSE", "Strasse", "stra\u{ad}sse"]);
        same(&["ΟΔΟΣ", "οδος", "οδοσ"]);
        same(&["café", "CAFE\u{301}", "ｃａｆé"]);
        same(&["한", "\u{1112}\u{1161}\u{11ab}"]);
        same(&["ㅎ", "\u{1112}", "ﾾ"]);
        same(&["ﬁn", "FIN"]);
        same(&["Ⅳ", "iv"]);
        assert_ne!(folded("a"), folded("b"));
    }

    fn text_by(message: &[u8], folds: bool, size: usize) -> Option<String> {
        let structure = Structure::of(message);
        let root = &structure.body.root;
        let mut search = SearchText::new(root, folds)?;
        let mut out = String::new();
        let start = usize::try_from(root.body.start).unwrap();
        message[start..].chunks(size).for_each(|piece| search.push(piece, &mut out));
        search.finish(&mut out);
        Some(out)
    }

    #[test]
    fn parts() {
        let check = |message: &[u8], folds, expected: Option<&str>| {
            for size in [1, 3, 1000] {
                assert_eq!(text_by(message, folds, size).as_deref(), expected);
            }
        };
        check(b"\r\nHello", false, Some("Hello"));
        check(b"\r\nHello", true, Some("hello"));
        let base64 = b"Content-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: base64\r\n\r\nsKGzqrTZ";
        check(base64, true, Some("가나다"));
        check(b"Content-Type: image/png\r\n\r\nabc", true, None);
        let html = text_by(b"Content-Type: text/html\r\n\r\n<p>A<b>B</b>&eacute;", true, 1);
        assert_eq!(html.unwrap().trim(), "abé");
    }

    #[test]
    fn long_html_is_cut_where_nothing_is_hidden() {
        let unit = "<p>Word</p><!-- <b>hidden</b> --><style>p { x: hidden }</style>";
        let message = format!("Content-Type: text/html\r\n\r\n{}", unit.repeat(5000));
        let text = text_by(message.as_bytes(), true, 10_000).unwrap();
        assert!(!text.contains("hidden"));
        assert_eq!(text.matches("word").count(), 5000);
    }

    proptest::proptest! {
        #[test]
        fn every_cut_gives_the_same(text in "(\\PC|[a-zㄱ-ㅣ가-힣\u{1100}-\u{11ff}\u{300}-\u{310}]){0,60}", size in 1_usize..40) {
            let message = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}");
            let whole = folded(&text);
            proptest::prop_assert_eq!(text_by(message.as_bytes(), true, size).unwrap(), whole);
        }
    }
}
