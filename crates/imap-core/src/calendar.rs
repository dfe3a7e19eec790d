//! Dates as IMAP writes them. Nothing here reads a clock or knows a time zone by name.

use std::fmt;

use mail_types::Timestamp;
use mime_core::header::date::{DateTime as ZonedTime, civil_midnight};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_A_DAY: i64 = 86_400;

/// A day of the Gregorian calendar (RFC 3501 §9 `date-text`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date {
    days: i64,
}

impl Date {
    /// A day that exists: none for the 30th of February.
    pub fn new(year: i64, month: u8, day: u8) -> Option<Self> {
        civil_midnight(year, month, day).map(Self::of)
    }

    /// The day, in UTC, of a moment.
    pub fn of(time: Timestamp) -> Self {
        Self { days: time.secs().div_euclid(SECONDS_A_DAY) }
    }

    /// Days since 1970-01-01; negative before.
    pub fn days(self) -> i64 {
        self.days
    }

    /// The moment in UTC at which the day begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(self.days.saturating_mul(SECONDS_A_DAY))
    }

    /// The month of a name such as `Jan`, in any case, from 1.
    pub(crate) fn month(name: &[u8]) -> Option<u8> {
        let place = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))?;
        u8::try_from(place + 1).ok()
    }
}

/// `date-time` without its quotes, in UTC (RFC 3501 §9): ` 1-Jan-1970 00:00:00 +0000`.
pub(crate) struct DateTime(pub(crate) Timestamp);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = ZonedTime { at: self.0, offset_minutes: 0 }.civil_date();
        let second = self.0.secs().rem_euclid(SECONDS_A_DAY);
        let month = MONTHS.get(usize::from(month).saturating_sub(1)).unwrap_or(&"Jan");
        // The grammar has four digits for the year.
        let year = year.clamp(0, 9999);
        let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{day:2}-{month}-{year:04} {hours:02}:{minutes:02}:{seconds:02} +0000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist() {
        assert_eq!(Date::new(1970, 1, 1).unwrap().days(), 0);
        assert_eq!(Date::new(1969, 12, 31).unwrap().days(), -1);
        assert_eq!(Date::new(2000, 2, 29).unwrap().days(), 11_016);
        assert_eq!(Date::new(2026, 11, 22).unwrap().start().secs(), 1_795_305_600);
        for (year, month, day) in
            [(1900, 2, 29), (2001, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)]
        {
            assert_eq!(Date::new(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn times_are_written_in_utc() {
        let render = |secs| DateTime(Timestamp::from_secs(secs)).to_string();
        assert_eq!(render(0), " 1-Jan-1970 00:00:00 +0000");
        // RFC 3501 §8: 17-Jul-1996 02:44:25 -0700.
        assert_eq!(render(837_596_665), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(render(-1), "31-Dec-1969 23:59:59 +0000");
    }
}
