//! Files with a message each (`.eml`), in folders.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use mail_types::FlagSet;
use sha2::{Digest as _, Sha256};

use super::{
    dates, files,
    foremost::{Foremost, WINDOW},
    maildir, names,
    source::{Facts, Folder, Item, Locator, Place, Window, key},
    target::Target,
};

/// How deep folders in folders are looked for.
const DEPTH: usize = 32;

/// Each folder that has such files; what is in the root goes to INBOX.
pub(super) fn folders(root: &Path) -> anyhow::Result<Vec<Folder>> {
    let mut found = Vec::new();
    look_below(root, root, 0, &mut found)
        .with_context(|| format!("cannot list {}", root.display()))?;
    if found.is_empty() {
        bail!("there is no .eml file in {}", root.display());
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn look_below(root: &Path, at: &Path, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    let mut has_messages = false;
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if depth < DEPTH {
                look_below(root, &entry.path(), depth + 1, found)?;
            }
        } else {
            has_messages |= is_message(&entry.path());
        }
    }
    if has_messages {
        let below = at.strip_prefix(root).unwrap_or(at);
        let levels: Vec<_> = below.iter().map(|level| level.to_string_lossy()).collect();
        let name = if levels.is_empty() { "INBOX".to_owned() } else { levels.join("/") };
        let special_use = names::usual_use(&name);
        found.push(Folder { name, special_use, is_all: false, place: Place::Path(at.to_owned()) });
    }
    Ok(())
}

fn is_message(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"))
}

/// The messages of a folder in the order of their names: some thousand behind one of them.
pub(super) fn messages(
    root: &Path,
    folder: &Path,
    behind: Option<&[u8]>,
) -> anyhow::Result<Window> {
    messages_at_most(root, folder, behind, WINDOW)
}

fn messages_at_most(
    root: &Path,
    folder: &Path,
    behind: Option<&[u8]>,
    most: usize,
) -> anyhow::Result<Window> {
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    let (mut first, mut all) = (Foremost::<OsString>::at_most(most), 0_usize);
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if !is_message(Path::new(&name)) || !entry.file_type()?.is_file() {
            continue;
        }
        all = all.saturating_add(1);
        if behind.is_none_or(|behind| name.as_encoded_bytes() > behind) {
            first.offer(name.as_encoded_bytes(), || name.clone());
        }
    }
    // Each name is there once.
    let (first, more) = first.finish().unwrap_or_default();
    let last = first.last().filter(|_| more).map(|(name, _)| name.clone());
    let items = first.into_iter().map(|(_, name)| item(root, folder.join(name))).collect();
    Ok(Window { items, all, last })
}

fn item(root: &Path, path: PathBuf) -> Item {
    let below = path.strip_prefix(root).unwrap_or(&path);
    // Files are called 001.eml in many places. One that cannot be read says so later.
    let digest = digest(&path).unwrap_or_default();
    let key = key(&[b"eml", below.as_os_str().as_encoded_bytes(), &digest]);
    Item { key, locator: Locator::File(path), unique_id: None }
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut file = files::open(path)?;
    let mut piece = vec![0; maildir::PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(count) => hash.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hands messages over. Nothing says whether they were read: they count as read.
pub(super) async fn read(items: &[Item], target: &mut Target) -> anyhow::Result<()> {
    for item in items {
        let Locator::File(path) = &item.locator else { continue };
        match open(path) {
            Err(error) => target.skip(format!("{}: {error}", path.display())),
            Ok((file, facts)) => {
                target.begin(item, facts);
                maildir::hand_over(path, file, target).await?;
            }
        }
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<(File, Facts)> {
    let mut file = files::open(path)?;
    let mut head = Vec::new();
    let most = u64::try_from(dates::HEADER_MAX).unwrap_or(u64::MAX);
    file.by_ref().take(most).read_to_end(&mut head)?;
    file.rewind()?;
    let internal_date = match dates::of_header(&head) {
        Some(date) => date,
        None => dates::of_file(file.metadata()?.modified()),
    };
    Ok((file, Facts { flags: FlagSet::from_iter([mail_types::Flag::Seen]), internal_date }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_folders() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a.eml", "Sent/b.EML", "x/y/c.eml", "x/notes.txt"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "Date: Thu, 1 Jan 1970 00:00:09 +0000\r\n\r\n").unwrap();
        }
        let found = folders(root.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|folder| folder.name.as_str()).collect();
        assert_eq!(names, ["INBOX", "Sent", "x/y"]);
        let items = messages(root.path(), root.path(), None).unwrap().items;
        assert_eq!(items.len(), 1);
        let (_, facts) = open(&root.path().join("a.eml")).unwrap();
        assert_eq!(facts.internal_date.secs(), 9);
        // What is called the same elsewhere is another message.
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("a.eml"), "other").unwrap();
        let others = messages(other.path(), other.path(), None).unwrap().items;
        assert_ne!(others[0].key, items[0].key);
        assert!(folders(&root.path().join("x/y/none")).is_err());
    }

    #[test]
    fn a_large_folder_comes_in_windows() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..7 {
            fs::write(root.path().join(format!("{number}.eml")), format!("A: {number}\n")).unwrap();
        }
        let whole = messages(root.path(), root.path(), None).unwrap();
        assert_eq!((whole.items.len(), whole.all, &whole.last), (7, 7, &None));
        for most in 1..=7 {
            let (mut found, mut last) = (Vec::new(), None);
            loop {
                let behind: Option<Vec<u8>> = last.take();
                let window = messages_at_most(root.path(), root.path(), behind.as_deref(), most);
                let window = window.unwrap();
                assert!(window.items.len() <= most && window.all == 7);
                found.extend(window.items);
                last = window.last;
                if last.is_none() {
                    break;
                }
            }
            assert_eq!(found, whole.items, "{most}");
        }
    }
}
