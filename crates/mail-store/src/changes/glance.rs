//! A glance at large folders beside all that goes on: whether they are what the rows say.
//!
//! A folder that we changed ourselves is compared once more some minutes later, because its times
//! can't tell what another tool did at the same moment. Nearly always nothing is found; with a million
//! messages it takes seconds, and nobody must wait for that. So the names are read without a lock, the
//! rows a page at a time, and digests of names are all that is held. What seems to differ may be what
//! one of us did meanwhile: then it is looked at again, and at last compared within a change, as all
//! smaller folders are.

use std::hash::{BuildHasher, RandomState};

use mail_types::Uid;
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
const TRIES: u32 = 3;
/// What was done to a folder at most so long before the look has its time from then: clocks of file
/// systems go in steps.
const STEP_MS: i64 = 1000;

/// Looks at the large folders that are due for no other reason than that they were not looked at for
/// long, and notes it where nothing differs.
pub(crate) async fn glance(account: &OpenAccount) -> Result<(), StoreError> {
    let now = (account.clock)().millis();
    let rows = mailboxes::all(&mut account.look().await?).await?;
    for row in rows.iter().filter(|row| merge::is_long_ago(row, now)) {
        if account.maildir.times(&row.dir) == row.times
            && mailboxes::messages(&mut account.look().await?, row.id).await? >= LARGE
        {
            look_at(account, row).await?;
        }
    }
    Ok(())
}

async fn look_at(account: &OpenAccount, row: &MailboxRow) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let began = (account.clock)().millis();
        let row = mailboxes::by_id(&mut account.look().await?, row.id).await;
        match row {
            Ok(row) if is_as_told(account, &row).await? => return note(account, &row, began).await,
            Ok(_) => {}
            Err(StoreError::MailboxGone(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether each row has its file, and each file its row. What comes from now on is not asked for.
async fn is_as_told(account: &OpenAccount, row: &MailboxRow) -> Result<bool, StoreError> {
    let digests = RandomState::new();
    let (maildir, dir, same) = (account.maildir.clone(), row.dir.clone(), digests.clone());
    let files = on_blocking_thread(move || list(&maildir, &dir, &same)).await?;
    let is_there = |path: &str| files.binary_search(&digests.hash_one(path)).is_ok();
    let (mut first, mut told) = (Uid::MIN, 0_usize);
    loop {
        let mut look = account.look().await?;
        let page = listed::files_from(&mut look, row.id, first, PAGE).await?;
        drop(look);
        for message in &page {
            if is_there(&message.path) {
                told = told.saturating_add(1);
            } else if i64::from(message.uid.number()) < row.uid_next {
                return Ok(false);
            }
        }
        match page.last().and_then(|last| Uid::new(last.uid.number().checked_add(1)?)) {
            Some(next) => first = next,
            None => break,
        }
    }
    let doomed = pending::doomed(&mut account.look().await?).await?;
    let going = doomed.iter().filter(|doomed| is_there(&doomed.path)).count();
    Ok(told.saturating_add(going) == files.len())
}

/// Digests of the paths of a mailbox's files, in their order.
fn list(maildir: &Maildir, dir: &str, digests: &RandomState) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for place in [Place::New, Place::Cur] {
        let folder = maildir.dir(dir).join(place.as_str());
        let failed = |e| StoreError::file("list", &folder, e);
        for name in maildir.files.names(&folder).map_err(failed)? {
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
