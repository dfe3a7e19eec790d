//! Folders get other names, or go.
//!
//! In Maildir++ the folders below a folder lie beside it, so one RENAME is many renames. They are
//! planned in one transaction whose commit is synced, and done in the next, which whoever takes
//! the account's lock first can finish: what is planned happens, whoever stops.

use mail_types::{MailboxId, MailboxName};
use stable_storage::on_blocking_thread;

use super::create;
use crate::{
    StoreError,
    index::{
        Change,
        mailboxes::{self, MailboxRow},
        pending::{self, Doomed, FolderRename},
    },
    maildir::{GONE, Maildir},
    naming::folder,
    open_account::OpenAccount,
};

/// Renames a mailbox and those below it; not for INBOX.
pub(crate) async fn rename(
    account: &OpenAccount,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Vec<MailboxId>, StoreError> {
    if to.is_below(from) || to.is_inbox() {
        let reason = "a mailbox can't be moved below itself, nor become INBOX";
        return Err(StoreError::NotPossible { name: from.clone(), reason });
    }
    let mut change = account.index.synced_change().await?;
    finish(&mut change, &account.maildir).await?;
    let all = mailboxes::all(&mut change).await?;
    let renames = plan(&all, from, to)?;
    if let Some(above) = to.parent().filter(|above| !above.is_inbox()) {
        create::find_or_create(&mut change, account, &above).await?;
    }
    pending::plan_renames(&mut change, &renames).await?;
    change.commit().await?;

    let mut change = account.change().await?;
    finish(&mut change, &account.maildir).await?;
    change.commit().await?;
    Ok(renames.iter().map(|rename| rename.mailbox).collect())
}

fn plan(
    all: &[MailboxRow],
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Vec<FolderRename>, StoreError> {
    let mut renames = Vec::new();
    for mailbox in all {
        if mailbox.name == *from || mailbox.name.is_below(from) {
            let reason = "a name below it would become too long";
            let name = mailbox
                .name
                .renamed(from, to)
                .ok_or_else(|| StoreError::NotPossible { name: from.clone(), reason })?;
            if all.iter().any(|other| other.name == name) {
                return Err(StoreError::MailboxExists(name));
            }
            renames.push(FolderRename {
                mailbox: mailbox.id,
                from: mailbox.dir.clone(),
                to: folder::encode(&name),
                name: Some(name),
            });
        }
    }
    if all.iter().any(|other| other.name == *to) {
        return Err(StoreError::MailboxExists(to.clone()));
    }
    if renames.is_empty() { Err(StoreError::NoSuchMailbox(from.clone())) } else { Ok(renames) }
}

/// Deletes a mailbox: its folder gets a name that no mailbox has, and is removed later.
pub(crate) async fn delete(
    account: &OpenAccount,
    name: &MailboxName,
) -> Result<MailboxId, StoreError> {
    if name.is_inbox() {
        // RFC 9051 §6.3.5.
        let reason = "INBOX can't be deleted";
        return Err(StoreError::NotPossible { name: name.clone(), reason });
    }
    let mut change = account.index.synced_change().await?;
    finish(&mut change, &account.maildir).await?;
    let Some(mailbox) = mailboxes::by_name(&mut change, name).await? else {
        change.undo().await?;
        return Err(StoreError::NoSuchMailbox(name.clone()));
    };
    let to = format!("{GONE}{}", mailbox.id);
    let plan = FolderRename { mailbox: mailbox.id, from: mailbox.dir, to, name: None };
    pending::plan_renames(&mut change, &[plan]).await?;
    change.commit().await?;

    let mut change = account.change().await?;
    finish(&mut change, &account.maildir).await?;
    change.commit().await?;
    Ok(mailbox.id)
}

/// Does what is planned. Cheap if there is nothing.
pub(crate) async fn finish(change: &mut Change, maildir: &Maildir) -> Result<(), StoreError> {
    let renames = pending::renames(change).await?;
    if renames.is_empty() {
        return Ok(());
    }
    let mut rows = mailboxes::all(change).await?;
    rows.retain(|row| renames.iter().any(|rename| rename.mailbox == row.id));
    for row in &mut rows {
        if let Some(rename) = renames.iter().find(|rename| rename.mailbox == row.id)
            && let Some(name) = &rename.name
        {
            (row.dir, row.name) = (rename.to.clone(), name.clone());
        }
    }
    let (maildir, planned, renamed) = (maildir.clone(), renames.clone(), rows.clone());
    on_blocking_thread(move || rename_folders(&maildir, &planned, &renamed)).await?;
    for rename in &renames {
        // What is to go from there goes along, and is no message where it comes to.
        pending::doomed_moved(change, &rename.from, &rename.to).await?;
        if rename.name.is_none() {
            mailboxes::remove(change, rename.mailbox).await?;
            pending::doom(change, &[Doomed::folder(&rename.to)]).await?;
        } else if let Some(row) = rows.iter().find(|row| row.id == rename.mailbox) {
            mailboxes::save(change, row).await?;
        }
    }
    pending::renames_done(change).await
}

fn rename_folders(
    maildir: &Maildir,
    renames: &[FolderRename],
    rows: &[MailboxRow],
) -> Result<(), StoreError> {
    for rename in renames {
        let (from, to) = (maildir.dir(&rename.from), maildir.dir(&rename.to));
        // What a mailbox is for may be all that changes.
        if from != to && from.is_dir() {
            let renamed = maildir.files.rename(&from, &to);
            renamed.map_err(|e| StoreError::file("rename to", &to, e))?;
        }
    }
    maildir.sync(&maildir.root)?;
    for row in rows {
        // A mailbox that goes keeps its name.
        if renames.iter().any(|rename| rename.to == row.dir) && maildir.dir(&row.dir).is_dir() {
            maildir.write_facts(row)?;
        }
    }
    Ok(())
}
