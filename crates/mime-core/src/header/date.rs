//! Dates (RFC 5322 §3.3, obsolete forms of §4.3), and the broken ones of real mail.
//!
//! Words are told apart by what they look like, not by where they stand: so one reader serves
//! RFC 5322, `asctime`, ISO 8601 and their mixtures.

use mail_types::Timestamp;

/// A date as a header states it: the moment, and the zone it was written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    /// The moment.
    pub at: Timestamp,
    /// East of UTC, in minutes.
    pub offset_minutes: i16,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const SECONDS_A_DAY: i64 = 86_400;
/// Longer values are no dates.
const OCTETS_MAX: usize = 200;

impl DateTime {
    /// Parses a Date field's value; broken ones as well as can be, `None` if day, month, year or
    /// hour cannot be made out. A missing or unknown zone is UTC (RFC 5322 §4.3).
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > OCTETS_MAX {
            return None;
        }
        let mut found = Found::default();
        let text = without_comments(value);
        for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',') {
            found.word(word);
        }
        found.finish()
    }

    /// `Tue, 15 Jan 2008 16:02:43 -0500`.
    pub fn render(self) -> String {
        let local = self.local_secs();
        let (year, month, day) = civil_from_days(local.div_euclid(SECONDS_A_DAY));
        let weekday = pick(&DAYS, local.div_euclid(SECONDS_A_DAY).rem_euclid(7));
        let month = pick(&MONTHS, i64::from(month).saturating_sub(1));
        let second = local.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let offset = self.offset_minutes.unsigned_abs();
        format!(
            "{weekday}, {day} {month} {year:04} {hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}",
            offset / 60,
            offset % 60
        )
    }

    /// The date in its own zone, as (year, month, day): what SENTON and its like compare
    /// (RFC 9051 §6.4.4 disregards time and zone).
    pub fn civil_date(self) -> (i64, u8, u8) {
        civil_from_days(self.local_secs().div_euclid(SECONDS_A_DAY))
    }

    fn local_secs(self) -> i64 {
        self.at.secs().saturating_add(i64::from(self.offset_minutes).saturating_mul(60))
    }
}

/// The Timestamp of a civil date's beginning in UTC; `None` if there is no such day.
pub fn civil_midnight(year: i64, month: u8, day: u8) -> Option<Timestamp> {
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day))
        .then(|| Timestamp::from_secs(days.saturating_mul(SECONDS_A_DAY)))
}

/// What the words have said so far; the first of each kind holds.
#[derive(Default)]
struct Found {
    day: Option<u8>,
    month: Option<u8>,
    year: Option<i64>,
    time: Option<(i64, i64, i64)>,
    afternoon: Option<bool>,
    zone: Option<i16>,
}

impl Found {
    fn word(&mut self, word: &str) {
        let Some(first) = word.chars().next() else { return };
        if let (Some((date, time)), true) = (word.split_once('T'), first.is_ascii_digit()) {
            // ISO 8601: 2008-01-15T16:02:43-05:00
            self.word(date);
            self.time_and_zone(time);
        } else if matches!(first, '+' | '-') {
            self.numeric_zone(word);
        } else if word.contains(':') {
            self.time_and_zone(word);
        } else if first.is_ascii_alphabetic() {
            self.name(word);
        } else if word.contains(['-', '/', '.']) {
            self.joined(word);
        } else {
            self.number(word);
        }
    }

    /// `16:02:43`, perhaps with a zone right behind it.
    fn time_and_zone(&mut self, word: &str) {
        let end = word
            .find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'))
            .unwrap_or(word.len());
        let (time, zone) = word.split_at_checked(end).unwrap_or((word, ""));
        if self.time.is_none() {
            self.time = parse_time(time);
        }
        if zone.starts_with(['+', '-']) {
            self.numeric_zone(zone);
        } else if !zone.is_empty() {
            self.name(zone);
        }
    }

