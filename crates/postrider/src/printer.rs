//! What people and scripts read: the only place that writes to standard output and standard error.

use std::{
    io::{self, Write},
    process,
};

use serde::Serialize;

use crate::terminal;

/// Writes a line to standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    write(&mut io::stdout().lock(), text.as_ref());
}

/// Writes what is no result but should be known, to standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    write(&mut io::stderr().lock(), &format!("postrider: {}", text.as_ref()));
}

/// Writes a line of what is only to be seen, to standard error: it may be part of a table.
pub(crate) fn note_line(text: &str) {
    write(&mut io::stderr().lock(), text);
}

/// Writes an error with its causes, in one line.
pub(crate) fn error(error: &anyhow::Error) {
    note(in_one_line(error));
}

/// An error with its causes; those that it names in its own words are not repeated.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line += ": ";
            line += &cause;
        }
    }
    line
}

/// Writes a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(json_text(value)?);
    Ok(())
}

/// A value as JSON. Characters that a terminal obeys are escaped, which JSON allows for any in a
/// string (RFC 8259 §7): they stand nowhere else.
pub(crate) fn json_text(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    if !text.contains(|c: char| c != '\n' && terminal::is_hidden(c)) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !terminal::is_hidden(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped += &format!("\\u{unit:04x}");
        }
    }
    Ok(escaped)
}

/// Writes a text that ends its lines itself.
pub(crate) fn text(text: &str) {
    octets(text.as_bytes());
}

/// Writes octets as they are.
pub(crate) fn octets(octets: &[u8]) {
    let mut out = io::stdout().lock();
    if out.write_all(octets).and_then(|()| out.flush()).is_err() {
        process::exit(1);
    }
}

/// A number with its noun, which has a plural in s: `1 domain`, `2 domains`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A number of octets in few characters: `812 B`, `4.2 KiB`, `31 MiB`.
pub(crate) fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut whole, mut tenths) = (octets, 0);
    let mut unit = "B";
    for next in UNITS {
        if whole < 1024 {
            break;
        }
        tenths = (whole % 1024) * 10 / 1024;
        (whole, unit) = (whole / 1024, next);
    }
    if unit == "B" || whole >= 10 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenths} {unit}")
    }
}

/// Writes rows under a header, in columns; only a hint that there is nothing if so.
pub(crate) fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    if_empty: &str,
) {
    if rows.is_empty() {
        return note(if_empty);
    }
    for text in columns(Some(header), rows) {
        line(text);
    }
}

/// The lines of a table.
pub(crate) fn columns<const COLUMNS: usize>(
    header: Option<[&str; COLUMNS]>,
    rows: &[[String; COLUMNS]],
) -> Vec<String> {
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    let rows: Vec<[&str; COLUMNS]> = header.into_iter().chain(rows).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(terminal::width(cell));
        }
    }
    let render = |cells: &[&str; COLUMNS]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| terminal::padded(cell, width));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(render).collect()
}

fn write(to: &mut impl Write, text: &str) {
    // Who no longer reads (`| head`) needs no error either.
    if writeln!(to, "{text}").and_then(|()| to.flush()).is_err() {
        process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn causes_are_said_once() {
        let error = anyhow::anyhow!("no such file");
        let error = error.context("cannot read x: no such file").context("imap-server");
        assert_eq!(super::in_one_line(&error), "imap-server: cannot read x: no such file");
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys() {
        let text = "a\u{9b}b\u{202e}\u{e0041}\u{7f}\u{1b}가\n";
        let json = super::json_text(&[text]).unwrap();
        assert_eq!(json, "[\n  \"a\\u009bb\\u202e\\udb40\\udc41\\u007f\\u001b가\\n\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }

    #[test]
    fn sizes_are_short() {
        let check = |octets: u64, expected: &str| assert_eq!(super::size(octets), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(4300, "4.1 KiB");
        check(10 * 1024 * 1024, "10 MiB");
        check(u64::MAX, "16777215 TiB");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(super::count(1_usize, "domain"), "1 domain");
        assert_eq!(super::count(0_u64, "recipient"), "0 recipients");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["alice@postrider.test".to_owned(), "1 MB".to_owned()]];
        assert_eq!(
            super::columns(Some(["account", "size"]), &rows),
            ["account               size", "alice@postrider.test  1 MB"]
        );
    }
}
