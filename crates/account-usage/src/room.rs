//! Whether there is room: the one place that says so before a mailbox is looked into.

use std::time::Duration;

use mail_types::{Allotment, MailVolume, Over, Quota, Timestamp};

use crate::Usage;

/// Whether mail has room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// It has.
    Enough,
    /// Not now; its owner may make some.
    NotNow(Over),
    /// The account has been full for so long that waiting is in vain.
    NotAnyMore(Over),
}

/// How long a full account is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Since it has no room.
    pub grace: Duration,
    /// The time.
    pub now: Timestamp,
}

impl Patience {
    /// Whether what began then is over.
    pub fn is_over(&self, since: Timestamp) -> bool {
        self.now.since(since) > self.grace
    }
}

/// The largest message that a full account may still have room for.
const SMALL: u64 = 64 * 1024;

/// Whether an account is so full that a small message has no room: one of a hundredth of its limit,
/// or of 64 KiB if that is less. That a larger one has none says nothing about the account.
pub(crate) fn is_nearly_full(quota: &Quota, held: MailVolume) -> bool {
    let small = quota.octets.map_or(1, |limit| (limit / 100).clamp(1, SMALL));
    quota.refuses(held, MailVolume::message(small)).is_some()
}

/// What the database says about an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Known {
    pub(crate) usage: Usage,
    /// Since when it has had no room.
    pub(crate) full_since: Option<Timestamp>,
    /// What all accounts of its domain hold.
    pub(crate) domain: MailVolume,
}

/// Whether so much more has room.
pub(crate) fn room(
    allotment: &Allotment,
    known: &Known,
    more: MailVolume,
    patience: &Patience,
) -> Room {
    if let Some(over) = allotment.own.refuses(known.usage.volume(), more) {
        let in_vain = known.full_since.is_some_and(|since| patience.is_over(since));
        return if in_vain { Room::NotAnyMore(over) } else { Room::NotNow(over) };
    }
    allotment.domain.refuses(known.domain, more).map_or(Room::Enough, Room::NotNow)
}

#[cfg(test)]
mod tests {
    use mail_types::AccountId;

    use super::*;

    #[test]
    fn what_is_nearly_full() {
        let check = |octets, messages, held, expected| {
            let held = MailVolume { octets: held, messages: 9 };
            assert_eq!(is_nearly_full(&Quota { octets, messages }, held), expected);
        };
        check(None, None, u64::MAX, false);
        check(Some(1000), None, 990, false);
        check(Some(1000), None, 991, true);
        check(Some(1 << 30), None, (1 << 30) - 65_536, false);
        check(Some(1 << 30), None, (1 << 30) - 65_535, true);
        check(Some(10), None, 9, false);
        check(Some(0), None, 0, true);
        check(None, Some(10), u64::MAX, false);
        check(Some(1000), Some(9), 0, true);
    }

    #[test]
    fn temporary_then_for_good_by_the_account_alone() {
        let now = Timestamp::from_secs(1_000_000);
        let patience = Patience { grace: Duration::from_secs(100), now };
        let hundred = Quota { octets: Some(100), messages: None };
        let check = |own, domain, held, since: Option<i64>, size, expected| {
            let allotment = Allotment { own, domain, ..Allotment::alone(AccountId(1), own) };
            let known = Known {
                usage: Usage { octets: held, messages: 1, version: 1 },
                full_since: since.map(|s| Timestamp::from_secs(1_000_000 - s)),
                domain: MailVolume { octets: held, messages: 1 },
            };
            let more = MailVolume::message(size);
            assert_eq!(room(&allotment, &known, more, &patience), expected);
        };
        let none = Quota::NONE;
        check(none, none, u64::MAX, None, 1, Room::Enough);
        check(hundred, none, 90, None, 10, Room::Enough);
        check(hundred, none, 90, None, 11, Room::NotNow(Over::Octets));
        check(hundred, none, 100, Some(100), 0, Room::NotNow(Over::Octets));
        check(hundred, none, 100, Some(101), 0, Room::NotAnyMore(Over::Octets));
        // It was full, and has room for this one.
        check(hundred, none, 90, Some(101), 10, Room::Enough);
        check(none, hundred, 90, Some(101), 11, Room::NotNow(Over::Octets));
        check(
            none,
            Quota { messages: Some(1), octets: None },
            0,
            None,
            1,
            Room::NotNow(Over::Messages),
        );
    }
}
