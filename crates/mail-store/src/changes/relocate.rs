//! COPY and MOVE.
//!
//! A copy shares its bytes with the original. A move renames the file inside the transaction: at
//! every moment there is one file, and whichever mailbox's row doesn't agree is put right by
//! comparing.

use std::collections::HashMap;

use mail_types::{MailboxId, Quota, Uid};

use super::{
    arrive::{Arrival, Way, arrive},
    expunge::forget_rows,
    room,
};
use crate::{
    Copied, StoreError, UidSet,
    index::{
        Change,
        mailboxes::{self, MailboxRow},
        messages::{self, FileRow, Which},
        rows::Parsed,
    },
    naming::file,
    open_account::OpenAccount,
};

/// Copies messages, all or none, within the quota.
pub(crate) async fn copy(
    account: &OpenAccount,
    from: MailboxId,
    uids: &UidSet,
    to: MailboxId,
    quota: &Quota,
) -> Result<Copied, StoreError> {
    let mut change = account.change().await?;
    let source = mailboxes::by_id(&mut change, from).await?;
    let mut target = mailboxes::by_id(&mut change, to).await?;
    let messages = messages::file_rows(&mut change, from, Which::In(uids)).await?;
    if messages.is_empty() {
        change.undo().await?;
        return Ok(Copied { uid_validity: target.uid_validity, uids: Vec::new() });
    }
    let sizes = messages.iter().map(|message| u64::try_from(message.size).unwrap_or(0));
    if let Err(error) = room::check(&mut change, quota, room::volume(sizes)).await {
        change.undo().await?;
        return Err(error);
    }
    let mut arrivals = arrivals(&mut change, account, &source, &messages).await?;
    for arrival in &mut arrivals {
        // A copy is another message: a name of its own, and no delivery's.
        arrival.unique = account.unique()?;
    }
    let new = arrive(&mut change, &account.maildir, &mut target, arrivals, Way::Link).await?;
    change.commit().await?;
    Ok(copied(&target, &messages, new))
}

/// Moves messages, all or none.
pub(crate) async fn move_messages(
    account: &OpenAccount,
    from: MailboxId,
    uids: &UidSet,
    to: MailboxId,
) -> Result<Copied, StoreError> {
    let mut change = account.change().await?;
    let source = mailboxes::by_id(&mut change, from).await?;
    let mut target = mailboxes::by_id(&mut change, to).await?;
    let messages = messages::file_rows(&mut change, from, Which::In(uids)).await?;
    if messages.is_empty() {
        change.undo().await?;
        return Ok(Copied { uid_validity: target.uid_validity, uids: Vec::new() });
    }
    let undisturbed = account.maildir.times(&source.dir) == source.times;
    let arrivals = arrivals(&mut change, account, &source, &messages).await?;
    let new = arrive(&mut change, &account.maildir, &mut target, arrivals, Way::Rename).await?;
    // The same mailbox may be both: its row is what `arrive` saved.
    let mut source = mailboxes::by_id(&mut change, from).await?;
    let old: Vec<Uid> = messages.iter().map(|message| message.uid).collect();
    forget_rows(&mut change, account, &mut source, &old).await?;
    if undisturbed {
        source.times = account.maildir.times(&source.dir);
    }
    let source = account.reserve(source).await?;
    mailboxes::save(&mut change, &source).await?;
    change.commit().await?;
    Ok(copied(&target, &messages, new))
}

async fn arrivals(
    change: &mut Change,
    account: &OpenAccount,
    source: &MailboxRow,
    messages: &[FileRow],
) -> Result<Vec<Arrival>, StoreError> {
    let uids: UidSet = messages.iter().map(|message| message.uid).collect();
    let parsed = messages::parsed_of(change, source.id, &uids).await?;
    let mut parsed: HashMap<Uid, Parsed> = parsed.into_iter().collect();
    let now = (account.clock)();
    Ok(messages
        .iter()
        .map(|message| Arrival {
            source: account.maildir.path(&message.path(&source.dir)),
            unique: file::unique_in(&message.base).to_owned(),
            flags: message.flags.clone(),
            is_new: false,
            size: message.size,
            octets: message.octets,
            internal_date: message.internal_date,
            saved: now,
            bare_lf: message.bare_lf,
            parsed: parsed.remove(&message.uid).unwrap_or_else(Parsed::nothing),
        })
        .collect())
}

fn copied(target: &MailboxRow, messages: &[FileRow], new: Vec<Uid>) -> Copied {
    let uids = messages.iter().map(|message| message.uid).zip(new).collect();
    Copied { uid_validity: target.uid_validity, uids }
}
