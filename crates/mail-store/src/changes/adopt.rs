//! Files without a row become messages.
//!
//! A file whose name tells a UID that nobody can have been told otherwise keeps it: it is ours, and
//! its transaction was lost (or the whole index was). Any other file gets a new UID and a name
//! that says so.
//!
//! A file that an arrival did not get to the end of still has its name in `tmp`: nobody was told of it. It
//! is synced first, because nobody has done that, perhaps; or it goes from its mailbox, if a power cut has
//! left less of it than its name says.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    sync::Arc,
};

use mail_types::{Keyword, Timestamp, Uid};
use mime_core::structure::{Limits, Parser};
use stable_storage::on_blocking_thread;

use super::merge::{Found, NextUid};
use crate::{
    MessageReader, StoreError,
    index::{
        Change, NAME_BEHIND, deliveries,
        mailboxes::{FolderTimes, MailboxRow, uid},
        messages::{self, FileRow},
        rows::{self, NewRow, Parsed},
    },
    line_ends::LineEnds,
    maildir::Maildir,
    naming::file,
    object_ids::EmailIdMaker,
    open_account::OpenAccount,
    preview::preview,
    records::KeywordLog,
    sort_keys::{HEADER_MAX, StoredKeys},
};

/// How much of a file is read at a time.
const STEP_OCTETS: usize = 64 * 1024;
/// So many messages are parsed before they are written.
const WINDOW: usize = 1000;

/// What became of files without a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Adopted {
    /// How many are messages now.
    pub(crate) count: usize,
    /// Whether two files told the same UID.
    pub(crate) doubled: bool,
}

/// Adopts files; the caller saves the mailbox. `before` are the folder's times before it was
/// listed.
pub(crate) async fn adopt(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &mut MailboxRow,
    (files, next): (Vec<Found>, NextUid),
    before: FolderTimes,
) -> Result<Adopted, StoreError> {
    let (modseq, now) = (mailbox.modseq, (account.clock)());
    mailbox.modseq = modseq.saturating_add(1);
    let (maildir, mut row) = (account.maildir.clone(), mailbox.clone());
    let (row, choice, known) = on_blocking_thread(move || {
        let undisturbed = maildir.times(&row.dir) == before;
        let choice = choose_uids(&mut row, files, next)?;
        // Durable before a name tells one of the new numbers.
        maildir.reserve(&mut row)?;
        let mut keywords = BTreeMap::new();
        if choice.chosen.iter().any(|chosen| chosen.told) {
            keywords = KeywordLog::at(&maildir.files, &maildir.dir(&row.dir)).read()?;
        }
        let known = Arc::new((keywords, maildir.unfinished()?));
        Ok::<_, StoreError>((row, Choice { undisturbed, ..choice }, known))
    })
    .await?;
    let Choice { chosen, doubled, undisturbed, mut uid_next } = choice;
    let mut waiting = chosen.into_iter();
    let (mut count, mut unsynced) = (0_usize, BTreeSet::new());
    loop {
        // What is read of a message is much more than its name, so it is not kept of all.
        let window: Vec<Chosen> = waiting.by_ref().take(WINDOW).collect();
        if window.is_empty() {
            break;
        }
        let (maildir, row, known) = (account.maildir.clone(), row.clone(), known.clone());
        let (rows, places) = on_blocking_thread(move || {
            let (keywords, unfinished) = &*known;
            let (mut rows, mut places) = (Vec::new(), BTreeSet::new());
            for chosen in window {
                let (place, told) = (chosen.found.place, chosen.told);
                let is_unfinished = unfinished.contains(file::unique_in(&chosen.found.base));
                if is_unfinished && !make_durable(&maildir, &row, &chosen.found)? {
                    continue;
                }
                if is_unfinished || !told {
                    places.insert(place);
                }
                rows.extend(take_in(&maildir, &row, chosen, (keywords, now))?);
            }
            Ok::<_, StoreError>((rows, places))
        })
        .await?;
        unsynced.extend(places);
        rows::insert(change, mailbox.id, &rows).await?;
        let pairs: Vec<_> = rows
            .iter()
            .filter_map(|new| Some((file::delivery_in(&new.row.base)?, (mailbox.id, new.row.uid))))
            .collect();
        deliveries::remember(change, &pairs).await?;
        count = count.saturating_add(rows.len());
        let last = rows.last().map_or(0, |new| i64::from(new.row.uid.number()));
        uid_next = uid_next.max(last.saturating_add(1));
    }
    let maildir = account.maildir.clone();
    *mailbox = on_blocking_thread(move || {
        // Durable before anybody is told what a new name tells.
        for place in unsynced {
            maildir.sync(&maildir.dir(&row.dir).join(place.as_str()))?;
        }
        let times = if undisturbed { maildir.times(&row.dir) } else { before };
        Ok::<_, StoreError>(MailboxRow { times, ..row })
    })
    .await?;
    // What could not be taken in costs no number, however often it is tried.
    mailbox.uid_next = uid_next;
    if count == 0 {
        mailbox.modseq = modseq;
    }
    Ok(Adopted { count, doubled })
}

