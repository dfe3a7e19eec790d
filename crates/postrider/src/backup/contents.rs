//! Contents on their way into the repository.
//!
//! They are written under other names first. Some hundred together are synced, and only then do
//! they get their names: what has the name of a hash is whole and durable. A stop leaves files in
//! `tmp/`, which the next backup removes, and contents that no list names, which go with the next
//! `remove` or `prune`.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use stable_storage::FileSystem;

use super::{
    hash::{Hash, read_through},
    repository::{self, Repository},
};

/// Files up to this size are read whole before it is known whether they are new.
const SMALL: u64 = 256 * 1024;
/// So many new contents are synced together ..
const BLOCK_FILES: usize = 500;
/// .. or so many octets.
const BLOCK_BYTES: u64 = 64 << 20;

/// Brings contents into a repository.
pub(super) struct Contents<'r> {
    repository: &'r Repository,
    disk: FileSystem,
    begun: u64,
    /// Written, and without a name.
    waiting: Vec<(PathBuf, Hash)>,
    waiting_bytes: u64,
    /// What is new in this run and waits or has its name.
    fresh: HashSet<Hash>,
    buffer: Vec<u8>,
    pub(super) new_files: u64,
    pub(super) new_bytes: u64,
    /// Files that were read.
    pub(super) read: u64,
}

impl<'r> Contents<'r> {
    /// Removes what an earlier run left unfinished; true if there was something.
    pub(super) fn begin(repository: &'r Repository) -> anyhow::Result<(Self, bool)> {
        let tmp = repository.tmp();
        let cannot = || format!("cannot tidy up {}", tmp.display());
        let mut left = false;
        for entry in fs::read_dir(&tmp).with_context(cannot)? {
            fs::remove_file(entry.with_context(cannot)?.path()).with_context(cannot)?;
            left = true;
        }
        let disk = FileSystem::of(repository.folder()).with_context(cannot)?;
        let contents = Self {
            repository,
            disk,
            begun: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            fresh: HashSet::new(),
            buffer: Vec::new(),
            new_files: 0,
            new_bytes: 0,
            read: 0,
        };
        Ok((contents, left))
    }

    /// Whether a content is there; one of another size is damaged, and is replaced.
    pub(super) fn has(&self, hash: Hash, size: u64) -> bool {
        self.fresh.contains(&hash)
            || fs::metadata(self.repository.content(hash)).is_ok_and(|facts| facts.len() == size)
    }

    /// A path for something that is being made, on the repository's disk.
    pub(super) fn tmp_file(&mut self) -> PathBuf {
        self.begun += 1;
        self.repository.tmp().join(format!("{}", self.begun))
    }

    /// Takes in what a file holds, from its beginning.
    pub(super) fn add(&mut self, mut source: File) -> anyhow::Result<(Hash, u64)> {
        self.read += 1;
        if source.metadata().map_or(0, |facts| facts.len()) <= SMALL {
            let mut octets = Vec::new();
            let read = (&source).take(SMALL + 1).read_to_end(&mut octets);
            read.context("cannot read a file")?;
            if u64::try_from(octets.len()).unwrap_or(u64::MAX) <= SMALL {
                return self.add_octets(&octets);
            }
            source.rewind().context("cannot read a file")?;
        }
        let path = self.tmp_file();
        let mut file = repository::create(&path).with_context(|| full(&path))?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut written = Ok(());
        let read = read_through(&mut source, &mut buffer, |piece| {
            if written.is_ok() {
                written = file.write_all(piece);
            }
            Ok(())
        });
        self.buffer = buffer;
        written.with_context(|| full(&path))?;
        let (hash, size) = read.context("cannot read a file")?;
        self.take_in(path, hash, size)?;
        Ok((hash, size))
    }

    /// Takes in octets.
    pub(super) fn add_octets(&mut self, octets: &[u8]) -> anyhow::Result<(Hash, u64)> {
        let (hash, size) = (Hash::of(octets), u64::try_from(octets.len()).unwrap_or(u64::MAX));
        if !self.has(hash, size) {
            let path = self.tmp_file();
            let written = repository::create(&path).and_then(|mut file| file.write_all(octets));
            written.with_context(|| full(&path))?;
            self.take_in(path, hash, size)?;
        }
        Ok((hash, size))
    }

    /// Takes in a file that was made in `tmp/`.
    pub(super) fn adopt(&mut self, path: PathBuf) -> anyhow::Result<(Hash, u64)> {
        self.read += 1;
        let read = File::open(&path)
            .and_then(|mut file| read_through(&mut file, &mut self.buffer, |_| Ok(())));
        let (hash, size) = read.with_context(|| format!("cannot read {}", path.display()))?;
        self.take_in(path, hash, size)?;
        Ok((hash, size))
    }

