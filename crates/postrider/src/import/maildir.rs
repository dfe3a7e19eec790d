//! Maildir, with the folders of Maildir++ (`.Sent`) and those in folders (`Sent/cur`).

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use mail_types::{Flag, FlagSet, Keyword};

use super::{
    dates, files,
    foremost::{Foremost, Named, WINDOW},
    names,
    source::{Facts, Folder, Item, Locator, Place, Window, key},
    target::Target,
    unique_ids,
};

/// How much of a file is read at a time.
pub(super) const PIECE: usize = 256 * 1024;
/// How deep folders in folders are looked for.
const DEPTH: usize = 16;

/// The folders below a root.
pub(super) fn folders(root: &Path) -> anyhow::Result<Vec<Folder>> {
    let mut found = Vec::new();
    if is_maildir(root) {
        found.push(folder("INBOX".to_owned(), root));
    }
    look_below(root, "", 0, &mut found)
        .with_context(|| format!("cannot list {}", root.display()))?;
    if found.is_empty() {
        bail!("{} is no Maildir: it has neither cur/ nor folders that have one", root.display());
    }
    let mut all: Vec<String> = found.iter().map(|folder| folder.name.clone()).collect();
    names::without_common_root(&mut all);
    for (folder, name) in found.iter_mut().zip(all) {
        folder.special_use = names::usual_use(&name);
        folder.name = name;
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn folder(name: String, path: &Path) -> Folder {
    Folder { name, special_use: None, is_all: false, place: Place::Path(path.to_owned()) }
}

fn is_maildir(path: &Path) -> bool {
    files::is_folder(&path.join("cur"))
}

fn look_below(at: &Path, above: &str, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if matches!(name.as_str(), "cur" | "new" | "tmp") || !entry.file_type()?.is_dir() {
            continue;
        }
        let readable =
            |name: &str| imap_core::mailbox_name(name).unwrap_or_else(|| name.to_owned());
        let levels = match name.strip_prefix('.') {
            // Maildir++: `.a.b`, each level in modified UTF-7.
            Some(dotted) if dotted.split('.').all(|level| !level.is_empty()) => {
                let levels = dotted.split('.').map(|level| readable(level).replace('/', "_"));
                levels.collect::<Vec<_>>().join("/")
            }
            Some(_) => continue,
            None => readable(&name).replace('/', "_"),
        };
        let full = if above.is_empty() { levels } else { format!("{above}/{levels}") };
        if is_maildir(&path) {
            found.push(folder(full.clone(), &path));
        }
        if depth < DEPTH {
            look_below(&path, &full, depth + 1, found)?;
        }
    }
    Ok(())
}

/// A message's file: its name, and the part of the folder that it is in.
type InFolder = (OsString, &'static str);

/// The messages of a folder, those seen and those that are new, in the order in which they came as far
/// as names tell it: some thousand behind one of them. There may be any number in the folder; it is
/// listed again for the next ones.
pub(super) fn messages(folder: &Path, behind: Option<&[u8]>) -> anyhow::Result<Window> {
    messages_at_most(folder, behind, WINDOW)
}

fn messages_at_most(folder: &Path, behind: Option<&[u8]>, most: usize) -> anyhow::Result<Window> {
    let (mut first, mut all) = (Foremost::<InFolder>::at_most(most), 0_usize);
    for part in ["cur", "new"] {
        let at = folder.join(part);
        if !files::is_folder(&at) {
            continue;
        }
        let entries = fs::read_dir(&at).with_context(|| format!("cannot list {}", at.display()))?;
        for entry in entries {
            let name = entry?.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            all = all.saturating_add(1);
            let unique = unique_part(&name);
            if behind.is_none_or(|behind| unique > behind) {
                first.offer(unique, || (name.clone(), part));
            }
        }
    }
    let Some((first, more)) = first.finish() else {
        return messages_at_most(folder, behind, most.saturating_mul(2));
    };
    let last = first.last().filter(|_| more).map(|(unique, _)| unique.clone());
    Ok(Window { items: items(folder, &first), all, last })
}

fn unique_part(name: &OsStr) -> &[u8] {
    let name = name.as_encoded_bytes();
    name.split(|octet| matches!(octet, b':' | b',')).next().unwrap_or(name)
}

/// By the part of their names that stays whatever becomes of flags, and of the folder too.
fn items(folder: &Path, files: &[Named<InFolder>]) -> Vec<Item> {
    let wanted = files.iter().map(|(unique, _)| unique.as_slice()).collect();
    let ids = unique_ids::beside(folder, &wanted);
    let item = |(unique, (name, part)): &Named<InFolder>| {
        let locator = Locator::File(folder.join(part).join(name));
        let unique_id = std::str::from_utf8(unique).ok().and_then(|name| ids.get(name)).cloned();
        Item { key: key(&[b"maildir", unique]), locator, unique_id }
    };
    files.iter().map(item).collect()
}

/// Hands messages over.
pub(super) async fn read(folder: &Path, items: &[Item], target: &mut Target) -> anyhow::Result<()> {
    let keywords = keywords(folder);
    for item in items {
        let Locator::File(path) = &item.locator else { continue };
        match open(path) {
            Err(error) => target.skip(format!("{}: {error}", path.display())),
            Ok((file, internal_date)) => {
                let flags = flags(path, &keywords);
                target.begin(item, Facts { flags, internal_date });
                hand_over(path, file, target).await?;
            }
        }
    }
    Ok(())
}

/// Opens a file; a tool that changed its flags meanwhile has given it another name.
fn open(path: &Path) -> io::Result<(File, mail_types::Timestamp)> {
    let file = match files::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::open(&renamed(path).ok_or(error)?)?
        }
        opened => opened?,
    };
    let facts = file.metadata()?;
    Ok((file, dates::of_file(facts.modified())))
}

