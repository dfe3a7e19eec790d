//! Messages that came when no sort keys were kept get theirs, some at a time, when somebody wants to
//! sort. Nothing is locked while files are read.

use std::io::Read;

use mail_types::{MailboxId, Uid};
use stable_storage::on_blocking_thread;

use crate::{
    StoreError, UidSet,
    index::{
        mailboxes,
        messages::{self, FileRow, Which},
        sorting,
    },
    maildir::Maildir,
    open_account::OpenAccount,
    sort_keys::{HEADER_MAX, StoredKeys},
};

/// Messages of a step.
const STEP: i64 = 500;

/// Does a step, from this UID on; answers where to go on, if there is more to do.
pub(crate) async fn fill(
    account: &OpenAccount,
    mailbox: MailboxId,
    from: Uid,
) -> Result<Option<Uid>, StoreError> {
    let mut look = account.look().await?;
    if !sorting::is_missing(&mut look, mailbox).await? {
        return Ok(None);
    }
    let missing = sorting::without(&mut look, mailbox, from, STEP).await?;
    let dir = mailboxes::by_id(&mut look, mailbox).await?.dir;
    let set: UidSet = missing.iter().copied().collect();
    let rows = messages::file_rows(&mut look, mailbox, Which::In(&set)).await?;
    drop(look);
    let maildir = account.maildir.clone();
    let keys = on_blocking_thread(move || {
        let keys = rows.iter().map(|row| Ok((row.uid, keys_of(&maildir, &dir, row)?)));
        keys.collect::<Result<Vec<_>, StoreError>>()
    })
    .await?;
    let mut change = account.change().await?;
    let keys: Vec<_> = keys.iter().map(|(uid, keys)| (*uid, keys)).collect();
    sorting::insert(&mut change, mailbox, &keys).await?;
    let next = missing.last().and_then(|last| Uid::new(last.number().checked_add(1)?));
    if next.is_none() && from == Uid::MIN {
        // All were looked at at once, under the lock now.
        let none = sorting::without(&mut change, mailbox, Uid::MIN, 1).await?.is_empty();
        sorting::set_missing(&mut change, mailbox, !none).await?;
    }
    change.commit().await?;
    // The last step begins at the start again, and finds nothing.
    Ok(next.or((from > Uid::MIN).then_some(Uid::MIN)))
}

/// The keys of one message; of a file that can't be found, those of nothing: comparing will tell
/// what became of it.
fn keys_of(maildir: &Maildir, dir: &str, row: &FileRow) -> Result<StoredKeys, StoreError> {
    let path = maildir.path(&row.path(dir));
    let failed = |error| StoreError::file("read", &path, error);
    let mut beginning = Vec::new();
    match maildir.files.open(&path) {
        Ok(file) => {
            let limit = u64::try_from(HEADER_MAX).unwrap_or(u64::MAX);
            file.take(limit).read_to_end(&mut beginning).map_err(failed)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    Ok(StoredKeys::of(&beginning))
}
