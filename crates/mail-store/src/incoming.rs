//! A message on its way in: written to the account's `tmp`, parsed in the same pass. It is synced when it
//! has its name in a mailbox, right before its folder is, and before anybody can see it: so one commit of
//! the file system's journal makes both durable.
//!
//! A stop leaves at most a file in `tmp`. For a delivery that file has the same name each time; if
//! it is there already, a former attempt did not get to its end, and whoever delivers looks first
//! for what that attempt left behind. The former file is kept until then: it is the only sign.

use std::{
    fs::{File, FileTimes},
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mail_types::Timestamp;
use mime_core::structure::{Limits, Parser};
use stable_storage::{NewFile, on_blocking_thread};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    Once, StoreError,
    content::read_into,
    index::rows::Parsed,
    line_ends::LineEnds,
    maildir::Maildir,
    object_ids::EmailIdMaker,
    preview::{from_memory, preview},
    sort_keys::StoredKeys,
};

/// Pieces are gathered to this size before they are written.
const STEP_OCTETS: usize = 256 * 1024;
/// The most files of this process that are open because they are not synced yet. What comes beyond is
/// synced at once.
const UNSYNCED_MAX: usize = 128;

static UNSYNCED: Semaphore = Semaphore::const_new(UNSYNCED_MAX);

/// A message that is being written into the account's `tmp`. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    maildir: Maildir,
    unique: String,
    internal_date: Timestamp,
    line_ends: LineEnds,
    gathered: Vec<u8>,
    started: Option<Started>,
    once: Option<Once>,
}

/// What exists once the first step is written.
struct Started {
    tmp: Tmp,
    file: NewFile,
    parser: Parser,
    keys: StoredKeys,
    email_id: EmailIdMaker,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tmp.fmt(f)
    }
}

impl Incoming {
    pub(crate) fn new(maildir: Maildir, unique: String, internal_date: Timestamp) -> Self {
        Self {
            maildir,
            unique,
            internal_date,
            line_ends: LineEnds::default(),
            gathered: Vec::new(),
            started: None,
            once: None,
        }
    }

    /// Files it only if it was not filed before: counts for a delivery, not for APPEND.
    pub fn file_once(&mut self, once: Option<Once>) {
        self.once = once;
    }

    /// Adds a piece of any size. Bare LF becomes CRLF.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.line_ends.push(piece, &mut self.gathered);
        if self.gathered.len() < STEP_OCTETS {
            return Ok(());
        }
        let (maildir, unique) = (self.maildir.clone(), self.unique.clone());
        let (gathered, started) = (std::mem::take(&mut self.gathered), self.started.take());
        let (started, mut emptied) =
            on_blocking_thread(move || step(&maildir, &unique, started, gathered)).await?;
        emptied.clear();
        (self.started, self.gathered) = (Some(started), emptied);
        Ok(())
    }

    /// How much memory it takes; one that has a file open already counts as a whole step.
    pub(crate) fn in_memory(&self) -> usize {
        let least = if self.started.is_some() { STEP_OCTETS } else { 0 };
        self.gathered.capacity().max(least)
    }

    /// Ends the message.
    pub async fn finish(self) -> Result<Written, StoreError> {
        on_blocking_thread(move || self.end_here()?.written()).await
    }
}

/// For a thread that may wait, and writes many messages: they are on their way to the disk together.
impl Incoming {
    /// [`Incoming::write`], by the caller's thread.
    pub fn write_here(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.line_ends.push(piece, &mut self.gathered);
        if self.gathered.len() < STEP_OCTETS {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        let (started, mut emptied) =
            step(&self.maildir, &self.unique, self.started.take(), gathered)?;
        emptied.clear();
        (self.started, self.gathered) = (Some(started), emptied);
        Ok(())
    }

    /// That was all of it.
    pub fn end_here(self) -> Result<Ended, StoreError> {
        let (Started { tmp, file, parser, keys, email_id }, last) =
            step(&self.maildir, &self.unique, self.started, self.gathered)?;
        // The modification time is where the internal date outlives the index.
        let times = FileTimes::new().set_modified(system_time(self.internal_date));
        let set = file.file().set_times(times);
        set.map_err(|e| StoreError::file("date", file.path(), e))?;
        file.begin_sync();
        let structure = parser.finish();
        let words = if file.length() == last.len() as u64 {
            preview(&structure.body, from_memory(&last))
        } else {
            preview(&structure.body, |start, length| read_at(file.file(), start, length))
        };
        let words = words.map_err(|e| StoreError::file("read", file.path(), e))?;
        let email_id = email_id.finish(self.internal_date);
        let written = Written {
            tmp,
            unique: self.unique,
            internal_date: self.internal_date,
            size: file.length(),
            parsed: Parsed::of(&structure, keys, email_id, words),
            once: self.once,
            unsynced: None,
        };
        Ok(Ended { written, file })
    }
}

/// A whole message in the account's `tmp`, whose bytes have begun their way to the disk. Dropped, it
/// leaves nothing.
#[derive(Debug)]
pub struct Ended {
    written: Written,
    file: NewFile,
}

impl Ended {
    /// Waits for its bytes; for a thread that may wait. They are there before the name in a mailbox is, so
    /// that a journal which somebody else has committed meanwhile never shows the one without the other.
    pub fn written(self) -> Result<Written, StoreError> {
        let Self { mut written, file } = self;
        match UNSYNCED.try_acquire() {
            Ok(place) => {
                file.wait_for_bytes();
                written.unsynced = Some(Arc::new(Unsynced { file, _place: place }));
            }
            Err(_) => sync(&file)?,
        }
        Ok(written)
    }
}

/// A file that is synced where it gets its name in a mailbox.
#[derive(Debug)]
pub(crate) struct Unsynced {
    file: NewFile,
    _place: SemaphorePermit<'static>,
}

impl Unsynced {
    /// Returns when its bytes are on stable storage.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        sync(&self.file)
    }
}

