//! What another tool did in a large folder is taken over by portions, each in a change of its own: so
//! deliveries and whatever else somebody waits for get their turn between two of them.
//!
//! The look that says what differs needs no lock ([`glance`](super::glance)), so all of it is looked at
//! again here, one row and one file at a time. A folder whose times are those of the row and that was
//! never compared (`compared` is 0) is one that nobody has finished with: it stays due until then,
//! whoever stops in between; and what others do to it meanwhile shows by its times.

use std::collections::HashSet;

use mail_types::{MailboxId, Uid};
use stable_storage::on_blocking_thread;

use super::{
    adopt::{self, Adopted},
    expunge::forget_rows,
    glance,
    merge::{self, Found, NextUid},
    rename,
};
use crate::{
    StoreError,
    background::Stop,
    index::{
        Change,
        mailboxes::{self, MailboxRow},
        messages::{self, FileRow, Which},
        pending,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
};

/// How many files or rows are looked at in a change: who waits for the account waits for so many.
const PORTION: usize = 200;

/// A comparison of a large folder, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    always: bool,
    /// Something was different.
    pub(crate) different: bool,
    began: Option<i64>,
    from: glance::Beginning,
}

impl Comparison {
    /// One that is to be done, `always` or if something shows that others may have been there.
    pub(crate) fn new(always: bool) -> Self {
        Self { always, ..Self::default() }
    }
}

/// Makes a large mailbox's rows agree with its folder, as far as one look shows how they differ; true if
/// there may be more. It stays due until there is not.
pub(crate) async fn take_over(
    account: &OpenAccount,
    mailbox: MailboxId,
    comparison: &mut Comparison,
    stop: &Stop,
) -> Result<bool, StoreError> {
    let Some((row, began)) = begin(account, mailbox, comparison).await? else { return Ok(false) };
    let seen = glance::look(account, &row, &comparison.from, stop).await?;
    for lost in seen.lost.chunks(PORTION) {
        stop.check()?;
        comparison.different |= forget_lost(account, mailbox, lost).await?;
    }
    for found in seen.found.chunks(PORTION) {
        stop.check()?;
        comparison.different |= take_over_files(account, mailbox, found.to_vec()).await?;
    }
    // What can't be taken over stays where it is, as in a small folder.
    match seen.next {
        Some(next) => {
            comparison.from = next;
            Ok(true)
        }
        None => note(account, mailbox, began).await.map(|()| false),
    }
}

/// A change, and the mailbox's row in it; none if the mailbox has gone. The folder is where the row says:
/// while a rename is left in its middle, no message's file is.
async fn change_of(
    account: &OpenAccount,
    mailbox: MailboxId,
) -> Result<Option<(Change, MailboxRow)>, StoreError> {
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    match mailboxes::by_id(&mut change, mailbox).await {
        Err(StoreError::MailboxGone(_)) => change.commit().await.map(|()| None),
        other => other.map(|row| Some((change, row))),
    }
}

/// From now on the folder's times tell what others do: what they did before is what will be found.
/// None if there is nothing to compare.
async fn begin(
    account: &OpenAccount,
    mailbox: MailboxId,
    comparison: &mut Comparison,
) -> Result<Option<(MailboxRow, i64)>, StoreError> {
    let Some((mut change, mut row)) = change_of(account, mailbox).await? else { return Ok(None) };
    if let Some(began) = comparison.began {
        return change.commit().await.map(|()| Some((row, began)));
    }
    let began = (account.clock)().millis();
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    let times = on_blocking_thread(move || Ok::<_, StoreError>(maildir.times(&dir))).await?;
    if times != row.times {
        (row.times, row.compared) = (times, 0);
        mailboxes::save(&mut change, &row).await?;
    } else if !comparison.always && !merge::is_long_ago(&row, began) {
        return change.commit().await.map(|()| None);
    }
    comparison.began = Some(began);
    change.commit().await.map(|()| Some((row, began)))
}

/// The folder was looked at then, and what was found is taken over.
async fn note(account: &OpenAccount, mailbox: MailboxId, began: i64) -> Result<(), StoreError> {
    let Some((mut change, mut row)) = change_of(account, mailbox).await? else { return Ok(()) };
    row.compared = row.compared.max(merge::compared_at(began));
    mailboxes::save(&mut change, &row).await?;
    change.commit().await
}

/// Takes over files that seemed to be where no row says; true if one was.
async fn take_over_files(
    account: &OpenAccount,
    mailbox: MailboxId,
    found: Vec<Found>,
) -> Result<bool, StoreError> {
    let Some((mut change, mut row)) = change_of(account, mailbox).await? else { return Ok(false) };
    let doomed = merge::identities(&pending::doomed(&mut change).await?);
    let uids = found.iter().filter_map(|found| file::uid_in(&found.base)).collect();
    let rows = messages::file_rows(&mut change, mailbox, Which::In(&uids)).await?;
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    let difference = on_blocking_thread(move || {
        let bases: HashSet<&str> = found.iter().map(|found| found.base.as_str()).collect();
        let named = |row: &FileRow| bases.contains(row.base.as_str());
        let rows: Vec<FileRow> = rows.into_iter().filter(named).collect();
        // First those that are where their rows say.
        let told = rows.iter().map(|row| Found {
            place: row.place,
            base: row.base.clone(),
            info: row.info.clone(),
        });
        let mut files = Vec::new();
        for file in told.chain(found.iter().cloned()) {
            let is_doomed = doomed.contains(&pending::identity_of(&dir, &file.base));
            if !is_doomed && is_there(&maildir, &file.path(&dir))? {
                files.push(file);
            }
        }
        Ok::<_, StoreError>(merge::compare(&rows, files))
    })
    .await?;
    merge::take_over(&mut change, &mut row, &difference.known).await?;
    let mut any = !difference.known.is_empty();
    if !difference.unknown.is_empty() {
        let (unknown, before) = ((difference.unknown, NextUid::Known), row.times);
        let Adopted { count, .. } =
            adopt::adopt(&mut change, account, &mut row, unknown, before).await?;
        any |= count > 0;
    }
    let row = account.reserve(row).await?;
    mailboxes::save(&mut change, &row).await?;
    change.commit().await.map(|()| any)
}

