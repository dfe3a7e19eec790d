//! Bare LF made CRLF, by pieces.

/// Turns line ends into CRLF. What has them already passes unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineEnds {
    /// Whether the last octet was a CR.
    after_cr: bool,
    /// Whether a bare LF was seen.
    pub(crate) bare_lf: bool,
}

impl LineEnds {
    /// Adds the piece to `out`.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len());
        for line in piece.split_inclusive(|octet| *octet == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else {
                out.extend_from_slice(line);
                self.after_cr = line.ends_with(b"\r");
                continue;
            };
            let has_cr = if text.is_empty() { self.after_cr } else { text.ends_with(b"\r") };
            out.extend_from_slice(text);
            if !has_cr {
                self.bare_lf = true;
                out.push(b'\r');
            }
            out.push(b'\n');
            self.after_cr = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &[u8], bare_lf: bool) {
        for cut in 0..=input.len() {
            let (mut ends, mut out) = (LineEnds::default(), Vec::new());
            ends.push(&input[..cut], &mut out);
            ends.push(&input[cut..], &mut out);
            assert_eq!((out.as_slice(), ends.bare_lf), (expected, bare_lf), "cut at {cut}");
        }
    }

    #[test]
    fn every_cut_gives_the_same() {
        check(b"a\r\nb\r\n", b"a\r\nb\r\n", false);
        check(b"a\nb\n", b"a\r\nb\r\n", true);
        check(b"\n\r\n\n", b"\r\n\r\n\r\n", true);
        check(b"a\rb\r\r\n", b"a\rb\r\r\n", false);
        check(b"", b"", false);
        check(b"\r", b"\r", false);
    }
}