/// Which UIDs files get.
struct Choice {
    /// In the order of their UIDs.
    chosen: Vec<Chosen>,
    /// Whether two told the same one.
    doubled: bool,
    /// Where UIDs go on if no file gets one.
    uid_next: i64,
    /// Whether nobody else changed the folder since it was listed.
    undisturbed: bool,
}

/// A file and the UID that it gets.
struct Chosen {
    found: Found,
    uid: Uid,
    /// Whether its name tells it.
    told: bool,
}

fn choose_uids(
    mailbox: &mut MailboxRow,
    files: Vec<Found>,
    next: NextUid,
) -> Result<Choice, StoreError> {
    let told = |found: &Found| file::uid_in(&found.base).unwrap_or(Uid::MAX);
    let mut files: Vec<(Uid, Found)> =
        files.into_iter().map(|found| (told(&found), found)).collect();
    // Without a UID in the name, the unique part begins with the time of arrival.
    files.sort_unstable_by(|(a, x), (b, y)| (a, &x.base).cmp(&(b, &y.base)));
    let (mut chosen, mut others): (Vec<Chosen>, _) = (Vec::new(), Vec::new());
    let (mut last, mut doubled) = (None, false);
    for (told, found) in files {
        let number = i64::from(told.number());
        if number >= mailbox.uid_next && number < mailbox.uids_below {
            if last.replace(number) != Some(number) {
                chosen.push(Chosen { found, uid: told, told: true });
                continue;
            }
            doubled = true;
        }
        others.push(found);
    }
    if let Some(last) = last {
        mailbox.uid_next = last.saturating_add(1);
    }
    if next == NextUid::AtTheMark {
        // What lies between was told, perhaps, of messages that are gone.
        mailbox.uid_next = mailbox.uid_next.max(mailbox.uids_below);
    }
    let uid_next = mailbox.uid_next;
    for found in others {
        if mailbox.uid_next > i64::from(u32::MAX) {
            return Err(StoreError::NoUidLeft(mailbox.id));
        }
        chosen.push(Chosen { found, uid: uid(mailbox.uid_next), told: false });
        mailbox.uid_next += 1;
    }
    Ok(Choice { chosen, doubled, uid_next, undisturbed: false })
}

/// Syncs a file whose arrival did not get to its end, and answers true; if not all of it has reached the
/// disk, it goes from this mailbox. What is left of it in `tmp` is for the next attempt, or goes later.
fn make_durable(
    maildir: &Maildir,
    mailbox: &MailboxRow,
    found: &Found,
) -> Result<bool, StoreError> {
    let path = maildir.path(&messages::path(&mailbox.dir, found.place, &found.base, &found.info));
    let failed = |e| StoreError::file("take over", &path, e);
    // It went, or whoever reads it says what is wrong.
    let Ok(octets) = maildir.files.open(&path).and_then(|file| whole_octets(&file)) else {
        return Ok(true);
    };
    let is_short = file::size_in(&found.base).is_some_and(|size| octets < size);
    if is_short && file::is_ours(&found.base) {
        tracing::warn!(path = %path.display(), octets, "a message that nobody was told of is not whole: it goes");
        maildir.files.unlink(&path).map_err(failed)?;
        return Ok(false);
    }
    match maildir.files.sync_file(&path) {
        Err(error) if is_of_the_file(&error) || error.kind() == std::io::ErrorKind::NotFound => {}
        other => other.map_err(failed)?,
    }
    Ok(true)
}

/// How many octets a file has before the first that was never written: after a power cut it may be as
/// long as it was to be, without its bytes.
fn whole_octets(file: &std::fs::File) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(0)) {
        Ok(hole) => Ok(hole.min(length)),
        // Nothing is in it, or the file system doesn't say.
        Err(_) => Ok(length),
    }
}

