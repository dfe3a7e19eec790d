//! How content goes over the wire: with dots doubled, or counted.

use crate::data::Encoder;

/// One of the two ways.
#[derive(Debug)]
pub(super) enum Framing {
    /// Behind DATA: a dot on a line ends it (RFC 5321 §4.5.2).
    Dots(Encoder),
    /// Behind BDAT: so many octets, and these are left (RFC 3030 §2). The whole message is one
    /// chunk, so that no replies pile up on the other side while nobody reads them here.
    Counted {
        left: u64,
        /// More came than was said.
        over: bool,
    },
}

impl Framing {
    /// Begins a content of so many octets; says BDAT where that is spoken.
    pub(super) fn begin(chunked: bool, size: u64, output: &mut Vec<u8>) -> Self {
        if !chunked {
            return Self::Dots(Encoder::new());
        }
        output.extend_from_slice(format!("BDAT {size} LAST\r\n").as_bytes());
        Self::Counted { left: size, over: false }
    }

    /// Appends a piece.
    pub(super) fn piece(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        match self {
            Self::Dots(encoder) => encoder.encode(bytes, output),
            Self::Counted { left, over } => {
                let room = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                // Whatever stands behind the announced octets would be read as commands.
                let (fits, rest) = bytes.split_at(room);
                output.extend_from_slice(fits);
                *left = left.saturating_sub(fits.len() as u64);
                *over |= !rest.is_empty();
            }
        }
    }

    /// Appends the end. False if what came was not what was announced: the server must not take
    /// it for a whole message.
    #[must_use]
    pub(super) fn finish(self, output: &mut Vec<u8>) -> bool {
        match self {
            Self::Dots(encoder) => {
                encoder.finish(output);
                true
            }
            Self::Counted { left, over } => left == 0 && !over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunked: bool, size: u64, pieces: &[&str], expected: &str, whole: bool) {
        let mut output = Vec::new();
        let mut framing = Framing::begin(chunked, size, &mut output);
        pieces.iter().for_each(|piece| framing.piece(piece.as_bytes(), &mut output));
        assert_eq!(framing.finish(&mut output), whole);
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn dots_and_counts() {
        check(false, 99, &[".a\r\n", "b"], "..a\r\nb\r\n.\r\n", true);
        check(true, 5, &[".a\r\n", "b"], "BDAT 5 LAST\r\n.a\r\nb", true);
        check(true, 0, &[], "BDAT 0 LAST\r\n", true);
    }

    #[test]
    fn what_was_not_announced_is_not_sent() {
        check(true, 3, &["ab", "cd", "e"], "BDAT 3 LAST\r\nabc", false);
        check(true, 3, &["ab"], "BDAT 3 LAST\r\nab", false);
    }
}
