//! Reading what the kernel holds in memory anyway: at once, without a blocking thread.
//!
//! A thread that reads for another costs more than most reads. Here nothing waits for a disk: what
//! isn't in memory, or can't be told (an older kernel, a file system that doesn't know), is `None`,
//! and to be read on a blocking thread.

use std::{fs::File, io, path::Path};

/// Opens a file to read, if its name is in memory.
///
/// Errors are those of opening; `EAGAIN` and "not known here" are none.
pub fn open_cached(path: &Path) -> io::Result<Option<File>> {
    kernel::open(path)
}

/// Reads from `start`, if that is in memory: how many octets. Fewer than there is room for are no
/// sign of the file's end.
pub fn read_cached(file: &File, start: u64, room: &mut [u8]) -> io::Result<Option<usize>> {
    kernel::read(file, start, room)
}

/// Lets the kernel begin to bring the first octets of a file into memory. Waits for its name and place
/// on the disk, not for the octets: not for the runtime's threads.
pub fn read_ahead(path: &Path, octets: u64) -> io::Result<()> {
    kernel::read_ahead(path, octets)
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::{fs::File, io, io::IoSliceMut, num::NonZeroU64, path::Path};

    use rustix::{
        fs::{Advice, CWD, Mode, OFlags, ResolveFlags, fadvise, openat2},
        io::{Errno, ReadWriteFlags, preadv2},
    };

    /// Not without waiting, or not known: to an old kernel, a file system, a filter of system calls.
    const LATER: [Errno; 6] =
        [Errno::AGAIN, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::PERM, Errno::INTR];

    pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
            Ok(file) => Ok(Some(file.into())),
            Err(errno) if LATER.contains(&errno) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn read_ahead(path: &Path, octets: u64) -> io::Result<()> {
        fadvise(File::open(path)?, 0, NonZeroU64::new(octets), Advice::WillNeed)?;
        Ok(())
    }

    pub(super) fn read(file: &File, start: u64, room: &mut [u8]) -> io::Result<Option<usize>> {
        match preadv2(file, &mut [IoSliceMut::new(room)], start, ReadWriteFlags::NOWAIT) {
            Ok(octets) => Ok(Some(octets)),
            Err(errno) if LATER.contains(&errno) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::{fs::File, io, path::Path};

    pub(super) fn open(_: &Path) -> io::Result<Option<File>> {
        Ok(None)
    }

    pub(super) fn read_ahead(_: &Path, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn read(_: &File, _: u64, _: &mut [u8]) -> io::Result<Option<usize>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_is_in_memory_or_to_be_had_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"abcdef").unwrap();
        if let Some(file) = open_cached(&path).unwrap() {
            let mut room = [0; 9];
            if let Some(octets) = read_cached(&file, 2, &mut room).unwrap() {
                assert_eq!(room.get(..octets), Some(&b"cdef"[..]));
            }
        }
        read_ahead(&path, 5).unwrap();
        assert!(read_ahead(&folder.path().join("missing"), 5).is_err());
        let missing = open_cached(&folder.path().join("missing"));
        assert!(
            matches!(&missing, Ok(None))
                || missing.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        );
    }
}
