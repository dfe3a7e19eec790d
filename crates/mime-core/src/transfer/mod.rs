//! Transfer encodings (RFC 2045 §6), by pieces, tolerant in reading and exact in writing.

mod base64;
mod quoted_printable;

pub use self::base64::{Base64Decoder, Base64Encoder};
pub use quoted_printable::{QuotedPrintableDecoder, QuotedPrintableEncoder};

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
        let word = value
            .split(|octet| matches!(octet, b' ' | b'\t' | b'(' | b';'))
            .find(|word| !word.is_empty())
            .unwrap_or_default();
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
