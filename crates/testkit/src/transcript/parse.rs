//! A transcript's text as a list of entries.

use std::time::Duration;

use super::{Side, escape};

/// One line of the file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its number, from 1.
    pub(crate) line: usize,
    /// As it stands there.
    pub(crate) text: String,
    /// The connection it speaks of, from 1.
    pub(crate) connection: usize,
    /// What it means.
    pub(crate) kind: Kind,
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Comment,
    Given(String),
    Client(Vec<u8>),
    Server(Vec<u8>),
    Answer(String),
    Event(Event),
    Close,
}

/// What happens besides bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Clock(Duration),
    Tls,
    Deflate,
    News,
    Shutdown,
    Wait,
}

/// Parses a file; the error is a line number and what is wrong with it.
pub(crate) fn entries(text: &str, machine: Side) -> Result<Vec<Entry>, (usize, String)> {
    text.lines()
        .enumerate()
        .map(|(place, text)| {
            let line = place + 1;
            let (connection, kind) = entry(text, machine).map_err(|error| (line, error))?;
            Ok(Entry { line, text: text.to_owned(), connection, kind })
        })
        .collect()
}

fn entry(text: &str, machine: Side) -> Result<(usize, Kind), String> {
    if text.trim().is_empty() || text.starts_with('#') {
        return Ok((1, Kind::Comment));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let connection = if number.is_empty() { Ok(1) } else { number.parse() };
    let connection = connection.ok().filter(|n| *n > 0).ok_or("connections count from 1")?;
    // From here on the machine is the server, whatever it is in the file.
    let kind = match kind(rest)? {
        Kind::Client(bytes) if machine == Side::Client => Kind::Server(bytes),
        Kind::Server(bytes) if machine == Side::Client => Kind::Client(bytes),
        kind => kind,
    };
    Ok((connection, kind))
}

fn kind(text: &str) -> Result<Kind, String> {
    let after =
        |prefix: &str| text.strip_prefix(prefix).map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
    if let Some(line) = after("C:") {
        return escape::decode(line).map(Kind::Client);
    }
    if let Some(line) = after("S:") {
        return escape::decode(line).map(Kind::Server);
    }
    if let Some(words) = after("A:") {
        return Ok(Kind::Answer(words.trim().to_owned()));
    }
    if let Some(words) = after("@given") {
        return Ok(Kind::Given(words.trim().to_owned()));
    }
    if let Some(time) = after("@clock") {
        return duration(time.trim()).map(|time| Kind::Event(Event::Clock(time)));
    }
    Ok(match text.trim_end() {
        "@tls" => Kind::Event(Event::Tls),
        "@deflate" => Kind::Event(Event::Deflate),
        "@news" => Kind::Event(Event::News),
        "@shutdown" => Kind::Event(Event::Shutdown),
        "@wait" => Kind::Event(Event::Wait),
        "@close" => Kind::Close,
        _ => return Err(format!("no such line: {text}")),
    })
}

/// `+5m` and the like.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("a time reads like +5m, not {text:?}");
    let digits = text.strip_prefix('+').ok_or_else(bad)?;
    let unit = digits.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = digits.split_at(unit);
    let number: u64 = number.parse().map_err(|_| bad())?;
    Ok(match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        _ => return Err(bad()),
    })
}
