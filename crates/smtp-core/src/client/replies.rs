//! Replies off the wire.
//!
//! ```text
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
//! ```
//! (RFC 5321 §4.2). More tolerant than the grammar: a bare LF ends a line as well. All these bytes
//! are the peer's, so nothing can be smuggled past it, and servers that send it exist.

use conversation::Input;
use mail_types::{EnhancedStatus, Reply};

/// Longest line, in octets; RFC 5321 §4.5.3.1.5 asks for 512.
const LINE_MAX: usize = 4096;
/// Most lines of one reply.
const LINES_MAX: usize = 128;

/// What the peer sent is no reply, in words for the log and the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoReply(pub(super) &'static str);

/// Collects the lines of one reply.
#[derive(Debug, Default)]
pub(super) struct Replies {
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    code: u16,
    status: Option<EnhancedStatus>,
    lines: Vec<String>,
}

impl Replies {
    /// Takes the next whole reply from the input, if it is there.
    pub(super) fn next(&mut self, input: &mut Input) -> Result<Option<Reply>, NoReply> {
        loop {
            let bytes = input.bytes();
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return match bytes.len() > LINE_MAX {
                    true => Err(NoReply("a line of the reply is too long")),
                    false => Ok(None),
                };
            };
            if end > LINE_MAX {
                return Err(NoReply("a line of the reply is too long"));
            }
            let line = bytes.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (code, last, text) = parse_line(line)?;
            self.add(code, text)?;
            input.consume(end + 1);
            if last {
                return Ok(self.begun.take().map(|b| Reply::of_lines(b.code, b.status, b.lines)));
            }
        }
    }

    fn add(&mut self, code: u16, text: String) -> Result<(), NoReply> {
        let begun =
            self.begun.get_or_insert_with(|| Begun { code, status: None, lines: Vec::new() });
        if begun.code != code {
            // RFC 5321 §4.2.1: all lines of a reply carry the same code.
            return Err(NoReply("the lines of a reply have different codes"));
        }
        if begun.lines.len() == LINES_MAX {
            return Err(NoReply("the reply has too many lines"));
        }
        let (status, text) = split_status(code, text);
        begun.status = begun.status.or(status);
        begun.lines.push(text);
        Ok(())
    }
}

/// Code, whether it is the last line, and the text in printable form.
fn parse_line(line: &[u8]) -> Result<(u16, bool, String), NoReply> {
    const BAD: NoReply = NoReply("the peer's words are no SMTP reply");
    let (digits, rest) = line.split_at_checked(3).ok_or(BAD)?;
    let code = digits.iter().try_fold(0_u16, |code, digit| {
        digit.is_ascii_digit().then(|| code * 10 + u16::from(digit - b'0')).ok_or(BAD)
    })?;
    if !(200..600).contains(&code) {
        return Err(BAD);
    }
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return Err(BAD),
    };
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    Ok((code, last, String::from_utf8_lossy(text).chars().map(printable).collect()))
}

/// Takes the enhanced status off the text's front: only one of the code's own class counts
/// (RFC 2034 §4).
fn split_status(code: u16, text: String) -> (Option<EnhancedStatus>, String) {
    let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match first.parse::<EnhancedStatus>() {
        Ok(status) if u16::from(status.class()) == code / 100 => (Some(status), rest.to_owned()),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The replies in `bytes`, or what is wrong with them; the same for any cut.
    fn read(bytes: &[u8]) -> String {
        let by = |chunk: usize| {
            let (mut replies, mut input, mut all) = (Replies::default(), Input::default(), vec![]);
            for piece in bytes.chunks(chunk) {
                input.fill(piece);
                loop {
                    match replies.next(&mut input) {
                        Ok(Some(reply)) => all.push(reply.to_string()),
                        Ok(None) => break,
                        Err(NoReply(why)) => return format!("{} ! {why}", all.join(" | ")),
                    }
                }
            }
            all.join(" | ")
        };
        let whole = by(bytes.len().max(1));
        assert_eq!(whole, by(1));
        whole
    }

    #[test]
    fn replies() {
        for (bytes, expected) in [
            ("250 OK\r\n", "250 OK"),
            ("250\r\n", "250 "),
            ("250 \r\n", "250 "),
            ("250-one\r\n250-two\r\n250 three\r\n", "250 one two three"),
            ("220 hi\n250 there\n", "220 hi | 250 there"),
            ("550 5.1.1 No such\r\n", "550 5.1.1 No such"),
            ("550-5.1.1 No\r\n550 5.1.1 such\r\n", "550 5.1.1 No such"),
            ("250 5.1.1 other class\r\n", "250 5.1.1 other class"),
            ("250 2.0.0\r\n", "250 2.0.0 "),
            ("250 O\u{7}K\r\n", "250 O\u{fffd}K"),
            ("250 not finished", ""),
        ] {
            assert_eq!(read(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn no_replies() {
        for bytes in
            ["hello\r\n", "25\r\n", "2500 x\r\n", "150 x\r\n", "999 x\r\n", "250_x\r\n", "\r\n"]
        {
            assert!(read(bytes.as_bytes()).contains('!'), "{bytes:?}");
        }
        assert!(read(b"250-a\r\n251 b\r\n").ends_with("different codes"));
    }

    #[test]
    fn limits() {
        let long = format!("250 {}\r\n", "a".repeat(LINE_MAX));
        assert!(read(long.as_bytes()).ends_with("too long"));
        assert!(read(&vec![b'2'; LINE_MAX + 1]).ends_with("too long"));
        assert!(read("250-x\r\n".repeat(LINES_MAX + 1).as_bytes()).ends_with("too many lines"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            read(&bytes);
        }
    }
}
