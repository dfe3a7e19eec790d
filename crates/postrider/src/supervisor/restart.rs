//! When an agent that has died is started again.

use std::time::Duration;

/// The pause after the first death.
const FIRST: Duration = Duration::from_millis(100);
/// An agent that has lived so long has got over its trouble.
const RECOVERED: Duration = Duration::from_secs(30);

/// Pauses that grow while an agent keeps dying.
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(super) fn new(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// The pause after a life of this length.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= RECOVERED {
            self.next = FIRST;
        }
        let pause = self.next.min(self.longest);
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again_after_a_long_life() {
        let mut pauses = Pauses::new(Duration::from_millis(500));
        let lives_and_pauses =
            [(0, 100), (1, 200), (0, 400), (29, 500), (0, 500), (30, 100), (0, 200)];
        for (lived_s, pause_ms) in lives_and_pauses {
            let pause = pauses.after(Duration::from_secs(lived_s));
            assert_eq!(pause, Duration::from_millis(pause_ms));
        }
    }
}
