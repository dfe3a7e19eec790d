//! What a reader sees of HTML, by pieces.
//!
//! Not a parser of documents: tags are told from text, and those that begin a line, a paragraph, a
//! cell, a list or a quotation leave that behind. Any text is taken. Memory is bounded: of a tag
//! only its beginning is kept.

use super::{
    entities::{named, numbered},
    layout::{Gap, Layout},
};

/// The text of an HTML text: without tags, comments, styles and scripts, entities decoded, quoted
/// paragraphs behind `> `. What is no HTML stays much as it is.
pub fn text_of_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut machine = HtmlText::default();
    machine.push(html, &mut out);
    machine.finish(&mut out);
    out
}

/// Takes HTML by pieces and gives its text.
#[derive(Debug, Default)]
pub(crate) struct HtmlText {
    state: State,
    /// The beginning of the tag or entity at hand.
    held: String,
    layout: Layout,
}

/// Where the input stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind `&`.
    Entity,
    /// Behind `<`, inside these quotes if any.
    Tag(Option<char>),
    /// Behind `<!--`; how many hyphens were read last.
    Comment(u8),
    /// In an element of which nothing is seen, to its end tag.
    Hidden(&'static str),
}

/// More of a tag is passed over.
const TAG_OCTETS_MAX: usize = 2048;
const ENTITY_OCTETS_MAX: usize = 32;
/// Elements of which nothing is seen.
const HIDDEN: [&str; 3] = ["script", "style", "title"];

