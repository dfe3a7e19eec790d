//! Messages get their names in a mailbox, and their rows.
//!
//! In this order: marks raised; files linked (or renamed) under their UIDs; files synced that are not,
//! then folders; rows, which may be added meanwhile. The caller commits. A stop before that leaves files without
//! rows, which are adopted later, or go if not all of them has reached the disk; an error takes the
//! names away again.

use std::{path::PathBuf, sync::Arc};

use mail_types::{FlagSet, Timestamp, Uid};
use stable_storage::on_blocking_thread;

use crate::{
    StoreError,
    incoming::Unsynced,
    index::{
        Change, Here, KEYWORDS_BEHIND,
        mailboxes::{self, MailboxRow, uid},
        messages::{FileRow, Place},
        rows::{self, NewRow, Parsed},
    },
    maildir::Maildir,
    naming::file,
};

/// A message that is to get into a mailbox.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The file.
    pub(crate) source: PathBuf,
    /// What its name begins with.
    pub(crate) unique: String,
    pub(crate) flags: FlagSet,
    /// Whether it may wait in `new/` as long as it has no flags.
    pub(crate) is_new: bool,
    pub(crate) size: i64,
    pub(crate) octets: i64,
    pub(crate) internal_date: Timestamp,
    /// When it gets into this mailbox (RFC 8514 §3).
    pub(crate) saved: Timestamp,
    pub(crate) bare_lf: bool,
    pub(crate) parsed: Parsed,
    /// The file, if it is to be synced.
    pub(crate) unsynced: Option<Arc<Unsynced>>,
}

/// From so many messages on, a thread of its own gives the names while rows are added.
const MANY: usize = 100;

/// How the file gets its new name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// The old name stays.
    Link,
    /// The old name goes.
    Rename,
}

/// Brings messages into a mailbox; answers their UIDs, in their order. The mailbox's row is saved.
pub(crate) async fn arrive(
    change: &mut Change,
    maildir: &Maildir,
    mailbox: &mut MailboxRow,
    arrivals: Vec<Arrival>,
    way: Way,
) -> Result<Vec<Uid>, StoreError> {
    let Plan { files, rows } = plan(maildir, mailbox, arrivals)?;
    let uids = rows.iter().map(|new| new.row.uid).collect();
    let (on_disk, mut row) = (maildir.clone(), mailbox.clone());
    let (named, files) = on_blocking_thread(move || {
        name_all(&on_disk, &mut row, &files, way)?;
        Ok::<_, StoreError>((row, files))
    })
    .await?;
    *mailbox = named;
    if let Err(error) = add_rows(change, mailbox, &rows).await {
        let maildir = maildir.clone();
        on_blocking_thread(move || {
            take_names_back(&maildir, &files.names, way);
            Ok::<_, StoreError>(())
        })
        .await?;
        return Err(error);
    }
    Ok(uids)
}

/// The same within a change of this thread's.
pub(crate) fn arrive_here(
    here: &Here,
    maildir: &Maildir,
    mailbox: &mut MailboxRow,
    arrivals: Vec<Arrival>,
    way: Way,
) -> Result<Vec<Uid>, StoreError> {
    let id = mailbox.id;
    bring(here, maildir, mailbox, (arrivals, way), |rows| here.insert(id, rows))
}

/// The same for messages whose rows are added by `add`, which may be many. It is given the rows as
/// they are to be.
pub(crate) fn bring(
    here: &Here,
    maildir: &Maildir,
    mailbox: &mut MailboxRow,
    (arrivals, way): (Vec<Arrival>, Way),
    add: impl FnOnce(&[NewRow]) -> Result<(), StoreError>,
) -> Result<Vec<Uid>, StoreError> {
    let Plan { files, rows } = plan(maildir, mailbox, arrivals)?;
    let mut name = || name_all(maildir, mailbox, &files, way);
    let added = if rows.len() < MANY {
        name()?;
        add(&rows)
    } else {
        // Neither needs the other before the commit.
        meanwhile(name, || add(&rows))?
    };
    if let Err(error) = added.and_then(|()| here.raise(mailbox)) {
        take_names_back(maildir, &files.names, way);
        return Err(error);
    }
    Ok(rows.iter().map(|new| new.row.uid).collect())
}

/// Does some work while a thread of its own does the rest, whose error comes first.
fn meanwhile<T>(
    rest: impl FnOnce() -> Result<(), StoreError> + Send,
    work: impl FnOnce() -> T,
) -> Result<T, StoreError> {
    std::thread::scope(|scope| {
        let rest = std::thread::Builder::new().spawn_scoped(scope, rest)?;
        let done = work();
        rest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(done)
    })
}

