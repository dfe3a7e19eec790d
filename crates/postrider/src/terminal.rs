//! Text on a terminal: how wide it is, and nothing in it that a terminal obeys.
//!
//! What strangers wrote goes through [`one_line`] or [`lines`] before a person sees it: a subject
//! must not move the cursor, and a file name must not turn its extension around.

use std::{borrow::Cow, io};

use unicode_width::UnicodeWidthChar;

/// How many columns standard output has, if it is a terminal.
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).fold(0, usize::saturating_add)
}

/// A text filled up with spaces to so many columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// As much of a text as takes so many columns, with a `…` if something is left out.
pub(crate) fn shortened(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut taken = 1_usize;
    for c in text.chars() {
        taken = taken.saturating_add(c.width().unwrap_or(0));
        if taken > columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// A text in one line: line ends and tabs become spaces, other controls can be seen.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => line.push(' '),
            _ => push_visible(c, &mut line),
        }
    }
    line
}

/// A text of several lines, each ended by LF; tabs stay, other controls can be seen.
pub(crate) fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => shown.push(c),
            _ => push_visible(c, &mut shown),
        }
    }
    shown
}

/// Whether a character does something else than to be seen: a control, or one that turns the
/// direction of what is around it, or that nobody sees. Joiners stay, for scripts and pictures
/// that need them.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `␛` for ESC; `\u{202e}` for what has no picture.
fn push_visible(c: char, out: &mut String) {
    match u32::from(c) {
        code @ 0..0x20 => out.extend(char::from_u32(0x2400_u32.saturating_add(code))),
        0x7f => out.push('␡'),
        _ if is_hidden(c) => out.extend(c.escape_unicode()),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("가나다"), 6);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(padded("가", 4), "가  ");
        assert_eq!(padded("long", 2), "long");
        assert_eq!(shortened("가나다", 6), "가나다");
        assert_eq!(shortened("가나다라", 6), "가나…");
        assert_eq!(shortened("abc", 2), "a…");
    }

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(one_line("a\r\n\tb\u{1b}[31mc"), "a  b␛[31mc");
        assert_eq!(one_line("a\rb\0\u{7f}"), "a␍b␀␡");
        assert_eq!(one_line("x\u{202e}gpj.exe\u{9b}"), "x\\u{202e}gpj.exe\\u{9b}");
        assert_eq!(lines("a\r\n\tb\u{7}\n"), "a\n\tb␇\n");
        assert_eq!(lines("\u{feff}한\u{200d}"), "\\u{feff}한\u{200d}");
    }
}
