//! A glance at large folders beside all that goes on: whether they are what the rows say.
//!
//! A folder that we changed ourselves is compared once more some minutes later, because its times
//! can't tell what another tool did at the same moment. Nearly always nothing is found; with a million
//! messages it takes seconds, and nobody must wait for that. So the names are read without a lock, the
//! rows a page at a time, and digests of names are all that is held. What seems to differ may be what
//! one of us did meanwhile: then it is looked at again, and at last compared within a change, as all
//! smaller folders are.

use std::{
    hash::{BuildHasher, RandomState},
    io::ErrorKind,
};

use mail_types::{MailboxId, Uid};
use stable_storage::on_blocking_thread;

use super::merge;
use crate::{
    StoreError,
    index::{
        listed,
        mailboxes::{self, MailboxRow},
        messages::{Place, path},
        pending,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
};

/// With fewer messages a comparison is short.
const LARGE: usize = 1000;
/// Rows for which the account is held at a time: some milliseconds.
const PAGE: u32 = 5000;
/// How often it is looked at before it is compared within a change.
const TRIES: u32 = 2;
/// What was done to a folder at most so long before the look has its time from then: clocks of file
/// systems go in steps.
const STEP_MS: i64 = 1000;

/// Looks at the large folders that are due for no other reason than that they were not looked at for
/// long, and notes it where nothing differs. One that can't be looked at is left to the comparison.
///
/// For the one that follows an account's changes: whoever else wants it done asks for that.
pub(crate) async fn glance(account: &OpenAccount) -> Result<(), StoreError> {
    let rows = mailboxes::all(&mut account.look().await?).await?;
    for row in rows {
        if is_enough(account, &row).await?
            && let Err(error) = look_at(account, row.id).await
        {
            tracing::debug!(folder = row.dir, %error, "a large folder can't be looked at");
        }
    }
    Ok(())
}

/// Whether a mailbox is due for no other reason than that its folder was not looked at for long, and
/// is large.
pub(crate) async fn is_enough(account: &OpenAccount, row: &MailboxRow) -> Result<bool, StoreError> {
    Ok(merge::is_long_ago(row, (account.clock)().millis())
        && account.maildir.times(&row.dir) == row.times
        && mailboxes::messages(&mut account.look().await?, row.id).await? >= LARGE)
}

async fn look_at(account: &OpenAccount, mailbox: MailboxId) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let began = (account.clock)().millis();
        let row = mailboxes::by_id(&mut account.look().await?, mailbox).await;
        let row = match row {
            Err(StoreError::MailboxGone(_)) => return Ok(()),
            other => other?,
        };
        // Another process may have been here.
        if !merge::is_long_ago(&row, began) {
            return Ok(());
        }
        if is_as_told(account, &row).await? {
            return note(account, &row, began).await;
        }
    }
    Ok(())
}

/// Whether each row has its file, and each file its row. What comes from now on is not asked for.
async fn is_as_told(account: &OpenAccount, row: &MailboxRow) -> Result<bool, StoreError> {
    let digests = RandomState::new();
    let (maildir, dir, same) = (account.maildir.clone(), row.dir.clone(), digests.clone());
    let files = on_blocking_thread(move || list(&maildir, &dir, &same)).await?;
    let mut told = vec![false; files.len()];
    let mut tell = |path: &str| {
        let at = files.binary_search(&digests.hash_one(path)).ok();
        at.and_then(|at| told.get_mut(at)).map(|told| *told = true).is_some()
    };
    let mut first = Uid::MIN;
    loop {
        let mut look = account.look().await?;
        let page = listed::files_from(&mut look, row.id, first, PAGE).await?;
        drop(look);
        for message in &page {
            if !tell(&message.path) && i64::from(message.uid.number()) < row.uid_next {
                return Ok(false);
            }
        }
        match page.last().and_then(|last| Uid::new(last.uid.number().checked_add(1)?)) {
            Some(next) => first = next,
            None => break,
        }
    }
    // One may have had its row a moment ago.
    let doomed = pending::doomed(&mut account.look().await?).await?;
    for doomed in doomed {
        tell(&doomed.path);
    }
    Ok(told.iter().all(|told| *told))
}

/// Digests of the paths of a mailbox's files, in their order.
fn list(maildir: &Maildir, dir: &str, digests: &RandomState) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for place in [Place::New, Place::Cur] {
        let folder = maildir.dir(dir).join(place.as_str());
        let failed = |e| StoreError::file("list", &folder, e);
        let names = match maildir.files.names(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(failed)?,
        };
        for name in names {
            let name = name.map_err(failed)?;
            if let Some((base, info)) = name.to_str().and_then(file::split) {
                found.push(digests.hash_one(path(dir, place, base, info).as_str()));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The folder was looked at then.
async fn note(account: &OpenAccount, row: &MailboxRow, began: i64) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    let mut row = match mailboxes::by_id(&mut change, row.id).await {
        Err(StoreError::MailboxGone(_)) => return change.undo().await,
        other => other?,
    };
    row.compared = row.compared.max(began.saturating_sub(STEP_MS));
    mailboxes::save(&mut change, &row).await?;
    change.commit().await
}
