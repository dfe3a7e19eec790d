//! Bringing a database into memory ahead of who is going to read most of it.
//!
//! SQLite reads page by page, and waits for the disk at each that is not in memory. The kernel brings
//! many at once if it is told of them, by whoever opens the file; and there is a trap: a process
//! loses all POSIX locks that it has on a file, SQLite's too, when it closes any descriptor of it.
//!
//! Such locks belong to a table of descriptors, and the threads of a process share one. So it is done
//! by a thread that has left it for one of its own.
//!
//! Invariant: nobody but SQLite closes a database's file, or that thread once it has its table. Where
//! it can't have one (an old kernel, a filter of system calls, another system) nothing is read ahead.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

/// Databases that wait to be brought; one that comes when there are so many is left out.
const WAITING_MAX: usize = 16;
/// The most octets of each of a database's files.
const OCTETS_MAX: u64 = 64 * 1024 * 1024;

/// The thread that brings databases; begun when it is first asked for, and none if it can't be.
static ASIDE: LazyLock<Option<SyncSender<PathBuf>>> = LazyLock::new(|| start().ok());

/// Lets the kernel begin to bring a database, with its log, into memory. Returns at once.
pub(crate) fn bring(database: &Path) {
    if let Some(aside) = &*ASIDE {
        // It is a favour: who reads comes to the same without it.
        let _ = aside.try_send(database.to_owned());
    }
}

/// Begins a thread that works for who sends, until nobody can any more.
fn start() -> io::Result<SyncSender<PathBuf>> {
    let (to, from) = sync_channel(WAITING_MAX);
    std::thread::Builder::new().name("read-ahead".to_owned()).spawn(move || run(&from))?;
    Ok(to)
}

fn run(from: &Receiver<PathBuf>) {
    if own_table().is_err() {
        return;
    }
    for database in from {
        let mut log = database.clone().into_os_string();
        log.push("-wal");
        for file in [database, log.into()] {
            // What can't be read is met by who reads it.
            let _ = crate::read_ahead(&file, OCTETS_MAX);
        }
    }
}

/// Gives this thread a table of descriptors of its own, in which nothing is open but standard input,
/// output and errors: what others close must not stay open here.
#[cfg(target_os = "linux")]
fn own_table() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    #[expect(unsafe_code, reason = "there is no safe way to leave the table")]
    // SAFETY: close_range(2) with CLOSE_RANGE_UNSHARE leaves the process's table alone. This thread
    // has no descriptor: it has just begun, and was given a channel and nothing else.
    let done = unsafe {
        libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn own_table() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        fs::File,
        io::{Read, Write},
        os::unix::{fs::MetadataExt, net::UnixStream},
        time::{Duration, Instant},
    };

    use rustix::fs::{Advice, FlockOperation, fadvise, fcntl_lock};

    use super::*;
    use crate::read_cached;

    /// What this process has locked of a file, by POSIX locks.
    fn locks(path: &Path) -> usize {
        let inode = format!(":{} ", std::fs::metadata(path).unwrap().ino());
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains("POSIX") && line.contains(&inode)).count()
    }

    /// Asks a new thread for a database, and returns when that is done; it ends with what is returned.
    fn bring_now(database: &Path) -> SyncSender<PathBuf> {
        let to = start().unwrap();
        to.send(database.to_owned()).unwrap();
        // A place is free again when its database was taken; the last of so many when all were.
        for _ in 0..=WAITING_MAX {
            to.send(database.join("no such file")).unwrap();
        }
        to
    }

    #[test]
    fn locks_of_the_process_outlive_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"a database").unwrap();
        fcntl_lock(&file, FlockOperation::LockExclusive).unwrap();
        assert_eq!(locks(&path), 1);
        drop(bring_now(&path));
        assert_eq!(locks(&path), 1, "a lock is lost");
        // This is what would take it away.
        drop(File::open(&path).unwrap());
        assert_eq!(locks(&path), 0);
    }

    #[test]
    fn what_others_close_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut here, there) = UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        let _aside = bring_now(&folder.path().join("missing"));
        drop(there);
        assert_eq!(here.read(&mut [0]).unwrap(), 0, "somebody has it open");
    }

    #[test]
    fn what_was_asked_for_comes_into_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let log = folder.path().join("some.db-wal");
        for file in [&path, &log] {
            let mut file = File::create(file).unwrap();
            file.write_all(&[7; 100_000]).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
        let opened = [&path, &log].map(|file| File::open(file).unwrap());
        let is_there = |file| !matches!(read_cached(file, 50_000, &mut [0]), Ok(None));
        if opened.iter().any(is_there) {
            // The file system keeps all in memory, or doesn't tell.
            return;
        }
        bring(&path);
        let ended = Instant::now() + Duration::from_secs(10);
        while !opened.iter().all(is_there) {
            assert!(Instant::now() < ended, "nobody brought it");
            std::thread::yield_now();
        }
    }
}
