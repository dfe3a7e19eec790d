//! Messages go: rows first, files within seconds.

use mail_types::{MailboxId, Uid};

use super::removed;
use crate::{
    StoreError, UidSet,
    index::{
        Change, mailboxes,
        messages::{self, Which},
        pending, rows,
    },
    open_account::OpenAccount,
};

/// Removes messages; answers which, by UID.
pub(crate) async fn expunge(
    account: &OpenAccount,
    mailbox: MailboxId,
    which: Which<'_>,
) -> Result<Vec<Uid>, StoreError> {
    let mut change = account.change().await?;
    let mut row = mailboxes::by_id(&mut change, mailbox).await?;
    let messages = messages::file_rows(&mut change, mailbox, which).await?;
    if messages.is_empty() {
        change.undo().await?;
        return Ok(Vec::new());
    }
    let now = (account.clock)();
    let going: Vec<_> =
        messages.iter().map(|message| removed::doomed(&row, message, now)).collect();
    let uids: Vec<Uid> = messages.iter().map(|message| message.uid).collect();
    pending::doom(&mut change, &going).await?;
    forget_rows(&mut change, account, &mut row, &uids).await?;
    let row = account.reserve(row).await?;
    mailboxes::save(&mut change, &row).await?;
    change.commit().await?;
    Ok(uids)
}

/// Removes rows and notes it in the expunge log; the caller saves the mailbox.
pub(crate) async fn forget_rows(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &mut mailboxes::MailboxRow,
    uids: &[Uid],
) -> Result<(), StoreError> {
    mailbox.modseq = mailbox.modseq.saturating_add(1);
    let set: UidSet = uids.iter().copied().collect();
    rows::expunge(change, mailbox.id, &set, mailbox.modseq, (account.clock)()).await
}
