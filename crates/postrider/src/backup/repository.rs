//! The folder that backups are in.
//!
//! `files/ab/abcd...`: contents by their hashes, the first two digits as folders;
//! `backups/ID.jsonl`: a list for each backup; `tmp/`: what is not finished. One command at a time
//! changes it, any number read: `lock` is locked as long as a command works, and free at once when
//! its process dies.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use mail_types::Timestamp;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{
    hash::Hash,
    manifest::{BackupId, End, Head, Reader},
};
use crate::{owner::User, printer, times};

/// Says what the folder is, and to a person how it is read.
const NAME: &str = "postrider-backup";
const ABOUT: &str = "postrider-backup 1

This folder holds backups of a Postrider installation.
backups/ID.jsonl  the list of a backup: a line of JSON for each file, with the path below the data's
                  folder (data_dir) and the SHA-256 of its content
files/ab/abcd..   the contents, named by their SHA-256; the first two digits are the folder
tmp/              what is not finished; not needed

`postrider backup restore` restores. By hand: copy files/ab/abcd.. to the path, for each line.
`cd files && find . -type f -printf '%f  %p\\n' | sha256sum --quiet -c` checks all contents.
Whoever can read this folder can read all mail.
";

/// How far clocks may differ: a backup that is dated further ahead was made while one was wrong.
const AHEAD: Duration = Duration::from_secs(3600);

/// What a command does with the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Others may read beside it.
    Read,
    /// Nobody else may do anything.
    Change,
}

/// A repository that is open; others wait until it is dropped.
pub(crate) struct Repository {
    folder: PathBuf,
    _lock: File,
}

