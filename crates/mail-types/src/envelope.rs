//! What an envelope says beyond its addresses.

use std::fmt;

use crate::Malformed;

/// The kind of body that MAIL FROM's BODY= declares (RFC 6152 §2, RFC 3030 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord)]
pub enum BodyKind {
    /// `7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
    /// `BINARYMIME`.
    BinaryMime,
}

/// Which notifications the sender wants about one recipient (RFC 3461 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notify {
    /// When it was delivered.
    pub success: bool,
    /// When it cannot be delivered.
    pub failure: bool,
    /// When it is late.
    pub delay: bool,
}

impl Notify {
    /// `NOTIFY=NEVER`.
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };

    /// Only of failures.
    pub const FAILURE: Self = Self { success: false, failure: true, delay: false };
    /// What holds when nothing was said: failures, and delays as the MTA sees fit
    /// (RFC 3461 §4.1).
    pub const DEFAULT: Self = Self { success: false, failure: true, delay: true };

    /// For a column of a table: bit 0 success, bit 1 failure, bit 2 delay.
    pub fn bits(self) -> u8 {
        u8::from(self.success) | u8::from(self.failure) << 1 | u8::from(self.delay) << 2
    }

    /// From [`Notify::bits`]; other bits are ignored.
    pub fn from_bits(bits: u8) -> Self {
        Self { success: bits & 1 != 0, failure: bits & 2 != 0, delay: bits & 4 != 0 }
    }
}

/// How much of the message a failure notification returns (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DsnReturn {
    /// `RET=FULL`.
    Full,
    /// `RET=HDRS`.
    Headers,
}

/// ORCPT: the recipient as its sender first named it (RFC 3461 §4.2), decoded from xtext.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginalRecipient {
    addr_type: Box<str>,
    address: Box<str>,
}

impl OriginalRecipient {
    /// An original recipient of the given type, usually `rfc822`; neither part may hold control
    /// characters or be empty.
    pub fn new(addr_type: &str, address: &str) -> Result<Self, Malformed> {
        if addr_type.is_empty()
            || !addr_type.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(Malformed("the address type of the original recipient is not an atom"));
        }
        if address.is_empty() || address.len() > 500 || address.chars().any(char::is_control) {
            return Err(Malformed("the original recipient is empty, too long or unprintable"));
        }
        Ok(Self { addr_type: addr_type.to_ascii_lowercase().into(), address: address.into() })
    }

    /// Parses `type;address` as rendered by `Display`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (addr_type, address) =
            text.split_once(';').ok_or(Malformed("the original recipient lacks its type"))?;
        Self::new(addr_type, address)
    }

    /// The address type in lower case, such as `rfc822`.
    pub fn addr_type(&self) -> &str {
        &self.addr_type
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.addr_type, self.address)
    }
}
