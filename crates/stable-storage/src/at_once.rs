//! Asking a database on a thread that must not wait, as long as there is nothing to wait for.
//!
//! To hand a question to another thread and take its answer costs more than most questions do, and
//! nearly always all that they need is in memory: SQLite's, or the kernel's. So SQLite is given another
//! way to read, by which the kernel refuses to wait for the disk where a thread asks at once. Who is
//! refused asks again on a thread that may wait; what was found out until then is lost.
//!
//! Refused as well: to wait for somebody who has the database locked, and to go on for long.
//!
//! Invariant: a thread reads in this way only within [`at_once`], and everywhere else as SQLite does.

use std::{cell::Cell, ffi::c_int, sync::Once};

use rusqlite::{Connection, ffi};

/// After so many steps of SQLite's machine, a statement that is asked at once is looked at.
const STEPS_A_LOOK: c_int = 1000;
/// It may take so many times as many, about a millisecond.
const LOOKS: u32 = 50;
/// More rows than these are not even begun.
const ROWS_MAX: usize = 500;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// As ever.
    Waiting,
    /// At once, looked at so many times more.
    AtOnce(u32),
    /// At once, and it was refused.
    Refused,
}

thread_local! {
    static ASKING: Cell<Asking> = const { Cell::new(Asking::Waiting) };
}

/// Lets SQLite read in the way above. To be called before any connection of the process is opened.
pub(crate) fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(kernel::install);
}

/// Sets up a connection that may be asked at once.
pub(crate) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.progress_handler(STEPS_A_LOOK, Some(is_long))
}

/// Asks by connections that are [set up](set_up), without waiting; none if it was refused. Whatever
/// `ask` is told then is to be forgotten.
pub(crate) fn at_once<T>(connection: &Connection, ask: impl FnOnce() -> T) -> Option<T> {
    if !kernel::is_possible() || ASKING.get() != Asking::Waiting {
        return None;
    }
    // Ends with a panic too.
    struct End<'c>(&'c Connection);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            ASKING.set(Asking::Waiting);
            // It only notes a number.
            let _ = self.0.busy_timeout(crate::database::BUSY);
        }
    }
    let _end = End(connection);
    connection.busy_handler(Some(|_| refuse(false))).ok()?;
    ASKING.set(Asking::AtOnce(LOOKS));
    let answer = ask();
    matches!(ASKING.get(), Asking::AtOnce(_)).then_some(answer)
}

fn refuse<T>(answer: T) -> T {
    ASKING.set(Asking::Refused);
    answer
}

/// Refuses to read so many rows, if that is asked for at once and would take long.
pub(crate) fn going_to_read(rows: usize) -> rusqlite::Result<()> {
    if ASKING.get() == Asking::Waiting || rows <= ROWS_MAX {
        return Ok(());
    }
    let interrupted = ffi::Error::new(ffi::SQLITE_INTERRUPT);
    refuse(Err(rusqlite::Error::SqliteFailure(interrupted, None)))
}

