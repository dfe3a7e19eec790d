//! What checking finds is put right, as far as it can be, a mailbox at a time under the account's
//! lock.
//!
//! Where index and files differ about a message's content, the file is right, and the message gets a
//! new UID: clients keep what they were told of the old one. Where they differ about its flags,
//! numbers or facts, the index is right: it is what clients were told last.

use std::{
    fs::FileTimes,
    io::{Error, ErrorKind},
    path::Path,
};

use mail_types::{MailboxName, Uid};
use stable_storage::on_blocking_thread;

use super::{
    Finding, SET_ASIDE, Trouble, check,
    content::{self, Read},
    facts,
    files::{self, Compared, Odd},
};
use crate::{
    StoreError, UidSet,
    changes::{adopt, expunge, merge, rename},
    incoming::system_time,
    index::{
        Change, counters, inspection,
        mailboxes::{self, MailboxRow},
        messages::{self, FileRow, Which},
        rows,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
    records::{AccountFile, KeywordLog},
};

/// What mending came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mended {
    /// What was found before.
    pub found: Vec<Finding>,
    /// What is still so.
    pub left: Vec<Finding>,
    /// Files that can't be read, where they are now: below the account's folder.
    pub set_aside: Vec<String>,
}

/// Mends an account.
pub(crate) async fn mend(account: &OpenAccount, deep: bool) -> Result<Mended, StoreError> {
    let found = check(account, deep).await?;
    let mut set_aside = Vec::new();
    if !found.is_empty() {
        let mut change = account.change().await?;
        rename::finish(&mut change, &account.maildir).await?;
        merge::folders(&mut change, account).await?;
        let all = mailboxes::all(&mut change).await?;
        change.commit().await?;
        for row in &all {
            let read = if deep { content::read_all(account, row).await? } else { Vec::new() };
            set_aside.extend(mailbox(account, row, read).await?);
        }
        let mut change = account.change().await?;
        counters::recount(&mut change).await?;
        account_file(&mut change, account).await?;
        change.commit().await?;
    }
    let left = check(account, deep).await?;
    Ok(Mended { found, left, set_aside })
}

async fn mailbox(
    account: &OpenAccount,
    row: &MailboxRow,
    read: Vec<(FileRow, Read)>,
) -> Result<Vec<String>, StoreError> {
    let mut change = account.change().await?;
    let mut row = match mailboxes::by_id(&mut change, row.id).await {
        Err(StoreError::MailboxGone(_)) => return change.undo().await.map(|()| Vec::new()),
        other => other?,
    };
    raise_marks(&mut change, account, &mut row).await?;
    let compared = files::compare(&mut change, account, &row).await?;
    let (known, anew, aside) = sort_out(&compared, read);
    let (maildir, dir, odd) = (account.maildir.clone(), row.dir.clone(), compared.odd);
    let (named, moved, aside) = on_blocking_thread({
        let (anew, mut aside, unreadable) = (anew.clone(), aside, compared.unreadable);
        move || {
            let mut strays = Vec::new();
            for (found, _) in &unreadable {
                let path = messages::path(&dir, found.place, &found.base, &found.info);
                if is_still_unreadable(&maildir, &path)? {
                    strays.push(path);
                }
            }
            for row in std::mem::take(&mut aside) {
                if is_still_unreadable(&maildir, &row.path(&dir))? {
                    aside.push(row);
                }
            }
            let named = set_dates_and_names(&maildir, &dir, &odd)?;
            for row in &anew {
                forget_name(&maildir, &dir, row)?;
            }
            let mut moved = Vec::new();
            for row in &aside {
                moved.push(put_aside(&maildir, &row.path(&dir))?);
            }
            for path in &strays {
                moved.push(put_aside(&maildir, path)?);
            }
            Ok::<_, StoreError>((named, moved, aside))
        }
    })
    .await?;
    rows::update_names(&mut change, row.id, &named).await?;
    let going: Vec<Uid> = anew.iter().chain(&aside).map(|row| row.uid).collect();
    if !going.is_empty() {
        expunge::forget_rows(&mut change, account, &mut row, &going).await?;
    }
    for (uid, parsed) in &known {
        inspection::replace_parsed(&mut change, row.id, *uid, parsed).await?;
    }
    merge::merge(&mut change, account, &mut row).await?;
    fill_details(&mut change, account, &row).await?;
    write_facts(&mut change, account, &row).await?;
    change.commit().await?;
    Ok(moved)
}

