//! The list of a backup: a line of JSON for each file, between one that says of what it is and one
//! that says that it is whole.
//!
//! Lines are read one after the other: a list may have millions. The last line has the hash of all
//! before it, so a list that was cut off or changed is not taken for one.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::hash::{Hash, Hasher};

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// No line of ours is longer.
const LINE_MAX: u64 = 1 << 20;

/// The name of a backup: the time at which it began, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct BackupId(String);

impl BackupId {
    /// `20261122T114051Z`, and `-2` for a second one in that second. No path leads anywhere with
    /// it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shape = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if text.len() >= 16 && text.len() <= 24 && text.chars().all(shape) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is no backup; `backup list` shows their names"))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first.
    Backup(Head),
    /// The files from here on are this account's.
    Account(AccountLine),
    /// A file.
    File(FileLine),
    /// The last.
    End(End),
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(super) format: u32,
    pub(crate) id: BackupId,
    /// When it began, RFC 3339.
    pub(crate) begun: String,
    /// The program that made it.
    pub(super) version: String,
    /// The host's name.
    pub(crate) hostname: String,
    pub(crate) scope: Scope,
    /// Whether the files with secrets are in it.
    pub(crate) secrets: bool,
}

/// All, or the mail of some accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    Everything,
    /// Their addresses.
    Accounts(Vec<String>),
}

impl Scope {
    /// For people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Everything => "everything".to_owned(),
            Self::Accounts(addresses) => addresses.join(", "),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountLine {
    pub(super) id: i64,
    /// None for mail of an account that was removed.
    pub(super) address: Option<String>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A database; a copy of one moment.
    Database,
    /// An account's index; likewise.
    Index,
    /// A content of the queue.
    Queue,
    /// A small file beside the mail.
    Record,
    /// A message.
    Message,
    /// The configuration; its path is where it was.
    Settings,
    /// A file with a secret; likewise.
    Secret,
    /// Anything else below the data's folder.
    Other,
}

impl Kind {
    pub(super) fn is_database(self) -> bool {
        matches!(self, Self::Database | Self::Index)
    }

    /// Whether its path is a whole one, not below the data's folder.
    pub(super) fn is_elsewhere(self) -> bool {
        matches!(self, Self::Settings | Self::Secret)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileLine {
    pub(super) kind: Kind,
    /// Below the data's folder, unless it is settings or a secret.
    pub(super) path: String,
    pub(super) sha256: Hash,
    pub(super) size: u64,
    /// The file's modification time in nanoseconds; a message's internal date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified_ns: Option<i64>,
    /// Of a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mailbox: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<u32>,
    /// What a file looked like from outside: one that does so still was not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stamp: Option<String>,
    /// Of a file that is elsewhere: who may do what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<u32>,
}

impl FileLine {
    pub(super) fn new(kind: Kind, path: impl Into<String>, (sha256, size): (Hash, u64)) -> Self {
        Self {
            kind,
            path: path.into(),
            sha256,
            size,
            modified_ns: None,
            mailbox: None,
            uid: None,
            stamp: None,
            mode: None,
        }
    }
}

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(super) finished: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
    /// What was not in the repository before.
    pub(crate) new_files: u64,
    pub(crate) new_bytes: u64,
    /// What is not in it although it should be, in words.
    pub(crate) missing: Vec<String>,
    /// Of all lines above.
    pub(super) sha256: Hash,
}

/// Writes a list.
pub(super) struct Writer {
    file: BufWriter<File>,
    hasher: Hasher,
}

impl Writer {
    pub(super) fn begin(file: File, head: Head) -> anyhow::Result<Self> {
        let mut writer = Self { file: BufWriter::new(file), hasher: Hasher::default() };
        writer.line(&Line::Backup(head))?;
        Ok(writer)
    }

    pub(super) fn head(id: BackupId, begun: String, hostname: String, scope: Scope) -> Head {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Head { format: FORMAT, id, begun, version, hostname, scope, secrets: false }
    }

    pub(super) fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        self.file.write_all(&text).context("cannot write the list of the backup")
    }

    /// Ends it; the hash that `end` has is put in here. All is on stable storage when this returns.
    pub(super) fn end(mut self, mut end: End) -> anyhow::Result<End> {
        end.sha256 = self.hasher.so_far();
        self.line(&Line::End(end.clone()))?;
        let file = self.file.into_inner().map_err(|error| error.into_error());
        file.and_then(|file| file.sync_all()).context("cannot write the list of the backup")?;
        Ok(end)
    }
}

/// Reads a list.
pub(super) struct Reader {
    lines: BufReader<File>,
    hasher: Hasher,
    name: String,
    pub(super) head: Head,
    is_done: bool,
}

impl Reader {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::open(path);
        let file = file.with_context(|| format!("cannot read the backup {}", path.display()))?;
        let (mut lines, mut hasher) = (BufReader::new(file), Hasher::default());
        let head = match read_line(&mut lines, &name)? {
            Some((Line::Backup(head), text)) => {
                hasher.update(&text);
                head
            }
            _ => bail!("{} is no list of a backup", path.display()),
        };
        if head.format > FORMAT {
            bail!("the backup {name} was made by a newer program ({}): use that one", head.version);
        }
        Ok(Self { lines, hasher, name, head, is_done: false })
    }

