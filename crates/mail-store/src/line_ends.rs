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
        // Up to here it is in `out`; what has its CR needs no copy of its own.
        let mut done = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            let before = at.checked_sub(1).and_then(|before| piece.get(before));
            let has_cr = before.map_or(self.after_cr, |before| *before == b'\r');
            if !has_cr {
                self.bare_lf = true;
                out.extend_from_slice(piece.get(done..at).unwrap_or_default());
                out.push(b'\r');
                done = at;
            }
        }
        out.extend_from_slice(piece.get(done..).unwrap_or_default());
        if let Some(last) = piece.last() {
            self.after_cr = *last == b'\r';
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
        check(b"\r\na\r\nb\nc\r\n\n", b"\r\na\r\nb\r\nc\r\n\r\n", true);
    }
}
