//! What follows a change within seconds: file names say the flags, files of expunged messages go,
//! the index's log is copied into it.
//!
//! It is done in steps, so that nobody waits long for the account.

use mail_types::{MailboxId, QueueId, RecipientNumber, Timestamp};
use stable_storage::on_blocking_thread;

use super::doomed;
use crate::{
    StoreError,
    background::Stop,
    index::{
        Change, Here, KEYWORDS_BEHIND, NAME_BEHIND, filed, history,
        mailboxes::{self, MailboxRow},
        messages::{self, FileRow, Place, Which},
        rows,
    },
    maildir::Maildir,
    naming::file,
    open_account::{Compared, OpenAccount},
    records::KeywordLog,
};

/// The most messages of a step: whoever changes the mailbox meanwhile waits for one.
const STEP: usize = 200;
/// What was parsed of so many goes in a step, when they went.
const PARSED_STEP: u32 = 500;
/// Deliveries are remembered for so long if nobody says that their queue entries are gone:
/// 60 days, longer than any entry waits.
const REMEMBERED_MS: i64 = 60 * 24 * 3600 * 1000;
/// The expunge log is kept for so long, for clients that come back: 60 days.
const EXPUNGED_KEPT_MS: i64 = 60 * 24 * 3600 * 1000;
/// And if it has more rows than this,
const EXPUNGED_ROWS: i64 = 100_000;
/// for so long: 7 days. Open sessions ask for what happened since they last asked, which is
/// minutes.
const EXPUNGED_KEPT_LEAST_MS: i64 = 7 * 24 * 3600 * 1000;

/// What was done.
#[derive(Debug)]
pub(crate) struct Followed {
    /// What others had changed.
    pub(crate) compared: Compared,
    /// Whether files are kept for a backup that runs: they go later.
    pub(crate) is_held: bool,
}

/// Does all that is left to do, but for large folders that are to be compared. It ends between two steps
/// if the store is being closed; what is left stays in the index.
pub(crate) async fn follow(account: &OpenAccount, stop: &Stop) -> Result<Followed, StoreError> {
    let removed = doomed::remove(account, stop).await?;
    if removed == doomed::Done::Some {
        // The log grows with what is removed, and is shortened with it.
        shorten_log(account).await?;
    }
    let is_held = removed == doomed::Done::Held;
    // A folder that can't be read keeps no flag from its name.
    let compared = account.compare(None).await;
    bring_names_up(account, stop).await?;
    let compared = compared?;
    while !stop.is_over() && account.index.ask_here(Here::is_parsed_left).await? {
        account.index.change_here(|here| here.remove_parsed(PARSED_STEP), drop).await?;
    }
    if account.index.is_log_long() {
        account.index.copy_log().await?;
    }
    Ok(Followed { compared, is_held })
}

/// Forgets deliveries whose queue entries are settled.
pub(crate) async fn forget(
    account: &OpenAccount,
    settled: Vec<(QueueId, RecipientNumber)>,
) -> Result<(), StoreError> {
    let before = oldest_remembered((account.clock)());
    account.index.change_here(move |here| here.forget(&settled, before), drop).await
}

/// Deliveries for entries before this one are forgotten.
pub(crate) fn oldest_remembered(now: Timestamp) -> QueueId {
    let millis = now.millis().saturating_sub(REMEMBERED_MS).max(0);
    QueueId::new(Timestamp::from_millis(millis), [0; 4])
}

async fn shorten_log(account: &OpenAccount) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    let long = history::log_is_longer_than(&mut change, EXPUNGED_ROWS).await?;
    let kept = if long { EXPUNGED_KEPT_LEAST_MS } else { EXPUNGED_KEPT_MS };
    let before = (account.clock)().millis().saturating_sub(kept);
    history::forget_expunged(&mut change, before).await?;
    // Where nothing is filed once any more, nobody else does.
    let oldest = (account.clock)().millis().saturating_sub(REMEMBERED_MS);
    filed::forget(&mut change, Timestamp::from_millis(oldest)).await?;
    change.commit().await
}

/// Brings all names up to date, in steps.
pub(crate) async fn bring_names_up(account: &OpenAccount, stop: &Stop) -> Result<(), StoreError> {
    let behind = messages::mailboxes_behind(&mut account.look().await?).await?;
    for mailbox in behind {
        while name_some(account, mailbox).await? && !stop.is_over() {}
    }
    Ok(())
}

/// The same within a change.
pub(crate) async fn name_all(change: &mut Change, account: &OpenAccount) -> Result<(), StoreError> {
    for mailbox in messages::mailboxes_behind(change).await? {
        let row = mailboxes::by_id(change, mailbox).await?;
        while name_in(change, account, row.clone()).await? {}
    }
    Ok(())
}

/// Brings the names of some messages up to date; true if there may be more.
async fn name_some(account: &OpenAccount, mailbox: MailboxId) -> Result<bool, StoreError> {
    let mut change: Change = account.change().await?;
    let row = match mailboxes::by_id(&mut change, mailbox).await {
        Err(StoreError::MailboxGone(_)) => return change.undo().await.map(|()| false),
        other => other?,
    };
    let more = name_in(&mut change, account, row).await?;
    change.commit().await?;
    Ok(more)
}

async fn name_in(
    change: &mut Change,
    account: &OpenAccount,
    row: MailboxRow,
) -> Result<bool, StoreError> {
    let (mailbox, limit) = (row.id, i64::try_from(STEP).unwrap_or(i64::MAX));
    let messages = messages::file_rows(change, mailbox, Which::Behind(limit)).await?;
    let more = messages.len() == STEP;
    let maildir = account.maildir.clone();
    let (row, named) = on_blocking_thread(move || name(&maildir, row, messages)).await?;
    rows::update_names(change, mailbox, &named).await?;
    mailboxes::save(change, &row).await?;
    Ok(more)
}

fn name(
    maildir: &Maildir,
    mut row: MailboxRow,
    mut messages: Vec<FileRow>,
) -> Result<(MailboxRow, Vec<FileRow>), StoreError> {
    let undisturbed = maildir.times(&row.dir) == row.times;
    let keywords: Vec<_> = messages
        .iter()
        .filter(|message| message.behind & KEYWORDS_BEHIND != 0)
        .map(|message| (message.uid, file::keywords_beside(&message.flags)))
        .collect();
    let folder = maildir.dir(&row.dir);
    KeywordLog::at(&maildir.files, &folder).note(&keywords)?;
    let mut renamed = false;
    for message in &mut messages {
        if message.behind & NAME_BEHIND != 0 {
            let from = maildir.path(&message.path(&row.dir));
            let former = std::mem::take(&mut message.info);
            message.info = file::info(&message.flags, &former);
            let place = std::mem::replace(&mut message.place, Place::Cur);
            let to = maildir.path(&message.path(&row.dir));
            match maildir.files.rename(&from, &to) {
                Ok(()) => renamed = true,
                // Somebody else renamed or removed it; comparing the folder will tell.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    (message.info, message.place) = (former, place);
                }
                Err(error) => return Err(StoreError::file("rename to", to, error)),
            }
        }
        message.behind = 0;
    }
    if renamed {
        maildir.sync(&folder.join("cur"))?;
    }
    if undisturbed {
        row.times = maildir.times(&row.dir);
    }
    Ok((row, messages))
}
