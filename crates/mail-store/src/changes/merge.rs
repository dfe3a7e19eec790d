//! A mailbox's row and rows are made to agree with its folder.
//!
//! What is found differs from the rows because another tool was there, or because one of our
//! processes stopped between a file operation and its commit. Either way the files are right; the
//! table in docs/mail-store.md ("Foreign changes") says what becomes of each.

use std::collections::{HashMap, HashSet};

use mail_types::{Flag, FlagSet, MailboxId, Uid};
use stable_storage::on_blocking_thread;

use super::{adopt, create, expunge::forget_rows, glance};
use crate::{
    StoreError, UidSet,
    index::{
        Change, NAME_BEHIND,
        mailboxes::{self, FolderTimes, MailboxRow},
        messages::{self, FileRow, Place, Which},
        pending::{self, Doomed},
        rows::{self, FlagUpdate},
    },
    maildir::Maildir,
    naming::{file, folder},
    open_account::OpenAccount,
    records::{AccountFile, FolderFile},
};

/// A folder that we changed ourselves is compared once more after so long.
const COMPARE_AGAIN_MS: i64 = 10 * 60 * 1000;
/// What was done to a folder at most so long before a look has its time from then: clocks of file
/// systems go in steps.
const STEP_MS: i64 = 1000;

/// What comparing showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Merged {
    /// Rows were not what the folder said.
    pub(crate) different: bool,
    /// Two files said the same UID.
    pub(crate) doubled: bool,
}

/// A file of a mailbox's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) base: String,
    pub(crate) info: String,
}

impl Found {
    /// The file, below the account's folder.
    pub(crate) fn path(&self, dir: &str) -> String {
        messages::path(dir, self.place, &self.base, &self.info)
    }
}

/// Whether a mailbox's folder must be compared: others changed it, or its times can't tell.
pub(crate) fn is_due(maildir: &Maildir, row: &MailboxRow, now_ms: i64) -> bool {
    maildir.times(&row.dir) != row.times || is_long_ago(row, now_ms)
}

/// Whether its times can't tell, and it was not looked at for long.
pub(crate) fn is_long_ago(row: &MailboxRow, now_ms: i64) -> bool {
    let changed_ms = row.times.new.max(row.times.cur) / 1_000_000;
    let doubtful = row.compared <= changed_ms;
    doubtful && now_ms.saturating_sub(row.compared) > COMPARE_AGAIN_MS
}

/// The time of a look that began then. What others did since was not seen for certain, and does not show
/// by the folder's times if we changed it as well.
pub(super) fn compared_at(began_ms: i64) -> i64 {
    began_ms.saturating_sub(STEP_MS)
}

/// Where the UIDs of files go on that tell none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NextUid {
    /// At the row's.
    Known,
    /// At the mark: transactions were lost, and with them UIDs that were told.
    AtTheMark,
}

/// Compares one mailbox, whatever its folder's times say, and saves its row.
pub(crate) async fn merge(
    change: &mut Change,
    account: &OpenAccount,
    row: &mut MailboxRow,
) -> Result<bool, StoreError> {
    Ok(merge_fully(change, account, row, NextUid::Known).await?.different)
}

/// As [`merge`], for whoever knows less or must know more.
pub(crate) async fn merge_fully(
    change: &mut Change,
    account: &OpenAccount,
    row: &mut MailboxRow,
    next: NextUid,
) -> Result<Merged, StoreError> {
    let began = (account.clock)().millis();
    let doomed = identities(&pending::doomed(change).await?);
    let rows = messages::file_rows(change, row.id, Which::In(&UidSet::all())).await?;
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    let (times, difference) =
        on_blocking_thread(move || look_for_differences(&maildir, &dir, &rows, &doomed)).await?;
    let mut merged = Merged { different: !difference.is_nothing(), doubled: false };
    if !difference.missing.is_empty() {
        forget_rows(change, account, row, &difference.missing).await?;
    }
    take_over(change, row, &difference.known).await?;
    if difference.unknown.is_empty() {
        row.times = times;
    } else {
        let unknown = (difference.unknown, next);
        merged.doubled = adopt::adopt(change, account, row, unknown, times).await?.doubled;
    }
    row.compared = compared_at(began);
    let saved = account.reserve(row.clone()).await?;
    *row = saved;
    mailboxes::save(change, row).await?;
    Ok(merged)
}

