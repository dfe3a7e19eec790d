//! Mailboxes come into being.
//!
//! In this order: `postrider-account` with the new id and UIDVALIDITY; the folder and what is in
//! it; rows. A folder without a row is adopted.

use mail_types::{MailboxId, MailboxName, Timestamp, UidValidity};
use stable_storage::on_blocking_thread;

use super::{merge, rename};
use crate::{
    SpecialUse, StoreError,
    index::{
        Change,
        mailboxes::{self, MailboxRow},
    },
    maildir::Maildir,
    naming::folder,
    open_account::OpenAccount,
    records::AccountFile,
};

/// Makes a mailbox and what is missing above it; an error if there is one of this name.
pub(crate) async fn create(
    account: &OpenAccount,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId, StoreError> {
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    // A folder that another tool made may be just this one.
    merge::folders(&mut change, account).await?;
    if mailboxes::by_name(&mut change, name).await?.is_some() {
        change.commit().await?;
        return Err(StoreError::MailboxExists(name.clone()));
    }
    let mailbox = create_in(&mut change, account, name, special_use).await?;
    change.commit().await?;
    Ok(mailbox.id)
}

/// The mailbox of this name; made if it is missing.
pub(crate) async fn find_or_create(
    change: &mut Change,
    account: &OpenAccount,
    name: &MailboxName,
) -> Result<MailboxRow, StoreError> {
    if let Some(mailbox) = mailboxes::by_name(change, name).await? {
        return Ok(mailbox);
    }
    // A rename that is planned may be about to give this name, and a folder that another tool made
    // may have it.
    rename::finish(change, &account.maildir).await?;
    merge::folders(change, account).await?;
    match mailboxes::by_name(change, name).await? {
        Some(mailbox) => Ok(mailbox),
        None => create_in(change, account, name, None).await,
    }
}

/// Makes a mailbox that is not there, and what is missing above it (RFC 9051 §6.3.4).
pub(crate) async fn create_in(
    change: &mut Change,
    account: &OpenAccount,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<MailboxRow, StoreError> {
    let mut missing = vec![name.clone()];
    while let Some(above) = missing.last().and_then(MailboxName::parent) {
        if above.is_inbox() || mailboxes::by_name(change, &above).await?.is_some() {
            break;
        }
        missing.push(above);
    }
    let (maildir, now) = (account.maildir.clone(), (account.clock)());
    let made = on_blocking_thread(move || {
        let mut facts = AccountFile::read(&maildir.files, &maildir.root)?.unwrap_or_default();
        let new: Vec<_> =
            missing.iter().rev().map(|name| new_row(&mut facts, name, None, now)).collect();
        facts.write(&maildir.files, &maildir.root)?;
        let mut made = Vec::new();
        for mut row in new {
            row.special_use = if Some(&row.name) == missing.first() { special_use } else { None };
            made.push(make(&maildir, row)?);
        }
        maildir.sync(&maildir.root)?;
        Ok::<_, StoreError>(made)
    })
    .await?;
    for row in &made {
        mailboxes::save(change, row).await?;
    }
    made.into_iter().next_back().ok_or_else(|| StoreError::NoSuchMailbox(name.clone()))
}

/// A row with an id and UIDVALIDITY that were never given before.
pub(crate) fn new_row(
    facts: &mut AccountFile,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
    now: Timestamp,
) -> MailboxRow {
    facts.last_mailbox = facts.last_mailbox.saturating_add(1);
    let uid_validity = new_uid_validity(facts, now);
    MailboxRow {
        id: MailboxId(facts.last_mailbox),
        dir: folder::encode(name),
        name: name.clone(),
        special_use,
        uid_validity,
        uid_next: 1,
        uids_below: 1,
        modseq: 1,
        modseqs_below: 1,
        recent_from: 1,
        times: mailboxes::FolderTimes::default(),
        compared: now.millis(),
    }
}

/// A UIDVALIDITY greater than every one that was given (RFC 9051 §2.3.1.1).
pub(crate) fn new_uid_validity(facts: &mut AccountFile, now: Timestamp) -> UidValidity {
    let now = u32::try_from(now.secs()).unwrap_or(0);
    facts.last_uid_validity = now.max(facts.last_uid_validity.saturating_add(1));
    UidValidity::new(facts.last_uid_validity).unwrap_or(UidValidity::MIN)
}

/// Makes the folder of a new row and reserves its first numbers.
pub(crate) fn make(maildir: &Maildir, mut row: MailboxRow) -> Result<MailboxRow, StoreError> {
    maildir.make(&row.dir)?;
    maildir.reserve(&mut row)?;
    row.times = maildir.times(&row.dir);
    Ok(row)
}

/// Subscribes a name or ends its subscription; durable when this returns.
pub(crate) async fn subscribe(
    account: &OpenAccount,
    name: &MailboxName,
    subscribed: bool,
) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    mailboxes::subscribe(&mut change, name, subscribed).await?;
    let (maildir, name) = (account.maildir.clone(), name.clone());
    on_blocking_thread(move || {
        let mut facts = AccountFile::read(&maildir.files, &maildir.root)?.unwrap_or_default();
        let changed =
            if subscribed { facts.subscribed.insert(name) } else { facts.subscribed.remove(&name) };
        if changed { facts.write(&maildir.files, &maildir.root) } else { Ok(()) }
    })
    .await?;
    change.commit().await
}

/// Makes the rows of subscriptions say what the file does, which was synced before them.
pub(crate) async fn restore_subscriptions(
    change: &mut Change,
    maildir: &Maildir,
) -> Result<(), StoreError> {
    let maildir = maildir.clone();
    let facts =
        on_blocking_thread(move || AccountFile::read(&maildir.files, &maildir.root)).await?;
    let Some(facts) = facts else { return Ok(()) };
    for name in mailboxes::subscriptions(change).await? {
        mailboxes::subscribe(change, &name, facts.subscribed.contains(&name)).await?;
    }
    for name in &facts.subscribed {
        mailboxes::subscribe(change, name, true).await?;
    }
    Ok(())
}