/// Which messages get what was parsed now, which get a new UID, which can't be read.
type Sorted = (Vec<(Uid, rows::Parsed)>, Vec<FileRow>, Vec<FileRow>);

fn sort_out(compared: &Compared, read: Vec<(FileRow, Read)>) -> Sorted {
    let (mut known, mut anew, mut aside) = (Vec::new(), Vec::new(), Vec::new());
    for (row, odd) in &compared.odd {
        match odd {
            Odd::Size(_) => anew.push(row.clone()),
            Odd::Unreadable(_) => aside.push(row.clone()),
            Odd::Name | Odd::Date(_) => {}
        }
    }
    let there: Vec<Uid> = anew.iter().chain(&aside).map(|row| row.uid).collect();
    let gone = |row: &FileRow| compared.difference.missing.contains(&row.uid);
    for (row, read) in read {
        if there.contains(&row.uid) || gone(&row) {
            continue;
        }
        match read {
            Read::Size => anew.push(row),
            Read::Parsed(parsed) => known.push((row.uid, *parsed)),
            Read::Unreadable(_) => aside.push(row),
        }
    }
    (known, anew, aside)
}

/// Gives files the dates and names that their rows say; answers the rows whose names changed.
fn set_dates_and_names(
    maildir: &Maildir,
    dir: &str,
    odd: &[(FileRow, Odd)],
) -> Result<Vec<FileRow>, StoreError> {
    let mut named = Vec::new();
    for (row, odd) in odd {
        let path = maildir.path(&row.path(dir));
        match odd {
            Odd::Date(_) => {
                let times = FileTimes::new().set_modified(system_time(row.internal_date));
                let opened = maildir.files.open(&path);
                let set = opened.and_then(|file| file.set_times(times));
                set.map_err(|e| StoreError::file("set the date of", &path, e))?;
            }
            Odd::Name => {
                let octets = u64::try_from(row.octets).unwrap_or(0);
                let base = file::base(&row.base, row.uid, octets, row.saved());
                let new = FileRow { base, ..row.clone() };
                let to = maildir.path(&new.path(dir));
                let renamed = maildir.files.rename(&path, &to);
                renamed.map_err(|e| StoreError::file("rename to", &to, e))?;
                named.push(new);
            }
            Odd::Size(_) | Odd::Unreadable(_) => {}
        }
    }
    Ok(named)
}

/// Takes the UID out of a file's name, so that the file counts as another message.
fn forget_name(maildir: &Maildir, dir: &str, row: &FileRow) -> Result<(), StoreError> {
    let unique = format!("{}-{}", file::unique_in(&row.base), row.uid);
    let to = maildir.path(&messages::path(dir, row.place, &unique, &row.info));
    let from = maildir.path(&row.path(dir));
    maildir.files.rename(&from, &to).map_err(|e| StoreError::file("rename to", to, e))
}

/// Looks twice before a message goes. What lies in the machine, or in who we are, is an error of
/// mending: nothing is set aside for it.
fn is_still_unreadable(maildir: &Maildir, path: &str) -> Result<bool, StoreError> {
    let path = maildir.path(path);
    match adopt::read(maildir, &path, None) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) if lies_in_the_file(&error) => Ok(true),
        Err(error) => {
            Err(StoreError::file("read, so nothing was mended in its mailbox,", path, error))
        }
    }
}

/// Whether an error is a reason to set a file aside.
fn lies_in_the_file(error: &Error) -> bool {
    adopt::is_of_the_file(error) && error.kind() != ErrorKind::PermissionDenied
}

