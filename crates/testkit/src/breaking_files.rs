//! A file layer that stops at the n-th operation, and can lose what was not synced.
//!
//! A test runs its story once to count the operations, then once for each n: the n-th operation
//! and all after it fail, as if the machine had stopped there. Then it opens what is left and
//! compares with the table of states. What is left is either all that was done (the process died)
//! or, after [`BreakingFiles::lose_unsynced`], the least that stable storage promises (the power
//! failed): bytes up to the last sync of their file, names up to the last sync of their folder.
//!
//! The real file system may keep more than that. What works with the least works with more, but for
//! names without their bytes: [`BreakingFiles::lose_unsynced_bytes`].

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stable_storage::{Files, Operation, Watch};

/// Watches, stops, and takes back.
#[derive(Debug)]
pub struct BreakingFiles {
    stop_at: Option<usize>,
    /// Where files that lost their name wait for a power failure; on the same file system.
    kept: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    operations: usize,
    stopped: bool,
    /// Names that a power failure takes back, the oldest first.
    names: Vec<NameChange>,
    /// The durable length of files that were written since their last sync.
    lengths: HashMap<PathBuf, u64>,
    kept: usize,
    /// What `before` kept for the operation that is being done.
    pending: Option<PathBuf>,
}

#[derive(Debug)]
enum NameChange {
    Added(PathBuf),
    Removed { path: PathBuf, kept: PathBuf },
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<PathBuf> },
}

impl BreakingFiles {
    /// Never stops, only counts. `kept` is an empty folder on the file system of the test.
    pub fn counting(kept: &Path) -> Arc<Self> {
        Self::new(None, kept)
    }

    /// Stops at the n-th operation, from 0: that one is not done.
    pub fn stopping_at(n: usize, kept: &Path) -> Arc<Self> {
        Self::new(Some(n), kept)
    }

    fn new(stop_at: Option<usize>, kept: &Path) -> Arc<Self> {
        Arc::new(Self { stop_at, kept: kept.to_owned(), state: Mutex::default() })
    }

    /// The file layer that it watches.
    pub fn files(self: &Arc<Self>) -> Files {
        Files::watched(self.clone())
    }

    /// How many operations were done or tried.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Whether it has stopped.
    pub fn stopped(&self) -> bool {
        self.state().stopped
    }

    /// Stops now: whatever is tried from here on fails.
    pub fn stop(&self) {
        self.state().stopped = true;
    }

    /// Takes back the bytes that were not synced, but no name, and stops: a journal of names may reach
    /// stable storage at any time, by somebody else's sync. Only when nobody uses the files any more.
    pub fn lose_unsynced_bytes(&self) -> io::Result<()> {
        self.lose_bytes(false)
    }

    /// The same with the lengths that the files had: a hole is where the bytes were.
    pub fn lose_unsynced_bytes_but_lengths(&self) -> io::Result<()> {
        self.lose_bytes(true)
    }

