//! Whatever a part is encoded in, decoded by pieces.

use super::{Base64Decoder, Encoding, QuotedPrintableDecoder};

/// Decodes a body by pieces, given its encoding.
#[derive(Clone, Debug)]
pub struct Decoder(By);

#[derive(Clone, Debug)]
enum By {
    Identity,
    QuotedPrintable(QuotedPrintableDecoder),
    Base64(Base64Decoder),
}

impl Decoder {
    /// A decoder at the start of a body; of an encoding that is not known the octets pass.
    pub fn new(encoding: Encoding) -> Self {
        Self(match encoding {
            Encoding::QuotedPrintable => By::QuotedPrintable(QuotedPrintableDecoder::default()),
            Encoding::Base64 => By::Base64(Base64Decoder::default()),
            _ => By::Identity,
        })
    }

    /// Whether the octets pass as they are.
    pub fn is_identity(&self) -> bool {
        matches!(self.0, By::Identity)
    }

    /// Takes the next piece and appends what it decodes to.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            By::Identity => out.extend_from_slice(piece),
            By::QuotedPrintable(decoder) => decoder.push(piece, out),
            By::Base64(decoder) => decoder.push(piece, out),
        }
    }

    /// The body has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            By::Identity => {}
            By::QuotedPrintable(decoder) => decoder.finish(out),
            By::Base64(decoder) => decoder.finish(out),
        }
    }
}