impl HtmlText {
    /// Takes the next piece and appends its text, as far as it is certain.
    pub(crate) fn push(&mut self, piece: &str, out: &mut String) {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Text => self.text(rest, out),
                State::Entity => self.entity(rest, out),
                State::Tag(quote) => self.tag(rest, quote, out),
                State::Comment(hyphens) => self.comment(rest, hyphens),
                State::Hidden(name) => self.hidden(rest, name),
            };
        }
    }

    /// The text has ended.
    pub(crate) fn finish(mut self, out: &mut String) {
        match self.state {
            State::Entity => self.end_entity(false, out),
            // A `<` that no `>` follows was a sign.
            State::Tag(None) => {
                self.layout.put("<", out);
                let held = std::mem::take(&mut self.held);
                held.split_ascii_whitespace().for_each(|word| {
                    self.layout.put(word, out);
                    self.layout.gap(Gap::Space);
                });
            }
            _ => {}
        }
    }

    fn text<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let ends = |octet: &u8| matches!(octet, b'<' | b'&') || octet.is_ascii_whitespace();
        let end = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        let (run, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.layout.put(run, out);
        let Some(next) = rest.chars().next() else { return rest };
        match next {
            '<' => self.begin(State::Tag(None)),
            '&' => self.begin(State::Entity),
            white => self.layout.white(white, out),
        }
        rest.get(1..).unwrap_or_default()
    }

    fn begin(&mut self, state: State) {
        self.held.clear();
        self.state = state;
    }

    /// `&name;` or `&#number;`, where the semicolon may be missing.
    fn entity<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let belongs = |c: char| c.is_ascii_alphanumeric() || c == '#';
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let room = ENTITY_OCTETS_MAX.saturating_sub(self.held.len());
        let (name, behind) = rest.split_at_checked(end.min(room)).unwrap_or((rest, ""));
        self.held.push_str(name);
        // A semicolon may follow what is full too.
        if behind.is_empty() {
            return behind;
        }
        let closed = behind.strip_prefix(';');
        self.end_entity(closed.is_some(), out);
        closed.unwrap_or(behind)
    }

    fn end_entity(&mut self, closed: bool, out: &mut String) {
        self.state = State::Text;
        let number = self.held.strip_prefix('#').and_then(|digits| {
            let hex = digits.strip_prefix(['x', 'X']);
            let number = match hex {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            number.ok()
        });
        match number.map(numbered).or_else(|| named(&self.held)) {
            Some('\u{a0}') => self.layout.put(" ", out),
            Some(white) if white.is_ascii_whitespace() => self.layout.white(white, out),
            Some(character) => self.layout.put(character.encode_utf8(&mut [0; 4]), out),
            None => {
                self.layout.put("&", out);
                self.layout.put(&self.held, out);
                self.layout.put(if closed { ";" } else { "" }, out);
            }
        }
    }

    /// Inside a tag, or behind a `<` that begins none.
    fn tag<'a>(&mut self, rest: &'a str, quote: Option<char>, out: &mut String) -> &'a str {
        let Some(next) = rest.chars().next() else { return rest };
        let begins = next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?');
        if self.held.is_empty() && !begins {
            self.layout.put("<", out);
            self.state = State::Text;
            return rest;
        }
        let ends = |c: char| match quote {
            Some(quote) => c == quote,
            None => matches!(c, '>' | '"' | '\''),
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        // A comment is told by its beginning, whatever it holds.
        let missing = "!--".strip_prefix(self.held.as_str());
        if let Some(missing) = missing.filter(|it| !it.is_empty()) {
            let c = next.len_utf8();
            if missing.starts_with(next) {
                self.held.push(next);
                if self.held == "!--" {
                    self.begin(State::Comment(0));
                }
                return rest.get(c..).unwrap_or_default();
            }
        }
        let (inside, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.hold(inside);
        let Some(mark) = behind.chars().next() else { return behind };
        if mark == '>' && quote.is_none() {
            self.end_tag(out);
        } else {
            self.hold(mark.encode_utf8(&mut [0; 4]));
            // Quotes mean something behind `=` only; `<p don't>` has none.
            let opens =
                quote.is_none() && self.held.trim_end_matches(mark).trim_end().ends_with('=');
            self.state = State::Tag(opens.then_some(mark));
        }
        behind.get(1..).unwrap_or_default()
    }

    fn hold(&mut self, text: &str) {
        let room = TAG_OCTETS_MAX.saturating_sub(self.held.len());
        let fits = text.get(..text.floor_char_boundary(room)).unwrap_or(text);
        self.held.push_str(fits);
        // Once something did not fit nothing does, however the text comes.
        if fits.len() < text.len() {
            self.held.extend(std::iter::repeat_n(' ', room.saturating_sub(fits.len())));
        }
    }

    fn end_tag(&mut self, out: &mut String) {
        self.state = State::Text;
        let held = std::mem::take(&mut self.held);
        let (closes, tag) = match held.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, held.as_str()),
        };
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at_checked(end).unwrap_or((tag, ""));
        let name = name.to_ascii_lowercase();
        if !closes && let Some(hidden) = HIDDEN.into_iter().find(|hidden| *hidden == name) {
            self.state = State::Hidden(hidden);
        } else if name == "img" {
            if let Some(text) = attribute(attributes, "alt").filter(|text| !text.trim().is_empty())
            {
                self.layout.put(&format!("[{}]", text.trim()), out);
            }
        } else {
            self.layout.tag(&name, closes);
        }
        // Kept for its room.
        self.held = held;
        self.held.clear();
    }

    fn comment<'a>(&mut self, rest: &'a str, hyphens: u8) -> &'a str {
        let mut hyphens = hyphens;
        for (at, octet) in rest.bytes().enumerate() {
            match octet {
                b'-' => hyphens = hyphens.saturating_add(1).min(2),
                b'>' if hyphens == 2 => {
                    self.state = State::Text;
                    return rest.get(at.saturating_add(1)..).unwrap_or_default();
                }
                _ => hyphens = 0,
            }
        }
        self.state = State::Comment(hyphens);
        ""
    }

    /// To `</name`, which then is a tag like others.
    fn hidden<'a>(&mut self, rest: &'a str, name: &str) -> &'a str {
        for (at, c) in rest.char_indices() {
            let next = match self.held.len() {
                0 => Some('<'),
                1 => Some('/'),
                length => name.chars().nth(length.saturating_sub(2)),
            };
            if next == Some(c.to_ascii_lowercase()) {
                self.held.push(c);
            } else {
                self.held.clear();
                if c == '<' {
                    self.held.push(c);
                }
            }
            if self.held.len() == name.len().saturating_add(2) {
                self.begin(State::Tag(None));
                self.held.push_str("/hidden ");
                return rest.get(at.saturating_add(1)..).unwrap_or_default();
            }
        }
        ""
    }
}

