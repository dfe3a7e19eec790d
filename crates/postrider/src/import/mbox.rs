//! mbox: messages in one file, each after a line that begins with `From `.
//!
//! Of the dialects, the quoting of RFC 4155 §A and of "mboxrd" is understood: `>From` within a message loses
//! one `>`. What flags there are stand in the fields Status, X-Status and X-Keywords.

mod scan;

use std::{
    fs,
    io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use mail_types::{Flag, FlagSet, Keyword};
use mime_core::header::fields;

use super::{
    dates, files,
    foremost::WINDOW,
    names,
    source::{Facts, Folder, Item, Locator, Place, Window},
    target::Target,
};
use scan::{CHANGED, Content, Last, Lines, Scan, Scanned, Seen};

/// An mbox, or a folder of them.
pub(crate) struct Mbox {
    root: PathBuf,
    /// What was found up to now in the file that is being read.
    seen: Seen,
}

impl Mbox {
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, seen: Seen::default() }
    }

    /// The file, or those in the folder.
    pub(super) fn folders(&self) -> anyhow::Result<Vec<Folder>> {
        folders(&self.root)
    }

    /// The messages of a file, some thousand behind one of them. It is read once for that; a message
    /// is known by the file's name below the root, or its own if it is the root, and by its octets;
    /// equal ones by their order.
    pub(super) fn messages(
        &mut self,
        path: &Path,
        behind: Option<&[u8]>,
    ) -> anyhow::Result<Window> {
        self.messages_at_most(path, behind, WINDOW)
    }

    fn messages_at_most(
        &mut self,
        path: &Path,
        behind: Option<&[u8]>,
        most: usize,
    ) -> anyhow::Result<Window> {
        let behind = behind.and_then(Last::of_octets);
        if behind.is_none() {
            self.seen = Seen::default();
        }
        let below = path.strip_prefix(&self.root).ok().filter(|below| below.file_name().is_some());
        let name = below.map_or(path.file_name().unwrap_or_default(), Path::as_os_str);
        let mut scan = || {
            let mut file = files::open(path)?;
            let octets = file.metadata()?.len();
            file.seek(SeekFrom::Start(behind.as_ref().map_or(0, |last| last.start)))?;
            let scan = Scan::new(name.as_encoded_bytes(), &mut self.seen, behind.as_ref());
            Ok::<_, io::Error>((octets, scan.run(BufReader::new(file), most)?))
        };
        let scanned = scan().with_context(|| format!("cannot read {}", path.display()));
        let (octets, Scanned { items, more_from }) = scanned?;
        let Some(at) = more_from else {
            return Ok(Window { all: items.len(), items, last: None });
        };
        // Nobody has counted the others yet: about as many for each octet.
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let all = u128::from(count) * u128::from(octets) / u128::from(at.max(1));
        let last = items.last().and_then(Last::of_item).map(|last| last.to_octets());
        Ok(Window { items, all: usize::try_from(all).unwrap_or(usize::MAX), last })
    }
}

