//! The part of a message that TOP wants (RFC 1939 §7).

/// Lets through the header, the blank line, and so many lines of the body.
#[derive(Debug)]
pub(crate) struct Excerpt {
    part: Part,
    /// Lines of the body.
    lines: u64,
    /// The line at hand has nothing in it so far.
    blank: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Body,
    Over,
}

impl Excerpt {
    pub(crate) fn new(lines: u64) -> Self {
        Self { part: Part::Header, lines, blank: true }
    }

    /// Whether nothing more gets through.
    pub(crate) fn is_over(&self) -> bool {
        self.part == Part::Over
    }

    /// The front of the next piece that gets through.
    pub(crate) fn take<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let mut taken = 0;
        while self.part != Part::Over {
            let rest = piece.get(taken..).unwrap_or_default();
            let Some(place) = memchr::memchr(b'\n', rest) else {
                self.blank &= rest.iter().all(|byte| *byte == b'\r');
                return piece;
            };
            let line = rest.get(..place).unwrap_or_default();
            let blank = self.blank && line.iter().all(|byte| *byte == b'\r');
            self.line_ended(blank);
            taken += place + 1;
        }
        piece.get(..taken).unwrap_or(piece)
    }

    fn line_ended(&mut self, blank: bool) {
        self.blank = true;
        match self.part {
            Part::Header if blank => self.part = Part::Body,
            Part::Body => self.lines = self.lines.saturating_sub(1),
            Part::Header | Part::Over => {}
        }
        if self.part == Part::Body && self.lines == 0 {
            self.part = Part::Over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops() {
        const MESSAGE: &str = "A: 1\r\n b\r\n\r\none\r\n\r\nthree\r\nfour";
        for (message, lines, expected) in [
            (MESSAGE, 0, "A: 1\r\n b\r\n\r\n"),
            (MESSAGE, 1, "A: 1\r\n b\r\n\r\none\r\n"),
            (MESSAGE, 2, "A: 1\r\n b\r\n\r\none\r\n\r\n"),
            (MESSAGE, 3, "A: 1\r\n b\r\n\r\none\r\n\r\nthree\r\n"),
            (MESSAGE, 4, MESSAGE),
            (MESSAGE, u64::MAX, MESSAGE),
            ("A: 1\r\n", 0, "A: 1\r\n"),
            ("\r\nbody\r\n", 0, "\r\n"),
            ("", 5, ""),
        ] {
            for size in 1..9 {
                let mut excerpt = Excerpt::new(lines);
                let top: Vec<u8> = message
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|piece| excerpt.take(piece))
                    .copied()
                    .collect();
                assert_eq!(String::from_utf8(top).unwrap(), expected, "{message:?} {lines} {size}");
            }
        }
    }
}
