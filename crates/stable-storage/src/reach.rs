//! Reaching a socket by a path of any length.
//!
//! The address of a Unix socket holds 108 bytes. A path through `/proc/self/fd`, where the folder
//! stands as an open file, is always short.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

/// A folder that stays the same one, whatever happens to its path.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// A short path of what has this name in the folder; good as long as the folder is open.
    pub(crate) fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        let mut path = PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        path.push(name);
        path
    }
}
