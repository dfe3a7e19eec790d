//! The log beside a database, flushed by ourselves.
//!
//! SQLite appends a transaction to the log (`NAME-wal`), shows it to everybody, and with
//! `synchronous=normal` leaves the rest to the kernel. It is durable once the log has been flushed
//! after that, by whomever: no lock of the database is needed for it, so the next transactions are
//! written while a flush lasts.
//!
//! It rests on this:
//! - A record of the log has a checksum over all that stands before it: what a power cut leaves is
//!   the oldest transactions, whole and without a gap.
//! - Before the log is begun again, the log, then the database that it was copied into, have been
//!   flushed (`normal` is enough for that): what is not in the log any more is durable.
//! - Nobody takes the log away while a connection is open that has used it. It is opened behind such
//!   a one and goes before it does.
//!
//! After a flush that failed, the kernel may have forgotten what it could not write, and the next
//! flush would say nothing of it. So from then on nothing is durable, until all has been copied into the
//! database and the log is empty ([`Flushes::mend`]).

use std::{
    fs::File,
    io,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{DatabaseError, Direct, Files, Opening};

/// The log of an open connection.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    files: Files,
}

impl Log {
    /// The log of a connection that has used it; its name is durable.
    pub(crate) fn beside(database: &Path, files: &Files) -> Result<Self, DatabaseError> {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let path = PathBuf::from(path);
        let opened = files.open(&path).and_then(|file| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            files.sync_dir(folder.unwrap_or(Path::new(".")))?;
            Ok(file)
        });
        match opened {
            Ok(file) => Ok(Self { file, path, files: files.clone() }),
            Err(source) => Err(DatabaseError::File { doing: "open", path, source }),
        }
    }

    fn flush(&self) -> Result<(), DatabaseError> {
        let flushed = self.files.sync_open(&self.file, &self.path);
        flushed.map_err(|source| self.cannot(source))
    }

    fn cannot(&self, source: io::Error) -> DatabaseError {
        DatabaseError::File { doing: "flush", path: self.path.clone(), source }
    }
}

/// One writer's flushes, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    turn: Mutex<()>,
    /// One has failed since all was copied into the database. Set in its turn.
    failed: AtomicBool,
}

impl Flushes {
    /// Makes durable what was committed before this call, or says that it may not be.
    pub(crate) fn flush(&self, log: &Log) -> Result<(), DatabaseError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.failed.load(Ordering::Acquire) {
            return Err(log.cannot(io::Error::other("an earlier flush has failed")));
        }
        let flushed = log.flush();
        if let Err(error) = &flushed {
            tracing::error!(%error, "nothing is promised until all is copied into the database");
            self.failed.store(true, Ordering::Release);
        }
        flushed
    }

    /// Whether one has failed and not all was copied into the database since.
    pub(crate) fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// After a flush has failed: copies all into the database and empties the log. To be called
    /// before each transaction, in the turn of a writer.
    pub(crate) fn mend(&self, connection: &Direct) -> Result<(), DatabaseError> {
        if !self.have_failed() {
            return Ok(());
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readers = false;
        connection.run("pragma wal_checkpoint(truncate)", &[], |row| {
            readers = row.get(0)?;
            Ok(())
        })?;
        if readers {
            return Err(DatabaseError::NotDurable);
        }
        self.failed.store(false, Ordering::Release);
        Ok(())
    }
}

/// The database's own file, to flush what was copied into it before anybody waits for that.
///
/// Once opened it stays open: a process loses all its POSIX locks of a file, SQLite's too, when it
/// closes any descriptor of it.
#[derive(Debug, Default)]
pub(crate) struct Copied(Option<ManuallyDrop<File>>);

impl Copied {
    pub(crate) fn flush(&mut self, opening: &Opening) -> Result<(), DatabaseError> {
        let Opening { path, files, .. } = opening;
        let flushed = match &self.0 {
            Some(file) => files.sync_open(file, path),
            None => files
                .open(path)
                .and_then(|file| files.sync_open(self.0.insert(ManuallyDrop::new(file)), path)),
        };
        flushed.map_err(|source| DatabaseError::File { doing: "flush", path: path.clone(), source })
    }
}

/// When a log is copied into its database.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// Its pages when a copy was begun last.
    pages: u32,
    /// Somebody is at it.
    copying: bool,
}

impl Growth {
    /// Whether a log of so many pages is to be copied by the one who asks: if there are more than
    /// `bound`, and if those whom the last copy had to wait for have had some time.
    pub(crate) fn is_due(&mut self, pages: u32, bound: u32) -> bool {
        let soon = self.pages.saturating_add(bound / 4);
        if self.copying || pages < bound || (self.pages..soon).contains(&pages) {
            return false;
        }
        *self = Self { pages, copying: true };
        true
    }

    pub(crate) fn copied(&mut self) {
        self.copying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_copied_when_it_has_grown() {
        let mut growth = Growth::default();
        let rows = [
            // pages, due
            (99, false),
            (100, true),
            (124, false),
            // Readers kept it from being begun again.
            (125, true),
            (149, false),
            (200, true),
            // It was.
            (3, false),
            (101, true),
        ];
        for (pages, due) in rows {
            assert_eq!(growth.is_due(pages, 100), due, "{pages}");
            assert!(!due || !growth.is_due(1000, 100), "{pages}: somebody is at it");
            growth.copied();
        }
    }
}