/// The messages among what is to go: another tool may have renamed their files since.
pub(crate) fn identities(doomed: &[Doomed]) -> HashSet<String> {
    doomed.iter().filter_map(|doomed| pending::identity(&doomed.path)).collect()
}

/// How a folder differs from the rows, but for files that are to go.
pub(crate) fn difference(
    maildir: &Maildir,
    dir: &str,
    rows: &[FileRow],
    doomed: &HashSet<String>,
) -> Result<Difference, StoreError> {
    look_for_differences(maildir, dir, rows, doomed).map(|(_, difference)| difference)
}

/// The same, with the folder's times of the moment before.
fn look_for_differences(
    maildir: &Maildir,
    dir: &str,
    rows: &[FileRow],
    doomed: &HashSet<String>,
) -> Result<(FolderTimes, Difference), StoreError> {
    let listed = list(maildir, dir, doomed)?;
    let difference = compare(rows, listed.files);
    if difference.missing.is_empty() {
        return Ok((listed.times, difference));
    }
    // A file that was renamed while the folder was read may not have been seen at all.
    let again = list(maildir, dir, doomed)?;
    Ok((again.times, compare(rows, again.files)))
}

/// What a mailbox's folder holds.
struct Listed {
    files: Vec<Found>,
    /// Those of the moment before.
    times: FolderTimes,
}

fn list(maildir: &Maildir, dir: &str, doomed: &HashSet<String>) -> Result<Listed, StoreError> {
    let times = maildir.times(dir);
    let mut files = Vec::new();
    for place in [Place::New, Place::Cur] {
        let folder = maildir.dir(dir).join(place.as_str());
        let names = match maildir.files.list(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(|e| StoreError::file("list", &folder, e))?,
        };
        for name in names {
            let Some((base, info)) = name.to_str().and_then(file::split) else { continue };
            if doomed.is_empty() || !doomed.contains(&pending::identity_of(dir, base)) {
                files.push(Found { place, base: base.into(), info: info.into() });
            }
        }
    }
    Ok(Listed { files, times })
}

/// How a folder differs from the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Rows whose file has another info or place, with the flags they get.
    pub(crate) known: Vec<(FileRow, FlagSet)>,
    /// Rows without a file.
    pub(crate) missing: Vec<Uid>,
    /// Files without a row.
    pub(crate) unknown: Vec<Found>,
}

impl Difference {
    fn is_nothing(&self) -> bool {
        self.known.is_empty() && self.missing.is_empty() && self.unknown.is_empty()
    }
}

pub(super) fn compare(rows: &[FileRow], files: Vec<Found>) -> Difference {
    let mut difference = Difference::default();
    let mut by_base: HashMap<&str, &FileRow> =
        rows.iter().map(|row| (row.base.as_str(), row)).collect();
    // A file that is in both folders for a moment is where it was moved to.
    let (new, cur): (Vec<_>, Vec<_>) = files.into_iter().partition(|f| f.place == Place::New);
    let mut seen: HashSet<String> = HashSet::new();
    for found in cur.into_iter().chain(new) {
        if seen.contains(&found.base) {
            continue;
        }
        match by_base.remove(found.base.as_str()) {
            None => difference.unknown.push(found),
            Some(row) => {
                seen.insert(found.base.clone());
                if (row.place, row.info.as_str()) != (found.place, found.info.as_str()) {
                    difference.known.push(merged_row(row, found));
                }
            }
        }
    }
    difference.missing = by_base.into_values().map(|row| row.uid).collect();
    difference.missing.sort_unstable();
    difference
}

