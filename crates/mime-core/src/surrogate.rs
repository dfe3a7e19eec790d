//! A message for a client that knows no UTF-8 in headers: its surrogate (RFC 6858).
//!
//! Headers with octets above 127, those of parts included, are written in ASCII: texts in encoded
//! words, parameters by RFC 2231, addresses that have no spelling in ASCII as one that reaches
//! nobody. What can't be told at all is left out. Bodies stay octet for octet, 8-bit ones too, and
//! so do headers that are ASCII. A surrogate is to be read: never store it, never send it on.

use crate::{BodyStructure, seven_bit::Converter};

/// Makes a surrogate in one pass over a message.
#[derive(Debug)]
pub struct Surrogate(Converter);

impl Surrogate {
    /// A pass over the message with these parts; none if it needs no surrogate.
    pub fn needed(body: &BodyStructure) -> Option<Self> {
        Converter::surrogate(body).map(Self)
    }

    /// Takes the next piece of the message and appends what becomes of it.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        // A converter of headers alone has nothing to refuse.
        let _never = self.0.push(piece, out);
    }

    /// The message has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        let _never = self.0.finish(out);
    }
}
