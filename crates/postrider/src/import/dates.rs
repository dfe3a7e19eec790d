//! When a message was received, where its store does not say it otherwise.

use std::time::SystemTime;

use jiff::civil::DateTime as Civil;
use mail_types::Timestamp;
use mime_core::header::{date::DateTime, fields};

/// How much of a message is looked at for its header.
pub(super) const HEADER_MAX: usize = 64 * 1024;

/// The time that a file was changed.
pub(super) fn of_file(modified: std::io::Result<SystemTime>) -> Timestamp {
    let since = modified.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or_else(agent_kit::now, |since| {
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// The time in a message's Date field.
pub(super) fn of_header(head: &[u8]) -> Option<Timestamp> {
    let field = fields(head).find(|field| field.is("Date"))?;
    DateTime::parse(&field.unfolded()).map(|date| date.at)
}

/// The time in the line before a message of an mbox: `From alice@example.org Thu Jan  1 00:00:00
/// 1970`. Its zone is not written; it is taken as UTC.
pub(super) fn of_from_line(line: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let day = words.iter().position(|word| WEEKDAYS.contains(word))?;
    let [_, month, date, clock, rest @ ..] = words.get(day..)? else { return None };
    // Some write a zone before the year.
    let year =
        rest.iter().find(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()))?;
    let clock =
        if clock.matches(':').count() == 1 { format!("{clock}:00") } else { (*clock).to_owned() };
    let text = format!("{month} {date} {clock} {year}");
    let civil = Civil::strptime("%b %d %H:%M:%S %Y", text).ok()?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_messages() {
        let secs = |line: &str| of_from_line(line.as_bytes()).map(Timestamp::secs);
        assert_eq!(secs("From a@b Thu Jan  1 00:00:07 1970"), Some(7));
        assert_eq!(secs("From a@b  Thu Jan 01 00:01 1970"), Some(60));
        assert_eq!(secs("From MAILER-DAEMON Thu Jan  1 00:00:00 +0000 1970"), Some(0));
        assert_eq!(secs("From here on"), None);
    }
}
