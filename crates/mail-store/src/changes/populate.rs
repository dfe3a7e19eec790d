//! An empty index gets its rows: from the default mailboxes of a new account, and from whatever
//! the folders hold of an old one. All in one transaction, so nobody sees half of it.

use mail_types::MailboxName;
use stable_storage::on_blocking_thread;

use super::{
    create, follow,
    merge::{self, NewFolder},
};
use crate::{
    SpecialUse, StoreError,
    index::{
        Change, deliveries,
        mailboxes::{self, MailboxRow},
        pending::{self, Doomed},
    },
    maildir::{GONE, Maildir},
    open_account::OpenAccount,
    records::AccountFile,
};

/// How an index came to be filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Populated {
    /// From the folders, or by another process.
    Anew,
    /// By one that was replaced: whoever did that stopped before it was filled.
    PutBack,
}

/// Fills an empty index.
pub(crate) async fn populate(account: &OpenAccount, boot: &str) -> Result<Populated, StoreError> {
    let mut change = account.change().await?;
    if mailboxes::boot(&mut change).await?.is_some() {
        // Another process was faster.
        return change.undo().await.map(|()| Populated::Anew);
    }
    if let Some(old) = change.left_behind(&account.index) {
        change.put_back(&account.index, old)?;
        return Ok(Populated::PutBack);
    }
    fill(&mut change, account, boot, &[]).await?;
    change.commit().await.map(|()| Populated::Anew)
}

/// Fills an empty index; files that are to go are none of its messages. The caller commits.
pub(crate) async fn fill(
    change: &mut Change,
    account: &OpenAccount,
    boot: &str,
    going: &[Doomed],
) -> Result<(), StoreError> {
    pending::doom(change, going).await?;
    let now = (account.clock)();
    mailboxes::save_boot(change, boot, now.millis().saturating_mul(1000)).await?;
    let maildir = account.maildir.clone();
    let (mut facts, rows, gone) =
        on_blocking_thread(move || rows_of_folders(&maildir, now)).await?;
    for NewFolder { row, told } in rows {
        let mut row = row;
        mailboxes::save(change, &row).await?;
        if merge::number(change, account, &mut row, told).await?.doubled {
            // What was told can't be proved: a new epoch.
            row.uid_validity = create::new_uid_validity(&mut facts, now);
            mailboxes::save(change, &row).await?;
            let maildir = account.maildir.clone();
            on_blocking_thread(move || maildir.write_facts(&row)).await?;
        }
    }
    for name in &facts.subscribed {
        mailboxes::subscribe(change, name, true).await?;
    }
    let gone: Vec<_> = gone.iter().map(|dir| Doomed::folder(dir)).collect();
    pending::doom(change, &gone).await?;
    deliveries::forget_before(change, follow::oldest_remembered(now)).await?;
    let maildir = account.maildir.clone();
    on_blocking_thread(move || facts.write(&maildir.files, &maildir.root)).await
}

/// A row for each folder that can be a mailbox, and for the default ones, which are made; what is
/// left of deleted ones.
fn rows_of_folders(
    maildir: &Maildir,
    now: mail_types::Timestamp,
) -> Result<(AccountFile, Vec<NewFolder>, Vec<String>), StoreError> {
    let told = AccountFile::read(&maildir.files, &maildir.root)?;
    let new_account = told.is_none();
    let mut facts = told.unwrap_or_default();
    let mut rows: Vec<NewFolder> = Vec::new();
    for dir in [String::new()].into_iter().chain(maildir.folders()?) {
        let taken: Vec<&MailboxRow> = rows.iter().map(|new| &new.row).collect();
        rows.extend(merge::row_of_folder(maildir, &mut facts, &dir, &taken, now)?);
    }
    if new_account {
        facts.subscribed.insert(MailboxName::inbox());
        for special in SpecialUse::ALL {
            let text = special.as_str().trim_start_matches('\\');
            let Ok(name) = MailboxName::parse(text) else { continue };
            facts.subscribed.insert(name.clone());
            match rows.iter_mut().find(|new| new.row.name == name) {
                Some(new) => new.row.special_use = Some(special),
                None => {
                    let row = create::new_row(&mut facts, &name, Some(special), now);
                    rows.push(NewFolder { row, told: false });
                }
            }
        }
    }
    let mut made = Vec::new();
    for NewFolder { row, told } in rows {
        let row = create::make(maildir, row)?;
        if new_account {
            maildir.write_facts(&row)?;
        }
        made.push(NewFolder { row, told });
    }
    maildir.sync(&maildir.root)?;
    let names = maildir.files.list(&maildir.root);
    let names = names.map_err(|e| StoreError::file("list", &maildir.root, e))?;
    let gone = names.into_iter().filter_map(|name| name.into_string().ok());
    Ok((facts, made, gone.filter(|name| name.starts_with(GONE)).collect()))
}
