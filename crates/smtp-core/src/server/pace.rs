//! How fast content has to come.
//!
//! A peer that sends an octet now and then is never silent for long, and would keep a connection for
//! years. So content has a time by which so many octets must have come, whatever they are.

use std::time::{Duration, Instant};

use super::options::Limits;

/// The pace of one content, or of a chunk that is dropped.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When its octets were first waited for.
    began: Option<Instant>,
    /// Octets that came over the wire.
    octets: u64,
}

impl Pace {
    pub(super) fn came(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(octets as u64);
    }

    /// How many came so far.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// By when more must have come.
    pub(super) fn deadline(&mut self, now: Instant, limits: &Limits) -> Instant {
        let began = *self.began.get_or_insert(now);
        let earned = self.octets / limits.content_octets_per_second.max(1);
        began + limits.content_time + Duration::from_secs(earned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_earn_time() {
        let limits = Limits { content_octets_per_second: 100, ..Limits::default() };
        let (start, mut pace) = (Instant::now(), Pace::default());
        let minutes = |count: u64| start + Duration::from_secs(count * 60);
        assert_eq!(pace.deadline(start, &limits), minutes(5));
        pace.came(5_999);
        assert_eq!(pace.deadline(minutes(4), &limits), minutes(5) + Duration::from_secs(59));
        pace.came(600_001);
        assert_eq!(pace.deadline(minutes(5), &limits), minutes(106), "606,000 octets");
    }
}
