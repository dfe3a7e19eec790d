//! Text for people and for SEARCH: header text and text parts, decoded to UTF-8.
//!
//! Decoding never fails: what cannot be decoded becomes U+FFFD. What has no label, or one that
//! cannot be right, is guessed.

mod charset;
mod encode;
mod guess;
mod iso_2022_kr;
mod utf_7;
mod words;

use crate::transfer::{Base64Decoder, Encoding, QuotedPrintableDecoder};

pub use charset::Charset;
pub use encode::{encode_param, encode_words};
pub use words::decode_header;

/// A whole text part in UTF-8.
pub fn decode_text_part(body: &[u8], encoding: Encoding, charset: Option<&[u8]>) -> String {
    let mut text = String::with_capacity(body.len());
    let mut decoder = TextDecoder::new(encoding, charset);
    decoder.push(body, &mut text);
    decoder.finish(&mut text);
    text
}

/// Decodes a text part by pieces.
pub struct TextDecoder {
    transfer: Transfer,
    charset: charset::Decoder,
    /// Between the two; kept for its room.
    octets: Vec<u8>,
}

enum Transfer {
    Identity,
    Base64(Base64Decoder),
    QuotedPrintable(QuotedPrintableDecoder),
}

impl TextDecoder {
    /// A decoder at the start of a part's body, given the part's encoding and charset parameter.
    pub fn new(encoding: Encoding, charset: Option<&[u8]>) -> Self {
        let transfer = match encoding {
            Encoding::Base64 => Transfer::Base64(Base64Decoder::default()),
            Encoding::QuotedPrintable => {
                Transfer::QuotedPrintable(QuotedPrintableDecoder::default())
            }
            _ => Transfer::Identity,
        };
        let charset = charset.map_or(Charset::Unknown, Charset::of_label).decoder();
        Self { transfer, charset, octets: Vec::new() }
    }

    /// Takes the next piece and appends its text, as far as it is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        self.octets.clear();
        match &mut self.transfer {
            Transfer::Identity => return self.charset.push(piece, out),
            Transfer::Base64(decoder) => decoder.push(piece, &mut self.octets),
            Transfer::QuotedPrintable(decoder) => decoder.push(piece, &mut self.octets),
        }
        self.charset.push(&self.octets, out);
    }

    /// The body has ended.
    pub fn finish(mut self, out: &mut String) {
        self.octets.clear();
        match self.transfer {
            Transfer::Identity => {}
            Transfer::Base64(decoder) => decoder.finish(&mut self.octets),
            Transfer::QuotedPrintable(decoder) => decoder.finish(&mut self.octets),
        }
        self.charset.push(&self.octets, out);
        self.charset.finish(out);
    }
}

impl std::fmt::Debug for TextDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDecoder").finish_non_exhaustive()
    }
}
