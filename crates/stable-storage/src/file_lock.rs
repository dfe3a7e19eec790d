//! Locks on files: `flock`, held by an open file, gone with the process that held it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::FlockOperation;

use crate::on_blocking_thread;

/// A file whose lock is taken and let go many times. The file stays, empty; never remove it.
///
/// Two of the same path exclude each other, in one process or two; two calls on the same one
/// don't, because the lock belongs to the open file: whoever shares one takes turns by himself.
#[derive(Debug)]
pub struct FileLock {
    file: Arc<File>,
    path: PathBuf,
}

/// The lock, as long as this lives.
#[derive(Debug)]
pub struct Held(Arc<File>);

impl FileLock {
    /// The lock at this path; its file is made, for its owner and group, if it is not there.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Arc::new(open_for_group(path)?), path: path.to_owned() })
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> io::Result<Option<Held>> {
        Ok(try_lock_file(&self.file)?.then(|| Held(self.file.clone())))
    }

    /// Takes the lock; waits for it on a blocking thread if it is not free.
    pub async fn lock(&self) -> io::Result<Held> {
        if let Some(held) = self.try_lock()? {
            return Ok(held);
        }
        // If nobody waits any more when it is got, the answer is dropped and with it the lock.
        on_blocking_thread(self.waiter()).await
    }

    /// What waits for the lock; for blocking threads.
    pub(crate) fn waiter(&self) -> impl FnOnce() -> io::Result<Held> + Send + use<> {
        let file = self.file.clone();
        move || loop {
            match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Held(file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error)),
            }
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Can't fail for a lock that is held; and if it did, closing the file would end it.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Locks an open file if its lock is free; it is held until the file is closed.
pub fn try_lock_file(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens or makes a file that the group may write, whatever the umask is.
pub(crate) fn open_for_group(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().create_new(true).mode(0o660).open(path) {
        Ok(file) => {
            file.set_permissions(std::fs::Permissions::from_mode(0o660))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (one, other) = (FileLock::at(&path).unwrap(), FileLock::at(&path).unwrap());
        let held = one.lock().await.unwrap();
        assert!(other.try_lock().unwrap().is_none());
        let waiting = tokio::spawn(async move { other.lock().await.map(|_| ()) });
        drop(held);
        waiting.await.unwrap().unwrap();
        assert!(one.try_lock().unwrap().is_some());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }
}
