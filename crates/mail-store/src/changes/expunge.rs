//! Messages go: rows first, files within seconds.

use mail_types::{MailboxId, Uid};

use crate::{
    StoreError, UidSet,
    index::{Change, Here, mailboxes, rows},
    open_account::OpenAccount,
};

/// Removes messages of a set, all or those that have `\Deleted`; answers which, by UID.
pub(crate) async fn expunge(
    account: &OpenAccount,
    mailbox: MailboxId,
    uids: UidSet,
    only_deleted: bool,
) -> Result<Vec<Uid>, StoreError> {
    let (maildir, now) = (account.maildir.clone(), (account.clock)());
    let expunge = move |here: &Here| {
        let mut row = here.mailbox_with(mailbox)?;
        let messages = here.counted(mailbox, &uids, only_deleted)?;
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        here.make_room_for(messages.len())?;
        let gone: Vec<Uid> = messages.iter().map(|message| message.uid).collect();
        here.doom(mailbox, &gone.iter().copied().collect(), now)?;
        row.modseq = row.modseq.saturating_add(1);
        here.expunge(mailbox, &messages, row.modseq, now)?;
        maildir.reserve(&mut row)?;
        here.raise(&row)?;
        Ok(gone)
    };
    account.index.change_here(expunge, |gone| gone).await
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