fn sync(file: &NewFile) -> Result<(), StoreError> {
    file.sync().map_err(|e| StoreError::file("sync", file.path(), e))
}

/// Writes and parses one step; makes the file at the first.
fn step(
    maildir: &Maildir,
    unique: &str,
    started: Option<Started>,
    gathered: Vec<u8>,
) -> Result<(Started, Vec<u8>), StoreError> {
    let mut started = match started {
        Some(started) => started,
        // The first step is longer than what is looked at for the keys.
        None => start(maildir, unique, StoredKeys::of(&gathered))?,
    };
    let failed = |e| StoreError::file("write", maildir.tmp().join(unique), e);
    started.file.write_all(&gathered).map_err(failed)?;
    started.parser.push(&gathered);
    started.email_id.push(&gathered);
    Ok((started, gathered))
}

fn start(maildir: &Maildir, unique: &str, keys: StoredKeys) -> Result<Started, StoreError> {
    let files = &maildir.files;
    let folder = maildir.tmp();
    let path = folder.join(unique);
    let failed = |e| StoreError::file("make", &path, e);
    let (mut former, mut used) = (None, path.clone());
    let made = match files.create_new(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files.make_folders(&folder).map_err(failed)?;
            files.create_new(&path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // It may be a second name of a message that is in a mailbox: never write into it.
            used = folder.join(format!("{unique}.again"));
            files.unlink(&used).map_err(failed)?;
            former = Some(path.clone());
            files.create_new(&used)
        }
        made => made,
    };
    let file = made.map_err(failed)?;
    let tmp = Tmp { maildir: maildir.clone(), path: used, former, kept: false };
    let (parser, email_id) = (Parser::new(Limits::default()), EmailIdMaker::new());
    Ok(Started { tmp, file, parser, keys, email_id })
}

fn read_at(file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; length];
    let filled = read_into(file, start, &mut octets)?;
    octets.truncate(filled);
    Ok(octets)
}

/// A date as the file system takes it.
pub(crate) fn system_time(date: Timestamp) -> SystemTime {
    let distance = Duration::from_millis(date.millis().unsigned_abs());
    let time = if date.millis() < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(UNIX_EPOCH)
}

/// The file in `tmp`; it goes when this does.
#[derive(Debug)]
pub(crate) struct Tmp {
    maildir: Maildir,
    pub(crate) path: PathBuf,
    /// The file of an attempt that did not get to its end.
    pub(crate) former: Option<PathBuf>,
    kept: bool,
}

impl Tmp {
    /// Leaves the files: the outcome is not known, and they are its sign.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }

    /// The message is in its mailbox: neither its file in `tmp` nor a former attempt's is of any
    /// use from now on.
    pub(crate) fn done(&mut self) {
        if let Some(former) = &self.former {
            let _ = self.maildir.files.unlink(former);
        }
        self.kept = false;
    }
}

impl Drop for Tmp {
    fn drop(&mut self) {
        if !self.kept {
            // What stays for once is removed when it is old.
            let _ = self.maildir.files.unlink(&self.path);
        }
    }
}

/// A whole message in the account's `tmp`, parsed, in no mailbox yet. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Written {
    pub(crate) tmp: Tmp,
    pub(crate) unique: String,
    pub(crate) internal_date: Timestamp,
    pub(crate) size: u64,
    pub(crate) parsed: Parsed,
    pub(crate) once: Option<Once>,
    /// None: it is synced.
    pub(crate) unsynced: Option<Arc<Unsynced>>,
}

impl Written {
    /// Octets.
    pub fn size(&self) -> u64 {
        self.size
    }
}