/// The row as the file says it, and the flags: what was added to the name since we wrote it is
/// added, what was taken away is taken away.
fn merged_row(row: &FileRow, found: Found) -> (FileRow, FlagSet) {
    let (before, now) = (file::flags_in(&row.info), file::flags_in(&found.info));
    let gone = |flag: &Flag| before.contains(flag) && !now.contains(flag);
    let mut flags: FlagSet = row.flags.iter().filter(|flag| !gone(flag)).collect();
    for flag in now.iter().filter(|flag| !before.contains(flag)) {
        flags.insert(flag);
    }
    let says_it = (flags.is_empty() && found.info.is_empty())
        || file::info(&flags, &found.info) == found.info;
    let behind = if says_it { row.behind & !NAME_BEHIND } else { row.behind | NAME_BEHIND };
    let row = FileRow { place: found.place, info: found.info, behind, ..row.clone() };
    (row, flags)
}

pub(super) async fn take_over(
    change: &mut Change,
    mailbox: &mut MailboxRow,
    known: &[(FileRow, FlagSet)],
) -> Result<(), StoreError> {
    if known.is_empty() {
        return Ok(());
    }
    let rows: Vec<FileRow> = known.iter().map(|(row, _)| row.clone()).collect();
    rows::update_names(change, mailbox.id, &rows).await?;
    let updates: Vec<FlagUpdate> = known
        .iter()
        .filter(|(row, flags)| row.flags != *flags)
        .map(|(row, flags)| FlagUpdate { uid: row.uid, flags: flags.clone(), behind: 0 })
        .collect();
    if !updates.is_empty() {
        mailbox.modseq = mailbox.modseq.saturating_add(1);
        rows::update_flags(change, mailbox.id, &updates, mailbox.modseq).await?;
    }
    Ok(())
}

/// Folders that other tools made become mailboxes, and mailboxes whose folders are gone go. The
/// contents of new ones are compared as well, unless there is much in one that tells nothing of its
/// past: then it is due. Answers what changed.
pub(crate) async fn folders(
    change: &mut Change,
    account: &OpenAccount,
) -> Result<Vec<MailboxId>, StoreError> {
    let rows = mailboxes::all(change).await?;
    let (maildir, now) = (account.maildir.clone(), (account.clock)());
    let (gone, new) = on_blocking_thread(move || {
        let dirs = maildir.folders()?;
        let gone: Vec<MailboxRow> = rows
            .iter()
            .filter(|row| !row.dir.is_empty() && dirs.binary_search(&row.dir).is_err())
            .cloned()
            .collect();
        let mut facts = AccountFile::read(&maildir.files, &maildir.root)?.unwrap_or_default();
        let mut new: Vec<NewFolder> = Vec::new();
        for dir in dirs.iter().filter(|dir| rows.iter().all(|row| row.dir != **dir)) {
            let stay = rows.iter().filter(|row| gone.iter().all(|gone| gone.id != row.id));
            let taken: Vec<&MailboxRow> = stay.chain(new.iter().map(|new| &new.row)).collect();
            new.extend(row_of_folder(&maildir, &mut facts, dir, &taken, now)?);
        }
        if !new.is_empty() {
            facts.write(&maildir.files, &maildir.root)?;
        }
        let mut made = Vec::new();
        for NewFolder { row, told } in new {
            made.push(NewFolder { row: create::make(&maildir, row)?, told });
        }
        Ok::<_, StoreError>((gone, made))
    })
    .await?;
    let mut changed: Vec<MailboxId> = Vec::new();
    for row in gone {
        mailboxes::remove(change, row.id).await?;
        changed.push(row.id);
    }
    for NewFolder { mut row, told } in new {
        mailboxes::save(change, &row).await?;
        if told || !glance::is_large(change, account, &row).await? {
            number(change, account, &mut row, told).await?;
        }
        changed.push(row.id);
    }
    Ok(changed)
}

/// A folder that gets a row.
#[derive(Debug)]
pub(crate) struct NewFolder {
    pub(crate) row: MailboxRow,
    /// Whether `postrider-folder` told its numbers.
    pub(crate) told: bool,
}

