//! What mailboxes are for is changed (RFC 6154 §4).
//!
//! It stands in the index and in a file of the folder, and the two must agree whoever stops: so it
//! goes the way of a rename, to the name that is there already, planned in one transaction and done
//! in the next.

use mail_types::{MailboxId, MailboxName};

use super::rename;
use crate::{
    SpecialUse, StoreError,
    index::{
        mailboxes,
        pending::{self, FolderRename},
    },
    open_account::OpenAccount,
};

/// Gives a mailbox a use, or takes its own away; whatever had this use before has it no more.
/// Answers which mailboxes it changed.
pub(crate) async fn assign(
    account: &OpenAccount,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<Vec<MailboxId>, StoreError> {
    if name.is_inbox() && special_use.is_some() {
        let reason = "INBOX has no other use";
        return Err(StoreError::NotPossible { name: name.clone(), reason });
    }
    let mut change = account.index.synced_change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    let mut all = mailboxes::all(&mut change).await?;
    if !all.iter().any(|row| row.name == *name) {
        change.undo().await?;
        return Err(StoreError::NoSuchMailbox(name.clone()));
    }
    let mut plan = Vec::new();
    for row in &mut all {
        let loses = special_use.is_some() && row.special_use == special_use;
        let now = match row.special_use {
            _ if row.name == *name => special_use,
            _ if loses => None,
            unchanged => unchanged,
        };
        if row.special_use == now {
            continue;
        }
        row.special_use = now;
        mailboxes::save(&mut change, row).await?;
        plan.push(FolderRename {
            mailbox: row.id,
            from: row.dir.clone(),
            to: row.dir.clone(),
            name: Some(row.name.clone()),
        });
    }
    pending::plan_renames(&mut change, &plan).await?;
    change.commit().await?;

    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    change.commit().await?;
    Ok(plan.iter().map(|planned| planned.mailbox).collect())
}