/// Expunges those of the messages whose files are not there; true if there was one.
async fn forget_lost(
    account: &OpenAccount,
    mailbox: MailboxId,
    lost: &[Uid],
) -> Result<bool, StoreError> {
    let Some((mut change, mut row)) = change_of(account, mailbox).await? else { return Ok(false) };
    let uids = lost.iter().copied().collect();
    let rows = messages::file_rows(&mut change, mailbox, Which::In(&uids)).await?;
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    let gone = on_blocking_thread(move || {
        let mut gone = Vec::new();
        for row in rows {
            if !is_there(&maildir, &row.path(&dir))? {
                gone.push(row.uid);
            }
        }
        Ok::<_, StoreError>(gone)
    })
    .await?;
    if gone.is_empty() {
        return change.commit().await.map(|()| false);
    }
    forget_rows(&mut change, account, &mut row, &gone).await?;
    let row = account.reserve(row).await?;
    mailboxes::save(&mut change, &row).await?;
    change.commit().await.map(|()| true)
}

fn is_there(maildir: &Maildir, below: &str) -> Result<bool, StoreError> {
    let path = maildir.path(below);
    match maildir.files.exists(&path) {
        // Whoever reads it passes it over.
        Err(error) if adopt::is_of_the_file(&error) => Ok(true),
        other => other.map_err(|e| StoreError::file("look for", path, e)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use mail_types::{AccountId, MailboxName, Timestamp};
    use stable_storage::Files;

    use super::*;
    use crate::{StoreOptions, index::pending::FolderRename};

    /// Another process stopped in the middle of a rename after the folder was looked for.
    #[tokio::test]
    async fn messages_of_a_folder_that_is_being_renamed_are_not_lost() {
        let root = tempfile::tempdir().unwrap();
        let at = |below: &str| root.path().join("7").join(below);
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(at(".Work").join(folder)).unwrap();
        }
        fs::write(at(".Work/cur/1.other:2,S"), "Subject: x\n\n").unwrap();
        let maildir = Maildir { files: Files::real(), root: at("") };
        let now = || Timestamp::from_secs(1_800_000_000);
        let options = StoreOptions::new(root.path().to_owned(), now);
        let account = OpenAccount::open(AccountId(7), maildir, &options).await.unwrap().account;
        let all = mailboxes::all(&mut account.look().await.unwrap()).await.unwrap();
        let work = all.iter().find(|row| row.dir == ".Work").unwrap().id;

        let mut change = account.change().await.unwrap();
        let name = Some(MailboxName::parse("Job").unwrap());
        let (from, to) = (".Work".to_owned(), ".Job".to_owned());
        let plan = FolderRename { mailbox: work, from, to, name };
        pending::plan_renames(&mut change, &[plan]).await.unwrap();
        change.commit().await.unwrap();
        fs::rename(at(".Work"), at(".Job")).unwrap();

        assert!(!forget_lost(&account, work, &[Uid::MIN]).await.unwrap());
        let mut look = account.look().await.unwrap();
        assert_eq!(mailboxes::by_id(&mut look, work).await.unwrap().dir, ".Job");
        assert_eq!(mailboxes::messages(&mut look, work).await.unwrap(), 1);
    }

    /// More of them than one look finds, in front of what can be read.
    #[tokio::test]
    async fn what_cant_be_taken_over_hides_nothing_behind_it() {
        let root = tempfile::tempdir().unwrap();
        let cur = root.path().join("7/cur");
        let maildir = Maildir { files: Files::real(), root: root.path().join("7") };
        let now = || Timestamp::from_secs(1_800_000_000);
        let options = StoreOptions::new(root.path().to_owned(), now);
        let account = OpenAccount::open(AccountId(7), maildir, &options).await.unwrap().account;
        let all = mailboxes::all(&mut account.look().await.unwrap()).await.unwrap();
        let inbox = all.iter().find(|row| row.dir.is_empty()).unwrap().id;
        for number in 10..30 {
            fs::create_dir(cur.join(format!("1.M{number}.other"))).unwrap();
            fs::write(cur.join(format!("2.M{number}.other:2,S")), "Subject: x\n\n").unwrap();
        }
        let compare = async || {
            let from = glance::Beginning::of_looks_at(5);
            let mut comparison = Comparison { from, ..Comparison::new(true) };
            let (mut looks, stop) = (1, Stop::default());
            while take_over(&account, inbox, &mut comparison, &stop).await.unwrap() {
                looks += 1;
            }
            let mut look = account.look().await.unwrap();
            let row = mailboxes::by_id(&mut look, inbox).await.unwrap();
            let messages = mailboxes::messages(&mut look, inbox).await.unwrap();
            (looks, messages, row.uid_next, row.compared > 0, comparison.different)
        };
        assert_eq!(compare().await, (8, 20, 21, true, true));
        assert_eq!(
            compare().await,
            (4, 20, 21, true, false),
            "those that can't be read, once more"
        );
        for number in 10..30 {
            let uid = number - 9;
            let name = format!("2.M{number}.other,U={uid},S=12,T=1800000000:2,S");
            fs::remove_file(cur.join(name)).unwrap();
        }
        assert_eq!(compare().await, (4, 0, 21, true, true));
    }
}
