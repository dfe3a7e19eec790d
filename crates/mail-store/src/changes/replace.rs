//! REPLACE: a new message in, an old one out, in one transaction (RFC 8508 §3.4).
//!
//! A stop before its commit leaves at most the new file without a row, which is adopted as that of
//! an APPEND is; the old message is there until the commit.

use mail_types::{MailboxId, Quota, Uid};

use super::{
    arrive::{Way, arrive},
    deliver::arrival,
    expunge::forget_rows,
    room,
};
use crate::{
    Appended, NewMessage, StoreError, UidSet,
    index::{
        mailboxes,
        messages::{self, Which},
        pending,
    },
    open_account::OpenAccount,
};

/// Appends a message and removes another one; only what is added by both counts for the quota.
pub(crate) async fn replace(
    account: &OpenAccount,
    (from, old): (MailboxId, Uid),
    to: MailboxId,
    new: &NewMessage,
    quota: &Quota,
) -> Result<Appended, StoreError> {
    let mut change = account.change().await?;
    let mut source = mailboxes::by_id(&mut change, from).await?;
    let found = messages::file_rows(&mut change, from, Which::In(&UidSet::from(old))).await?;
    if found.is_empty() {
        change.undo().await?;
        return Err(StoreError::MessageGone);
    }
    let now = (account.clock)();
    pending::doom_messages(&mut change, from, &UidSet::from(old), now).await?;
    forget_rows(&mut change, account, &mut source, &[old]).await?;
    let source = account.reserve(source).await?;
    mailboxes::save(&mut change, &source).await?;
    if let Err(error) = room::check(&mut change, quota, room::volume([new.written.size])).await {
        change.undo().await?;
        return Err(error);
    }
    // The same mailbox may be both.
    let mut target = mailboxes::by_id(&mut change, to).await?;
    let arrivals = vec![arrival(&new.written, &new.flags, now)];
    let uids = arrive(&mut change, &account.maildir, &mut target, arrivals, Way::Link).await?;
    let totals = mailboxes::totals(&mut change).await?;
    change.commit().await?;
    Ok(Appended { uid_validity: target.uid_validity, uids, totals })
}
