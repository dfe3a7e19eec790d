//! When an account is warned that it gets full.

use mail_types::{AccountId, MailVolume, Quota};

/// The parts of a quota, in percent, at which an account is warned, or a domain's postmaster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Thresholds(Vec<u32>);

impl Thresholds {
    /// These; in any order.
    pub fn new(percents: impl IntoIterator<Item = u32>) -> Self {
        let mut sorted: Vec<u32> = percents.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The highest of them that is reached; 0 for none.
    pub(crate) fn reached(&self, quota: &Quota, held: MailVolume) -> u32 {
        let percent = quota.percent(held);
        self.0.iter().copied().filter(|threshold| *threshold <= percent).max().unwrap_or(0)
    }
}

/// An account that is to be warned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DueWarning {
    /// Whom to warn.
    pub account: AccountId,
    /// The threshold that was crossed, in percent.
    pub threshold: u32,
    /// What the account holds.
    pub held: MailVolume,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_threshold_that_is_reached() {
        let thresholds = Thresholds::new([95, 80]);
        let check = |octets, messages, expected| {
            let quota = Quota { octets: Some(1000), messages: Some(100) };
            assert_eq!(thresholds.reached(&quota, MailVolume { octets, messages }), expected);
        };
        check(0, 0, 0);
        check(799, 79, 0);
        check(800, 0, 80);
        check(0, 94, 80);
        check(0, 95, 95);
        check(5000, 0, 95);
        let full = MailVolume { octets: u64::MAX, messages: u64::MAX };
        assert_eq!(thresholds.reached(&Quota::NONE, full), 0);
        let never = Thresholds::default();
        assert_eq!(never.reached(&Quota { octets: Some(1), messages: None }, full), 0);
    }
}
