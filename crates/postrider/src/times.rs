//! Points in time, for reading.

use jiff::{
    Timestamp as Instant,
    tz::{Offset, TimeZone},
};
use mail_types::Timestamp;
use mime_core::header::date::DateTime;

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

/// RFC 3339 in the zone in which it was written; `None` for what that cannot say, years before 0 and
/// after 9999. A zone of a day and more, which nobody has, becomes UTC.
pub(crate) fn with_offset(date: DateTime) -> Option<String> {
    let seconds = i32::from(date.offset_minutes).checked_mul(60)?;
    let seconds = if seconds.unsigned_abs() < 86_400 { seconds } else { 0 };
    let zone = TimeZone::fixed(Offset::from_seconds(seconds).ok()?);
    let zoned = Instant::from_millisecond(date.at.millis()).ok()?.to_zoned(zone);
    (0..=9999).contains(&zoned.year()).then(|| zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
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
    fn a_date_keeps_its_zone() {
        let check = |written: &str, expected: Option<&str>| {
            let date = DateTime::parse(written.as_bytes()).unwrap();
            assert_eq!(with_offset(date).as_deref(), expected, "{written}");
        };
        check("15 Jan 2008 16:02:43 -0530", Some("2008-01-15T16:02:43-05:30"));
        check("15 Jan 2008 16:02:43 GMT", Some("2008-01-15T16:02:43+00:00"));
        check("15 Jan 2008 16:02:43 +2400", Some("2008-01-14T16:02:43+00:00"));
        check("1 Jan 0000 00:00:00 +0100", Some("0000-01-01T00:00:00+01:00"));
        check("1 Jan 9999 00:00:00 -0100", Some("9999-01-01T00:00:00-01:00"));
    }

    #[test]
    fn renders_for_scripts() {
        assert_eq!(utc(Timestamp::from_millis(1_700_000_000_042)), "2023-11-14T22:13:20.042Z");
    }
}
