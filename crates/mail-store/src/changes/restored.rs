//! An account's folder comes out of a backup.
//!
//! Since the backup was made, clients may have been told UIDs that it does not know. So every mailbox
//! gets a new, larger UIDVALIDITY: clients forget what they know and look again. Messages keep their
//! UIDs. What POP3 called them is kept beside the mail, because its clients would fetch all again.
//!
//! Keys for URLs end: those of other accounts' mailboxes could have been revoked since.
//!
//! Recipients of queue entries that file names tell are remembered: the queue of the same backup is
//! a little older than the mailboxes, and may deliver once more.

use mail_types::{MailboxId, MailboxName, Uid, UidValidity, UniqueId};
use stable_storage::on_blocking_thread;

use super::{create, follow, rename};
use crate::{
    StoreError,
    index::{Change, deliveries, history, listed, mailboxes},
    maildir::Maildir,
    open_account::OpenAccount,
    records::{AccountFile, UniqueIdFile, url_key_file},
};

/// What POP3 says of a message: the unique-id that follows from epoch and UID.
pub type PlainUniqueId = fn(UidValidity, Uid) -> Option<UniqueId>;

/// Begins a new epoch in each mailbox; `maildrop` is the mailbox that POP3 shows. Answers which
/// mailboxes there are.
pub(crate) async fn begin_epochs(
    account: &OpenAccount,
    maildrop: &MailboxName,
    plain: PlainUniqueId,
) -> Result<Vec<MailboxId>, StoreError> {
    let mut change = account.index.synced_change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    let (maildir, now) = (account.maildir.clone(), (account.clock)());
    let facts =
        on_blocking_thread(move || AccountFile::read(&maildir.files, &maildir.root)).await?;
    let mut facts = facts.unwrap_or_default();
    let rows = mailboxes::all(&mut change).await?;
    for row in &rows {
        // Larger than any that this account had, whatever the clock says.
        facts.last_uid_validity = facts.last_uid_validity.max(row.uid_validity.number());
    }
    let all = rows.iter().map(|row| row.id).collect();
    let new: Vec<UidValidity> =
        rows.iter().map(|_| create::new_uid_validity(&mut facts, now)).collect();
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        facts.write(&maildir.files, &maildir.root)?;
        let keys = url_key_file::of_account(&maildir.root);
        maildir.files.unlink(&keys).map_err(|error| StoreError::file("remove", &keys, error))?;
        maildir
            .files
            .sync_dir(&maildir.root)
            .map_err(|e| StoreError::file("sync", &maildir.root, e))
    })
    .await?;
    for (mut row, new) in rows.into_iter().zip(new) {
        let there = if row.name == *maildrop {
            listed::drop_entries(&mut change, row.id).await?.into_iter().map(|e| e.uid).collect()
        } else {
            Vec::new()
        };
        let old = std::mem::replace(&mut row.uid_validity, new);
        row.modseq = row.modseqs_below;
        let maildir = account.maildir.clone();
        let row = on_blocking_thread(move || {
            keep_unique_ids(&maildir, &row.dir, (old, new), &there, plain)?;
            maildir.reserve(&mut row)?;
            maildir.write_facts(&row)?;
            Ok::<_, StoreError>(row)
        })
        .await?;
        mailboxes::save(&mut change, &row).await?;
    }
    history::begin_logs_anew(&mut change).await?;
    remember(&mut change, account).await?;
    change.commit().await?;
    Ok(all)
}

/// Remembers the recipients of queue entries that file names tell, and changes nothing else.
pub(crate) async fn remember_deliveries(account: &OpenAccount) -> Result<(), StoreError> {
    let mut change = account.index.synced_change().await?;
    remember(&mut change, account).await?;
    change.commit().await
}

async fn remember(change: &mut Change, account: &OpenAccount) -> Result<(), StoreError> {
    let oldest = follow::oldest_remembered((account.clock)());
    let mut pairs = deliveries::told_by_names(change).await?;
    pairs.retain(|((queue_id, _), _)| *queue_id >= oldest);
    deliveries::remember(change, &pairs).await
}

/// Carries unique-ids over to the new epoch, with those that messages had by themselves.
fn keep_unique_ids(
    maildir: &Maildir,
    dir: &str,
    (old, new): (UidValidity, UidValidity),
    there: &[Uid],
    plain: PlainUniqueId,
) -> Result<(), StoreError> {
    let folder = maildir.dir(dir);
    let mut file = UniqueIdFile::read(&maildir.files, &folder, old)?;
    for uid in there {
        if let Some(id) = plain(old, *uid) {
            file.ids.entry(*uid).or_insert(id);
        }
    }
    if file.ids.is_empty() {
        return Ok(());
    }
    file.uid_validity = new;
    file.write(&maildir.files, &folder)
}