/// The value of an attribute, its entities decoded.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        let at = rest.find('=')?;
        let (before, behind) = rest.split_at_checked(at)?;
        let value = behind.get(1..)?.trim_start();
        let end = |ends: &[char]| value.get(1..).and_then(|it| it.find(ends)).map(|at| at + 1);
        let (value, behind) = match value.chars().next()? {
            quote @ ('"' | '\'') => {
                let end = end(&[quote]).unwrap_or(value.len());
                (value.get(1..end)?, value.get(end..)?.strip_prefix(quote).unwrap_or_default())
            }
            _ => {
                let end = end(&[' ', '\t', '\r', '\n', '/']).unwrap_or(value.len());
                value.split_at_checked(end)?
            }
        };
        if before.split_whitespace().next_back()?.eq_ignore_ascii_case(name) {
            return Some(text_of_html(&value.replace('<', "&lt;")));
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(text_of_html(html), expected, "{html:?}");
        let mut by_characters = String::new();
        let mut machine = HtmlText::default();
        for c in html.chars() {
            machine.push(c.encode_utf8(&mut [0; 4]), &mut by_characters);
        }
        machine.finish(&mut by_characters);
        assert_eq!(by_characters, expected, "{html:?} by characters");
    }

    #[test]
    fn only_what_is_seen_is_left() {
        check("<p>Hello <b>big</b> <i>wor</i>ld</p>", "Hello big world");
        check(
            "<style>p { color: red }</style>x<!-- <b>hidden</b> --><script>a('</p>')</script>y",
            "xy",
        );
        check("<TITLE>a</TITLE ><body>b", "b");
        check("<!DOCTYPE html><?xml a?><![if x]>c", "c");
        check("<!-- a -- > b --->c<!-->d-->e", "ce");
        check("<a href='x>y' title=\"a'b>\">link</a>", "link");
        check("<p don't>x</p>", "x");
        check("<img src=x alt=\"A &amp; B\"><img alt=''><img ALT=logo/>", "[A & B][logo]");
        check("", "");
    }

    #[test]
    fn entities() {
        check("caf&eacute; &amp; &#51228;&#x47785; &#X3C0;", "café & 제\u{47785} π");
        check("&lt;b&gt; &nbsp;x&nbsp;y", "<b>  x y");
        check("AT&T, a&b; &nothing; &copy 2024 &#147;x&#148;", "AT&T, a&b; &nothing; © 2024 “x”");
        check("&", "&");
        check("&amp", "&");
        check(&format!("&{}", "a".repeat(100)), &format!("&{}", "a".repeat(100)));
    }

    #[test]
    fn limits_are_the_same_for_every_cut() {
        for length in 2040..2050 {
            let html = format!("<a x{}가=\">\">b", "y".repeat(length));
            check(&html, &text_of_html(&html));
        }
        check(&format!("&#{}65;b", "0".repeat(29)), "Ab");
    }

    #[test]
    fn what_is_no_html_stays() {
        check("a < b, no tags", "a < b, no tags");
        check("1<2 and 3>2", "1<2 and 3>2");
        check("x <b", "x <b");
        check("plain\r\n text", "plain text");
    }

    #[test]
    fn lines_and_paragraphs() {
        check("<div>a</div>\n<div>b<br>c</div><p>d</p><p>e", "a\nb\nc\n\nd\n\ne");
        check("a<br><br>b<br/><br /><br>c", "a\n\nb\n\nc");
        check("<h1>T</h1>x<hr>y", "T\n\nx\n\ny");
        check("<table><tr><td>a<td>b</td></tr><tr><th>c</th><td>d</table>", "a\tb\nc\td");
        check("<pre>\n a\r\n\n  b </pre>c", " a\n\n  b \n\nc");
    }

    #[test]
    fn lists_and_quotations() {
        check(
            "x<ul><li>a</li><li>b<ol><li>c<li>d</ol></ul>y",
            "x\n\n- a\n- b\n  1. c\n  2. d\n\ny",
        );
        check("a<blockquote><p>b<br>c</p><p>d</blockquote>e", "a\n\n> b\n> c\n>\n> d\n\ne");
        let deep = text_of_html(&"<blockquote>x".repeat(100));
        assert!(deep.lines().all(|line| line.len() <= 21), "{deep}");
    }

    #[test]
    fn no_time_is_quadratic_and_no_memory_unbounded() {
        for unit in ["<", "<!--", "&", "<a b=\"", "</script", "<script><", "<ul><li>", "&#"] {
            let mut out = String::new();
            let mut machine = HtmlText::default();
            let hostile = unit.repeat(200_000);
            machine.push(&hostile, &mut out);
            assert!(machine.held.len() <= TAG_OCTETS_MAX, "{unit}");
            machine.finish(&mut out);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_cut_gives_the_same(html in "([<>&;/!a-z#0-9 \"'=\\-가-힣]|<!--|-->|<p>|<script>|</script>|&amp;){0,60}") {
            let whole = text_of_html(&html);
            let mut by_characters = String::new();
            let mut machine = HtmlText::default();
            html.chars().for_each(|c| machine.push(c.encode_utf8(&mut [0; 4]), &mut by_characters));
            machine.finish(&mut by_characters);
            proptest::prop_assert_eq!(by_characters, whole);
        }
    }
}
