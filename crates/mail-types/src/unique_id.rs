//! The unique-id of a message in a maildrop.

use std::{fmt, str::FromStr};

use crate::Malformed;

/// What POP3's UIDL tells of a message, as another server told it before: 1 to 70 of the characters
/// from `!` to `~` (RFC 1939 §7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<str>);

impl UniqueId {
    /// The most characters of one.
    pub const LENGTH_MAX: usize = 70;

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UniqueId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > Self::LENGTH_MAX {
            return Err(Malformed("a unique-id has 1 to 70 characters"));
        }
        if !text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Err(Malformed("a unique-id has the characters from ! to ~ only"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rfc_1939_lets_be_one() {
        for (text, good) in [
            ("whqtswO00WBw418f9t5JxYwZ", true),
            ("!~", true),
            ("", false),
            ("a b", false),
            ("tab\t", false),
            ("grün", false),
        ] {
            assert_eq!(text.parse::<UniqueId>().is_ok(), good, "{text:?}");
        }
        assert!("x".repeat(70).parse::<UniqueId>().is_ok());
        assert!("x".repeat(71).parse::<UniqueId>().is_err());
        assert_eq!("Id.1".parse::<UniqueId>().unwrap().to_string(), "Id.1");
    }
}