/// Whether a statement has taken too long.
fn is_long() -> bool {
    match ASKING.get() {
        Asking::Waiting => false,
        Asking::AtOnce(0) | Asking::Refused => refuse(true),
        Asking::AtOnce(looks) => {
            ASKING.set(Asking::AtOnce(looks - 1));
            false
        }
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod kernel {
    use std::{
        ffi::{CStr, c_int, c_void},
        io, ptr,
        sync::atomic::{AtomicBool, Ordering},
    };

    use rusqlite::ffi;

    use super::{ASKING, Asking, refuse};

    /// Not known to this kernel, this file system, or a filter of system calls.
    const NEVER: [c_int; 4] = [libc::EOPNOTSUPP, libc::ENOSYS, libc::EINVAL, libc::EPERM];
    static IS_POSSIBLE: AtomicBool = AtomicBool::new(true);

    /// Whether anything is to be had in this way.
    pub(super) fn is_possible() -> bool {
        IS_POSSIBLE.load(Ordering::Relaxed)
    }

    /// The names that SQLite has for what it reads with; it uses one of them.
    const READS: [&CStr; 2] = [c"pread", c"pread64"];

    #[expect(unsafe_code, reason = "SQLite has no safe way to be given another way to read")]
    pub(super) fn install() {
        // SAFETY: without a name it is the VFS that all connections have; it lives as long as the
        // process does.
        let vfs = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        // SAFETY: null, or what was just found.
        let Some(set) = (unsafe { vfs.as_ref() }).and_then(|vfs| vfs.xSetSystemCall) else {
            return;
        };
        for name in READS {
            type Call = unsafe extern "C" fn();
            type Read = unsafe extern "C" fn(c_int, *mut c_void, usize, libc::off64_t) -> isize;
            // SAFETY: SQLite takes functions of all kinds as one, and calls each as what its name
            // means: for both names that is pread(2), whose arguments `read` has.
            let call = unsafe { std::mem::transmute::<Read, Call>(read) };
            // SAFETY: `vfs` is SQLite's; a name that it does not know is an answer. Nobody reads its
            // table meanwhile, because no connection is open yet.
            let _ = unsafe { set(vfs, name.as_ptr(), Some(call)) };
        }
    }

    /// pread(2), which does not wait where it must not.
    #[expect(unsafe_code, reason = "it is called by SQLite, and calls the kernel")]
    unsafe extern "C" fn read(
        file: c_int,
        room: *mut c_void,
        octets: usize,
        start: libc::off64_t,
    ) -> isize {
        if ASKING.get() == Asking::Waiting {
            // SAFETY: the caller's arguments.
            return unsafe { libc::pread64(file, room, octets, start) };
        }
        let room = libc::iovec { iov_base: room, iov_len: octets };
        // SAFETY: the same, as one piece.
        let read = unsafe { libc::preadv2(file, &raw const room, 1, start, libc::RWF_NOWAIT) };
        if read < 0 {
            let error = io::Error::last_os_error().raw_os_error();
            if error.is_some_and(|error| NEVER.contains(&error)) {
                IS_POSSIBLE.store(false, Ordering::Relaxed);
            }
            return refuse(read);
        }
        if read == 0 && octets > 0 {
            // Some kernels (5.9 and 5.10) say so of what is only not in memory. Where the file really
            // ends, it is asked again.
            // SAFETY: it is this thread's own.
            unsafe { *libc::__errno_location() = libc::EAGAIN };
            return refuse(-1);
        }
        read
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod kernel {
    pub(super) fn is_possible() -> bool {
        false
    }

    pub(super) fn install() {}
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        path::Path,
        time::{Duration, Instant},
    };

    use rustix::fs::{Advice, fadvise};

    use super::*;
    use crate::{Database, Direct, Migration, Opening, read_cached};

    const ROWS: i64 = 2000;
    const TABLE: &[Migration] =
        &[Migration { name: "table", sql: "create table a (b integer primary key, c blob)" }];

    /// A database with so many rows of two pages each, without its log.
    async fn large(folder: &Path) -> Opening {
        let opening = Opening::new(folder.join("some.db"), TABLE);
        Database::open_or_migrate(opening.clone()).await.unwrap().close().await;
        let direct = Direct::open(&opening).unwrap();
        direct
            .run(
                "with recursive n (b) as (select 1 union all select b + 1 from n where b < $1)
                 insert into a select b, zeroblob(6000) from n",
                &[&ROWS],
                |_| Ok(()),
            )
            .unwrap();
        direct.run("pragma wal_checkpoint(truncate)", &[], |_| Ok(())).unwrap();
        opening
    }

    fn octets(direct: &Direct, row: i64) -> Result<i64, crate::DatabaseError> {
        let mut found = 0;
        direct.run("select octet_length(c) + b from a where b = $1", &[&row], |row| {
            found = row.get(0)?;
            Ok(())
        })?;
        Ok(found)
    }

    #[tokio::test]
    async fn what_is_not_in_memory_is_refused_until_somebody_has_waited() {
        let folder = tempfile::tempdir().unwrap();
        let opening = large(folder.path()).await;
        // Nobody has it open, and loses a lock by this.
        let file = File::open(&opening.path).unwrap();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        let end = file.metadata().unwrap().len() - 1;
        let is_there = !matches!(read_cached(&file, end, &mut [0]), Ok(None));
        drop(file);
        let direct = Direct::open(&opening).unwrap();
        // Some file systems keep all in memory, or don't tell.
        if !is_there {
            assert!(direct.at_once(|| octets(&direct, ROWS)).is_none(), "who has waited for it?");
        }
        assert!(direct.is_clean());
        assert_eq!(octets(&direct, ROWS).unwrap(), 6000 + ROWS);
        if kernel::is_possible() {
            assert_eq!(direct.at_once(|| octets(&direct, ROWS)).unwrap().unwrap(), 6000 + ROWS);
        }
    }

    #[tokio::test]
    async fn what_takes_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let opening = large(folder.path()).await;
        let direct = Direct::open(&opening).unwrap();
        let sql = "with recursive n (b) as (select 1 union all select b + 1 from n where b < $1)
            select count(*) from n";
        let count = |most: i64| {
            let mut count = 0;
            direct.run(sql, &[&most], |row| {
                count = row.get(0)?;
                Ok(())
            })?;
            Ok::<i64, crate::DatabaseError>(count)
        };
        assert!(direct.at_once(|| count(1_000_000)).is_none());
        assert_eq!(count(1_000_000).unwrap(), 1_000_000, "elsewhere it goes on to its end");
        let few = direct.at_once(|| count(10).unwrap());
        assert!(few == Some(10) || !kernel::is_possible());
        assert!(direct.at_once(|| direct.going_to_read(ROWS_MAX + 1)).is_none());
        direct.going_to_read(ROWS_MAX + 1).unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let opening = large(folder.path()).await;
        let holder = Direct::open(&opening).unwrap();
        holder.run("pragma locking_mode = exclusive; begin exclusive", &[], |_| Ok(())).unwrap();
        let direct = Connection::open(&opening.path).unwrap();
        set_up(&direct).unwrap();
        direct.busy_timeout(crate::database::BUSY).unwrap();
        let began = Instant::now();
        let count = || direct.query_row("select count(*) from a", (), |row| row.get::<_, i64>(0));
        assert!(at_once(&direct, count).is_none());
        assert!(began.elapsed() < Duration::from_secs(5), "it waited");
    }

    #[tokio::test]
    async fn a_panic_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let opening = large(folder.path()).await;
        let direct = Direct::open(&opening).unwrap();
        let broken = std::panic::AssertUnwindSafe(|| direct.at_once::<()>(|| panic!("on purpose")));
        let ended = std::panic::catch_unwind(broken);
        assert!(ended.is_err() || !kernel::is_possible());
        assert!(ASKING.get() == Asking::Waiting);
        let nested = direct.at_once(|| direct.at_once(|| ()));
        assert!(nested.is_none_or(|inner| inner.is_none()), "one at a time");
    }
}
