//! Identifiers. None converts silently into another.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::{Malformed, Timestamp};

/// The name of a queue entry: 16 letters and digits that sort by the time of arrival.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId([u8; 10]);

/// Crockford's base 32 in lower case: no letter that can be taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl QueueId {
    /// An id from the time of arrival and 32 random bits.
    pub fn new(now: Timestamp, random: [u8; 4]) -> Self {
        let [_, _, a, b, c, d, e, f] = now.millis().to_be_bytes();
        let [w, x, y, z] = random;
        Self([a, b, c, d, e, f, w, x, y, z])
    }

    /// The id that stands for a message of another store, made of a digest of where it is there: the
    /// same each time, and none that a time of arrival gives before the year 10,000.
    pub fn of_import(digest: [u8; 9]) -> Self {
        let [a, b, c, d, e, f, g, h, i] = digest;
        Self([u8::MAX, a, b, c, d, e, f, g, h, i])
    }

    /// The time of arrival that it tells; an imported message's tells none.
    pub fn time(&self) -> Option<Timestamp> {
        let [a, b, c, d, e, f, ..] = self.0;
        let millis = i64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        (a != u8::MAX).then(|| Timestamp::from_millis(millis))
    }

    /// The ten bytes behind the text.
    pub fn bytes(&self) -> [u8; 10] {
        self.0
    }

    /// From [`QueueId::bytes`].
    pub fn from_bytes(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
        let digits = std::array::from_fn::<u8, 16, _>(|place| {
            let digit = usize::try_from(number >> ((15 - place) * 5) & 31).unwrap_or(0);
            ALPHABET.get(digit).copied().unwrap_or(b'0')
        });
        // Letters and digits: never refused.
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl FromStr for QueueId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const BAD: Malformed = Malformed("a queue id has 16 letters and digits");
        if text.len() != 16 {
            return Err(BAD);
        }
        let mut number = 0u128;
        for letter in text.bytes() {
            let digit =
                ALPHABET.iter().position(|a| *a == letter.to_ascii_lowercase()).ok_or(BAD)?;
            number = number << 5 | digit as u128;
        }
        let mut bytes = [0; 10];
        for byte in bytes.iter_mut().rev() {
            *byte = u8::try_from(number & 255).unwrap_or(0);
            number >>= 8;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! nonzero {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The smallest.
            pub const MIN: Self = Self(NonZeroU32::MIN);
            /// The largest.
            pub const MAX: Self = Self(NonZeroU32::MAX);

            /// From a number; zero is none.
            pub fn new(number: u32) -> Option<Self> {
                NonZeroU32::new(number).map(Self)
            }

            /// The number.
            pub fn number(self) -> u32 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// An account, for ever: never given to another one.
    AccountId(i64)
);
number!(
    /// A mailbox within its account; a renamed mailbox keeps it.
    MailboxId(i64)
);
number!(
    /// A recipient's place in its queue entry, from 0.
    RecipientNumber(u32)
);
number!(
    /// A modification sequence value (RFC 7162 §3.1); at most 63 bits, 0 means "before all".
    ModSeq(u64)
);
nonzero!(
    /// A message's unique identifier in its mailbox (RFC 9051 §2.3.1.1).
    Uid
);
nonzero!(
    /// The epoch of a mailbox's UIDs (RFC 9051 §2.3.1.1).
    UidValidity
);
nonzero!(
    /// A message's place in a session's view of a mailbox (RFC 9051 §2.3.1.2). Converts to a
    /// [`Uid`] only through that view.
    SeqNum
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_round_trip_and_sort_by_time() {
        let early = QueueId::new(Timestamp::from_millis(1_700_000_000_000), [255; 4]);
        let late = QueueId::new(Timestamp::from_millis(1_700_000_000_001), [0; 4]);
        assert_eq!(early.to_string().parse::<QueueId>().unwrap(), early);
        assert_eq!(early.to_string().len(), 16);
        assert!(early < late && early.to_string() < late.to_string());
        assert!("short".parse::<QueueId>().is_err());
        assert!("uuuuuuuuuuuuuuuu".parse::<QueueId>().is_err());
    }
}
