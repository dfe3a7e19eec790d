//! Messages that came when neither their ids nor their first words were kept get them, some at a
//! time, when somebody asks. Nothing is locked while files are read.

use mail_types::{MailboxId, Uid};
use stable_storage::on_blocking_thread;

use super::adopt;
use crate::{
    StoreError, UidSet,
    index::{
        mailboxes,
        messages::{self, Which},
        objects,
        rows::Parsed,
    },
    open_account::OpenAccount,
};

/// Reads the files of these messages; those that can't be found are left out.
pub(crate) async fn read(
    account: &OpenAccount,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Vec<(Uid, Parsed)>, StoreError> {
    let mut look = account.look().await?;
    let dir = mailboxes::by_id(&mut look, mailbox).await?.dir;
    let rows = messages::file_rows(&mut look, mailbox, Which::In(uids)).await?;
    drop(look);
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        let mut found = Vec::new();
        for row in rows {
            let path = maildir.path(&row.path(&dir));
            match adopt::read(&maildir, &path, Some(row.internal_date)) {
                Ok(file) => found.push((row.uid, file.parsed)),
                // Comparing will tell what became of it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::file("read", path, error)),
            }
        }
        Ok(found)
    })
    .await
}

/// Notes what was read.
pub(crate) async fn note(
    account: &OpenAccount,
    mailbox: MailboxId,
    messages: &[(Uid, Parsed)],
) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    objects::fill(&mut change, mailbox, messages).await?;
    change.commit().await
}
