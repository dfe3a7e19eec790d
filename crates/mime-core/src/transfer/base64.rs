//! base64 (RFC 2045 §6.8).

use base64::{Engine, engine::general_purpose::STANDARD};

/// Decodes by pieces. What is not of the alphabet is passed over (RFC 2045 §6.8); padding ends a
/// quantum and a new one may follow it, as where encoded texts were put together.
#[derive(Clone, Debug, Default)]
pub struct Base64Decoder {
    bits: u32,
    count: u8,
}

impl Base64Decoder {
    /// Takes the next piece and appends what it decodes to.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() / 4 * 3);
        let mut rest = piece;
        while let Some((first, behind)) = rest.split_first() {
            // Nearly all of it is whole quanta.
            if self.count == 0
                && let Some((quantum, behind)) = rest.split_first_chunk()
                && let Some(decoded) = whole_quantum(quantum)
            {
                out.extend_from_slice(&decoded);
                rest = behind;
                continue;
            }
            match value(*first) {
                Some(six) => self.six_bits(six, out),
                None if *first == b'=' => self.end_quantum(out),
                None => {}
            }
            rest = behind;
        }
    }

    /// The content has ended; padding may be missing.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.end_quantum(out);
    }

    fn six_bits(&mut self, six: u8, out: &mut Vec<u8>) {
        self.bits = self.bits << 6 | u32::from(six);
        self.count = self.count.saturating_add(1);
        if self.count == 4 {
            let [_, first, second, third] = self.bits.to_be_bytes();
            out.extend_from_slice(&[first, second, third]);
            *self = Self::default();
        }
    }

    fn end_quantum(&mut self, out: &mut Vec<u8>) {
        let [_, first, second, _] =
            (self.bits << (6 * u32::from(4_u8.saturating_sub(self.count)))).to_be_bytes();
        match self.count {
            3 => out.extend_from_slice(&[first, second]),
            2 => out.push(first),
            _ => {}
        }
        *self = Self::default();
    }
}

fn whole_quantum(quantum: &[u8; 4]) -> Option<[u8; 3]> {
    let [first, second, third, fourth] = *quantum;
    let bits = u32::from(value(first)?) << 18
        | u32::from(value(second)?) << 12
        | u32::from(value(third)?) << 6
        | u32::from(value(fourth)?);
    let [_, first, second, third] = bits.to_be_bytes();
    Some([first, second, third])
}

fn value(octet: u8) -> Option<u8> {
    VALUES.get(usize::from(octet)).copied().filter(|value| *value < 64)
}

/// The six bits of each octet; 64 for what is not of the alphabet.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler: an index that is too large does not build"
)]
static VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < 64 {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Octets in a line of 76 characters.
const LINE: usize = 57;

/// Encodes by pieces, in lines of 76 characters that end in CRLF.
#[derive(Clone, Debug, Default)]
pub struct Base64Encoder {
    held: Vec<u8>,
}

impl Base64Encoder {
    /// Takes the next piece and appends its encoded form.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        if !self.held.is_empty() {
            let wanted = LINE.saturating_sub(self.held.len());
            let (head, tail) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
            self.held.extend_from_slice(head);
            rest = tail;
            if self.held.len() < LINE {
                return;
            }
            put_line(&self.held, out);
            self.held.clear();
        }
        let lines = rest.chunks_exact(LINE);
        self.held.extend_from_slice(lines.remainder());
        lines.for_each(|line| put_line(line, out));
    }

    /// The content has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            put_line(&self.held, out);
        }
    }
}

fn put_line(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(STANDARD.encode(line).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut decoder = Base64Decoder::default();
        pieces.iter().for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn tolerant_in_reading() {
        assert_eq!(decode(&[b"SGVs", b"bG8="]), b"Hello");
        assert_eq!(decode(&[b"SGVsbG8"]), b"Hello");
        assert_eq!(decode(&[b"S G\r\nV*sbG8=\r\n"]), b"Hello");
        assert_eq!(decode(&[b"SGVsbG8=SGVsbG8="]), b"HelloHello");
        assert_eq!(decode(&[b"S"]), b"");
        assert_eq!(decode(&[b"===="]), b"");
    }

    proptest::proptest! {
        #[test]
        fn encoding_then_decoding_gives_the_same(content in proptest::collection::vec(proptest::num::u8::ANY, 0..300), cut in 0..300_usize) {
            let (head, tail) = content.split_at_checked(cut).unwrap_or((&content, &[]));
            let mut out = Vec::new();
            let mut encoder = Base64Encoder::default();
            encoder.push(head, &mut out);
            encoder.push(tail, &mut out);
            encoder.finish(&mut out);
            proptest::prop_assert!(out.split(|o| *o == b'\n').all(|line| line.len() <= 77));
            proptest::prop_assert_eq!(decode(&[&out]), content);
        }
    }
}
