//! Transfer encodings (RFC 2045 §6), by pieces, tolerant in reading and exact in writing.

mod base64;
mod block;
mod decoder;
mod fault;
mod quoted_printable;

pub use self::base64::{Base64Decoder, Base64Encoder};
pub use decoder::Decoder;
pub use fault::{Fault, FaultFinder, FaultKind};
pub use quoted_printable::{QuotedPrintableDecoder, QuotedPrintableEncoder};

use crate::header::content;

/// A Content-Transfer-Encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// `7bit`, or nothing said.
    #[default]
    SevenBit,
    /// `8bit`.
    EightBit,
    /// `binary`.
    Binary,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`.
    Base64,
    /// Anything else: not decoded (RFC 2045 §6.4).
    Unknown,
}

impl Encoding {
    /// The encoding of a field's value; comments and case do not count.
    pub fn parse(value: &[u8]) -> Self {
        let word = content::first_word(value);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if word.is_empty() || is("7bit") {
            Self::SevenBit
        } else if is("8bit") {
            Self::EightBit
        } else if is("binary") {
            Self::Binary
        } else if is("quoted-printable") {
            Self::QuotedPrintable
        } else if is("base64") {
            Self::Base64
        } else {
            Self::Unknown
        }
    }

    /// Whether the content stands there as it is.
    pub fn is_identity(self) -> bool {
        !matches!(self, Self::QuotedPrintable | Self::Base64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let check = |value: &str, expected| {
            assert_eq!(Encoding::parse(value.as_bytes()), expected, "{value:?}")
        };
        check("base64", Encoding::Base64);
        check(" (c) Quoted-Printable (c)", Encoding::QuotedPrintable);
        check("8bit;", Encoding::EightBit);
        check("BINARY", Encoding::Binary);
        check("", Encoding::SevenBit);
        check("x-uuencode", Encoding::Unknown);
    }
}
