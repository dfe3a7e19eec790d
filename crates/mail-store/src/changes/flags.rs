//! Flags: the index first, file names within seconds.

use mail_types::{MailboxId, ModSeq};

use crate::{
    FlagChange, FlagsStored, MessageFlags, StoreError, UidSet,
    index::{
        KEYWORDS_BEHIND, NAME_BEHIND, mailboxes,
        messages::{self, FileRow, Which, modseq},
        rows::{self, FlagUpdate},
    },
    naming::file,
    open_account::OpenAccount,
};

/// Changes the flags of messages.
pub(crate) async fn store(
    account: &OpenAccount,
    mailbox: MailboxId,
    uids: &UidSet,
    wanted: &FlagChange,
    unchanged_since: Option<ModSeq>,
) -> Result<FlagsStored, StoreError> {
    let mut change = account.change().await?;
    let mut row = mailboxes::by_id(&mut change, mailbox).await?;
    let now = row.modseq.saturating_add(1);
    let (mut stored, mut updates) = (FlagsStored::default(), Vec::new());
    for message in messages::file_rows(&mut change, mailbox, Which::In(uids)).await? {
        if unchanged_since.is_some_and(|since| modseq(message.modseq) > since) {
            stored.modified.push(message.uid);
            continue;
        }
        let flags = wanted.applied_to(&message.flags);
        let changed = flags != message.flags;
        if changed {
            let behind = behind(&message, &flags);
            updates.push(FlagUpdate { uid: message.uid, flags: flags.clone(), behind });
        }
        stored.before.push(modseq(message.modseq));
        let modseq = modseq(if changed { now } else { message.modseq });
        stored.done.push(MessageFlags { uid: message.uid, flags, modseq });
    }
    if updates.is_empty() {
        change.undo().await?;
        return Ok(stored);
    }
    row.modseq = now;
    rows::update_flags(&mut change, mailbox, &updates, now).await?;
    let row = account.reserve(row).await?;
    mailboxes::save(&mut change, &row).await?;
    change.commit().await?;
    Ok(stored)
}

/// What of a message's file will not say these flags. A name that says them already is left.
pub(crate) fn behind(message: &FileRow, flags: &mail_types::FlagSet) -> i64 {
    let name = file::info(flags, &message.info) != message.info;
    let keywords = file::keywords_beside(flags) != file::keywords_beside(&message.flags);
    let bit = |is: bool, bit: i64| if is { bit } else { 0 };
    bit(name, NAME_BEHIND) | bit(keywords, KEYWORDS_BEHIND)
}
