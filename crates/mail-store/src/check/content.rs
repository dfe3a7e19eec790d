//! Messages read whole, against what the index knows of them. Nothing is locked meanwhile: what is
//! not as expected is looked up again, and counts only if it still is the same message.

use mail_types::Uid;
use stable_storage::on_blocking_thread;

use super::{Finding, Trouble, files::finding};
use crate::{
    StoreError, UidSet,
    changes::adopt,
    index::{
        mailboxes::{self, MailboxRow},
        messages::{self, FileRow, Which},
        rows::Parsed,
    },
    open_account::OpenAccount,
};

/// Messages of a step.
const STEP: usize = 200;

/// What was found of a message.
#[derive(Debug)]
pub(super) enum Read {
    /// Another size in wire form, or other line ends.
    Size,
    /// Other header fields or parts: this is what it has.
    Parsed(Box<Parsed>),
    /// It can't be read.
    Unreadable(String),
}

pub(super) async fn check(
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (row, read) in read_all(account, mailbox).await? {
        let (trouble, detail) = match read {
            Read::Size => {
                (Trouble::ContentDiffers, "it is larger or smaller than known".to_owned())
            }
            Read::Parsed(_) => {
                let detail = "its header or its parts are others than known".to_owned();
                (Trouble::ContentDiffers, detail)
            }
            Read::Unreadable(why) => (Trouble::Unreadable, format!("{}: {why}", row.base)),
        };
        found.push(finding(trouble, &mailbox.name, Some(row.uid), detail));
    }
    Ok(found)
}

/// Reads all messages of a mailbox; answers those that are not what the index says.
pub(super) async fn read_all(
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<Vec<(FileRow, Read)>, StoreError> {
    let mut look = account.look().await?;
    let rows = messages::file_rows(&mut look, mailbox.id, Which::In(&UidSet::all())).await?;
    drop(look);
    let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
    let mut odd = Vec::new();
    for some in uids.chunks(STEP) {
        let some: UidSet = some.iter().copied().collect();
        let first = read_some(account, mailbox, &some).await?;
        if first.is_empty() {
            continue;
        }
        // Whoever renamed or expunged it in this moment did no damage.
        let again: UidSet = first.iter().map(|(row, _)| row.uid).collect();
        odd.extend(read_some(account, mailbox, &again).await?);
    }
    Ok(odd)
}

async fn read_some(
    account: &OpenAccount,
    mailbox: &MailboxRow,
    uids: &UidSet,
) -> Result<Vec<(FileRow, Read)>, StoreError> {
    let mut look = account.look().await?;
    let dir = match mailboxes::by_id(&mut look, mailbox.id).await {
        Err(StoreError::MailboxGone(_)) => return Ok(Vec::new()),
        other => other?.dir,
    };
    let rows = messages::file_rows(&mut look, mailbox.id, Which::In(uids)).await?;
    let parsed = messages::parsed_of(&mut look, mailbox.id, uids).await?;
    drop(look);
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        let mut odd = Vec::new();
        for row in rows {
            let path = maildir.path(&row.path(&dir));
            let known = parsed.iter().find(|(uid, _)| *uid == row.uid).map(|(_, known)| known);
            match adopt::read(&maildir, &path, Some(row.internal_date)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if adopt::is_of_the_file(&error) => {
                    odd.push((row, Read::Unreadable(error.to_string())));
                }
                Err(error) => return Err(StoreError::file("read", path, error)),
                Ok(read) if (read.size, read.bare_lf) != (row.size, row.bare_lf) => {
                    odd.push((row, Read::Size));
                }
                Ok(read) => {
                    let same = known.is_none_or(|known| {
                        (&known.envelope, &known.structure)
                            == (&read.parsed.envelope, &read.parsed.structure)
                    });
                    if !same {
                        odd.push((row, Read::Parsed(Box::new(read.parsed))));
                    }
                }
            }
        }
        Ok(odd)
    })
    .await
}
