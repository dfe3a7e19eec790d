//! mbox files, with the quoting of "mboxrd": each line of a message that begins with `From `, or with that
//! behind some `>`, gets one `>` more. Line ends become LF, as it is usual there.

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use jiff::Timestamp as Instant;
use mail_store::MessageRow;
use mail_types::{Flag, FlagSet};

/// A file that messages are written to.
pub(super) struct File {
    file: BufWriter<fs::File>,
}

impl File {
    /// Makes it; a file of this name stays as it is, and is an error.
    pub(super) fn make(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let file = fs::File::create_new(path);
        let file = file.with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file) })
    }

    pub(super) fn write(&mut self, row: &MessageRow, octets: &[u8]) -> io::Result<()> {
        let instant = Instant::from_millisecond(row.internal_date.millis());
        let date = instant.unwrap_or(Instant::UNIX_EPOCH).strftime("%a %b %e %H:%M:%S %Y");
        write!(self.file, "From MAILER-DAEMON {date}\n{}", status(&row.flags))?;
        let mut rest = octets;
        while !rest.is_empty() {
            let end = rest.iter().position(|o| *o == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, behind) = rest.split_at(end);
            rest = behind;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if is_like_from(line) {
                self.file.write_all(b">")?;
            }
            self.file.write_all(line)?;
            self.file.write_all(b"\n")?;
        }
        self.file.write_all(b"\n")
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        Ok(self.file.into_inner()?.sync_all()?)
    }
}

fn is_like_from(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "))
}

/// The fields that tell flags.
fn status(flags: &FlagSet) -> String {
    let letter = |flag: Flag, letter: char| flags.contains(&flag).then_some(letter);
    let seen = letter(Flag::Seen, 'R');
    let others = [
        letter(Flag::Answered, 'A'),
        letter(Flag::Flagged, 'F'),
        letter(Flag::Deleted, 'D'),
        letter(Flag::Draft, 'T'),
    ];
    let others: String = others.into_iter().flatten().collect();
    let mut text = format!("Status: {}O\n", seen.map(String::from).unwrap_or_default());
    if !others.is_empty() {
        text += &format!("X-Status: {others}\n");
    }
    let keywords: Vec<&str> = flags.keywords().iter().map(mail_types::Keyword::as_str).collect();
    if !keywords.is_empty() {
        text += &format!("X-Keywords: {}\n", keywords.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_would_begin_a_message() {
        assert!(is_like_from(b"From x") && is_like_from(b">>From x"));
        assert!(!is_like_from(b"from x") && !is_like_from(b"> From x"));
    }

    #[test]
    fn flags_as_fields() {
        let flags: FlagSet = [Flag::Seen, Flag::Flagged].into_iter().collect();
        assert_eq!(status(&flags), "Status: RO\nX-Status: F\n");
        assert_eq!(status(&FlagSet::new()), "Status: O\n");
    }
}
