//! Commands that take long say that they are still at work, so that nobody gives up waiting
//! (RFC 9585).

use std::time::{Duration, Instant};

use agent_kit::Gone;

use crate::handler::Talk;

/// How often (RFC 9585 §4: every 10 to 15 seconds).
const EVERY: Duration = Duration::from_secs(12);

/// When the client heard last of a command.
#[derive(Debug)]
pub(crate) struct Progress {
    heard: Instant,
}

impl Progress {
    /// The command begins.
    pub(crate) fn begin() -> Self {
        Self { heard: Instant::now() }
    }

    /// Tells how many messages of how many are done, if it is time for that; ends when the client
    /// is gone. Call it often, and not within a response.
    pub(crate) async fn tell(
        &mut self,
        talk: &mut Talk<'_>,
        done: usize,
        goal: Option<usize>,
    ) -> Result<(), Gone> {
        if !self.is_due(Instant::now()) {
            return talk.checkpoint().await;
        }
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let (session, wire) = talk.parts();
        session.in_progress(wire, number(done), goal.map(number));
        talk.pause(Duration::ZERO).await
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.heard) >= EVERY;
        if due {
            self.heard = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_and_then() {
        let mut progress = Progress::begin();
        let start = progress.heard;
        let due: Vec<u64> = (0..40)
            .filter(|second| progress.is_due(start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(due, [12, 24, 36]);
    }
}