    /// What the first and the last line say; what is between is not looked at.
    pub(super) fn summary(path: &Path) -> anyhow::Result<(Head, End)> {
        let mut list = Self::open(path)?;
        let cannot = || format!("cannot read the backup {}", path.display());
        let file = list.lines.get_mut();
        let length = file.metadata().with_context(cannot)?.len();
        let last = length.saturating_sub(LINE_MAX);
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(last)).with_context(cannot)?;
        file.read_to_end(&mut text).with_context(cannot)?;
        let line = text.strip_suffix(b"\n").and_then(|text| text.rsplit(|b| *b == b'\n').next());
        match line.map(serde_json::from_slice) {
            Some(Ok(Line::End(end))) => Ok((list.head, end)),
            _ => bail!("the list of the backup {} is cut off", list.name),
        }
    }

    /// The next account or file; nothing when all are read and the list is whole.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        if self.is_done {
            return Ok(None);
        }
        match read_line(&mut self.lines, &self.name)? {
            Some((Line::End(end), _)) => {
                if end.sha256 != self.hasher.so_far() {
                    bail!("the list of the backup {} was changed since it was made", self.name);
                }
                self.is_done = true;
                Ok(None)
            }
            Some((Line::Backup(_), _)) => {
                bail!("the list of the backup {} begins twice", self.name)
            }
            Some((line, text)) => {
                self.hasher.update(&text);
                Ok(Some(line))
            }
            None => bail!("the list of the backup {} is cut off", self.name),
        }
    }
}

/// A line and its octets; nothing at the end, or at a line without one.
fn read_line(lines: &mut BufReader<File>, name: &str) -> anyhow::Result<Option<(Line, Vec<u8>)>> {
    let mut text = Vec::new();
    let read = lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut text);
    read.with_context(|| format!("cannot read the list of the backup {name}"))?;
    if text.last() != Some(&b'\n') {
        return Ok(None);
    }
    let line = serde_json::from_slice(&text);
    let line = line.with_context(|| format!("the list of the backup {name} cannot be read"))?;
    Ok(Some((line, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, lines: &[Line]) {
        let id = BackupId::parse("20261122T114051Z").unwrap();
        let scope = Scope::Accounts(vec!["a@b".into()]);
        let head = Writer::head(id, "2026-11-22T11:40:51Z".into(), "mail.b".into(), scope);
        let mut writer = Writer::begin(File::create(path).unwrap(), head).unwrap();
        lines.iter().for_each(|line| writer.line(line).unwrap());
        let end = End {
            finished: String::new(),
            files: 1,
            bytes: 3,
            messages: 0,
            new_files: 1,
            new_bytes: 3,
            missing: Vec::new(),
            sha256: Hash::of(b""),
        };
        writer.end(end).unwrap();
    }

    fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
        let mut reader = Reader::open(path)?;
        let mut lines = Vec::new();
        while let Some(line) = reader.next()? {
            lines.push(line);
        }
        assert_eq!(Reader::summary(path)?.1.files, 1);
        Ok(lines)
    }

    #[test]
    fn a_list_is_read_as_it_was_written_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("20261122T114051Z.jsonl");
        let file = FileLine {
            modified_ns: Some(-5),
            uid: Some(7),
            ..FileLine::new(Kind::Message, "mail/1/cur/\u{e4} \"x\"", (Hash::of(b"abc"), 3))
        };
        let lines =
            [Line::Account(AccountLine { id: 1, address: Some("a@b".into()) }), Line::File(file)];
        write(&path, &lines);
        assert_eq!(read(&path).unwrap(), lines);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.lines().nth(2).unwrap().starts_with("{\"file\":{\"kind\":\"message\",\"path\":")
        );
        let all: Vec<&str> = text.split_inclusive('\n').collect();
        for damaged in [
            all[..3].concat(),
            text.trim_end().to_owned(),
            text.replace("mail/1", "mail/2"),
            [all[0], all[2], all[3]].concat(),
            text.replace("\"format\":1", "\"format\":2"),
            String::new(),
        ] {
            std::fs::write(&path, damaged).unwrap();
            assert!(read(&path).is_err());
        }
    }

    #[test]
    fn names_of_backups_lead_nowhere() {
        assert!(BackupId::parse("20261122T114051Z-2").is_ok());
        for bad in ["", "latest", "../../../../etc/passwd", "20261122T114051Z/x"] {
            assert!(BackupId::parse(bad).is_err(), "{bad}");
        }
    }
}