fn folders(path: &Path) -> anyhow::Result<Vec<Folder>> {
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
        let (kind, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        let kind = kind?;
        if kind.is_dir() {
            if depth < 16 {
                look_below(root, &path, depth + 1, found)?;
            }
        } else if kind.is_file() && is_mbox(&path)? {
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
    files::open(path)?.take(5).read_to_end(&mut start)?;
    Ok(start == b"From ")
}

/// Hands messages over.
pub(super) async fn read(path: &Path, items: &[Item], target: &mut Target) -> anyhow::Result<()> {
    let mut file = files::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    for item in items {
        let Locator::Span { start, length, digest } = item.locator else { continue };
        file.seek(SeekFrom::Start(start))?;
        let lines = Lines::new(BufReader::new((&mut file).take(length)));
        match hand_over(item, lines, target).await? {
            Ok(Some(found)) if found == digest => target.end().await?,
            Ok(None) => {}
            Ok(Some(_)) => target.skip(format!("{}: octet {start}: {CHANGED}", path.display())),
            Err(error) => target.skip(format!("{}: octet {start}: {error}", path.display())),
        }
    }
    Ok(())
}

/// Hands a message over but for its end, and tells what it was; nothing if it is none.
async fn hand_over(
    item: &Item,
    mut lines: Lines<impl BufRead>,
    target: &mut Target,
) -> anyhow::Result<io::Result<Option<[u8; 32]>>> {
    let (from_line, head, mut content) = match header(&mut lines) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    if fields(&head).any(|field| field.is("X-IMAP") || field.is("X-IMAPbase"))
        && head.windows(DATA_MARK.len()).any(|words| words == DATA_MARK)
    {
        return Ok(Ok(None));
    }
    let internal_date = dates::of_from_line(&from_line).or_else(|| dates::of_header(&head));
    let internal_date = internal_date.unwrap_or_else(agent_kit::now);
    target.begin(item, Facts { flags: flags(&head), internal_date });
    target.piece(&head).await?;
    let mut held = Vec::new();
    loop {
        match lines.step() {
            Ok(true) => content.add(&lines),
            Ok(false) => return Ok(Ok(Some(content.finish()))),
            Err(error) => return Ok(Err(error)),
        }
        // The empty line before the next message is no part of this one.
        target.piece(&held).await?;
        held.clear();
        if lines.is_empty() {
            held.extend_from_slice(lines.piece());
        } else if lines.begins() {
            target.piece(unquoted(lines.piece())).await?;
        } else {
            target.piece(lines.piece()).await?;
        }
    }
}

/// What some servers keep in the first message of an mbox.
const DATA_MARK: &[u8] = b"FOLDER INTERNAL DATA";

/// The line before a message, and the header with the empty line behind it.
fn header(lines: &mut Lines<impl BufRead>) -> io::Result<(Vec<u8>, Vec<u8>, Content)> {
    if !lines.step()? || !lines.is_from() {
        return Err(scan::changed());
    }
    let (from_line, mut head, mut content) = (lines.piece().to_vec(), Vec::new(), Content::new());
    let mut in_from = true;
    while lines.step()? {
        in_from &= !lines.begins();
        if in_from {
            continue;
        }
        content.add(lines);
        head.extend_from_slice(lines.piece());
        if lines.is_empty() || head.len() > dates::HEADER_MAX {
            break;
        }
    }
    Ok((from_line, head, content))
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
fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
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

    fn messages(root: &Path, path: &Path) -> anyhow::Result<Vec<Item>> {
        Mbox::at(root.to_owned()).messages(path, None).map(|window| window.items)
    }

    #[test]
    fn messages_are_found() {
        let root = tempfile::tempdir().unwrap();
        let path = written(root.path(), "box", MBOX);
        let items = messages(&path, &path).unwrap();
        let spans: Vec<(u64, u64)> = items
            .iter()
            .map(|item| match item.locator {
                Locator::Span { start, length, .. } => (start, length),
                _ => panic!("no span"),
            })
            .collect();
        let second = u64::try_from(MBOX.find("From c@d").unwrap()).unwrap();
        let whole = u64::try_from(MBOX.len()).unwrap();
        assert_eq!(spans, [(0, second), (second, whole - second)]);
        // Flags make no other message.
        let read = written(root.path(), "x/box", &MBOX.replace("X-Status: AF", "X-Status: A"));
        assert_eq!(messages(&read, &read).unwrap()[0].key, items[0].key);
        // Nor does another place of the whole; another one within it does.
        assert_eq!(messages(&root.path().join("x"), &read).unwrap()[0].key, items[0].key);
        assert_ne!(messages(root.path(), &read).unwrap()[0].key, items[0].key);
        // The same in another file is another, as are equal messages in one.
        let other = written(root.path(), "other", MBOX);
        assert_ne!(messages(&other, &other).unwrap()[0].key, items[0].key);
        let doubled = written(root.path(), "doubled", &format!("{MBOX}{MBOX}"));
        let items = messages(&doubled, &doubled).unwrap();
        let keys: std::collections::HashSet<_> = items.iter().map(|item| item.key).collect();
        assert_eq!((items.len(), keys.len()), (4, 4));
    }

    #[test]
    fn a_large_file_comes_in_windows() {
        let root = tempfile::tempdir().unwrap();
        // Each of them is there three times.
        let path = written(root.path(), "box", &MBOX.repeat(3));
        let whole = messages(&path, &path).unwrap();
        assert_eq!(whole.len(), 6);
        for most in 1..=7 {
            let (mut mbox, mut found, mut last) = (Mbox::at(path.clone()), Vec::new(), None);
            loop {
                let behind: Option<Vec<u8>> = last.take();
                let window = mbox.messages_at_most(&path, behind.as_deref(), most).unwrap();
                assert!(window.items.len() <= most);
                assert!(behind.is_some() || (5..=7).contains(&window.all), "{}", window.all);
                found.extend(window.items);
                last = window.last;
                if last.is_none() {
                    break;
                }
            }
            assert_eq!(found, whole, "{most}");
        }
        let mut mbox = Mbox::at(path.clone());
        let last = mbox.messages_at_most(&path, None, 3).unwrap().last;
        let mut next = |text: &str| {
            fs::write(&path, text).unwrap();
            mbox.messages_at_most(&path, last.as_deref(), 3).map(|window| window.items.len())
        };
        // More came meanwhile; or something went, which nobody may take for the end.
        assert_eq!(next(&MBOX.repeat(4)).unwrap(), 3);
        for changed in [MBOX.repeat(3)[1..].to_owned(), MBOX.to_owned(), String::new()] {
            assert!(format!("{:#}", next(&changed).unwrap_err()).contains(CHANGED));
        }
    }

    #[test]
    fn a_message_is_what_the_scan_saw() {
        let root = tempfile::tempdir().unwrap();
        let found = |text: &str| {
            let path = written(root.path(), "long", text);
            match messages(&path, &path).unwrap()[0].locator {
                Locator::Span { digest, .. } => digest,
                _ => panic!("no span"),
            }
        };
        let read = |text: &str| {
            let mut lines = Lines::new(text.as_bytes());
            let (_, head, mut content) = header(&mut lines)?;
            while lines.step()? {
                assert!(lines.piece().len() <= 64 * 1024, "a line is held whole");
                content.add(&lines);
            }
            io::Result::Ok((head, content.finish()))
        };
        let long = "x".repeat(200_000);
        let text = format!("From {long}\nA: 1\nStatus: {long}\n\n{long}\nFrom {long}\n");
        let (head, digest) = read(&text).unwrap();
        assert!(head.starts_with(b"A: 1\n"));
        assert_eq!(digest, found(&text));
        assert_eq!(found(&text.replace("Status: ", "Status: RO")), digest, "flags");
        assert_ne!(read(&text.replace("A: 1", "A: 2")).unwrap().1, digest);
        assert!(read(&text[1..]).is_err(), "it begins elsewhere now");
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
