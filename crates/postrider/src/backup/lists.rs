//! Backups are removed, and with them the contents that no other backup names.
//!
//! The list goes first: what is left of the contents after a stop is found by the next removal. If
//! a list cannot be read, or something may be one under another name, no content is removed,
//! because it may name any.

use std::{
    collections::HashSet,
    fs::{self, File},
    path::Path,
};

use anyhow::Context as _;

use super::{
    hash::Hash,
    manifest::{BackupId, Line},
    repository::Repository,
};

/// What was removed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collected {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Removes these backups, and what nobody needs then.
pub(crate) fn remove(repository: &Repository, backups: &[BackupId]) -> anyhow::Result<Collected> {
    repository.all_lists_known().context("nothing was removed")?;
    for id in backups {
        let list = repository.list_file(id);
        fs::remove_file(&list).with_context(|| format!("cannot remove {}", list.display()))?;
    }
    let folder = repository.folder().join("backups");
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot sync {}", folder.display()))?;
    collect(repository)
}

/// Removes the contents that no backup names.
pub(super) fn collect(repository: &Repository) -> anyhow::Result<Collected> {
    let named =
        named(repository).context("no content was removed, because a backup may name it")?;
    let mut collected = Collected::default();
    let contents = repository.contents();
    for folder in entries(&contents)? {
        for entry in entries(&folder.path())? {
            let name = entry.file_name();
            let hash = name.to_str().and_then(Hash::parse);
            // What has no name of ours is none of ours.
            let Some(hash) = hash.filter(|hash| !named.contains(hash)) else { continue };
            let path = repository.content(hash);
            let size = entry.metadata().map_or(0, |facts| facts.len());
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            collected.files += 1;
            collected.bytes = collected.bytes.saturating_add(size);
        }
    }
    Ok(collected)
}

fn named(repository: &Repository) -> anyhow::Result<HashSet<Hash>> {
    repository.all_lists_known()?;
    let mut named = HashSet::new();
    for id in repository.backups()? {
        let mut list = repository.read(&id)?;
        while let Some(line) = list.next()? {
            if let Line::File(file) = line {
                named.insert(file.sha256);
            }
        }
    }
    Ok(named)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    listed.with_context(|| format!("cannot list {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Scope, Use,
            contents::Contents,
            manifest::{End, FileLine, Kind, Writer},
        },
        *,
    };
    use crate::owner::User;

    /// A backup of these contents.
    fn backup(repository: &Repository, id: &str, octets: &[&str]) -> BackupId {
        let id = BackupId::parse(id).unwrap();
        let (mut contents, _) = Contents::begin(repository).unwrap();
        let file = File::create(repository.list_file(&id)).unwrap();
        let head = Writer::head(id.clone(), String::new(), String::new(), Scope::Everything);
        let mut list = Writer::begin(file, head).unwrap();
        for octets in octets {
            let added = contents.add_octets(octets.as_bytes()).unwrap();
            list.line(&Line::File(FileLine::new(Kind::Other, *octets, added))).unwrap();
        }
        contents.finish().unwrap();
        let end = End {
            finished: String::new(),
            files: 0,
            bytes: 0,
            messages: 0,
            new_files: 0,
            new_bytes: 0,
            missing: Vec::new(),
            sha256: Hash::of(b""),
        };
        list.end(end).unwrap();
        id
    }

    #[test]
    fn what_no_backup_names_goes_and_nothing_if_one_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repository");
        Repository::make(&path, &User::owning(folder.path()).unwrap()).unwrap();
        let repository = Repository::open(&path, Use::Change).unwrap();
        let first = backup(&repository, "20260101T000000Z", &["both", "first"]);
        let second = backup(&repository, "20260102T000000Z", &["both", "second"]);
        let there = |octets: &str| repository.content(Hash::of(octets.as_bytes())).exists();
        fs::write(repository.contents().join("00/mine"), "").unwrap();
        let removed = remove(&repository, std::slice::from_ref(&first)).unwrap();
        assert_eq!(removed, Collected { files: 1, bytes: 5 });
        assert!(there("both") && there("second") && !there("first"));
        assert!(repository.contents().join("00/mine").exists(), "what is none of ours");

        let third = backup(&repository, "20260103T000000Z", &["third"]);
        let list = repository.list_file(&second);
        let text = fs::read_to_string(&list).unwrap();
        // Another tool's name for it: what it alone names stays, and so does all else.
        for strange in ["20260102T000000Z (copy).jsonl", ".20260102T000000Z.jsonl.x7Yz"] {
            let strange = list.with_file_name(strange);
            fs::rename(&list, &strange).unwrap();
            let refused = remove(&repository, std::slice::from_ref(&third)).unwrap_err();
            assert!(format!("{refused:#}").contains(strange.to_str().unwrap()), "{refused:#}");
            assert!(collect(&repository).is_err());
            assert!(there("second") && repository.list_file(&third).exists());
            fs::rename(&strange, &list).unwrap();
        }
        fs::write(&list, text.replace("second", "sec0nd")).unwrap();
        assert!(remove(&repository, &[third]).is_err());
        assert!(there("third") && there("second"));
    }
}
