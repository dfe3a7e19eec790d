//! Files against rows: which there are, how they are named, how large and how old they are.

use std::collections::HashSet;

use mail_types::{MailboxName, Timestamp, Uid};
use stable_storage::on_blocking_thread;

use super::{Finding, Trouble};
use crate::{
    StoreError, UidSet,
    changes::{
        adopt::is_of_the_file,
        merge::{self, Difference},
    },
    index::{
        Change,
        mailboxes::MailboxRow,
        messages::{self, FileRow, Which},
        pending,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
};

/// A row whose file is not what it says.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Odd {
    /// Its name says another UID or size.
    Name,
    /// It has this size.
    Size(u64),
    /// It has this time.
    Date(Timestamp),
    /// It can't be opened.
    Unreadable(String),
}

/// How a folder differs from the rows.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) difference: Difference,
    pub(super) odd: Vec<(FileRow, Odd)>,
    /// Files without a row that can't be opened.
    pub(super) unreadable: Vec<(merge::Found, String)>,
}

pub(super) async fn check(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<Vec<Finding>, StoreError> {
    let compared = compare(change, account, mailbox).await?;
    let finding = |trouble, uid, detail: String| finding(trouble, &mailbox.name, uid, detail);
    let mut found = Vec::new();
    for uid in &compared.difference.missing {
        found.push(finding(Trouble::FileMissing, Some(*uid), "its file is gone".into()));
    }
    for (row, _) in &compared.difference.known {
        let detail = format!("{}{} was renamed by another tool", row.base, row.info);
        found.push(finding(Trouble::NameDiffers, Some(row.uid), detail));
    }
    for unknown in &compared.difference.unknown {
        let name = format!("{}/{}{}", unknown.place.as_str(), unknown.base, unknown.info);
        found.push(finding(Trouble::FileUnknown, None, name));
    }
    for (unknown, why) in &compared.unreadable {
        let name = format!("{}{}: {why}", unknown.base, unknown.info);
        found.push(finding(Trouble::Unreadable, None, name));
    }
    for (row, odd) in &compared.odd {
        let (trouble, detail) = match odd {
            Odd::Name => (Trouble::NameWrong, format!("its file is called {}", row.base)),
            Odd::Size(size) => {
                let detail = format!("the file has {size} octets, not {}", row.octets);
                (Trouble::ContentDiffers, detail)
            }
            Odd::Date(_) => {
                (Trouble::DateDiffers, format!("{}{} has another date", row.base, row.info))
            }
            Odd::Unreadable(why) => (Trouble::Unreadable, format!("{}: {why}", row.base)),
        };
        found.push(finding(trouble, Some(row.uid), detail));
    }
    Ok(found)
}

/// Compares a mailbox's folder with its rows; changes nothing.
pub(super) async fn compare(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<Compared, StoreError> {
    let doomed = merge::identities(&pending::doomed(change).await?);
    let rows = messages::file_rows(change, mailbox.id, Which::In(&UidSet::all())).await?;
    let (maildir, dir) = (account.maildir.clone(), mailbox.dir.clone());
    on_blocking_thread(move || {
        let mut difference = merge::difference(&maildir, &dir, &rows, &doomed)?;
        let mut unreadable = Vec::new();
        for found in std::mem::take(&mut difference.unknown) {
            let path = messages::path(&dir, found.place, &found.base, &found.info);
            let path = maildir.path(&path);
            match maildir.files.open(&path).and_then(|file| file.metadata()) {
                Ok(facts) if facts.is_file() => difference.unknown.push(found),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if is_of_the_file(&error) => unreadable.push((found, error.to_string())),
                Err(error) => return Err(StoreError::file("look at", path, error)),
            }
        }
        let known: HashSet<Uid> = difference.known.iter().map(|(row, _)| row.uid).collect();
        let missing: HashSet<Uid> = difference.missing.iter().copied().collect();
        let as_they_are =
            rows.iter().filter(|row| !known.contains(&row.uid) && !missing.contains(&row.uid));
        let mut odd = Vec::new();
        for row in as_they_are {
            odd.extend(oddities(&maildir, &dir, row)?);
        }
        Ok(Compared { difference, odd, unreadable })
    })
    .await
}

/// What is wrong with the file of a row.
fn oddities(
    maildir: &Maildir,
    dir: &str,
    row: &FileRow,
) -> Result<Vec<(FileRow, Odd)>, StoreError> {
    let mut odd = Vec::new();
    let path = maildir.path(&row.path(dir));
    let opened = maildir.files.open(&path);
    match opened.and_then(|file| file.metadata()) {
        // What goes meanwhile, another tool took: the next look tells.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) if is_of_the_file(&error) => odd.push(Odd::Unreadable(error.to_string())),
        Err(error) => return Err(StoreError::file("look at", path, error)),
        Ok(facts) => {
            if i64::try_from(facts.len()) != Ok(row.octets) {
                odd.push(Odd::Size(facts.len()));
            } else if file::uid_in(&row.base) != Some(row.uid)
                || file::size_in(&row.base).is_some_and(|size| size != facts.len())
            {
                odd.push(Odd::Name);
            }
            let time = facts.modified().ok().map(Timestamp::from);
            odd.extend(time.filter(|time| *time != row.internal_date).map(Odd::Date));
        }
    }
    Ok(odd.into_iter().map(|odd| (row.clone(), odd)).collect())
}

pub(super) fn finding(
    trouble: Trouble,
    mailbox: &MailboxName,
    uid: Option<Uid>,
    detail: String,
) -> Finding {
    Finding { trouble, mailbox: Some(mailbox.clone()), uid, detail }
}