/// Moves a file out of its mailbox; answers where to, below the account's folder.
fn put_aside(maildir: &Maildir, path: &str) -> Result<String, StoreError> {
    let below = format!("{SET_ASIDE}/{path}");
    let to = maildir.path(&below);
    let folder = to.parent().unwrap_or(Path::new("")).to_owned();
    maildir.files.make_folders(&folder).map_err(|e| StoreError::file("make", &folder, e))?;
    let moved = maildir.files.rename(&maildir.path(path), &to);
    moved.map_err(|e| StoreError::file("set aside as", &to, e))?;
    maildir.sync(&folder)?;
    Ok(below)
}

/// Numbers that were given lie below what comes next.
async fn raise_marks(
    change: &mut Change,
    account: &OpenAccount,
    row: &mut MailboxRow,
) -> Result<(), StoreError> {
    let highest = inspection::highest(change, row.id).await?;
    row.uid_next = row.uid_next.max(highest.uid.saturating_add(1));
    row.modseq = row.modseq.max(highest.modseq);
    *row = account.reserve(row.clone()).await?;
    mailboxes::save(change, row).await
}

/// What was parsed of messages is there, and nothing else.
async fn fill_details(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<(), StoreError> {
    inspection::remove_details_of_none(change, mailbox.id).await?;
    let uids: UidSet = inspection::without_details(change, mailbox.id).await?.into_iter().collect();
    if uids.is_empty() {
        return Ok(());
    }
    for row in messages::file_rows(change, mailbox.id, Which::In(&uids)).await? {
        let (maildir, path) = (account.maildir.clone(), row.path(&mailbox.dir));
        let read = on_blocking_thread(move || {
            let path = maildir.path(&path);
            adopt::read(&maildir, &path, Some(row.internal_date))
                .map_err(|e| StoreError::file("read", path, e))
        });
        let parsed = read.await?.parsed;
        inspection::replace_parsed(change, mailbox.id, row.uid, &parsed).await?;
    }
    Ok(())
}

/// The small files of a mailbox say what its rows do.
async fn write_facts(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<(), StoreError> {
    let rows = messages::file_rows(change, mailbox.id, Which::In(&UidSet::all())).await?;
    let (maildir, mailbox) = (account.maildir.clone(), mailbox.clone());
    on_blocking_thread(move || {
        let folder = maildir.dir(&mailbox.dir);
        maildir.write_facts(&mailbox)?;
        KeywordLog::at(&maildir.files, &folder).replace(&facts::keywords_of(&rows))
    })
    .await
}

/// `postrider-account` knows all ids and epochs that were given, and the subscriptions.
async fn account_file(change: &mut Change, account: &OpenAccount) -> Result<(), StoreError> {
    let rows = mailboxes::all(change).await?;
    let subscribed: Vec<MailboxName> = mailboxes::subscriptions(change).await?;
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        let told = AccountFile::read(&maildir.files, &maildir.root).ok().flatten();
        let mut facts = told.unwrap_or_default();
        for row in &rows {
            facts.last_mailbox = facts.last_mailbox.max(row.id.0);
            facts.last_uid_validity = facts.last_uid_validity.max(row.uid_validity.number());
        }
        facts.subscribed = subscribed.into_iter().collect();
        facts.write(&maildir.files, &maildir.root)
    })
    .await
}

impl Trouble {
    /// Whether this is for a person to look at: mending leaves it.
    pub fn is_for_a_person(self) -> bool {
        matches!(self, Self::FolderUnknown | Self::LeftInTmp)
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn only_what_lies_in_a_file_sets_it_aside() {
        for (errno, expected) in [
            (Errno::IO, true),
            (Errno::LOOP, true),
            (Errno::ISDIR, true),
            (Errno::ACCESS, false),
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOMEM, false),
            (Errno::STALE, false),
            (Errno::NOENT, false),
        ] {
            assert_eq!(lies_in_the_file(&Error::from(errno)), expected, "{errno}");
        }
    }
}
