//! How much mail there may be, and how much there is.

use crate::AccountId;

/// What mail may take up at most; none means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quota {
    /// Octets of all messages in wire form.
    pub octets: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// An amount of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MailVolume {
    /// Octets in wire form.
    pub octets: u64,
    /// Messages.
    pub messages: u64,
}

/// Which limit stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Over {
    /// That of octets.
    Octets,
    /// That of messages.
    Messages,
}

impl MailVolume {
    /// One message. What is smaller than an octet asks whether there is room for anything at all.
    pub fn message(octets: u64) -> Self {
        Self { octets: octets.max(1), messages: 1 }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            octets: self.octets.saturating_add(other.octets),
            messages: self.messages.saturating_add(other.messages),
        }
    }
}

impl Quota {
    /// No limit.
    pub const NONE: Self = Self { octets: None, messages: None };

    /// Whether there is a limit.
    pub fn is_some(&self) -> bool {
        *self != Self::NONE
    }

    /// Whether so much more, beside what is held, goes beyond a limit. What fills the last octet
    /// has room.
    pub fn refuses(&self, held: MailVolume, more: MailVolume) -> Option<Over> {
        let sum = held.plus(more);
        let beyond = |limit: Option<u64>, sum: u64| limit.is_some_and(|limit| sum > limit);
        if more.octets > 0 && beyond(self.octets, sum.octets) {
            return Some(Over::Octets);
        }
        (more.messages > 0 && beyond(self.messages, sum.messages)).then_some(Over::Messages)
    }

    /// Whether nothing more can come, be it ever so small.
    pub fn is_full(&self, held: MailVolume) -> bool {
        self.refuses(held, MailVolume::message(1)).is_some()
    }

    /// How much of the limits is used, in percent rounded down: that of the one that is nearer. A
    /// limit of nothing is always used up.
    pub fn percent(&self, held: MailVolume) -> u32 {
        let of = |held: u64, limit: Option<u64>| match limit {
            None => 0,
            Some(0) => 100,
            Some(limit) => {
                let percent = u128::from(held).saturating_mul(100) / u128::from(limit);
                u32::try_from(percent).unwrap_or(u32::MAX)
            }
        };
        of(held.octets, self.octets).max(of(held.messages, self.messages))
    }
}

/// The limits that count for an account: its own, and that of its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allotment {
    /// The account.
    pub account: AccountId,
    /// Its own.
    pub own: Quota,
    /// That of the domain, for all of its accounts together.
    pub domain: Quota,
    /// Who shares the domain's; empty if that is none.
    pub sharing: Vec<AccountId>,
}

impl Allotment {
    /// An account that shares nothing.
    pub fn alone(account: AccountId, own: Quota) -> Self {
        Self { account, own, domain: Quota::NONE, sharing: Vec::new() }
    }

    /// Whether there is any limit.
    pub fn is_limited(&self) -> bool {
        self.own.is_some() || self.domain.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_octet_and_the_last_message_have_room() {
        let held = MailVolume { octets: 90, messages: 9 };
        let check = |octets, messages, size, expected| {
            let quota = Quota { octets, messages };
            assert_eq!(quota.refuses(held, MailVolume::message(size)), expected);
        };
        check(None, None, u64::MAX, None);
        check(Some(100), None, 10, None);
        check(Some(100), None, 11, Some(Over::Octets));
        check(Some(90), None, 0, Some(Over::Octets));
        check(Some(91), None, 0, None);
        check(None, Some(10), 1, None);
        check(None, Some(9), 1, Some(Over::Messages));
        check(Some(0), Some(0), u64::MAX, Some(Over::Octets));
        // What doesn't grow is never refused, however much there is.
        let less = Quota { octets: Some(1), messages: Some(1) };
        assert_eq!(less.refuses(held, MailVolume::default()), None);
        assert!(less.is_full(held) && !Quota::NONE.is_full(held));
    }

    #[test]
    fn percents() {
        let check = |octets, messages, expected| {
            let held = MailVolume { octets: 799, messages: 8 };
            assert_eq!(Quota { octets, messages }.percent(held), expected);
        };
        check(None, None, 0);
        check(Some(1000), None, 79);
        check(Some(1000), Some(10), 80);
        check(Some(799), Some(100), 100);
        check(Some(100), None, 799);
        check(Some(0), None, 100);
        check(Some(u64::MAX), Some(u64::MAX), 0);
    }
}
