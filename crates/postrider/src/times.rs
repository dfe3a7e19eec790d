//! Points in time, for reading.

use jiff::{Timestamp as Instant, tz::TimeZone};
use mail_types::Timestamp;

/// For scripts: RFC 3339 in UTC, with milliseconds.
pub(crate) fn utc(time: Timestamp) -> String {
    match Instant::from_millisecond(time.millis()) {
        Ok(instant) => format!("{instant:.3}"),
        Err(_) => time.millis().to_string(),
    }
}

/// For people: in the time zone of this machine, to the second.
pub(crate) fn local(time: Timestamp) -> String {
    match Instant::from_millisecond(time.millis()) {
        Ok(instant) => {
            instant.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => time.millis().to_string(),
    }
}

/// How long something took, in as few characters as say it: `31ms`, `4.2s`, `12m 5s`, `3h 20m`,
/// `2d 1h`.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let millis = to.millis().saturating_sub(from.millis()).max(0);
    let (seconds, minutes, hours) = (millis / 1000, millis / 60_000, millis / 3_600_000);
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{seconds}.{}s", millis % 1000 / 100),
        60_000..3_600_000 => format!("{minutes}m {}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{}d {}h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let check = |millis: i64, expected: &str| {
            let from = Timestamp::from_millis(1_000);
            assert_eq!(span(from, Timestamp::from_millis(1_000 + millis)), expected);
        };
        check(31, "31ms");
        check(4_250, "4.2s");
        check(725_000, "12m 5s");
        check(12_000_000, "3h 20m");
        check(176_400_000, "2d 1h");
        // A clock that was set back.
        check(-5_000, "0ms");
    }

    #[test]
    fn renders_for_scripts() {
        assert_eq!(utc(Timestamp::from_millis(1_700_000_000_042)), "2023-11-14T22:13:20.042Z");
    }
}