    fn take_in(&mut self, path: PathBuf, hash: Hash, size: u64) -> anyhow::Result<()> {
        if self.has(hash, size) {
            return fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()));
        }
        self.fresh.insert(hash);
        self.waiting.push((path, hash));
        self.waiting_bytes = self.waiting_bytes.saturating_add(size);
        self.new_files += 1;
        self.new_bytes = self.new_bytes.saturating_add(size);
        if self.waiting.len() >= BLOCK_FILES || self.waiting_bytes >= BLOCK_BYTES {
            self.name_all()?;
        }
        Ok(())
    }

    fn name_all(&mut self) -> anyhow::Result<()> {
        let folder = self.repository.folder();
        self.disk.sync().with_context(|| full(folder))?;
        for (path, hash) in self.waiting.drain(..) {
            let to = self.repository.content(hash);
            fs::rename(&path, &to).with_context(|| full(&to))?;
        }
        self.waiting_bytes = 0;
        Ok(())
    }

    /// Returns when all contents have their names and are on stable storage.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.name_all()?;
        let folder = self.repository.folder();
        self.disk.sync().with_context(|| full(folder))
    }
}

/// What could not be written, with what helps if the disk is full.
fn full(path: &Path) -> String {
    format!(
        "cannot write {}; earlier backups are whole, and a repeated `backup create` goes on with what \
         was copied so far",
        path.display()
    )
}

/// What tells a file from one that was changed since: its number, size and time. Nothing if it is
/// so young that a change in the same tick of the kernel's clock would not be seen.
pub(super) fn stamp(paths: &[PathBuf], now_s: i64) -> io::Result<Option<String>> {
    let mut stamp = String::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(facts) if now_s.saturating_sub(facts.mtime()) < 2 => return Ok(None),
            Ok(facts) => {
                let times = (facts.mtime(), facts.mtime_nsec());
                stamp += &format!("{}:{}:{}.{:09} ", facts.ino(), facts.len(), times.0, times.1);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => stamp += "- ",
            Err(error) => return Err(error),
        }
    }
    Ok(Some(stamp.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{super::Use, *};
    use crate::owner::User;

    #[test]
    fn contents_are_kept_once_and_a_stop_leaves_nothing_with_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repository");
        Repository::make(&path, &User::owning(folder.path()).unwrap()).unwrap();
        let repository = Repository::open(&path, Use::Change).unwrap();
        let (mut contents, left) = Contents::begin(&repository).unwrap();
        assert!(!left);
        let large = vec![7; usize::try_from(SMALL).unwrap() + 1];
        let file = folder.path().join("large");
        fs::write(&file, &large).unwrap();
        let (hash, size) = contents.add(File::open(&file).unwrap()).unwrap();
        assert_eq!((hash, size), (Hash::of(&large), SMALL + 1));
        contents.add(File::open(&file).unwrap()).unwrap();
        let small = contents.add_octets(b"small").unwrap();
        contents.add_octets(b"small").unwrap();
        assert_eq!((contents.new_files, contents.new_bytes), (2, SMALL + 6));
        assert!(!repository.content(hash).exists(), "not durable yet");
        drop(contents);
        let (mut contents, left) = Contents::begin(&repository).unwrap();
        assert!(left && !contents.has(small.0, small.1));
        contents.add_octets(b"small").unwrap();
        let made = contents.tmp_file();
        fs::write(&made, b"made").unwrap();
        let (made, _) = contents.adopt(made).unwrap();
        contents.finish().unwrap();
        assert_eq!(fs::read(repository.content(made)).unwrap(), b"made");
        assert_eq!(fs::read_dir(repository.tmp()).unwrap().count(), 0);
        // A content that lost its end is brought again.
        fs::write(repository.content(made), b"ma").unwrap();
        let (mut contents, _) = Contents::begin(&repository).unwrap();
        contents.add_octets(b"made").unwrap();
        contents.finish().unwrap();
        assert_eq!(fs::read(repository.content(made)).unwrap(), b"made");
    }

    #[test]
    fn a_stamp_is_of_files_that_are_not_too_young() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        fs::write(&paths[0], "x").unwrap();
        let now = fs::metadata(&paths[0]).unwrap().mtime();
        assert_eq!(stamp(&paths, now).unwrap(), None);
        let before = stamp(&paths, now + 5).unwrap().unwrap();
        fs::write(&paths[1], "y").unwrap();
        assert_ne!(stamp(&paths, now + 5).unwrap().unwrap(), before);
    }
}
