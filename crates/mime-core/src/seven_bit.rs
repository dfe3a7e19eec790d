//! Making a message 7-bit clean for a next hop without 8BITMIME (RFC 6152 §3, RFC 2045 §6).

use crate::structure::Structure;

/// Why a message is not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A part is signed: any change would break the signature (RFC 1847 §2.1).
    #[error("the message is signed and must not be changed")]
    Signed,
    /// A header has octets above 127 where no encoded word may stand.
    #[error("a header field holds 8-bit text that cannot be written in ASCII")]
    Header,
}

/// Converts a message in a second pass: the first was the structure's.
#[derive(Debug)]
pub struct Converter {
    _structure: (),
}

impl Converter {
    /// Whether there is anything to convert.
    pub fn needed(_structure: &Structure) -> bool {
        todo!()
    }

    /// A converter at the start of the message that has this structure.
    pub fn new(_structure: &Structure) -> Result<Self, Refused> {
        todo!()
    }

    /// Takes the next piece of the same message and appends what becomes of it.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) -> Result<(), Refused> {
        todo!()
    }

    /// The message has ended.
    pub fn finish(self, _out: &mut Vec<u8>) -> Result<(), Refused> {
        todo!()
    }
}
