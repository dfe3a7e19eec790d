//! When a deferred recipient is tried again (RFC 5321 §4.5.4.1).
//!
//! A pure function of what stands in the queue: the time since it was queued, the attempts so far,
//! what the last of them met ([`Obstacle`]), and a seed that spreads those who failed together.

use std::time::Duration;

use mail_types::{Problem, Scope, Timestamp};

/// How a destination is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The delay after the first attempt.
    pub first: Duration,
    /// By how much each further delay is longer than the one before; less than one counts as one.
    pub factor: f64,
    /// The longest delay.
    pub longest: Duration,
    /// How long after it was queued a message is given up.
    pub give_up_after: Duration,
}

impl Default for Schedule {
    /// From 5 minutes, doubling, to 4 hours, for 5 days. RFC 5321 §4.5.4.1 asks for 30 minutes at least
    /// unless there is reason for less, and there is: greylisting, and outages of minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5 * 60),
            factor: 2.0,
            longest: Duration::from_secs(4 * 60 * 60),
            give_up_after: Duration::from_secs(5 * 24 * 60 * 60),
        }
    }
}

/// What an attempt met: it says how soon another makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The recipient was refused for now, without a reason that takes time: most likely a server
    /// that waits for whoever comes again (greylisting, RFC 6647 §2.4).
    Greylisting,
    /// The mailbox is full, or the server out of space: somebody has to clear up.
    Full,
    /// The DNS gave no answer. Asking costs little, and its troubles end suddenly.
    Names,
    /// Anything else: the host is busy or cannot be reached, or the message is not wanted now.
    Other,
}

impl Obstacle {
    /// What this problem is.
    pub fn of(problem: &Problem) -> Self {
        let status = &problem.status;
        let code = problem.reply.as_ref().map(mail_types::Reply::code);
        match (status.subject(), status.detail()) {
            // RFC 3463 §3.3, §3.4: X.2.2, mailbox full; X.3.1, mail system full.
            (2, 2) | (3, 1) => Self::Full,
            // RFC 3463 §3.5, X.4.3: directory server failure.
            (4, 3) => Self::Names,
            // RFC 6647 §5 asks for 450 and for no certain words; 451 is said as well, and where there is
            // a status, it is 4.7.1, 4.7.0 or 4.2.0.
            (7, 0 | 1) | (2, 0) | (0, 0)
                if problem.scope == Scope::Recipient && matches!(code, Some(450 | 451)) =>
            {
                Self::Greylisting
            }
            _ => Self::Other,
        }
    }

    /// The delay before attempt `attempts + 1`, without its spread.
    fn delay(self, schedule: &Schedule, attempts: u32) -> Duration {
        match self {
            // One attempt more, soon; after it as all others.
            Self::Greylisting if attempts <= 1 => schedule.first / 5,
            Self::Greylisting => delay(schedule, attempts.saturating_sub(1)),
            Self::Full => schedule.first.saturating_mul(6).max(delay(schedule, attempts)),
            Self::Names => delay(schedule, attempts).min(schedule.longest / 4),
            Self::Other => delay(schedule, attempts),
        }
        .min(schedule.longest)
    }
}

/// What follows a deferred attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt at this time.
    At(Timestamp),
    /// None: its time is over.
    GiveUp,
}

/// When to try again a recipient that was queued at `queued_at`, of which `attempts` attempts came
/// to nothing, the last of them now, by this obstacle. The last attempt is made when the time to
/// give up has come.
///
/// The delay is off by up to a tenth either way, as `seed` (from the queue id, say) decides.
pub fn next_attempt(
    schedule: &Schedule,
    obstacle: Obstacle,
    attempts: u32,
    queued_at: Timestamp,
    now: Timestamp,
    seed: u64,
) -> Next {
    let last = queued_at.plus(schedule.give_up_after);
    if now >= last {
        return Next::GiveUp;
    }
    let delay = obstacle.delay(schedule, attempts);
    let next = now.plus(spread(delay, seed ^ u64::from(attempts)));
    Next::At(next.min(last))
}

fn delay(schedule: &Schedule, attempts: u32) -> Duration {
    let before = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = schedule.first.as_secs_f64() * schedule.factor.max(1.0).powi(before);
    // What is too long for a duration is longer than the longest.
    let delay = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    delay.min(schedule.longest)
}

/// Between nine and eleven tenths of the delay.
fn spread(delay: Duration, seed: u64) -> Duration {
    // Fibonacci hashing: neighbouring seeds land far apart.
    let hash = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let fifth = delay / 5;
    let part = u32::try_from(hash % 1024).unwrap_or(0);
    delay.saturating_sub(delay / 10).saturating_add(fifth / 1023 * part)
}

#[cfg(test)]
mod tests {
    use mail_types::{EnhancedStatus, Reply};

    use super::*;

