//! Dates as IMAP writes them. Nothing here reads a clock or knows a time zone by name.

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

/// Appends `date-time` without its quotes, in UTC (RFC 3501 §9): ` 1-Jan-1970 00:00:00 +0000`.
pub(crate) fn date_time(out: &mut Vec<u8>, time: Timestamp) {
    let (year, month, day) = ZonedTime { at: time, offset_minutes: 0 }.civil_date();
    let second = time.secs().rem_euclid(SECONDS_A_DAY);
    let month = MONTHS.get(usize::from(month).saturating_sub(1)).unwrap_or(&"Jan");
    let begin = out.len();
    digits::<2>(out, day.into());
    if let Some(zero @ b'0') = out.get_mut(begin) {
        *zero = b' ';
    }
    out.push(b'-');
    out.extend_from_slice(month.as_bytes());
    out.push(b'-');
    // The grammar has four digits for the year.
    digits::<4>(out, year.clamp(0, 9999));
    for (before, value) in [(b' ', second / 3600), (b':', second / 60 % 60), (b':', second % 60)] {
        out.push(before);
        digits::<2>(out, value);
    }
    out.extend_from_slice(b" +0000");
}

/// The last digits of a number that is not negative.
fn digits<const N: usize>(out: &mut Vec<u8>, mut number: i64) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    out.extend_from_slice(&text);
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
        let render = |secs| {
            let mut out = Vec::new();
            date_time(&mut out, Timestamp::from_secs(secs));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(render(0), " 1-Jan-1970 00:00:00 +0000");
        // RFC 3501 §8: 17-Jul-1996 02:44:25 -0700.
        assert_eq!(render(837_596_665), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(render(-1), "31-Dec-1969 23:59:59 +0000");
    }
}
