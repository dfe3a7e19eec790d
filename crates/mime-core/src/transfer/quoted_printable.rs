//! quoted-printable (RFC 2045 §6.7).

/// Decodes by pieces. Faults are passed through as they stand (RFC 2045 §6.7 leaves that open);
/// white space at the end of a line is removed, as rule 3 says.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintableDecoder {
    /// What cannot be decided yet: white space, or what follows a `=`.
    held: Vec<u8>,
}

/// Held white space longer than this is not transport padding; it is text.
const HELD_MAX: usize = 1000;

impl QuotedPrintableDecoder {
    /// Takes the next piece and appends what it decodes to.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((first, behind)) = rest.split_first() {
            if self.held.is_empty()
                && let Some((text, behind)) = plain(rest)
            {
                out.extend_from_slice(text);
                rest = behind;
            } else if self.held.is_empty()
                && let [b'=', high, low, behind @ ..] = rest
                && let Some((high, low)) = hex(*high).zip(hex(*low))
            {
                out.push(high << 4 | low);
                rest = behind;
            } else {
                self.octet(*first, out);
                rest = behind;
            }
        }
    }

    /// The content has ended.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        // A soft line break at the very end is one; white space there is padding.
        if self.held.first() == Some(&b'=')
            && !self.held.get(1..).unwrap_or_default().trim_ascii().is_empty()
        {
            out.append(&mut self.held);
        }
    }

    fn octet(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (self.held.as_slice(), octet) {
            ([], b'=' | b' ' | b'\t' | b'\r') => self.held.push(octet),
            ([], _) => out.push(octet),
            ([b'='], _) if octet.is_ascii_hexdigit() => self.held.push(octet),
            ([b'=', high], _) if high.is_ascii_hexdigit() => match (hex(*high), hex(octet)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    self.held.clear();
                }
                _ => self.give_up(octet, out),
            },
            // `=`, white space, line end: a soft line break.
            ([b'=', ..], b'\n') => self.held.clear(),
            ([b'=', .., last], b' ' | b'\t' | b'\r') if *last != b'\r' => self.hold(octet, out),
            ([b'='], b' ' | b'\t' | b'\r') => self.held.push(octet),
            ([b'=', ..], _) => self.give_up(octet, out),
            (held, b'\n') => {
                let crlf = held.last() == Some(&b'\r');
                out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
                self.held.clear();
            }
            ([.., last], b' ' | b'\t' | b'\r') if *last != b'\r' => self.hold(octet, out),
            _ => self.give_up(octet, out),
        }
    }

    fn hold(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.held.len() >= HELD_MAX {
            out.append(&mut self.held);
        }
        self.held.push(octet);
    }

    /// What was held is text after all; the octet is looked at afresh.
    fn give_up(&mut self, octet: u8, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.octet(octet, out);
    }
}

/// What stands for itself up to the next `=` or line end, without white space that may be padding;
/// `None` if there is nothing of it.
fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'=', b'\n', text).unwrap_or(text.len());
    let line = text.get(..end)?;
    let is_padding = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r');
    let length = line.iter().rposition(|octet| !is_padding(octet))?.checked_add(1)?;
    text.split_at_checked(length)
}

fn hex(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The longest line, without its end (RFC 2045 §6.7 rule 5).
const LINE: usize = 76;

/// Encodes text by pieces. Line ends of the input (CRLF or LF) become CRLF; a bare CR is encoded.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintableEncoder {
    /// The length of the line so far.
    column: usize,
    /// White space or CR that waits for what follows it.
    held: Option<u8>,
}

