//! One supervisor for one installation: a lock on a file, held as long as the supervisor lives.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use crate::owner;

/// The lock, until it is dropped.
pub(crate) struct Lock {
    _held: File,
}

/// The file that is locked.
pub(crate) fn lock_file(data_dir: &Path) -> PathBuf {
    data_dir.join("supervisor.lock")
}

impl Lock {
    /// Takes it, unless another supervisor has it.
    pub(crate) fn take(data_dir: &Path) -> anyhow::Result<Self> {
        let path = lock_file(data_dir);
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.with_context(|| format!("cannot write {}", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut pid = String::new();
            // Only to name it; it may not have written its number yet.
            let _ = file.read_to_string(&mut pid);
            bail!(
                "postrider up runs already for {} (process {}): stop that one first",
                data_dir.display(),
                pid.trim()
            );
        }
        if owner::is_root() {
            let folder = fs::metadata(data_dir)?;
            chown(&path, Some(folder.uid()), Some(folder.gid()))?;
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _held: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).err().unwrap().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }
}