/// Reads and parses a file, and gives it its name; none if it went meanwhile. What is not ours is
/// saved in this mailbox now.
fn take_in(
    maildir: &Maildir,
    mailbox: &MailboxRow,
    chosen: Chosen,
    (keywords, now): (&BTreeMap<Uid, Vec<Keyword>>, Timestamp),
) -> Result<Option<NewRow>, StoreError> {
    let Chosen { found, uid, told } = chosen;
    let path = maildir.path(&messages::path(&mailbox.dir, found.place, &found.base, &found.info));
    let failed = |e| StoreError::file("take over", &path, e);
    let read = match read(maildir, &path, None) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_of_the_file(&error) => {
            // One bad file is no reason to have no mailbox. It stays where it is, and checking the
            // store tells of it.
            tracing::error!(path = %path.display(), %error, "a file can't be read: it is passed over");
            return Ok(None);
        }
        other => other.map_err(failed)?,
    };
    let (mut flags, mut info) = (file::flags_in(&found.info), found.info);
    let base = if told {
        for keyword in keywords.get(&uid).into_iter().flatten() {
            flags.insert(mail_types::Flag::Keyword(keyword.clone()));
        }
        found.base
    } else {
        let base = file::base(&found.base, uid, u64::try_from(read.octets).unwrap_or(0), now);
        info = file::fitting_info(&base, info);
        let to = messages::path(&mailbox.dir, found.place, &base, &info);
        match maildir.files.rename(&path, &maildir.path(&to)) {
            // It went this moment.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            renamed => renamed.map_err(failed)?,
        }
        base
    };
    let says_it = info.is_empty() && flags.is_empty() || file::info(&flags, &info) == info;
    let row = FileRow {
        uid,
        flags,
        modseq: mailbox.modseq,
        size: read.size,
        octets: read.octets,
        internal_date: read.internal_date,
        base,
        info,
        place: found.place,
        behind: if says_it { 0 } else { NAME_BEHIND },
        bare_lf: read.bare_lf,
    };
    Ok(Some(NewRow { row, parsed: read.parsed }))
}

/// Whether an error lies in the file, and not in the machine.
pub(crate) fn is_of_the_file(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;

    use rustix::io::Errno;

    // A socket, for example, is no such device.
    let of_file = [Errno::IO, Errno::LOOP, Errno::NXIO].map(Errno::raw_os_error);
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::IsADirectory)
        || error.raw_os_error().is_some_and(|code| of_file.contains(&code))
}

/// What a file holds.
pub(crate) struct ReadFile {
    pub(crate) size: i64,
    pub(crate) octets: i64,
    pub(crate) internal_date: Timestamp,
    pub(crate) bare_lf: bool,
    pub(crate) parsed: Parsed,
}

/// Reads and parses a file; its time is the internal date, unless that is known.
pub(crate) fn read(
    maildir: &Maildir,
    path: &std::path::Path,
    internal_date: Option<Timestamp>,
) -> std::io::Result<ReadFile> {
    let mut file = maildir.files.open(path)?;
    let internal_date = match internal_date {
        Some(known) => known,
        None => Timestamp::from(file.metadata()?.modified()?),
    };
    let mut email_id = EmailIdMaker::new();
    let (mut line_ends, mut parser) = (LineEnds::default(), Parser::new(Limits::default()));
    let (mut piece, mut wire) = (vec![0; STEP_OCTETS], Vec::new());
    let (mut octets, mut size) = (0_i64, 0_i64);
    let mut beginning = Vec::new();
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        wire.clear();
        line_ends.push(piece.get(..length).unwrap_or_default(), &mut wire);
        parser.push(&wire);
        email_id.push(&wire);
        let room = HEADER_MAX.saturating_sub(beginning.len());
        beginning.extend_from_slice(wire.get(..room).unwrap_or(&wire));
        octets = octets.saturating_add(i64::try_from(length).unwrap_or(0));
        size = size.saturating_add(i64::try_from(wire.len()).unwrap_or(0));
    }
    let (structure, bare_lf) = (parser.finish(), line_ends.bare_lf);
    let reader = MessageReader::new(file, u64::try_from(size).unwrap_or(0), bare_lf);
    let words = preview(&structure.body, |start, length| reader.read_now(start, length))?;
    let (keys, email_id) = (StoredKeys::of(&beginning), email_id.finish(internal_date));
    let parsed = Parsed::of(&structure, keys, email_id, words);
    Ok(ReadFile { size, octets, internal_date, bare_lf, parsed })
}
