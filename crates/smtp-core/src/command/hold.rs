//! HOLDFOR and HOLDUNTIL: a message that is not to leave yet.

use std::fmt;

use mail_types::Timestamp;

/// The request to hold a message back (RFC 4865 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// For so many seconds from now.
    For(u32),
    /// Until this time.
    Until {
        /// The time.
        at: Timestamp,
        /// As it was written.
        text: Box<str>,
    },
}

impl Hold {
    /// `future-release-integer = %x31-39 *8DIGIT` (RFC 4865 §3), in seconds.
    pub fn parse_for(value: &str) -> Option<Self> {
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let fits = matches!(value.len(), 1..=9) && !value.starts_with('0');
        (digits && fits).then(|| value.parse().ok().map(Self::For))?
    }

    /// `future-release-date-time = Internet-style-date-time-UTC` (RFC 4865 §3).
    pub fn parse_until(value: &str) -> Option<Self> {
        let at = parse_date_time(value)?;
        Some(Self::Until { at, text: value.into() })
    }

    /// The time at which the message may leave, when MAIL came at `now`.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::For(seconds) => now.plus(std::time::Duration::from_secs(u64::from(*seconds))),
            Self::Until { at, .. } => *at,
        }
    }
}

/// As the field Future-Release-Request repeats it (RFC 4865 §5.1.2).
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(seconds) => write!(f, "for;{seconds}"),
            Self::Until { text, .. } => write!(f, "until;{text}"),
        }
    }
}

/// `date-time` of RFC 3339 §5.6 in UTC: `Z`, or an offset of nothing.
fn parse_date_time(text: &str) -> Option<Timestamp> {
    let upper = text.to_ascii_uppercase();
    let local = ["Z", "+00:00", "-00:00"].iter().find_map(|zone| upper.strip_suffix(zone))?;
    let (date, time) = local.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    // RFC 3339 §5.7: 60 is a leap second.
    if !fraction || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    Some(Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// A time as `date-time` in UTC, to the second.
pub(crate) fn render_date_time(at: Timestamp) -> String {
    let (days, seconds) = (at.secs().div_euclid(86_400), at.secs().rem_euclid(86_400));
    // The inverse of `days_since_1970`: eras of 400 years, which have the same number of days.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year_of_era + next;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Three numbers of so many digits each, with this between them.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut next = |digits: usize| {
        let part = parts.next()?;
        let whole = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if whole { part.parse().ok() } else { None }
    };
    let [first, second, third] = digits;
    let all = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(all)
}

/// Days of the Gregorian calendar, counted in years that begin in March, so that a leap day is the
/// last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 1 March of the year 0 and 1970.
    Some(before + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_intervals() {
        assert_eq!(Hold::parse_for("1"), Some(Hold::For(1)));
        assert_eq!(Hold::parse_for("999999999"), Some(Hold::For(999_999_999)));
        for bad in ["", "0", "01", "-1", "+1", "1000000000", "1s"] {
            assert_eq!(Hold::parse_for(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_times() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:34:56Z", Some(951_827_696)),
            ("2027-01-01t00:00:00.25z", Some(1_798_761_600)),
            ("2027-12-31T23:59:60+00:00", Some(1_830_297_600)),
            ("2100-02-29T00:00:00Z", None),
            ("2027-13-01T00:00:00Z", None),
            ("2027-00-01T00:00:00Z", None),
            ("2027-01-01T24:00:00Z", None),
            ("2027-01-01T00:00:00+01:00", None),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01 00:00:00Z", None),
            ("2027-1-1T00:00:00Z", None),
            ("2027-01-01T00:00:00.Z", None),
            ("2027-01-01T00:00Z", None),
        ];
        for (text, expected) in cases {
            let now = Timestamp::from_secs(0);
            let seen = Hold::parse_until(text).map(|hold| hold.until(now).secs());
            assert_eq!(seen, expected, "{text}: RFC 3339 §5.6");
        }
    }

    #[test]
    fn what_is_rendered_is_read() {
        for seconds in (0..4_000_000_000_i64).step_by(9_999_991) {
            let text = render_date_time(Timestamp::from_secs(seconds));
            let read = parse_date_time(&text).map(Timestamp::secs);
            assert_eq!(read, Some(seconds), "{text}");
        }
    }

    #[test]
    fn is_repeated_as_it_was() {
        let of = |hold: Option<Hold>| hold.map(|hold| hold.to_string());
        assert_eq!(of(Hold::parse_for("3600")).as_deref(), Some("for;3600"), "RFC 4865 §5.1.2");
        let until = of(Hold::parse_until("2027-01-01T00:00:00Z"));
        assert_eq!(until.as_deref(), Some("until;2027-01-01T00:00:00Z"));
        let later = Hold::For(60).until(Timestamp::from_secs(10));
        assert_eq!(later.secs(), 70);
    }
}
