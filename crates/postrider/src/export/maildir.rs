//! Maildir++, as other servers and mail readers have it.

use std::{
    fs,
    fs::FileTimes,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use mail_store::MessageRow;
use mail_types::{Flag, Keyword, MailboxName, Timestamp};

/// How many keywords have a letter.
const LETTERS: usize = 26;

/// A folder that messages are written to.
pub(super) struct Folder {
    path: PathBuf,
    /// The keywords that have a letter, in the order of the letters.
    keywords: Vec<Keyword>,
}

impl Folder {
    /// Makes it; one that has messages stays as it is, and is an error.
    pub(super) fn make(path: &Path, name: &MailboxName) -> anyhow::Result<Self> {
        let path = path.to_owned();
        for part in ["cur", "new", "tmp"] {
            let part = path.join(part);
            fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        if fs::read_dir(path.join("cur"))?.next().is_some() {
            bail!("{} has messages already: name another folder", path.display());
        }
        if !name.is_inbox() {
            fs::write(path.join("maildirfolder"), "")?;
        }
        Ok(Self { path, keywords: Vec::new() })
    }

    pub(super) fn write(&mut self, row: &MessageRow, octets: &[u8]) -> io::Result<()> {
        let seconds = row.internal_date.secs();
        let (mailbox, uid) = (row.file.mailbox(), row.uid);
        let unique = format!("{seconds}.m{mailbox}u{uid}.postrider,S={}", octets.len());
        let place = self.path.join("cur").join(format!("{unique}:2,{}", self.letters(row)));
        let tmp = self.path.join("tmp").join(&unique);
        let mut file = fs::File::create(&tmp)?;
        file.write_all(octets)?;
        file.set_times(FileTimes::new().set_modified(system_time(row.internal_date)))?;
        file.sync_all()?;
        fs::rename(tmp, place)
    }

    fn letters(&mut self, row: &MessageRow) -> String {
        let mut letters: Vec<char> = Vec::new();
        for flag in row.flags.iter() {
            letters.extend(match flag {
                Flag::Seen => Some('S'),
                Flag::Answered => Some('R'),
                Flag::Flagged => Some('F'),
                Flag::Deleted => Some('T'),
                Flag::Draft => Some('D'),
                Flag::Keyword(keyword) => self.letter(&keyword),
            });
        }
        // Sorted, as the format wants it.
        letters.sort_unstable();
        letters.into_iter().collect()
    }

    fn letter(&mut self, keyword: &Keyword) -> Option<char> {
        let place = match self.keywords.iter().position(|known| known == keyword) {
            Some(place) => place,
            None if self.keywords.len() < LETTERS => {
                self.keywords.push(keyword.clone());
                self.keywords.len() - 1
            }
            None => return None,
        };
        Some(char::from(b'a'.saturating_add(u8::try_from(place).ok()?)))
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        if !self.keywords.is_empty() {
            let lines: Vec<String> = self
                .keywords
                .iter()
                .enumerate()
                .map(|(at, k)| format!("{at} {}\n", k.as_str()))
                .collect();
            fs::write(self.path.join("dovecot-keywords"), lines.concat())?;
        }
        fs::File::open(self.path.join("cur"))?.sync_all()?;
        Ok(())
    }
}

fn system_time(date: Timestamp) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(date.millis()).unwrap_or(0))
}
