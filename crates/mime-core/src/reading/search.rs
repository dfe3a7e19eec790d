//! The text of a part for search: decoded by pieces, HTML without its marks, folded if wanted.
//!
//! Memory is bounded whatever the part's size: no more is held back than a decoder holds.

use crate::{
    body_structure::Part,
    text::{HtmlText, TextDecoder, casemap_into},
    transfer::Encoding,
};

/// Gives the text of one part, by pieces.
#[derive(Debug)]
pub struct SearchText {
    decoder: TextDecoder,
    form: Form,
    /// What was decoded of a piece; kept for its room.
    decoded: String,
}

impl SearchText {
    /// For this part; `None` if it holds no text. With `folds`, the text comes in the form in which it
    /// is compared ([`crate::text::casemap`]).
    pub fn new(part: &Part, folds: bool) -> Option<Self> {
        let (kind, subtype) = part.shown_type();
        let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
        let html = subtype.eq_ignore_ascii_case(b"html").then(HtmlText::default);
        kind.eq_ignore_ascii_case(b"text").then(|| Self {
            decoder: TextDecoder::new(encoding, part.media_type.param("charset")),
            form: Form { html, folds, shown: String::new() },
            decoded: String::new(),
        })
    }

    /// As [`SearchText::new`], but HTML with its marks, as it was written.
    pub fn source(part: &Part, folds: bool) -> Option<Self> {
        let mut text = Self::new(part, folds)?;
        text.form.html = None;
        Some(text)
    }

    /// Whether marks are taken out of the text.
    pub fn is_html(&self) -> bool {
        self.form.html.is_some()
    }

    /// Takes the next piece of the part's body and appends its text, as far as it is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        self.decoded.clear();
        self.decoder.push(piece, &mut self.decoded);
        self.form.give(&self.decoded, out);
    }

    /// The body has ended. Tells whether the charset was guessed.
    pub fn finish(mut self, out: &mut String) -> bool {
        self.decoded.clear();
        let guessed = self.decoder.finish(&mut self.decoded);
        self.form.give(&self.decoded, out);
        self.form.end(out);
        guessed
    }
}

/// In which form text is given.
#[derive(Debug)]
struct Form {
    /// Takes the marks out, if it is HTML.
    html: Option<HtmlText>,
    folds: bool,
    /// What is shown of a piece; kept for its room.
    shown: String,
}

impl Form {
    fn give(&mut self, decoded: &str, out: &mut String) {
        match &mut self.html {
            None if self.folds => casemap_into(decoded, out),
            None => out.push_str(decoded),
            Some(html) => {
                self.shown.clear();
                html.push(decoded, &mut self.shown);
                self.give_shown(out);
            }
        }
    }

    fn end(mut self, out: &mut String) {
        if let Some(html) = self.html.take() {
            self.shown.clear();
            html.finish(&mut self.shown);
            self.give_shown(out);
        }
    }

    /// Gives what a reader of HTML sees; folded, without what nobody sees.
    fn give_shown(&self, out: &mut String) {
        if !self.folds {
            out.push_str(&self.shown);
        } else {
            casemap_shown_into(&self.shown, out);
        }
    }
}

/// Words in the form in which they stand in folded text whose marks were taken out
/// ([`SearchText::is_html`]): without what nobody sees.
pub fn casemap_shown(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    casemap_shown_into(words, &mut out);
    out
}

fn casemap_shown_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        casemap_into(text, out);
    } else {
        text.split(is_ignorable).for_each(|run| casemap_into(run, out));
    }
}

/// What is not seen: soft hyphens, joiners, variation selectors, marks of direction and byte order.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{structure::Structure, text::casemap};

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
        check(b"\r\nHello", true, Some("HELLO"));
        let base64 = b"Content-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: base64\r\n\r\nsKGzqrTZ";
        check(base64, true, Some(&casemap("가나다")));
        check(b"Content-Type: image/png\r\n\r\nabc", true, None);
        let html = text_by(b"Content-Type: text/html\r\n\r\n<p>a<b>B</b>&eacute;x&shy;y", true, 1);
        assert_eq!(html.unwrap().trim(), "ABE\u{301}XY");
        assert_eq!(casemap_shown("ab\u{e9}x\u{ad}y"), "ABE\u{301}XY");
    }

    #[test]
    fn long_html_is_cut_where_nothing_is_hidden() {
        let unit = "<p>Word</p><!-- <b>hidden</b> --><style>p { x: hidden }</style>";
        let message = format!("Content-Type: text/html\r\n\r\n{}", unit.repeat(5000));
        let text = text_by(message.as_bytes(), true, 10_000).unwrap();
        assert!(!text.contains("HIDDEN"));
        assert_eq!(text.matches("WORD").count(), 5000);
    }

    proptest::proptest! {
        #[test]
        fn every_cut_gives_the_same(text in "(\\PC|[a-zㄱ-ㅣ가-힣\u{1100}-\u{11ff}\u{300}-\u{310}]){0,60}", size in 1_usize..40) {
            let message = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}");
            let whole = casemap(&text);
            proptest::prop_assert_eq!(text_by(message.as_bytes(), true, size).unwrap(), whole);
        }
    }
}