fn renamed(path: &Path) -> Option<PathBuf> {
    let unique =
        |name: &OsStr| name.to_str().map(|name| name.split(':').next().unwrap_or(name).to_owned());
    let wanted = unique(path.file_name()?)?;
    let folder = path.parent()?.parent()?;
    let mut entries = fs::read_dir(folder.join("cur")).ok()?.filter_map(Result::ok);
    entries.find(|entry| unique(&entry.file_name()).as_deref() == Some(&wanted)).map(|e| e.path())
}

/// Hands a file over, piece by piece.
pub(super) async fn hand_over(
    path: &Path,
    mut file: impl io::Read,
    target: &mut Target,
) -> anyhow::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return target.end().await,
            Ok(count) => target.piece(piece.get(..count).unwrap_or_default()).await?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                target.skip(format!("{}: {error}", path.display()));
                return Ok(());
            }
        }
    }
}

/// What the letters `a` to `z` stand for, as Dovecot writes it beside the mail.
fn keywords(folder: &Path) -> HashMap<char, Keyword> {
    let text = files::note(&folder.join("dovecot-keywords"));
    let keyword = |line: &str| {
        let (number, name) = line.split_once(' ')?;
        let letter = char::from(b'a'.checked_add(number.parse::<u8>().ok()?)?);
        letter.is_ascii_lowercase().then_some((letter, Keyword::parse(name).ok()?))
    };
    text.lines().filter_map(keyword).collect()
}

/// The flags that a file name tells.
fn flags(path: &Path, keywords: &HashMap<char, Keyword>) -> FlagSet {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let mut flags = FlagSet::new();
    for letter in letters.chars() {
        let flag = match letter {
            'S' => Some(Flag::Seen),
            'R' => Some(Flag::Answered),
            'F' => Some(Flag::Flagged),
            'T' => Some(Flag::Deleted),
            'D' => Some(Flag::Draft),
            'P' => Keyword::parse("$Forwarded").ok().map(Flag::Keyword),
            letter => keywords.get(&letter).cloned().map(Flag::Keyword),
        };
        if let Some(flag) = flag {
            flags.insert(flag);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_both_layouts() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["cur", ".Sent/cur", ".a.&AOQ-b/cur", "Lists/rust/cur", "..gone/cur", "tmp"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let names: Vec<String> =
            folders(root.path()).unwrap().into_iter().map(|folder| folder.name).collect();
        assert_eq!(names, ["INBOX", "Lists/rust", "Sent", "a/äb"]);
        assert!(folders(&root.path().join("tmp")).is_err());
    }

    #[test]
    fn messages_and_their_flags() {
        let root = tempfile::tempdir().unwrap();
        for name in ["cur/2.x.h,S=1:2,FSb", "new/3.y.h", "cur/.hidden", "cur/1.z.h:2,"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::write(root.path().join("dovecot-keywords"), "0 $a\n1 $Junk\n").unwrap();
        let items = messages(root.path(), None).unwrap().items;
        let paths: Vec<&Path> = items
            .iter()
            .map(|item| match &item.locator {
                Locator::File(path) => path.strip_prefix(root.path()).unwrap(),
                _ => panic!("no file"),
            })
            .collect();
        assert_eq!(paths, ["cur/1.z.h:2,", "cur/2.x.h,S=1:2,FSb", "new/3.y.h"].map(Path::new));
        let found = flags(paths[1], &keywords(root.path()));
        let shown: Vec<String> = found.iter().map(|flag| flag.as_str().to_owned()).collect();
        assert_eq!(shown, ["\\Flagged", "\\Seen", "$Junk"]);
        assert_eq!(items[1].key, key(&[b"maildir", b"2.x.h"]));
        fs::rename(root.path().join("cur/2.x.h,S=1:2,FSb"), root.path().join("cur/2.x.h,S=1:2,S"))
            .unwrap();
        assert!(open(&root.path().join("cur/2.x.h,S=1:2,FSb")).is_ok(), "found by its unique part");
    }
    #[test]
    fn a_large_folder_comes_in_windows() {
        let root = tempfile::tempdir().unwrap();
        // One that is in both folders for a moment, and one whose name is the beginning of another's.
        let all =
            ["cur/1.a:2,S", "cur/2.b:2,", "new/2.b", "cur/2.bc:2,", "new/3.d,S=1", "cur/4.e:2,FS"];
        for name in all {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        for most in 1..=7 {
            let (mut found, mut last) = (Vec::new(), None);
            loop {
                let window = messages_at_most(root.path(), last.as_deref(), most).unwrap();
                assert_eq!(window.all, all.len());
                assert!(window.items.len() <= most.max(2), "at most {most}");
                found.extend(window.items);
                last = window.last;
                if last.is_none() {
                    break;
                }
            }
            let path = |name: &&str| Locator::File(root.path().join(name));
            let mut expected: Vec<_> = all.iter().map(path).collect();
            expected.swap(1, 2);
            assert_eq!(
                found.into_iter().map(|item| item.locator).collect::<Vec<_>>(),
                expected,
                "{most}"
            );
        }
        // Flags that change meanwhile bring nothing twice.
        let window = messages_at_most(root.path(), None, 1).unwrap();
        fs::rename(root.path().join(all[0]), root.path().join("cur/1.a:2,ST")).unwrap();
        let next = messages_at_most(root.path(), window.last.as_deref(), 2).unwrap();
        assert_eq!(next.items[0].key, key(&[b"maildir", b"2.b"]));
    }
}
