//! Whether the clock can be believed when what is old is removed.
//!
//! A clock that is far ahead, before the machine has asked for the time, would end everybody's
//! window at once. So the time of the last look is kept in the mail folder, and a look whose clock
//! went ahead by more than it can have removes nothing. From then on the clock must go on steadily
//! for a day before it is believed.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use mail_types::Timestamp;
use stable_storage::{Files, on_blocking_thread};

/// The file's name in the mail folder.
const FILE: &str = "last-look";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A reading of both clocks at once.
#[derive(Clone, Copy, Debug)]
struct Moment {
    wall: Timestamp,
    steady: Instant,
}

/// What is known of the clock.
#[derive(Debug)]
pub(crate) struct LastLook {
    path: PathBuf,
    /// The last look of this process whose time was believed.
    believed: Option<Moment>,
    /// Since when the clock is doubted, and what it said then.
    doubted: Option<Moment>,
}

impl LastLook {
    pub(crate) fn in_folder(mail: &std::path::Path) -> Self {
        Self { path: mail.join(FILE), believed: None, doubted: None }
    }

    /// Whether what is old may be removed now; keeps this time for the next look if so.
    pub(crate) async fn is_believed(&mut self, wall: Timestamp) -> std::io::Result<bool> {
        let path = self.path.clone();
        let kept = on_blocking_thread(move || Files::real().read(&path)).await?;
        let kept = kept.and_then(|kept| String::from_utf8(kept).ok()?.trim().parse().ok());
        let now = Moment { wall, steady: Instant::now() };
        if !self.believes(kept.map(Timestamp::from_secs), now) {
            return Ok(false);
        }
        let (path, text) = (self.path.clone(), format!("{}\n", wall.secs()));
        on_blocking_thread(move || Files::real().replace(&path, text.as_bytes())).await?;
        Ok(true)
    }

    fn believes(&mut self, kept: Option<Timestamp>, now: Moment) -> bool {
        let latest = match (self.believed, kept) {
            (Some(last), _) => Some(after(last, now).plus(DAY)),
            // How long the machine was off, nobody knows.
            (None, Some(kept)) => Some(kept.plus(2 * DAY)),
            (None, None) => None,
        };
        let is_late = latest.is_some_and(|latest| now.wall > latest);
        let is_steady = |since: Moment| {
            let expected = after(since, now);
            now.steady.saturating_duration_since(since.steady) >= DAY
                && now.wall <= expected.plus(DAY)
        };
        if is_late && !self.doubted.is_some_and(is_steady) {
            // A clock that jumps again begins its day anew.
            let jumped = |since: Moment| now.wall > after(since, now).plus(DAY);
            if self.doubted.is_none_or(jumped) {
                self.doubted = Some(now);
            }
            return false;
        }
        (self.believed, self.doubted) = (Some(now), None);
        true
    }
}

/// What a clock says now that said that.
fn after(then: Moment, now: Moment) -> Timestamp {
    then.wall.plus(now.steady.saturating_duration_since(then.steady))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn a_clock_that_went_ahead_is_believed_after_a_steady_day() {
        let start = Instant::now();
        let at = |wall, hours| Moment { wall, steady: start + hours * HOUR };
        let mut look = LastLook::in_folder(std::path::Path::new("/"));
        assert!(look.believes(None, at(NOW, 0)), "nothing to compare with");
        assert!(look.believes(None, at(NOW.plus(HOUR), 1)));
        let ahead = NOW.plus(365 * DAY);
        assert!(!look.believes(None, at(ahead, 2)));
        assert!(!look.believes(None, at(ahead.plus(HOUR), 3)));
        assert!(look.believes(None, at(NOW.plus(4 * HOUR), 4)), "it was set right");
        assert!(!look.believes(None, at(ahead, 5)));
        assert!(!look.believes(None, at(ahead.plus(2 * DAY), 6)), "it jumped once more");
        assert!(!look.believes(None, at(ahead.plus(2 * DAY + 23 * HOUR), 29)));
        assert!(look.believes(None, at(ahead.plus(3 * DAY), 30)));
    }

    #[tokio::test]
    async fn the_last_time_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        for (wall, expected) in [
            (NOW, true),
            (NOW.plus(DAY), true),
            (NOW.plus(4 * DAY), false),
            (NOW.plus(2 * DAY), true),
            (NOW.minus(9 * DAY), true),
        ] {
            let mut look = LastLook::in_folder(folder.path());
            assert_eq!(look.is_believed(wall).await.unwrap(), expected, "{wall:?}");
        }
    }
}
