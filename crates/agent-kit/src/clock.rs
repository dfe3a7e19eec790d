//! The one place that reads the wall clock.

use std::time::SystemTime;

use mail_types::Timestamp;

/// The time of day, for everything below that takes it as an argument.
pub fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