/// Adopts the messages of a new row's folder; then its numbers go on at the marks.
pub(crate) async fn number(
    change: &mut Change,
    account: &OpenAccount,
    row: &mut MailboxRow,
    told: bool,
) -> Result<Merged, StoreError> {
    let next = if told { NextUid::AtTheMark } else { NextUid::Known };
    let merged = merge_fully(change, account, row, next).await?;
    if told {
        row.uid_next = row.uid_next.max(row.uids_below);
    }
    row.recent_from = row.uid_next;
    *row = account.reserve(row.clone()).await?;
    mailboxes::save(change, row).await?;
    Ok(merged)
}

/// The row that a folder without one gets; none if it can't be a mailbox.
pub(crate) fn row_of_folder(
    maildir: &Maildir,
    facts: &mut AccountFile,
    dir: &str,
    taken: &[&MailboxRow],
    now: mail_types::Timestamp,
) -> Result<Option<NewFolder>, StoreError> {
    let told = FolderFile::read(&maildir.files, &maildir.dir(dir))?;
    // The folder's own name is the truth, unless it doesn't tell one.
    let name = folder::decode(dir)
        .or_else(|| told.as_ref().map(|told| told.name.clone()))
        .filter(|name| taken.iter().all(|row| row.name != *name));
    let Some(name) = name else {
        tracing::warn!(folder = %maildir.dir(dir).display(), "this folder can't be a mailbox: its name is none, or taken");
        return Ok(None);
    };
    let mut row = create::new_row(facts, &name, None, now);
    dir.clone_into(&mut row.dir);
    let told = told.filter(|told| taken.iter().all(|row| row.id != told.mailbox));
    let is_told = told.is_some();
    if let Some(told) = told {
        facts.last_mailbox = facts.last_mailbox.max(told.mailbox.0);
        facts.last_uid_validity = facts.last_uid_validity.max(told.uid_validity.number());
        row = MailboxRow {
            id: told.mailbox,
            uid_validity: told.uid_validity,
            special_use: told.special_use,
            uids_below: told.uids_below,
            modseqs_below: told.modseqs_below,
            // Files below the mark are adopted with the UIDs that they tell, before anything else
            // happens to the mailbox; then the numbers go on at the mark.
            modseq: told.modseqs_below,
            ..row
        };
    }
    Ok(Some(NewFolder { row, told: is_told }))
}

#[cfg(test)]
mod tests {
    use mail_types::Timestamp;

    use super::*;

    fn row(flags: &[&str], info: &str) -> FileRow {
        FileRow {
            uid: Uid::new(3).unwrap(),
            flags: flags.iter().map(|f| Flag::parse(f).unwrap()).collect(),
            modseq: 1,
            size: 1,
            octets: 1,
            internal_date: Timestamp::from_secs(0),
            base: "a,U=3".into(),
            info: info.into(),
            place: Place::Cur,
            behind: 0,
            bare_lf: false,
        }
    }

    #[test]
    fn flags_are_merged_by_the_difference_from_what_we_wrote() {
        let check = |flags: &[&str], wrote: &str, found: &str, expected: &[&str]| {
            let found = Found { place: Place::Cur, base: "a,U=3".into(), info: found.into() };
            let difference = compare(&[row(flags, wrote)], vec![found]);
            let flags: Vec<String> =
                difference.known[0].1.iter().map(|f| f.as_str().to_owned()).collect();
            assert_eq!(flags, expected);
        };
        check(&[], ":2,", ":2,S", &["\\Seen"]);
        check(&["\\Seen"], ":2,S", ":2,", &[]);
        // Both sides changed something: ours is not in the name yet.
        check(&["\\Flagged", "work"], ":2,", ":2,S", &["\\Flagged", "\\Seen", "work"]);
        check(&[], ":2,S", ":2,FS", &["\\Flagged"]);
    }

    #[test]
    fn what_is_equal_is_no_difference() {
        let found = Found { place: Place::Cur, base: "a,U=3".into(), info: ":2,S".into() };
        let rows = [row(&["\\Seen"], ":2,S")];
        assert!(compare(&rows, vec![found.clone()]).is_nothing());
        let other = Found { base: "b".into(), ..found };
        let difference = compare(&rows, vec![other.clone()]);
        assert_eq!((difference.missing.len(), difference.unknown), (1, vec![other]));
    }
}
