//! Whether there is room.

use crate::Usage;

/// What an account may hold at most; none means no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// Octets.
    pub octets: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// Which limit stands in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// That of octets.
    Octets,
    /// That of messages.
    Messages,
}

impl Quota {
    /// Whether one more message of this size goes beyond a limit. A message that fills the last
    /// octet has room; size 0 asks whether there is room for anything at all.
    pub fn refuses(&self, usage: &Usage, octets: u64) -> Option<Over> {
        let beyond = |limit: Option<u64>, sum: u64| limit.is_some_and(|limit| sum > limit);
        if beyond(self.octets, usage.octets.saturating_add(octets.max(1))) {
            return Some(Over::Octets);
        }
        beyond(self.messages, usage.messages.saturating_add(1)).then_some(Over::Messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_octet_and_the_last_message_have_room() {
        let usage = Usage { octets: 90, messages: 9, version: 1 };
        let check = |octets, messages, size, expected| {
            assert_eq!(Quota { octets, messages }.refuses(&usage, size), expected);
        };
        check(None, None, u64::MAX, None);
        check(Some(100), None, 10, None);
        check(Some(100), None, 11, Some(Over::Octets));
        check(Some(90), None, 0, Some(Over::Octets));
        check(Some(91), None, 0, None);
        check(None, Some(10), 1, None);
        check(None, Some(9), 1, Some(Over::Messages));
        check(Some(0), Some(0), u64::MAX, Some(Over::Octets));
    }
}
