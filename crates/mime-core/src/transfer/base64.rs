//! base64.

/// Decodes by pieces.
#[derive(Clone, Debug, Default)]
pub struct Base64Decoder {}

impl Base64Decoder {
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
pub struct Base64Encoder {}

impl Base64Encoder {
    /// Takes the next piece and appends its encoded form.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) {
        todo!()
    }

    /// The content has ended.
    pub fn finish(self, _out: &mut Vec<u8>) {
        todo!()
    }
}
