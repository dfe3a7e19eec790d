//! quoted_printable.

/// Decodes by pieces.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintableDecoder {}

impl QuotedPrintableDecoder {
    /// Takes the next piece and appends what it decodes to.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) {
        todo!()
    }

    /// The content has ended.
    pub fn finish(self, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// Encodes by pieces.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintableEncoder {}

impl QuotedPrintableEncoder {
    /// Takes the next piece and appends its encoded form.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) {
        todo!()
    }

    /// The content has ended.
    pub fn finish(self, _out: &mut Vec<u8>) {
        todo!()
    }
}
