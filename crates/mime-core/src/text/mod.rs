//! Text for people and for SEARCH: header text and text parts, decoded to UTF-8.
//!
//! Decoding never fails: what cannot be decoded becomes U+FFFD.

use crate::transfer::Encoding;

/// Header text (RFC 2047) in UTF-8: unfolded, encoded words decoded, raw 8-bit text guessed.
pub fn decode_header(_raw: &[u8]) -> String {
    todo!()
}

/// A whole text part in UTF-8.
pub fn decode_text_part(_body: &[u8], _encoding: Encoding, _charset: Option<&[u8]>) -> String {
    todo!()
}

/// Decodes a text part by pieces.
#[derive(Debug)]
pub struct TextDecoder {}

impl TextDecoder {
    /// A decoder at the start of a part's body.
    pub fn new(_encoding: Encoding, _charset: Option<&[u8]>) -> Self {
        todo!()
    }

    /// Takes the next piece and appends its text.
    pub fn push(&mut self, _piece: &[u8], _out: &mut String) {
        todo!()
    }

    /// The body has ended.
    pub fn finish(self, _out: &mut String) {
        todo!()
    }
}
