//! Seeing that another process is dead, without a clock.
//!
//! A process locks a file of its own for as long as it lives; its name stands beside whatever it
//! has taken (a lease). Whoever finds that name tries the lock: if it is free, the holder is dead,
//! however it died, and what it had taken is free.

use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::file_lock::{open_for_group, try_lock_file};

/// Tells locks of one process apart.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A living holder. Its file is removed when this is dropped; after a kill, by whoever sweeps.
#[derive(Debug)]
pub struct LifeLock {
    file: File,
    path: PathBuf,
    name: Box<str>,
}

/// What is known of a holder's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It lives.
    Alive,
    /// It is dead: its lock is free, or its file is gone.
    Dead,
}

impl LifeLock {
    /// Takes a new lock in `folder`, which is made if need be. Names never come twice: a `salt`
    /// from the clock or chance tells this process from an earlier one of the same number.
    pub fn take(folder: &Path, salt: u64) -> io::Result<Self> {
        match std::fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}-{salt:x}", std::process::id());
            let path = folder.join(&name);
            let file = open_for_group(&path)?;
            // Whoever sweeps may have locked or removed the file before it was locked here: then
            // another one.
            if try_lock_file(&file)? && is_at(&file, &path)? {
                return Ok(Self { file, path, name: name.into() });
            }
        }
    }

    /// The name that others find beside what this process has taken.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the holder of this name in `folder` lives.
    pub fn holder(folder: &Path, name: &str) -> io::Result<Holder> {
        if name.is_empty() || name.contains('/') {
            return Ok(Holder::Dead);
        }
        match File::open(folder.join(name)) {
            Ok(file) => Ok(if try_lock_file(&file)? { Holder::Dead } else { Holder::Alive }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Holder::Dead),
            Err(error) => Err(error),
        }
    }

    /// Whether any holder in `folder` lives.
    pub fn any_alive(folder: &Path) -> io::Result<bool> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            if Self::holder(folder, &name.to_string_lossy())? == Holder::Alive {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the files of the dead.
    pub fn sweep(folder: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            // Removed while it is locked: nobody can take it in between.
            if let Ok(file) = File::open(&path)
                && try_lock_file(&file)?
            {
                match std::fs::remove_file(&path) {
                    // Another who sweeps had removed it before it was locked here.
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Drop for LifeLock {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path).unwrap_or(false) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_and_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("holders");
        let lock = LifeLock::take(&at, 1).unwrap();
        let other = LifeLock::take(&at, 1).unwrap();
        assert_ne!(lock.name(), other.name());
        let name = lock.name().to_owned();
        assert_eq!(LifeLock::holder(&at, &name).unwrap(), Holder::Alive);
        drop(lock);
        assert_eq!(LifeLock::holder(&at, &name).unwrap(), Holder::Dead);
        assert_eq!(LifeLock::holder(&at, "../etc").unwrap(), Holder::Dead);

        // Killed: the file is there, the lock is free.
        std::fs::write(at.join(&name), "").unwrap();
        assert_eq!(LifeLock::holder(&at, &name).unwrap(), Holder::Dead);
        LifeLock::sweep(&at).unwrap();
        assert!(!at.join(&name).exists());
        assert_eq!(LifeLock::holder(&at, other.name()).unwrap(), Holder::Alive);
    }
}