async fn add_rows(
    change: &mut Change,
    mailbox: &MailboxRow,
    rows: &[NewRow],
) -> Result<(), StoreError> {
    rows::insert(change, mailbox.id, rows).await?;
    mailboxes::save(change, mailbox).await
}

/// What messages will be called, and their rows.
struct Plan {
    files: PlannedFiles,
    rows: Vec<NewRow>,
}

/// What is to become of files.
#[derive(Default)]
struct PlannedFiles {
    /// Where each is, and where it is to be.
    names: Vec<(PathBuf, PathBuf)>,
    /// Those that are to be synced.
    unsynced: Vec<Arc<Unsynced>>,
}

/// Gives each arrival its UID, and all of them one modseq.
fn plan(
    maildir: &Maildir,
    mailbox: &mut MailboxRow,
    arrivals: Vec<Arrival>,
) -> Result<Plan, StoreError> {
    mailbox.modseq = mailbox.modseq.saturating_add(1);
    let mut planned = Plan { files: PlannedFiles::default(), rows: Vec::new() };
    for arrival in arrivals {
        if mailbox.uid_next > i64::from(u32::MAX) {
            return Err(StoreError::NoUidLeft(mailbox.id));
        }
        let uid = uid(mailbox.uid_next);
        mailbox.uid_next += 1;
        let in_new = arrival.is_new && arrival.flags.is_empty();
        let keywords = !file::keywords_beside(&arrival.flags).is_empty();
        let octets = u64::try_from(arrival.octets).unwrap_or(0);
        let row = FileRow {
            uid,
            modseq: mailbox.modseq,
            size: arrival.size,
            octets: arrival.octets,
            internal_date: arrival.internal_date,
            base: file::base(&arrival.unique, uid, octets, arrival.saved),
            info: if in_new { String::new() } else { file::info(&arrival.flags, "") },
            place: if in_new { Place::New } else { Place::Cur },
            behind: if keywords { KEYWORDS_BEHIND } else { 0 },
            bare_lf: arrival.bare_lf,
            flags: arrival.flags,
        };
        planned.files.names.push((arrival.source, maildir.path(&row.path(&mailbox.dir))));
        planned.files.unsynced.extend(arrival.unsynced);
        planned.rows.push(NewRow { row, parsed: arrival.parsed });
    }
    Ok(planned)
}

/// Raises the marks, gives the names, and notes the folder's times if nobody else was there.
fn name_all(
    maildir: &Maildir,
    mailbox: &mut MailboxRow,
    files: &PlannedFiles,
    way: Way,
) -> Result<(), StoreError> {
    let undisturbed = maildir.times(&mailbox.dir) == mailbox.times;
    maildir.reserve(mailbox)?;
    give_names(maildir, files, way)?;
    if undisturbed {
        mailbox.times = maildir.times(&mailbox.dir);
    }
    Ok(())
}

/// Gives the names and makes them and what they name durable; all of them or none.
fn give_names(maildir: &Maildir, files: &PlannedFiles, way: Way) -> Result<(), StoreError> {
    let PlannedFiles { names, unsynced } = files;
    let mut given = 0;
    let mut give = || {
        let mut folders: Vec<PathBuf> = Vec::new();
        for (from, to) in names {
            match way {
                Way::Link => maildir.files.link(from, to),
                Way::Rename => maildir.files.rename(from, to),
            }
            .map_err(|e| StoreError::file("name", to, e))?;
            given += 1;
            // A rename is durable when both folders are.
            let left = if way == Way::Rename { from.parent() } else { None };
            folders.extend(left.into_iter().chain(to.parent()).map(PathBuf::from));
        }
        folders.sort_unstable();
        folders.dedup();
        unsynced.iter().try_for_each(|file| file.sync())?;
        folders.iter().rev().try_for_each(|folder| maildir.sync(folder))
    };
    let result = give();
    if result.is_err() {
        take_names_back(maildir, names.get(..given).unwrap_or_default(), way);
    }
    result
}

/// Takes names away that no row will have. What can't be taken away is adopted later.
fn take_names_back(maildir: &Maildir, names: &[(PathBuf, PathBuf)], way: Way) {
    for (from, to) in names {
        let _ = match way {
            Way::Link => maildir.files.unlink(to).map(|_| ()),
            Way::Rename => maildir.files.rename(to, from),
        };
    }
}
