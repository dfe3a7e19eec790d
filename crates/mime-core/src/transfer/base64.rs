//! base64 (RFC 2045 §6.8).

use super::block::{Blocks, LINE};

/// Decodes by pieces. What is not of the alphabet is passed over (RFC 2045 §6.8); padding ends a
/// quantum and a new one may follow it, as where encoded texts were put together.
#[derive(Clone, Debug, Default)]
pub struct Base64Decoder {
    bits: u32,
    count: u8,
    /// For large contents: the quick way, which takes only what is without fault.
    blocks: Option<Box<Blocks>>,
}

/// So many octets are taken one by one where the quick way does not go.
const DETOUR: usize = 8 * 1024;

impl Base64Decoder {
    /// Takes the next piece and appends what it decodes to.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() / 4 * 3);
        let mut rest = piece;
        while !rest.is_empty() {
            let taken = match self.block(rest, out) {
                0 => self.detour(rest, out),
                taken => taken,
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn block(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        if self.count > 0 || rest.len() < Blocks::WORTH_IT {
            return 0;
        }
        self.blocks.get_or_insert_with(|| Box::new(Blocks::new())).decode(rest, out)
    }

    /// Octet by octet; says how many it took.
    fn detour(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        // From within a quantum it is not far to its end, where the quick way may begin.
        let wanted = match self.count {
            0 => DETOUR,
            begun => usize::from(4_u8.saturating_sub(begun)),
        };
        let window = rest.get(..wanted).unwrap_or(rest);
        let mut left = window;
        while let Some((first, behind)) = left.split_first() {
            // Nearly all of it is whole quanta.
            if self.count == 0
                && let Some((quantum, behind)) = left.split_first_chunk()
                && let Some(decoded) = whole_quantum(quantum)
            {
                out.extend_from_slice(&decoded);
                left = behind;
                continue;
            }
            match value(*first) {
                Some(six) => self.six_bits(six, out),
                None if *first == b'=' => self.end_quantum(out),
                None => {}
            }
            left = behind;
        }
        window.len()
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
            self.begin_quantum();
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
        self.begin_quantum();
    }

    fn begin_quantum(&mut self) {
        self.bits = 0;
        self.count = 0;
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

/// Encodes by pieces, in lines of 76 characters that end in CRLF.
#[derive(Clone, Debug, Default)]
pub struct Base64Encoder {
    /// The beginning of a line.
    held: Vec<u8>,
    blocks: Option<Box<Blocks>>,
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
            let line = std::mem::take(&mut self.held);
            self.put(&line, out);
        }
        let whole = rest.len() / LINE * LINE;
        let (lines, tail) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
        self.held.extend_from_slice(tail);
        self.put(lines, out);
    }

    /// The content has ended.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.held);
        self.put(&line, out);
    }

    fn put(&mut self, lines: &[u8], out: &mut Vec<u8>) {
        if !lines.is_empty() {
            self.blocks.get_or_insert_with(|| Box::new(Blocks::new())).encode(lines, out);
        }
    }
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

    /// What the quick way takes and what it does not give the same as octet by octet.
    #[test]
    fn blocks_and_octets_decode_to_the_same() {
        let content: Vec<u8> =
            (0..40_000_u32).map(|n| (n * 7 + n / 251).to_le_bytes()[0]).collect();
        let mut plain = Vec::new();
        let mut encoder = Base64Encoder::default();
        encoder.push(&content, &mut plain);
        encoder.finish(&mut plain);
        assert_eq!(decode(&[&plain]), content);
        let mut texts = vec![plain.clone()];
        for (at, fault) in [(0, "="), (5000, "="), (9000, " "), (9001, "*"), (20_000, "==\r\n\r\n")]
        {
            let mut text = plain.clone();
            text.splice(at..at, fault.bytes());
            texts.push(text);
        }
        texts.push(plain.iter().copied().filter(|octet| !b"\r\n".contains(octet)).collect());
        texts.push(plain.iter().copied().filter(|octet| *octet != b'\r').collect());
        for text in texts {
            let octets: Vec<&[u8]> = text.chunks(1).collect();
            let expected = decode(&octets);
            for size in [7, 1000, 1025, 8192, text.len()] {
                assert!(decode(&text.chunks(size).collect::<Vec<_>>()) == expected, "{size}");
            }
        }
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