    fn minutes(next: Next, now: Timestamp) -> Option<u64> {
        match next {
            Next::At(at) => Some(at.since(now).as_secs() / 60),
            Next::GiveUp => None,
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_end() {
        let (schedule, queued_at) = (Schedule::default(), Timestamp::from_secs(1_000_000));
        let rows = [
            // attempts, hours since it was queued, at least, at most (minutes)
            (1, 0, 4, 5),
            (2, 0, 9, 11),
            (3, 0, 18, 22),
            (6, 3, 144, 176),
            (7, 6, 216, 264),
            (40, 100, 216, 264),
            (4_000_000_000, 100, 216, 264),
            (50, 119, 60, 60),
        ];
        for (attempts, hours, least, most) in rows {
            let now = queued_at.plus(Duration::from_secs(hours * 3600));
            for seed in 0..100 {
                let next = next_attempt(&schedule, Obstacle::Other, attempts, queued_at, now, seed);
                let delay = minutes(next, now).unwrap();
                assert!((least..=most).contains(&delay), "attempt {attempts}: {delay} minutes");
            }
        }
        let late = queued_at.plus(schedule.give_up_after);
        assert_eq!(
            next_attempt(&schedule, Obstacle::Greylisting, 1, queued_at, late, 0),
            Next::GiveUp
        );
    }

    #[test]
    fn the_factor_says_how_delays_grow() {
        let seconds = |factor, attempts| {
            let schedule = Schedule { factor, ..Schedule::default() };
            delay(&schedule, attempts).as_secs()
        };
        for (factor, expected) in [
            (1.0, [300, 300, 300, 300]),
            (1.5, [300, 450, 675, 14_400]),
            (2.0, [300, 600, 1200, 14_400]),
            (10.0, [300, 3000, 14_400, 14_400]),
            (0.5, [300, 300, 300, 300]),
        ] {
            assert_eq!([1, 2, 3, u32::MAX].map(|n| seconds(factor, n)), expected, "{factor}");
        }
    }

    #[test]
    fn the_obstacle_decides() {
        let minutes = |obstacle: Obstacle| {
            let schedule = Schedule::default();
            [1, 2, 3, 9].map(|attempts| obstacle.delay(&schedule, attempts).as_secs() / 60)
        };
        for (obstacle, expected) in [
            (Obstacle::Greylisting, [1, 5, 10, 240]),
            (Obstacle::Full, [30, 30, 30, 240]),
            (Obstacle::Names, [5, 10, 20, 60]),
            (Obstacle::Other, [5, 10, 20, 240]),
        ] {
            assert_eq!(minutes(obstacle), expected, "{obstacle:?}");
        }
        let short = Schedule { longest: Duration::from_secs(60), ..Schedule::default() };
        for obstacle in [Obstacle::Full, Obstacle::Other] {
            assert_eq!(obstacle.delay(&short, 1).as_secs(), 60, "never more than the longest");
        }
    }

    #[test]
    fn obstacles() {
        let check = |reply: &str, scope, expected| {
            let reply: Reply = reply.parse().unwrap();
            let status = reply.status().unwrap_or(EnhancedStatus::new(4, 0, 0));
            let problem = Problem::new(status, scope, "no");
            let problem = Problem { reply: Some(reply.clone()), ..problem };
            assert_eq!(Obstacle::of(&problem), expected, "{reply}");
        };
        check("450 4.7.1 come back later", Scope::Recipient, Obstacle::Greylisting);
        check("451 4.7.0 greylisted", Scope::Recipient, Obstacle::Greylisting);
        check("450 4.2.0 greylisted", Scope::Recipient, Obstacle::Greylisting);
        check("451 try again", Scope::Recipient, Obstacle::Greylisting);
        check("450 4.7.1 your host is not welcome now", Scope::Message, Obstacle::Other);
        check("451 4.3.0 failure", Scope::Recipient, Obstacle::Other);
        check("421 4.7.0 too much", Scope::Host, Obstacle::Other);
        check("452 4.2.2 full", Scope::Recipient, Obstacle::Full);
        check("450 4.2.2 full", Scope::Recipient, Obstacle::Full);
        check("452 4.3.1 no space", Scope::Message, Obstacle::Full);
        let names = Problem::new(EnhancedStatus::new(4, 4, 3), Scope::Host, "no answer");
        assert_eq!(Obstacle::of(&names), Obstacle::Names);
        let silence = Problem::new(EnhancedStatus::new(4, 4, 1), Scope::Host, "no answer");
        assert_eq!(Obstacle::of(&silence), Obstacle::Other);
    }

    #[test]
    fn a_clock_that_jumps_back_only_delays() {
        let queued_at = Timestamp::from_secs(1_000_000);
        let now = queued_at.minus(Duration::from_secs(86_400));
        let next = next_attempt(&Schedule::default(), Obstacle::Other, 1, queued_at, now, 7);
        assert!(minutes(next, now).is_some_and(|delay| delay <= 5));
    }

    #[test]
    fn seeds_spread() {
        let (schedule, at) = (Schedule::default(), Timestamp::from_secs(0));
        let mut all: Vec<_> = (0..64)
            .map(|seed| format!("{:?}", next_attempt(&schedule, Obstacle::Other, 3, at, at, seed)))
            .collect();
        all.sort();
        all.dedup();
        assert!(all.len() > 50, "{} different times of 64", all.len());
    }
}