    /// `-0500`, `+05:30`, `-5`.
    fn numeric_zone(&mut self, word: &str) {
        let (sign, digits) = match word.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, word.strip_prefix('+').unwrap_or(word)),
        };
        let digits: String = digits.chars().filter(|c| *c != ':').collect();
        if self.zone.is_some() || !digits.chars().all(|c| c.is_ascii_digit()) {
            return;
        }
        let Ok(number) = digits.parse::<i16>() else { return };
        let (hours, minutes) =
            if digits.len() <= 2 { (number, 0) } else { (number / 100, number % 100) };
        if hours <= 24 && minutes < 60 {
            self.zone =
                hours.checked_mul(60).and_then(|h| h.checked_add(minutes)?.checked_mul(sign));
        }
    }

    /// A month, a zone, or something that does not matter, such as the day of the week.
    fn name(&mut self, word: &str) {
        let three = word.get(..3).unwrap_or(word);
        let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(three));
        if let (Some(index), None) = (month, self.month) {
            self.month = u8::try_from(index).ok().and_then(|index| index.checked_add(1));
        } else if word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm") {
            self.afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if let (Some(offset), None) = (named_zone(word), self.zone) {
            self.zone = Some(offset);
        } else if let Some((_, offset)) = word.split_once(['+', '-']) {
            // GMT+0900, UTC-5
            self.numeric_zone(
                word.get(word.len().saturating_sub(offset.len()).saturating_sub(1)..).unwrap_or(""),
            );
        }
    }

    /// `15-Jan-2008`, `2008-01-15`, `2008/01/15`.
    fn joined(&mut self, word: &str) {
        let parts: Vec<&str> =
            word.split(['-', '/', '.']).filter(|part| !part.is_empty()).collect();
        let [first, second, third] = parts.as_slice() else {
            parts.iter().for_each(|part| self.word(part));
            return;
        };
        let Ok(month) = second.parse::<u8>() else {
            parts.iter().for_each(|part| self.word(part));
            return;
        };
        let (year, day) = if first.len() == 4 { (first, third) } else { (third, first) };
        if self.day.is_none() && self.month.is_none() {
            self.day = day.parse().ok();
            self.month = Some(month);
            self.number(year);
        }
    }

    fn number(&mut self, word: &str) {
        if word.len() > 4 || !word.chars().all(|c| c.is_ascii_digit()) {
            return;
        }
        let Ok(number) = word.parse::<u16>() else { return };
        if word.len() <= 2 && self.day.is_none() {
            self.day = u8::try_from(number).ok();
        } else if self.year.is_none() {
            // RFC 5322 §4.3: two and three digits count from 1900 or 2000.
            let year = i64::from(number);
            self.year = Some(match (word.len(), number) {
                (1 | 2, 0..=49) => year.saturating_add(2000),
                (1..=3, _) => year.saturating_add(1900),
                _ => year,
            });
        }
    }

    fn finish(self) -> Option<DateTime> {
        let midnight = civil_midnight(self.year?, self.month?, self.day?)?;
        let (hour, minute, second) = self.time?;
        let hour = match self.afternoon {
            Some(true) if hour < 12 => hour.saturating_add(12),
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        let offset_minutes = self.zone.unwrap_or(0);
        let secs = midnight
            .secs()
            .saturating_add(hour.saturating_mul(3600))
            .saturating_add(minute.saturating_mul(60))
            .saturating_add(second)
            .saturating_sub(i64::from(offset_minutes).saturating_mul(60));
        Some(DateTime { at: Timestamp::from_secs(secs), offset_minutes })
    }
}

/// `16:02`, `16:02:43`, `16:02:43.5`; 60 is a leap second and becomes the next minute's first.
fn parse_time(text: &str) -> Option<(i64, i64, i64)> {
    let mut numbers = text.split(':').map(|part| {
        let whole = part.split_once('.').map_or(part, |(whole, _)| whole);
        if whole.len() > 2 { None } else { whole.parse::<i64>().ok() }
    });
    let hour = numbers.next()??;
    let minute = numbers.next()??;
    let second = match numbers.next() {
        Some(second) => second?,
        None => 0,
    };
    (hour < 24 && minute < 60 && second <= 60 && numbers.next().is_none())
        .then_some((hour, minute, second))
}

/// Zones of RFC 5322 §4.3, and a few that are common. Military letters other than Z are taken as
/// UTC, because much software wrote them wrongly.
fn named_zone(word: &str) -> Option<i16> {
    let hours = match word.to_ascii_uppercase().as_str() {
        "UT" | "UTC" | "GMT" | "Z" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "CET" | "MET" | "BST" => 1,
        "CEST" | "MEST" | "EET" => 2,
        "EEST" | "MSK" => 3,
        "KST" | "JST" => 9,
        letter if letter.len() == 1 => 0,
        _ => return None,
    };
    Some(hours * 60)
}

/// The text without comments, which stand for white space, and without white space around colons
/// (RFC 5322 §4.3, obs-hour and its like).
fn without_comments(value: &[u8]) -> String {
    let mut depth = 0_usize;
    let mut text = String::with_capacity(value.len());
    for octet in value {
        let octet = match octet {
            b'(' => {
                depth = depth.saturating_add(1);
                b' '
            }
            b')' => {
                depth = depth.saturating_sub(1);
                b' '
            }
            _ if depth > 0 => continue,
            _ if octet.is_ascii() => *octet,
            _ => b' ',
        };
        if octet == b':' {
            text.truncate(text.trim_ascii_end().len());
        } else if octet.is_ascii_whitespace() && text.ends_with(':') {
            continue;
        }
        text.push(char::from(octet));
    }
    text
}

fn pick<'a>(names: &[&'a str], index: i64) -> &'a str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or("")
}

/// Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that the leap
/// day is a year's last.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let (year, month) = if month > 2 {
        (year, i64::from(month) - 3)
    } else {
        (year.saturating_sub(1), i64::from(month) + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year.saturating_mul(365) + leap_days + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = u8::try_from(day_of_year - (153 * month + 2) / 5 + 1).unwrap_or(1);
    let month = u8::try_from(if month < 10 { month + 3 } else { month - 9 }).unwrap_or(1);
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let rendered = DateTime::parse(value.as_bytes()).map(DateTime::render);
        assert_eq!(rendered.as_deref(), expected, "{value:?}");
    }

    #[test]
    fn rfc_5322_appendix_a() {
        check("Fri, 21 Nov 1997 09:55:06 -0600", Some("Fri, 21 Nov 1997 09:55:06 -0600"));
        check("Tue, 1 Jul 2003 10:52:37 +0200", Some("Tue, 1 Jul 2003 10:52:37 +0200"));
        let folded = "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)";
        check(folded, Some("Thu, 13 Feb 1969 23:32:00 -0330"));
        check("21 Nov 97 09:55:06 GMT", Some("Fri, 21 Nov 1997 09:55:06 +0000"));
        let spaced = "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600";
        check(spaced, Some("Fri, 21 Nov 1997 09:55:06 -0600"));
    }

    #[test]
    fn obsolete_zones_and_years() {
        check("1 Jan 03 00:00 EST", Some("Wed, 1 Jan 2003 00:00:00 -0500"));
        check("1 Jan 103 00:00 PDT", Some("Wed, 1 Jan 2003 00:00:00 -0700"));
        check("1 Jan 2003 00:00 Q", Some("Wed, 1 Jan 2003 00:00:00 +0000"));
        check("1 Jan 2003 00:00 Z", Some("Wed, 1 Jan 2003 00:00:00 +0000"));
        check("1 Jan 2003 00:00", Some("Wed, 1 Jan 2003 00:00:00 +0000"));
        check("1 Jan 2003 00:00 XYZ", Some("Wed, 1 Jan 2003 00:00:00 +0000"));
    }

    #[test]
    fn seen_in_real_mail() {
        check("Fri, 21 Nov(a)1997(b)09:55 GMT", Some("Fri, 21 Nov 1997 09:55:00 +0000"));
        check("Tue, 15 January 2008 16:02:43 -0500", Some("Tue, 15 Jan 2008 16:02:43 -0500"));
        check("Tue Jan 15 16:02:43 2008", Some("Tue, 15 Jan 2008 16:02:43 +0000"));
        check("Tue Jan 15 16:02:43 KST 2008", Some("Tue, 15 Jan 2008 16:02:43 +0900"));
        check("2008-01-15T16:02:43.25Z", Some("Tue, 15 Jan 2008 16:02:43 +0000"));
        check("2008-01-15T16:02:43+05:30", Some("Tue, 15 Jan 2008 16:02:43 +0530"));
        check("2008-01-15 16:02:43", Some("Tue, 15 Jan 2008 16:02:43 +0000"));
        check("15-Jan-2008 16:02:43 +0000", Some("Tue, 15 Jan 2008 16:02:43 +0000"));
        check("Tue, 15 Jan 2008 4:02:43 PM -0500", Some("Tue, 15 Jan 2008 16:02:43 -0500"));
        check("Tue, 15 Jan 2008 16:02:43 GMT+0900", Some("Tue, 15 Jan 2008 16:02:43 +0900"));
        check("Tue,15 Jan 2008 16:02:43-0500", Some("Tue, 15 Jan 2008 16:02:43 -0500"));
    }

    #[test]
    fn no_dates() {
        for bad in [
            "",
            "yesterday",
            "31 Feb 2008 10:00",
            "0 Jan 2008 10:00",
            "15 Jan 2008",
            "15 Jan 2008 25:00",
        ] {
            check(bad, None);
        }
        check(&"1 Jan 2008 00:00 ".repeat(100), None);
    }

    #[test]
    fn civil_dates_disregard_the_zone() {
        let date = DateTime::parse(b"1 Jan 2008 00:30 +0900").unwrap();
        assert_eq!(date.civil_date(), (2008, 1, 1));
        assert_eq!(date.at.secs(), 1_199_115_000);
        assert_eq!(civil_midnight(1970, 1, 1), Some(Timestamp::from_secs(0)));
        assert_eq!(civil_midnight(2000, 2, 30), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_rendered_parses_to_the_same(secs in -62_000_000_000_i64..250_000_000_000, offset in -1439_i16..1440) {
            let date = DateTime { at: Timestamp::from_secs(secs), offset_minutes: offset };
            proptest::prop_assert_eq!(DateTime::parse(date.render().as_bytes()), Some(date));
        }

        #[test]
        fn nothing_panics(value in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            let _ = DateTime::parse(&value);
        }

        #[test]
        fn nothing_that_looks_like_a_date_panics(value in "[0-9A-Za-z:,()+./ -]{0,60}") {
            let _ = DateTime::parse(value.as_bytes());
        }
    }
}
