//! base64 of many octets at once, by the vector instructions of the processor that runs this.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::GeneralPurpose as Vectors;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::Simd as Vectors;
use base64::{Engine, engine::general_purpose::PAD};

/// Octets that are looked at at once: they stay near the processor.
const BLOCK: usize = 8 * 1024;

/// Octets in a line of 76 characters.
pub(super) const LINE: usize = 57;
const LINE_CHARACTERS: usize = 76;

/// An engine, and a block without its line ends, kept for its room.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    engine: Vectors,
    block: Vec<u8>,
}

impl Blocks {
    /// Making one is worth it from here on.
    pub(super) const WORTH_IT: usize = 1024;

    pub(super) fn new() -> Self {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        let engine = Vectors::standard(PAD);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let engine = Vectors::new(&base64::alphabet::STANDARD, PAD);
        Self { engine, block: Vec::new() }
    }

    /// Decodes a block of whole quanta at the beginning of `text` and says how many octets it took.
    /// None if there is anything in it but the alphabet, line ends, and padding at its end.
    pub(super) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let window = text.get(..BLOCK).unwrap_or(text);
        self.block.clear();
        let mut from = 0_usize;
        for at in memchr::memchr_iter(b'\n', window) {
            let line = window.get(from..at).unwrap_or_default();
            self.block.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            from = at.saturating_add(1);
        }
        // What is no whole quantum is left for later.
        let tail = window.get(from..).unwrap_or_default();
        let begun = self.block.len();
        let length = (begun.saturating_add(tail.len()) / 4 * 4).checked_sub(begun);
        let Some(length) = length else { return 0 };
        self.block.extend_from_slice(tail.get(..length).unwrap_or(tail));

        let begin = out.len();
        out.resize(begin.saturating_add(self.block.len() / 4 * 3), 0);
        let decoded =
            self.engine.decode_slice(&self.block, out.get_mut(begin..).unwrap_or_default());
        match decoded {
            Ok(decoded) => {
                out.truncate(begin.saturating_add(decoded));
                from.saturating_add(length)
            }
            Err(_) => {
                out.truncate(begin);
                0
            }
        }
    }

    /// Appends the encoded form, in lines. If `content` is not the last, it must be whole lines.
    pub(super) fn encode(&mut self, content: &[u8], out: &mut Vec<u8>) {
        out.reserve(content.len().div_ceil(LINE).saturating_mul(LINE_CHARACTERS.saturating_add(2)));
        for lines in content.chunks(BLOCK / LINE * LINE) {
            self.block.resize(lines.len().div_ceil(3).saturating_mul(4), 0);
            let length = self.engine.encode_slice(lines, &mut self.block).unwrap_or(0);
            for line in self.block.get(..length).unwrap_or_default().chunks(LINE_CHARACTERS) {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}