impl QuotedPrintableEncoder {
    /// Takes the next piece and appends its encoded form.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((first, behind)) = rest.split_first() {
            let run = if self.held.is_none() { words_length(rest) } else { 0 };
            if let (1.., Some((words, behind))) = (run, rest.split_at_checked(run)) {
                self.words(words, out);
                rest = behind;
            } else {
                self.octet(*first, out);
                rest = behind;
            }
        }
    }

    /// The content has ended.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            self.encoded(held, out);
        }
    }

    fn octet(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (self.held.take(), octet) {
            (Some(b'\r') | None, b'\n') => self.line_end(out),
            (Some(white), b'\n') => {
                // Rule 3: white space at a line's end is encoded.
                self.encoded(white, out);
                self.line_end(out);
            }
            (Some(white @ (b' ' | b'\t')), b'\r') => {
                self.encoded(white, out);
                self.held = Some(b'\r');
            }
            (held, octet) => {
                match held {
                    Some(b'\r') => self.encoded(b'\r', out),
                    Some(white) => self.put(&[white], out),
                    None => {}
                }
                match octet {
                    b' ' | b'\t' | b'\r' => self.held = Some(octet),
                    _ if is_literal(octet) => self.words(&[octet], out),
                    _ => self.encoded(octet, out),
                }
            }
        }
    }

    /// Octets that stand for themselves, as many in a line as fit.
    fn words(&mut self, words: &[u8], out: &mut Vec<u8>) {
        let mut rest = words;
        while let Some((first, behind)) = rest.split_first() {
            // A line of a lone dot and one that begins with `From ` are what old transports change.
            if self.column == 0 && matches!(first, b'.' | b'F') {
                self.encoded(*first, out);
                rest = behind;
                continue;
            }
            let room = LINE.saturating_sub(self.column).saturating_sub(1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            out.extend_from_slice(now);
            self.column = self.column.saturating_add(now.len());
            rest = later;
            if !rest.is_empty() {
                self.soft_break(out);
            }
        }
    }

    fn encoded(&mut self, octet: u8, out: &mut Vec<u8>) {
        let [high, low] = [octet >> 4, octet & 15]
            .map(|digit| HEX.get(usize::from(digit)).copied().unwrap_or(b'0'));
        self.put(&[b'=', high, low], out);
    }

    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        // One column stays free for the `=` of a soft line break.
        if self.column.saturating_add(text.len()) >= LINE {
            self.soft_break(out);
        }
        out.extend_from_slice(text);
        self.column = self.column.saturating_add(text.len());
    }

    fn soft_break(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"=\r\n");
        self.column = 0;
    }

    fn line_end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.column = 0;
    }
}

/// How much stands for itself: words, and white space between them.
fn words_length(text: &[u8]) -> usize {
    let mut length = 0;
    for (at, octet) in text.iter().enumerate() {
        match octet {
            b' ' | b'\t' => {}
            octet if is_literal(*octet) => length = at.saturating_add(1),
            _ => break,
        }
    }
    length
}

fn is_literal(octet: u8) -> bool {
    matches!(octet, b'!'..=b'<' | b'>'..=b'~')
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut decoder = QuotedPrintableDecoder::default();
        pieces.iter().for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    fn encode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = QuotedPrintableEncoder::default();
        pieces.iter().for_each(|piece| encoder.push(piece, &mut out));
        encoder.finish(&mut out);
        out
    }

    #[track_caller]
    fn check(encoded: &str, expected: &str) {
        assert_eq!(
            String::from_utf8_lossy(&decode(&[encoded.as_bytes()])),
            expected,
            "{encoded:?}"
        );
        let octets: Vec<&[u8]> = encoded.as_bytes().chunks(1).collect();
        assert_eq!(String::from_utf8_lossy(&decode(&octets)), expected, "{encoded:?} by octets");
    }

    #[test]
    fn decoding() {
        check("Now's the time =\r\nfor all", "Now's the time for all");
        check("If you believe that truth=3Dbeauty", "If you believe that truth=beauty");
        check("soft=  \r\nbreak", "softbreak");
        check("padding  \t\r\nis gone", "padding\r\nis gone");
        check("inner  space", "inner  space");
        check("lower =c3=a4", "lower ä");
        check("bad =XY =4", "bad =XY =4");
        check("bad =\rx", "bad =\rx");
        check("==41", "=A");
        check("end=", "end");
        check("a\rb", "a\rb");
        check("lf\n=\nx", "lf\nx");
    }

    #[test]
    fn encoding() {
        let check = |text: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(&encode(&[text.as_bytes()])), expected)
        };
        check("plain\r\n", "plain\r\n");
        check("ä=\r\n", "=C3=A4=3D\r\n");
        check("end \r\n", "end=20\r\n");
        check("end ", "end=20");
        check("a\rb", "a=0Db");
        check(".\r\nFrom x", "=2E\r\n=46rom x");
        check(&".".repeat(77), &format!("=2E{}=\r\n=2E{}", ".".repeat(72), "..."));
        check(&"x".repeat(80), &format!("{}=\r\n{}", "x".repeat(75), "x".repeat(5)));
    }

    proptest::proptest! {
        #[test]
        fn encoding_then_decoding_gives_the_same(content in "([ -~äöü\t=]{0,90}\r\n){0,4}", cut in 0..200_usize) {
            let content = content.as_bytes();
            let (head, tail) = content.split_at_checked(cut).unwrap_or((content, &[]));
            let encoded = encode(&[head, tail]);
            proptest::prop_assert!(encoded.is_ascii());
            proptest::prop_assert!(encoded.split(|o| *o == b'\n').all(|line| line.len() <= 77));
            proptest::prop_assert_eq!(decode(&[&encoded]), content);
        }

        #[test]
        fn any_cut_decodes_to_the_same(content in "[=0-9A-F \t\r\nxyz]{0,80}", cut in 0..80_usize) {
            let content = content.as_bytes();
            let (head, tail) = content.split_at_checked(cut).unwrap_or((content, &[]));
            proptest::prop_assert_eq!(decode(&[head, tail]), decode(&[content]));
        }
    }
}
