//! The first words of a message, for a list of messages (RFC 8970 §3.3): taken when it comes.

use std::io;

use mime_core::{
    BodyStructure,
    reading::{Preview, Reading},
};

/// Characters of a preview, at most.
const CHARS: usize = 200;
/// Octets of a text that are looked at first: they nearly always suffice.
const FIRST_OCTETS: u64 = 4096;

/// The preview of a message; empty if it has no words. `read` gives octets of its wire form, from a
/// place on, fewer only at the end.
pub(crate) fn preview(
    structure: &BodyStructure,
    mut read: impl FnMut(u64, usize) -> io::Result<Vec<u8>>,
) -> io::Result<String> {
    let reading = Reading::of(&structure.root);
    let mut preview = Preview::new(CHARS);
    for part in reading.text.iter().map(|numbered| numbered.part) {
        if !part.shown_type().0.eq_ignore_ascii_case(b"text") {
            continue;
        }
        let octets = part.body.end.saturating_sub(part.body.start);
        let octets = octets.min(Preview::BODY_OCTETS_MAX);
        let before = preview.clone();
        for length in [octets.min(FIRST_OCTETS), octets] {
            preview = before.clone();
            preview.push(part, &read(part.body.start, usize::try_from(length).unwrap_or(0))?);
            if preview.is_full() || length == octets {
                break;
            }
        }
        if preview.is_full() {
            break;
        }
    }
    Ok(preview.finish())
}

/// [`preview`]'s way to read a message that is in memory.
pub(crate) fn from_memory(message: &[u8]) -> impl Fn(u64, usize) -> io::Result<Vec<u8>> + '_ {
    move |start, length| {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(message.len());
        let rest = message.get(start..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use mime_core::structure::Structure;

    use super::*;

    fn check(message: &str, expected: &str) {
        let structure = Structure::of(message.as_bytes());
        let found = preview(&structure.body, from_memory(message.as_bytes())).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_words() {
        check("Subject: x\r\n\r\nHello,\r\n\r\n> quoted\r\nthere.\r\n", "Hello, there.");
        check("Content-Type: image/png\r\n\r\nabc", "");
        check(
            "Content-Type: text/html; charset=utf-8\r\n\r\n<p>안녕 <b>하세요</b></p>",
            "안녕 하세요",
        );
        let words = "word ".repeat(100);
        check(&format!("\r\n{words}"), &words[..CHARS]);
    }

    #[test]
    fn words_that_stand_far_behind_are_found() {
        let quoted = "> what was said before\r\n".repeat(1000);
        check(&format!("\r\n{quoted}new"), "new");
        let style = format!("<style>{}</style>", "p { margin: 0 }\r\n".repeat(1000));
        check(&format!("Content-Type: text/html\r\n\r\n<html>{style}<p>far</p>"), "far");
    }

    #[test]
    fn no_more_is_read_than_is_needed() {
        let message = format!("\r\n{}", "words of a long message ".repeat(10_000));
        let structure = Structure::of(message.as_bytes());
        let mut octets = 0;
        let read = |start, length: usize| {
            octets += length;
            from_memory(message.as_bytes())(start, length)
        };
        assert_eq!(preview(&structure.body, read).unwrap().chars().count(), CHARS);
        assert_eq!(octets, 4096);
    }
}