impl Repository {
    /// Makes the folder if there is none, for the owner of the data. As whoever calls: the owner
    /// may not be allowed to where it is to be.
    pub(crate) fn make(folder: &Path, owner: &User) -> anyhow::Result<()> {
        let cannot = || format!("cannot make the repository {}", folder.display());
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made.with_context(cannot)?,
        }
        if crate::owner::is_root() {
            chown(folder, Some(owner.uid), None).with_context(cannot)?;
        }
        Ok(())
    }

    /// Opens a repository; an empty folder becomes one if it is to be changed.
    pub(crate) fn open(folder: &Path, wanted: Use) -> anyhow::Result<Self> {
        let name = folder.join(NAME);
        match fs::read_to_string(&name) {
            Ok(text) if text.starts_with("postrider-backup 1\n") => {}
            Ok(_) => bail!("{} was made by a newer program: use that one", folder.display()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot read {}", name.display()));
            }
            Err(_) if wanted == Use::Change && is_empty(folder)? => begin(folder)?,
            Err(_) => bail!("{} is no repository of backups", folder.display()),
        }
        let lock = lock(folder, wanted)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    pub(super) fn contents(&self) -> PathBuf {
        self.folder.join("files")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a content is.
    pub(super) fn content(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.contents().join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Where the list of a backup is.
    pub(super) fn list_file(&self, id: &BackupId) -> PathBuf {
        self.folder.join("backups").join(format!("{id}.jsonl"))
    }

    /// All backups, the oldest first.
    pub(crate) fn backups(&self) -> anyhow::Result<Vec<BackupId>> {
        let mut backups: Vec<_> = self.lists()?.iter().filter_map(|name| id_of(name)).collect();
        backups.sort_unstable();
        Ok(backups)
    }

    /// Refuses if there may be a list that is not known as one, such as one that is being copied
    /// here or was renamed: nobody knows which contents it names.
    pub(super) fn all_lists_known(&self) -> anyhow::Result<()> {
        let strange = |name: &&String| name.contains(".jsonl") && id_of(name).is_none();
        match self.lists()?.iter().find(strange) {
            None => Ok(()),
            Some(name) => bail!(
                "{} may be the list of a backup, and its name is none: rename it, or take it away",
                self.folder.join("backups").join(name).display()
            ),
        }
    }

    fn lists(&self) -> anyhow::Result<Vec<String>> {
        let folder = self.folder.join("backups");
        let cannot = || format!("cannot list {}", folder.display());
        let entries = fs::read_dir(&folder).with_context(cannot)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<_>>().with_context(cannot)
    }

    /// The backups that were made before now, the oldest first. Others were made while a clock was
    /// ahead, and which is the newest is not for their names to say: a note names them.
    pub(crate) fn past(&self, now: Timestamp) -> anyhow::Result<Vec<BackupId>> {
        let mut all = self.backups()?;
        let last = begun_at(now.plus(AHEAD));
        for id in all.extract_if(.., |id| id.as_str() > last.as_str()) {
            printer::note(format!("passed over: the backup {id} is dated later than now"));
        }
        Ok(all)
    }

    /// The backup that is meant: this one, or else the newest.
    pub(crate) fn meant(&self, id: Option<&BackupId>) -> anyhow::Result<BackupId> {
        match id {
            Some(id) if self.backups()?.contains(id) => Ok(id.clone()),
            Some(id) => bail!("there is no backup {id} in {}", self.folder.display()),
            None => self.past(agent_kit::now())?.pop().with_context(|| {
                format!("there is no backup in {} that was made before now", self.folder.display())
            }),
        }
    }

    pub(super) fn read(&self, id: &BackupId) -> anyhow::Result<Reader> {
        Reader::open(&self.list_file(id))
    }

    /// What a backup is of, and what it came to.
    pub(crate) fn summary(&self, id: &BackupId) -> anyhow::Result<(Head, End)> {
        Reader::summary(&self.list_file(id))
    }

    /// A name for a backup that begins now.
    pub(super) fn new_id(&self, now: Timestamp) -> anyhow::Result<BackupId> {
        let taken = self.backups()?;
        let second = begun_at(now);
        for number in 1..10_000 {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let id = BackupId::parse(&format!("{second}{suffix}")).map_err(anyhow::Error::msg)?;
            if !taken.contains(&id) {
                return Ok(id);
            }
        }
        bail!("there are too many backups of this second")
    }
}

/// The backup whose list has this name.
fn id_of(name: &str) -> Option<BackupId> {
    BackupId::parse(name.strip_suffix(".jsonl")?).ok()
}

/// What a backup that begins now is called.
fn begun_at(now: Timestamp) -> String {
    let text = times::utc(now);
    let second = text.split('.').next().unwrap_or_default().replace(['-', ':'], "");
    format!("{second}Z")
}

/// A new file that nobody else reads.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    let listed = fs::read_dir(folder);
    let cannot = || format!("cannot use {} for backups", folder.display());
    Ok(listed.with_context(cannot)?.next().is_none())
}

fn begin(folder: &Path) -> anyhow::Result<()> {
    let begun = || {
        for name in ["files", "backups", "tmp"] {
            DirBuilder::new().mode(0o700).create(folder.join(name))?;
        }
        for first in 0..=255_u8 {
            DirBuilder::new().mode(0o700).create(folder.join(format!("files/{first:02x}")))?;
        }
        create(&folder.join("lock"))?;
        // Last: an unfinished one is no repository.
        let mut about = create(&folder.join(NAME))?;
        about.write_all(ABOUT.as_bytes())?;
        about.sync_all()?;
        File::open(folder)?.sync_all()
    };
    begun().with_context(|| format!("cannot make a repository of {}", folder.display()))
}

fn lock(folder: &Path, wanted: Use) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let cannot = || format!("cannot lock {}", path.display());
    // To be read, a repository may be one that nobody can write.
    let file = match wanted {
        Use::Change => OpenOptions::new().read(true).write(true).open(&path),
        Use::Read => File::open(&path),
    };
    let file = file.with_context(cannot)?;
    let (now, wait) = match wanted {
        Use::Change => (FlockOperation::NonBlockingLockExclusive, FlockOperation::LockExclusive),
        Use::Read => (FlockOperation::NonBlockingLockShared, FlockOperation::LockShared),
    };
    match flock(&file, now) {
        Err(Errno::WOULDBLOCK) => {
            printer::note(format!("another command works on {}: waiting", folder.display()));
            flock(&file, wait).with_context(cannot)?;
        }
        locked => locked.with_context(cannot)?,
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_becomes_a_repository_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repository");
        let owner = User::owning(folder.path()).unwrap();
        Repository::make(&path, &owner).unwrap();
        assert!(Repository::open(&path, Use::Read).is_err(), "nothing is in it");
        let repository = Repository::open(&path, Use::Change).unwrap();
        let now = Timestamp::from_secs(1_700_000_000);
        let id = repository.new_id(now).unwrap();
        assert_eq!(id.as_str(), "20231114T221320Z");
        fs::write(repository.list_file(&id), "").unwrap();
        assert_eq!(repository.new_id(now).unwrap().as_str(), "20231114T221320Z-2");
        assert_eq!(repository.backups().unwrap(), std::slice::from_ref(&id));
        // One that was made while the clock was ahead is not the newest.
        let ahead = repository.new_id(agent_kit::now().plus(AHEAD * 2)).unwrap();
        fs::write(repository.list_file(&ahead), "").unwrap();
        assert_eq!(repository.meant(None).unwrap(), id);
        assert_eq!(repository.meant(Some(&ahead)).unwrap(), ahead);
        assert_eq!(repository.past(now.minus(AHEAD * 2)).unwrap(), []);
        drop(repository);
        let (_one, _other) = (
            Repository::open(&path, Use::Read).unwrap(),
            Repository::open(&path, Use::Read).unwrap(),
        );
        fs::write(path.join(NAME), "postrider-backup 2\n").unwrap();
        assert!(Repository::open(&path, Use::Read).is_err());
        fs::write(folder.path().join("mine"), "").unwrap();
        assert!(
            Repository::open(folder.path(), Use::Change).is_err(),
            "nobody's files are touched"
        );
        assert!(folder.path().join("mine").exists() && !folder.path().join("files").exists());
    }
}
