//! How a message wants to be treated on its way, beyond being delivered.

use crate::{Malformed, ReversePath, Timestamp};

/// What MAIL asked for that holds until the message is delivered, whatever hop it is at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Handling {
    /// Who submitted it first, as a trusted client says (RFC 4954 §5); the null path for `<>`:
    /// somebody, and it is not known who.
    pub submitter: Option<ReversePath>,
    /// When it is to be there (RFC 2852 §4).
    pub deliver_by: Option<DeliverBy>,
    /// Before or behind others (RFC 6710 §4).
    pub priority: Priority,
    /// It may travel under TLS with verified names only (RFC 8689 §4).
    pub require_tls: bool,
    /// It may travel without TLS, and past what domains demand of it, where it would not arrive
    /// otherwise: `TLS-Required: No` (RFC 8689 §4.2.2). Not if [`Handling::require_tls`] was said.
    pub tls_optional: bool,
    /// The request to hold it back that was granted, as a notification repeats it: `for;3600` or
    /// `until;2027-01-01T00:00:00Z` (RFC 4865 §5.1.2).
    pub hold_request: Option<Box<str>>,
}

/// By when a message is to be delivered, and what to do if it is not (RFC 2852 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliverBy {
    /// The time.
    pub at: Timestamp,
    /// What follows when it is over.
    pub late: Late,
    /// Whether the sender is told of each hop.
    pub trace: bool,
}

/// What happens to a message that is too late (RFC 2852 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Late {
    /// `R`: it is returned.
    Return,
    /// `N`: the sender is told, and it goes on.
    Notify,
}

/// A message's priority, from -9 to 9; the higher goes first (RFC 6710 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Priority(i8);

impl Priority {
    /// What nothing was said about.
    pub const NORMAL: Self = Self(0);

    /// A priority; only those of the range exist.
    pub fn new(number: i8) -> Result<Self, Malformed> {
        if (-9..=9).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Malformed("a priority lies between -9 and 9"))
        }
    }

    /// `priority-value = (["-"] %x31-39) / "0"` (RFC 6710 §7): nothing else means a number here.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const BAD: Malformed = Malformed("a priority is a digit, with a minus sign at most");
        let digit = text.strip_prefix('-').filter(|digit| *digit != "0").unwrap_or(text);
        if digit.len() != 1 || !digit.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BAD);
        }
        text.parse().map_err(|_| BAD).and_then(Self::new)
    }

    /// The number.
    pub fn number(self) -> i8 {
        self.0
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_one_digit() {
        for (text, number) in [("0", 0), ("9", 9), ("-9", -9), ("-1", -1)] {
            assert_eq!(Priority::parse(text).map(Priority::number), Ok(number), "{text}");
        }
        for bad in ["", "-", "-0", "+1", "10", "-10", "--1", "1 ", "\u{661}"] {
            assert!(Priority::parse(bad).is_err(), "{bad}");
        }
        assert!(Priority::new(10).is_err() && Priority::new(-10).is_err());
        assert!(Priority::parse("-1").unwrap() < Priority::NORMAL);
    }
}
