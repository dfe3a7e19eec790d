//! mbox: messages in one file, each after a line that begins with `From `.
//!
//! Of the dialects, the quoting of RFC 4155 §A and of "mboxrd" is understood: `>From` within a message loses
//! one `>`. What flags there are stand in the fields Status, X-Status and X-Keywords.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use anyhow::{Context as _, bail};
use mail_types::{Flag, FlagSet, Keyword};
use mime_core::header::fields;
use sha2::{Digest as _, Sha256};

use super::{
    dates, names,
    source::{Facts, Folder, Item, Locator, Place, key},
    target::Target,
};

/// The file, or those in a folder.
pub(super) fn folders(path: &Path) -> anyhow::Result<Vec<Folder>> {
    let facts = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
    if facts.is_file() {
        return Ok(vec![folder("INBOX".to_owned(), path)]);
    }
    let mut found = Vec::new();
    look_below(path, path, 0, &mut found)
        .with_context(|| format!("cannot list {}", path.display()))?;
    if found.is_empty() {
        bail!("there is no mbox file in {}", path.display());
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn look_below(root: &Path, at: &Path, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    for entry in fs::read_dir(at)? {
        let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        if entry?.is_dir() {
            if depth < 16 {
                look_below(root, &path, depth + 1, found)?;
            }
        } else if is_mbox(&path)? {
            let below = path.strip_prefix(root).unwrap_or(&path);
            // Thunderbird keeps subfolders in `NAME.sbd`, others end file names in `.mbox`.
            let level = |level: &std::ffi::OsStr| {
                let text = level.to_string_lossy();
                let text = text.strip_suffix(".sbd").unwrap_or(&text);
                text.strip_suffix(".mbox").unwrap_or(text).to_owned()
            };
            let name = below.iter().map(level).collect::<Vec<_>>().join("/");
            found.push(folder(name, &path));
        }
    }
    Ok(())
}

fn folder(name: String, path: &Path) -> Folder {
    let special_use = names::usual_use(&name);
    Folder { name, special_use, is_all: false, place: Place::Path(path.to_owned()) }
}

fn is_mbox(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(5).read_to_end(&mut start)?;
    Ok(start == b"From ")
}

/// The messages of a file. It is read once for that; a message is known by its octets, and equal ones
/// by their order.
pub(super) fn messages(path: &Path) -> anyhow::Result<Vec<Item>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut scan = Scan { items: Vec::new(), seen: HashMap::new(), at: 0, open: None };
    scan.run(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(scan.items)
}

/// The search for where messages begin.
struct Scan {
    items: Vec<Item>,
    seen: HashMap<[u8; 32], u32>,
    at: u64,
    /// Where the message begins that is being read, and its digest so far.
    open: Option<(u64, Sha256)>,
}

impl Scan {
    fn run(&mut self, mut reader: impl io::BufRead) -> io::Result<()> {
        let (mut line, mut after_empty, mut in_header) = (Vec::new(), true, false);
        loop {
            line.clear();
            let count = reader.read_until(b'\n', &mut line)?;
            if count == 0 {
                self.close(self.at);
                return Ok(());
            }
            if after_empty && line.starts_with(b"From ") {
                self.close(self.at);
                self.open = Some((self.at, Sha256::new()));
                in_header = true;
            } else if let Some((_, hash)) = &mut self.open
                && !(in_header && tells_flags(&line))
            {
                hash.update(&line);
            }
            in_header &= !matches!(line.as_slice(), b"\n" | b"\r\n");
            after_empty = matches!(line.as_slice(), b"\n" | b"\r\n");
            self.at += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    fn close(&mut self, end: u64) {
        let Some((start, hash)) = self.open.take() else { return };
        let digest: [u8; 32] = hash.finalize().into();
        let number = self.seen.entry(digest).or_insert(0);
        *number += 1;
        let key = key(&[b"mbox", &digest, &number.to_be_bytes()]);
        let locator = Locator::Span { start, length: end - start };
        self.items.push(Item { key, locator, unique_id: None });
    }
}

/// Whether a header line tells flags, which change while the message stays the same.
fn tells_flags(line: &[u8]) -> bool {
    let names = ["Status:", "X-Status:", "X-Keywords:", "X-UID:", "X-Mozilla-Status"];
    names.iter().any(|name| {
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Hands messages over.
pub(super) async fn read(path: &Path, items: &[Item], target: &mut Target) -> anyhow::Result<()> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    for item in items {
        let Locator::Span { start, length } = item.locator else { continue };
        file.seek(SeekFrom::Start(start))?;
        hand_over(path, item, BufReader::new((&mut file).take(length)), target).await?;
    }
    Ok(())
}

async fn hand_over(
    path: &Path,
    item: &Item,
    mut reader: BufReader<impl io::Read>,
    target: &mut Target,
) -> anyhow::Result<()> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut from_line = Vec::new();
    let head = reader.read_until(b'\n', &mut from_line).and_then(|_| header(&mut reader));
    let head = match head {
        Ok(head) => head,
        Err(error) => {
            target.skip(failed(error));
            return Ok(());
        }
    };
    if fields(&head).any(|field| field.is("X-IMAP") || field.is("X-IMAPbase"))
        && head.windows(DATA_MARK.len()).any(|words| words == DATA_MARK)
    {
        return Ok(());
    }
    let internal_date = dates::of_from_line(&from_line).or_else(|| dates::of_header(&head));
    let internal_date = internal_date.unwrap_or_else(agent_kit::now);
    target.begin(item, Facts { flags: flags(&head), internal_date });
    target.piece(&head).await?;
    let (mut line, mut held) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return target.end().await,
            Ok(_) => {}
            Err(error) => {
                target.skip(failed(error));
                return Ok(());
            }
        }
        // The empty line before the next message is no part of this one.
        target.piece(&held).await?;
        held.clear();
        let unquoted = unquoted(&line);
        if matches!(unquoted, b"\n" | b"\r\n") {
            held.extend_from_slice(unquoted);
        } else {
            target.piece(unquoted).await?;
        }
    }
}

/// What some servers keep in the first message of an mbox.
const DATA_MARK: &[u8] = b"FOLDER INTERNAL DATA";

/// The header with the empty line behind it.
fn header(reader: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let count = reader.read_until(b'\n', &mut head)?;
        let line = head.get(before..).unwrap_or_default();
        if count == 0 || matches!(line, b"\n" | b"\r\n") || head.len() > dates::HEADER_MAX {
            return Ok(head);
        }
    }
}

/// A line without the quoting of `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    let is_quoted = quotes > 0 && line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "));
    if is_quoted { line.get(1..).unwrap_or_default() } else { line }
}

fn flags(head: &[u8]) -> FlagSet {
    let mut flags = FlagSet::new();
    for field in fields(head) {
        let body = field.unfolded();
        let text = String::from_utf8_lossy(&body);
        if field.is("Status") || field.is("X-Status") {
            for letter in text.chars() {
                let flag = match letter {
                    'R' => Flag::Seen,
                    'A' => Flag::Answered,
                    'F' => Flag::Flagged,
                    'D' => Flag::Deleted,
                    'T' => Flag::Draft,
                    _ => continue,
                };
                flags.insert(flag);
            }
        } else if field.is("X-Keywords") {
            let words = text.split([' ', ',', '\t']).filter_map(|word| Keyword::parse(word).ok());
            words.for_each(|word| {
                flags.insert(Flag::Keyword(word));
            });
        }
    }
    flags
}

/// A file with this text.
#[cfg(test)]
fn written(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap_or(folder)).ok();
    fs::write(&path, text).ok();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBOX: &str = "From a@b Thu Jan  1 00:00:07 1970\nSubject: one\nStatus: RO\nX-Status: AF\n\n\
        >From here\n>>From there\n\nFrom c@d Thu Jan  1 00:00:08 1970\nSubject: two\n\nFrom: x\n\
        From not\n\n";

    #[test]
    fn messages_are_found() {
        let root = tempfile::tempdir().unwrap();
        let path = written(root.path(), "box", MBOX);
        let items = messages(&path).unwrap();
        let spans: Vec<(u64, u64)> = items
            .iter()
            .map(|item| match item.locator {
                Locator::Span { start, length } => (start, length),
                _ => panic!("no span"),
            })
            .collect();
        let second = u64::try_from(MBOX.find("From c@d").unwrap()).unwrap();
        let whole = u64::try_from(MBOX.len()).unwrap();
        assert_eq!(spans, [(0, second), (second, whole - second)]);
        // Flags make no other message.
        let read = written(root.path(), "read", &MBOX.replace("X-Status: AF", "X-Status: A"));
        assert_eq!(messages(&read).unwrap()[0].key, items[0].key);
        // Equal messages are two.
        let doubled = written(root.path(), "doubled", &format!("{MBOX}{MBOX}"));
        let items = messages(&doubled).unwrap();
        let keys: std::collections::HashSet<_> = items.iter().map(|item| item.key).collect();
        assert_eq!((items.len(), keys.len()), (4, 4));
    }

    #[test]
    fn quoting_and_flags() {
        assert_eq!(unquoted(b">From x"), b"From x");
        assert_eq!(unquoted(b">>From x"), b">From x");
        assert_eq!(unquoted(b"> From x"), b"> From x");
        let head = MBOX.split_once('\n').unwrap().1;
        let shown: Vec<String> =
            flags(head.as_bytes()).iter().map(|f| f.as_str().to_owned()).collect();
        assert_eq!(shown, ["\\Answered", "\\Flagged", "\\Seen"]);
    }

    #[test]
    fn a_folder_of_files() {
        let root = tempfile::tempdir().unwrap();
        written(root.path(), "Inbox", MBOX);
        written(root.path(), "Work.sbd/Old.mbox", MBOX);
        written(root.path(), "Inbox.msf", "// index");
        let found = folders(root.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|folder| folder.name.as_str()).collect();
        assert_eq!(names, ["Inbox", "Work/Old"]);
        assert!(folders(&root.path().join("none")).is_err());
    }
}