    fn lose_bytes(&self, lengths_are_kept: bool) -> io::Result<()> {
        let mut state = self.state();
        state.stopped = true;
        for (path, length) in std::mem::take(&mut state.lengths) {
            match fs::OpenOptions::new().write(true).open(path) {
                Ok(file) => {
                    let before = file.metadata()?.len();
                    file.set_len(length)?;
                    if lengths_are_kept {
                        file.set_len(before)?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes back what was not synced, and stops. Only when nobody uses the files any more.
    pub fn lose_unsynced(&self) -> io::Result<()> {
        self.lose_unsynced_bytes()?;
        let mut state = self.state();
        while let Some(change) = state.names.pop() {
            match change {
                NameChange::Added(path) if path.is_dir() => fs::remove_dir_all(path)?,
                NameChange::Added(path) => fs::remove_file(path)?,
                NameChange::Removed { path, kept } => fs::rename(kept, path)?,
                NameChange::Renamed { from, to, replaced } => {
                    fs::rename(&to, from)?;
                    if let Some(replaced) = replaced {
                        fs::rename(replaced, to)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A second name for a file that is about to lose its own.
    fn keep(&self, state: &mut State, path: &Path) -> io::Result<Option<PathBuf>> {
        if !path.is_file() {
            return Ok(None);
        }
        let kept = self.kept.join(state.kept.to_string());
        state.kept += 1;
        fs::hard_link(path, &kept)?;
        Ok(Some(kept))
    }
}

impl Watch for BreakingFiles {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let mut state = self.state();
        if self.stop_at.is_some_and(|n| state.operations >= n) {
            state.stopped = true;
        }
        if state.stopped {
            return Err(io::Error::other("the machine has stopped (a test says so)"));
        }
        state.operations += 1;
        match operation {
            Operation::Unlink(path) | Operation::Rename { to: path, .. } => {
                state.pending = self.keep(&mut state, path)?;
            }
            Operation::Write(path) | Operation::Cut(path) => {
                let length = fs::metadata(path).map_or(0, |facts| facts.len());
                state.lengths.entry(path.to_path_buf()).or_insert(length);
            }
            _ => {}
        }
        Ok(())
    }

    fn after(&self, operation: &Operation<'_>) {
        let mut state = self.state();
        let pending = state.pending.take();
        match *operation {
            Operation::Create(path) => state.names.push(NameChange::Added(path.to_owned())),
            Operation::Link { from, to } => {
                if let Some(length) = state.lengths.get(from).copied() {
                    state.lengths.insert(to.to_owned(), length);
                }
                state.names.push(NameChange::Added(to.to_owned()));
            }
            // A test that begins by making its folders may lose them too.
            Operation::MakeFolder(path) => state.names.push(NameChange::Added(path.to_owned())),
            Operation::Unlink(path) => {
                // By this name: it may have another one.
                state.lengths.remove(path);
                if let Some(kept) = pending {
                    state.names.push(NameChange::Removed { path: path.to_owned(), kept });
                }
            }
            Operation::Rename { from, to } => {
                if let Some(length) = state.lengths.remove(from) {
                    state.lengths.insert(to.to_owned(), length);
                }
                state.names.push(NameChange::Renamed {
                    from: from.to_owned(),
                    to: to.to_owned(),
                    replaced: pending,
                });
            }
            Operation::Sync(path) => {
                // By whichever of its names.
                let inode = |path: &Path| fs::metadata(path).ok().map(|facts| facts.ino());
                let synced = inode(path);
                state.lengths.retain(|other, _| other != path && inode(other) != synced);
            }
            Operation::SyncFolder(folder) => {
                state.names.retain(|change| change.path().parent() != Some(folder));
            }
            Operation::Write(_) | Operation::Cut(_) | Operation::RemoveFolder(_) => {}
        }
    }
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            Self::Added(path) | Self::Removed { path, .. } | Self::Renamed { to: path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `a`, replaces it by `b`, removes `c`; with all syncs or without.
    fn story(files: &Files, folder: &Path, syncs: bool) -> io::Result<()> {
        let sync = |file: &stable_storage::NewFile| if syncs { file.sync() } else { Ok(()) };
        let (a, b, c) = (folder.join("a"), folder.join("b"), folder.join("c"));
        let mut file = files.create_new(&b)?;
        file.write_all(b"new")?;
        sync(&file)?;
        files.rename(&b, &a)?;
        files.unlink(&c)?;
        if syncs { files.sync_dir(folder) } else { Ok(()) }
    }

    fn prepared() -> (tempfile::TempDir, tempfile::TempDir) {
        let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("a"), "old").unwrap();
        fs::write(folder.path().join("c"), "c").unwrap();
        (folder, kept)
    }

    fn found(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = entries
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn names(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, content)| (name.to_string(), content.to_string())).collect()
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_is_lost() {
        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        story(&breaking.files(), folder.path(), true).unwrap();
        assert_eq!(breaking.operations(), 6);
        breaking.lose_unsynced().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "new")]));

        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        story(&breaking.files(), folder.path(), false).unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "new")]));
        breaking.lose_unsynced().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "old"), ("c", "c")]));

        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        story(&breaking.files(), folder.path(), false).unwrap();
        breaking.lose_unsynced_bytes().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "")]), "names without their bytes");

        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        story(&breaking.files(), folder.path(), false).unwrap();
        breaking.lose_unsynced_bytes_but_lengths().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "\0\0\0")]), "as long as they were");
    }

    #[test]
    fn a_file_is_synced_by_any_of_its_names() {
        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        let (files, other) = (breaking.files(), folder.path().join("d"));
        let mut file = files.append(&folder.path().join("a")).unwrap();
        file.write_all(b" and").unwrap();
        files.link(file.path(), &other).unwrap();
        files.sync_file(&other).unwrap();
        breaking.lose_unsynced().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "old and"), ("c", "c")]));
    }

    #[test]
    fn it_stops_everywhere() {
        for n in 0..6 {
            let (folder, kept) = prepared();
            let breaking = BreakingFiles::stopping_at(n, kept.path());
            assert!(story(&breaking.files(), folder.path(), true).is_err());
            assert!(breaking.stopped());
            assert!(breaking.files().unlink(&folder.path().join("a")).is_err());
            breaking.lose_unsynced().unwrap();
            assert_eq!(found(folder.path()), names(&[("a", "old"), ("c", "c")]), "stopped at {n}");
        }
    }

    #[test]
    fn bytes_behind_the_last_sync_are_lost() {
        let (folder, kept) = prepared();
        let breaking = BreakingFiles::counting(kept.path());
        let mut file = breaking.files().append(&folder.path().join("a")).unwrap();
        file.write_all(b" and").unwrap();
        file.sync().unwrap();
        file.write_all(b" more").unwrap();
        breaking.lose_unsynced().unwrap();
        assert_eq!(found(folder.path()), names(&[("a", "old and"), ("c", "c")]));
    }
}
