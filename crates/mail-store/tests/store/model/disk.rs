//! The disk under two processes: stops one of them at an operation, and loses what a power cut may
//! lose, of the files and of the index.
//!
//! SQLite syncs a commit of the index only where it is told to: a power cut takes any number of the
//! last transactions. So pictures of the index are taken, and one of them is put back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use stable_storage::{Files, Operation, Watch};
use testkit::BreakingFiles;

use crate::model::Fault;

/// So many of the last states of the index may be lost.
const PICTURES: usize = 8;
const INDEX: &str = "postrider-index.db";

pub(super) struct Disk {
    /// The account's folder.
    root: PathBuf,
    kept: PathBuf,
    fault: Fault,
    state: Mutex<State>,
}

struct State {
    breaking: Arc<BreakingFiles>,
    /// How many folders were made to keep names in.
    breakings: usize,
    pictures: Vec<Picture>,
    /// Whether pictures are taken at each operation; and the state that is the least they show.
    in_operation: Option<usize>,
}

/// What was committed at a moment.
pub(super) struct Picture {
    /// The number of the oldest state that it can be.
    pub(super) state: usize,
    database: Vec<u8>,
    log: Option<Vec<u8>>,
}

impl Disk {
    pub(super) fn new(root: &Path, kept: &Path, fault: Fault) -> Arc<Self> {
        let breaking = BreakingFiles::counting(&fresh(kept, 0));
        let state = State { breaking, breakings: 1, pictures: Vec::new(), in_operation: None };
        let (root, kept) = (root.to_owned(), kept.to_owned());
        Arc::new(Self { root, kept, fault, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From here on pictures are taken at each file operation, until the next [`Disk::picture`].
    pub(super) fn watch_closely(&self, state: usize) {
        self.state().in_operation = Some(state);
    }

    /// What is committed now belongs to this state.
    pub(super) fn picture(&self, state: usize) {
        let picture = self.take(state);
        let mut here = self.state();
        here.in_operation = None;
        here.pictures.extend(picture);
        let surplus = here.pictures.len().saturating_sub(PICTURES);
        here.pictures.drain(..surplus);
    }

    fn take(&self, state: usize) -> Option<Picture> {
        let database = fs::read(self.root.join(INDEX)).ok()?;
        let log = fs::read(self.root.join(format!("{INDEX}-wal"))).ok();
        Some(Picture { state, database, log })
    }

    /// All that was done so far is durable: files, and the index if it says so.
    pub(super) fn settle(&self, index_too: bool) {
        let mut state = self.state();
        state.breaking = BreakingFiles::counting(&fresh(&self.kept, state.breakings));
        state.breakings += 1;
        if index_too {
            state.pictures.clear();
        }
    }

    /// Everybody is gone; takes away what was not synced (or of that only the bytes, as the number says),
    /// and so many of the pictures. Answers the number of the oldest state that may be there now.
    pub(super) fn cut(&self, lost: usize) -> usize {
        let breaking = self.state().breaking.clone();
        let lose = match lost % 3 {
            0 => BreakingFiles::lose_unsynced,
            1 => BreakingFiles::lose_unsynced_bytes,
            _ => BreakingFiles::lose_unsynced_bytes_but_lengths,
        };
        lose(&breaking).unwrap();
        let keep = self.state().pictures.len().saturating_sub(lost).max(1);
        self.state().pictures.truncate(keep);
        let picture = self.state().pictures.pop().unwrap();
        remove_index(&self.root);
        fs::write(self.root.join(INDEX), &picture.database).unwrap();
        if let Some(log) = &picture.log {
            fs::write(self.root.join(format!("{INDEX}-wal")), log).unwrap();
        }
        self.settle(true);
        picture.state
    }

    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let watched = self.state().in_operation;
        if let Some(picture) = watched.and_then(|state| self.take(state)) {
            self.state().pictures.push(picture);
        }
        let breaking = self.state().breaking.clone();
        breaking.before(operation)
    }

    fn after(&self, operation: &Operation<'_>) {
        let of_messages =
            |path: &Path| path.ends_with("cur") || path.ends_with("new") || path.ends_with("tmp");
        let forgotten = match operation {
            Operation::SyncFolder(path) => self.fault == Fault::NoFolderSync && of_messages(path),
            Operation::Sync(path) => {
                self.fault == Fault::NoFileSync && path.parent().is_some_and(of_messages)
            }
            _ => false,
        };
        if !forgotten {
            let breaking = self.state().breaking.clone();
            breaking.after(operation);
        }
    }

    /// A folder gets its new name after the plan was committed, and that commit is synced.
    fn note_synced_commit(&self, operation: &Operation<'_>) {
        if let Operation::Rename { from, .. } = operation
            && from.is_dir()
        {
            self.state().pictures.clear();
        }
    }
}

fn fresh(kept: &Path, number: usize) -> PathBuf {
    let folder = kept.join(number.to_string());
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Removes the index with all that SQLite keeps beside it.
pub(super) fn remove_index(root: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(root.join(format!("{INDEX}{suffix}")));
    }
}

/// A process's way to the disk, until it is stopped.
pub(super) struct Way {
    disk: Arc<Disk>,
    left: Mutex<Option<usize>>,
    stopped: AtomicBool,
}

impl Way {
    pub(super) fn to(disk: &Arc<Disk>) -> Arc<Self> {
        let stopped = AtomicBool::new(false);
        Arc::new(Self { disk: disk.clone(), left: Mutex::default(), stopped })
    }

    pub(super) fn files(self: &Arc<Self>) -> Files {
        Files::watched(self.clone())
    }

    /// It ends after so many operations.
    pub(super) fn stop_after(&self, operations: usize) {
        *self.left.lock().unwrap() = Some(operations);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl Watch for Way {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        self.disk.note_synced_commit(operation);
        if let Some(left) = &mut *self.left.lock().unwrap() {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    self.stopped.store(true, Ordering::SeqCst);
                    return Err(io::Error::other("this process has stopped (a test says so)"));
                }
            }
        }
        self.disk.before(operation)
    }

    fn after(&self, operation: &Operation<'_>) {
        self.disk.after(operation);
    }
}
