//! What people and scripts read: the only place that writes to standard output and standard error.

use std::{
    io::{self, Write},
    process,
};

use serde::Serialize;

/// Writes a line to standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    write(&mut io::stdout().lock(), text.as_ref());
}

/// Writes what is no result but should be known, to standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    write(&mut io::stderr().lock(), &format!("postrider: {}", text.as_ref()));
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
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes bytes as they are.
pub(crate) fn bytes(from: &mut impl io::Read) -> anyhow::Result<()> {
    io::copy(from, &mut io::stdout().lock())?;
    Ok(())
}

/// A number with its noun, which has a plural in s: `1 domain`, `2 domains`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
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
    for text in columns(header, rows) {
        line(text);
    }
}

fn columns<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> Vec<String> {
    let mut widths = header.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: [&str; COLUMNS]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| render(row.each_ref().map(String::as_str)));
    std::iter::once(render(header)).chain(rows).collect()
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
    fn numbers_agree_with_their_nouns() {
        assert_eq!(super::count(1_usize, "domain"), "1 domain");
        assert_eq!(super::count(0_u64, "recipient"), "0 recipients");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["alice@postrider.test".to_owned(), "1 MB".to_owned()]];
        assert_eq!(
            super::columns(["account", "size"], &rows),
            ["account               size", "alice@postrider.test  1 MB"]
        );
    }
}
