//! Text as programs write it, to lines that end in CRLF.
//!
//! A CR alone ends a line as well: what a progress bar has left in cron's mail shall not make the
//! whole message inadmissible (RFC 5321 §2.3.8).

/// Converts text, cut anywhere.
pub(super) struct Lines {
    place: Place,
    dot_ends: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// After a dot at the start, which may be the end.
    Dot,
    /// After such a dot and a CR.
    DotCr,
    Middle,
    Cr,
    Ended,
}

impl Lines {
    /// At the start of a line; a single dot on a line is the end if so wished.
    pub(super) fn new(dot_ends: bool) -> Self {
        Self { place: Place::Start, dot_ends }
    }

    /// Appends the converted text. What follows the end is passed over.
    pub(super) fn convert(&mut self, text: &[u8], output: &mut Vec<u8>) {
        for byte in text {
            self.place = self.after(*byte, output);
        }
    }

    /// Appends what was held back. The last line may lack its end.
    pub(super) fn finish(self, output: &mut Vec<u8>) {
        match self.place {
            // A dot that is the last byte of all ends the message as well.
            Place::Start | Place::Dot | Place::DotCr | Place::Middle | Place::Ended => {}
            Place::Cr => output.extend_from_slice(b"\r\n"),
        }
    }

    /// Whether the single dot has come.
    pub(super) fn ended(&self) -> bool {
        self.place == Place::Ended
    }

    fn after(&self, byte: u8, output: &mut Vec<u8>) -> Place {
        let place = match (self.place, byte) {
            (Place::Ended, _) | (Place::Dot | Place::DotCr, b'\n') => return Place::Ended,
            (Place::Dot, b'\r') => return Place::DotCr,
            (Place::Start, b'.') if self.dot_ends => return Place::Dot,
            // The dot was one of the text's.
            (Place::Dot, _) => {
                output.push(b'.');
                Place::Middle
            }
            (Place::DotCr, _) => {
                output.extend_from_slice(b".\r\n");
                Place::Start
            }
            (Place::Cr, b'\n') => Place::Middle,
            (Place::Cr, _) => {
                output.extend_from_slice(b"\r\n");
                Place::Start
            }
            (place, _) => place,
        };
        match byte {
            b'\n' => {
                output.extend_from_slice(b"\r\n");
                Place::Start
            }
            b'\r' => Place::Cr,
            b'.' if place == Place::Start && self.dot_ends => Place::Dot,
            byte => {
                output.push(byte);
                Place::Middle
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_the_single_dot_however_the_text_is_cut() {
        let check = |dot_ends, text: &str, expected: &str| {
            for cut in 0..=text.len() {
                let mut lines = Lines::new(dot_ends);
                let mut output = Vec::new();
                lines.convert(&text.as_bytes()[..cut], &mut output);
                lines.convert(&text.as_bytes()[cut..], &mut output);
                lines.finish(&mut output);
                assert_eq!(String::from_utf8(output).unwrap(), expected, "{text:?} at {cut}");
            }
        };
        check(true, "a\nb\r\nc", "a\r\nb\r\nc");
        check(true, "a\r\r\nb\r", "a\r\n\r\nb\r\n");
        check(true, "10%\r20%\rdone\n", "10%\r\n20%\r\ndone\r\n");
        check(true, "a\n.\nb\n", "a\r\n");
        check(true, "a\n.\r\nb\n", "a\r\n");
        check(true, "a\n.b\n..\n", "a\r\n.b\r\n..\r\n");
        check(true, ".\r.\n", ".\r\n");
        check(false, "a\n.\nb\n", "a\r\n.\r\nb\r\n");
    }
}
