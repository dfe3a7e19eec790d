//! The one layer under every file that must survive a crash: spool, Maildir, published databases.
//!
//! All calls block; run them on blocking threads. Each operation that changes the disk passes a
//! [`Watch`] first, so that a test can stop at the n-th one and see what is left. Reading changes
//! nothing and is not watched.
//!
//! What is durable when: bytes after [`NewFile::sync`], names after [`Files::sync_dir`] of their
//! folder, nothing earlier.

use std::{
    ffi::OsString,
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file system, as services use it. A clone is the same one.
#[derive(Clone, Default)]
pub struct Files {
    watch: Option<Arc<dyn Watch>>,
}

/// Sees every operation that changes the disk.
pub trait Watch: Send + Sync {
    /// Before it is done; an error keeps it from being done.
    fn before(&self, operation: &Operation<'_>) -> io::Result<()>;

    /// After it was done.
    fn after(&self, operation: &Operation<'_>);
}

/// An operation that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// A new, empty file gets a name.
    Create(&'a Path),
    /// Bytes are added to a file; they reach stable storage with `Sync`.
    Write(&'a Path),
    /// A file is cut to a length.
    Cut(&'a Path),
    /// A file's bytes and length reach stable storage.
    Sync(&'a Path),
    /// A name changes, replacing what had the new one.
    Rename {
        /// The old name.
        from: &'a Path,
        /// The new name.
        to: &'a Path,
    },
    /// A file gets a second name.
    Link {
        /// A name that it has.
        from: &'a Path,
        /// The new name.
        to: &'a Path,
    },
    /// A name goes, and with its last name the file.
    Unlink(&'a Path),
    /// A folder is made.
    MakeFolder(&'a Path),
    /// An empty folder goes.
    RemoveFolder(&'a Path),
    /// The names in a folder reach stable storage.
    SyncFolder(&'a Path),
}

impl Files {
    /// The real file system.
    pub fn real() -> Self {
        Self::default()
    }

    /// The real file system under somebody's eyes.
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch) }
    }

    /// Makes a new file, for its owner and group; an error if the name is taken.
    pub fn create_new(&self, path: &Path) -> io::Result<NewFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o660);
        let file = self.watched_do(Operation::Create(path), || options.open(path))?;
        Ok(NewFile { file, path: path.to_owned(), length: 0, files: self.clone() })
    }

    /// Opens a file to add to its end; makes it if it is not there.
    pub fn append(&self, path: &Path) -> io::Result<NewFile> {
        match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(NewFile { file, path: path.to_owned(), length, files: self.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create_new(path),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name, replacing what had it.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.watched_do(Operation::Rename { from, to }, || std::fs::rename(from, to))
    }

    /// Gives a file a second name; an error if that is taken.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.watched_do(Operation::Link { from, to }, || std::fs::hard_link(from, to))
    }

    /// Takes a name away; true if it was there.
    pub fn unlink(&self, path: &Path) -> io::Result<bool> {
        match self.watched_do(Operation::Unlink(path), || std::fs::remove_file(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a folder for its owner and group; true if it was not there. Its name is durable after
    /// a sync of the folder above.
    pub fn make_folder(&self, path: &Path) -> io::Result<bool> {
        let make = || DirBuilder::new().mode(0o770).create(path);
        match self.watched_do(Operation::MakeFolder(path), make) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a folder and those above it where missing, all durable.
    pub fn make_folders(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.make_folders(above)?;
            self.make_folder(path)?;
            return self.sync_dir(above);
        }
        self.make_folder(path).map(|_| ())
    }

    /// Removes an empty folder; true if it was there.
    pub fn remove_folder(&self, path: &Path) -> io::Result<bool> {
        match self.watched_do(Operation::RemoveFolder(path), || std::fs::remove_dir(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns when the names in a folder are on stable storage.
    pub fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.watched_do(Operation::SyncFolder(path), || File::open(path)?.sync_all())
    }

    /// Returns when a file that somebody else wrote is on stable storage.
    pub fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.watched_do(Operation::Sync(path), || File::open(path)?.sync_all())
    }

    /// The same for one that is open. What comes into it meanwhile may be left out.
    pub fn sync_open(&self, file: &File, path: &Path) -> io::Result<()> {
        self.watched_do(Operation::Sync(path), || file.sync_data())
    }

    /// Replaces a small file as a whole: after a crash it holds the old or the new content.
    /// Writes beside it under `NAME.new` first.
    pub fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        self.unlink(&beside)?;
        let mut file = self.create_new(&beside)?;
        file.write_all(content)?;
        file.sync()?;
        self.rename(&beside, path)?;
        self.sync_dir(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    /// Opens a file to read.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    /// All of a small file, or nothing if it is not there.
    pub fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names in a folder, in no order.
    pub fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.names(path)?.collect()
    }

    /// The same, one after the other: there may be millions.
    pub fn names(&self, path: &Path) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        Ok(std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())))
    }

    /// Whether there is a file or folder of this name.
    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn watched_do<T>(
        &self,
        operation: Operation<'_>,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(watch) = &self.watch else { return work() };
        watch.before(&operation)?;
        let done = work()?;
        watch.after(&operation);
        Ok(done)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.watch.is_some() { "Files(watched)" } else { "Files(real)" })
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    length: u64,
    files: Files,
}

impl NewFile {
    /// Adds bytes at the end. Gather small pieces first: each call is one write.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { file, path, .. } = self;
        self.files.watched_do(Operation::Write(path), || file.write_all(bytes))?;
        self.length = self.length.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Adds `length` bytes of another file from `start`, copied by the kernel where it can.
    pub fn copy_from(&mut self, source: &File, start: u64, length: u64) -> io::Result<()> {
        let Self { file, path, .. } = self;
        self.files
            .watched_do(Operation::Write(path), || copy_range(source, start, file, length))?;
        self.length = self.length.saturating_add(length);
        Ok(())
    }

    /// Cuts it to a length, and goes on writing there.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        let Self { file, path, .. } = self;
        self.files.watched_do(Operation::Cut(path), || {
            file.set_len(length)?;
            io::Seek::seek(file, io::SeekFrom::Start(length)).map(|_| ())
        })?;
        self.length = length;
        Ok(())
    }

    /// Lets the bytes begin their way to the disk, so that the syncs of many files wait together.
    /// Promises nothing: [`NewFile::sync`] does.
    pub fn begin_sync(&self) {
        write_back(&self.file, false);
    }

    /// Waits for what [`NewFile::begin_sync`] began, so that a sync has little left to do. Promises
    /// nothing either: neither the file's length nor the disk's own memory is looked after.
    pub fn wait_for_bytes(&self) {
        write_back(&self.file, true);
    }

    /// Returns when the bytes are on stable storage; the name is another matter
    /// ([`Files::sync_dir`]).
    pub fn sync(&self) -> io::Result<()> {
        // A new file's length is metadata that reading needs: fdatasync writes it too.
        self.files.watched_do(Operation::Sync(&self.path), || self.file.sync_data())
    }

    /// Bytes written, or found at the opening.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The name it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, to read.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// What it begins is ended by a sync, whatever becomes of it.
#[cfg(target_os = "linux")]
fn write_back(file: &File, wait: bool) {
    let mut flags = libc::SYNC_FILE_RANGE_WRITE;
    if wait {
        flags |= libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    }
    #[expect(unsafe_code, reason = "there is no safe way to call it")]
    // SAFETY: sync_file_range(2) takes an open file and numbers, and touches no memory of ours.
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
}

#[cfg(not(target_os = "linux"))]
fn write_back(_: &File, _: bool) {}

/// Copies by `copy_file_range`; by hand where the file systems don't allow it.
fn copy_range(source: &File, start: u64, into: &mut File, length: u64) -> io::Result<()> {
    let (mut from, mut left) = (start, length);
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
        match rustix::fs::copy_file_range(source, Some(&mut from), &*into, None, step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => left = left.saturating_sub(copied as u64),
            Err(rustix::io::Errno::INTR) => {}
            // Another file system, an old kernel, a file opened to append.
            Err(_) => return copy_by_hand(source, from, into, left),
        }
    }
    Ok(())
}

fn copy_by_hand(source: &File, start: u64, into: &mut File, length: u64) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let (mut from, mut left) = (start, length);
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let piece = buffer.get_mut(..step).unwrap_or_default();
        std::os::unix::fs::FileExt::read_exact_at(source, piece, from)?;
        into.write_all(piece)?;
        from = from.saturating_add(step as u64);
        left = left.saturating_sub(step as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_copied_cut_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (files, path) = (Files::real(), folder.path().join("a"));
        let mut first = files.create_new(&path).unwrap();
        first.write_all(b"0123456789").unwrap();
        first.begin_sync();
        first.wait_for_bytes();
        first.sync().unwrap();
        assert!(files.create_new(&path).is_err());

        let mut second = files.create_new(&folder.path().join("b")).unwrap();
        second.write_all(b"x").unwrap();
        second.copy_from(first.file(), 2, 5).unwrap();
        assert_eq!(files.read(second.path()).unwrap().unwrap(), b"x23456");
        second.cut(2).unwrap();
        second.write_all(b"y").unwrap();
        assert_eq!(
            (second.length(), files.read(second.path()).unwrap().unwrap()),
            (3, b"x2y".into())
        );
        assert!(second.copy_from(first.file(), 8, 5).is_err());

        let mut more = files.append(&path).unwrap();
        more.copy_from(second.file(), 0, 2).unwrap();
        assert_eq!(files.read(&path).unwrap().unwrap(), b"0123456789x2");
        files.replace(&path, b"new").unwrap();
        files.replace(&path, b"newer").unwrap();
        assert_eq!(files.read(&path).unwrap().unwrap(), b"newer");
        assert!(files.unlink(&path).unwrap() && !files.unlink(&path).unwrap());
        assert_eq!(files.read(&path).unwrap(), None);
    }

    #[test]
    fn folders_are_made_all_the_way_down() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        Files::real().make_folders(&deep).unwrap();
        Files::real().make_folders(&deep).unwrap();
        assert!(deep.is_dir());
        assert!(Files::real().remove_folder(&deep).unwrap());
        assert!(!Files::real().remove_folder(&deep).unwrap());
    }
}
