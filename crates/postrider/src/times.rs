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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_for_scripts() {
        assert_eq!(utc(Timestamp::from_millis(1_700_000_000_042)), "2023-11-14T22:13:20.042Z");
    }
}
