//! One account while its index is open.

use std::{collections::BTreeSet, io};

use mail_types::{AccountId, MailboxId, Timestamp};
use stable_storage::on_blocking_thread;

use crate::{
    StoreError,
    changes::{
        create, glance, merge,
        populate::{self, Populated},
        rename,
    },
    index::{
        Change, Here, Index, Look, history, mailboxes,
        pending::{self, LeftOver},
        rows,
    },
    maildir::Maildir,
    naming::file,
    records::FolderFile,
    store::{Clock, StoreOptions},
};

/// The name of the index in the account's folder.
pub(crate) const INDEX: &str = "postrider-index.db";

/// An account whose index is open.
#[derive(Debug)]
pub(crate) struct OpenAccount {
    pub(crate) maildir: Maildir,
    pub(crate) index: Index,
    pub(crate) clock: Clock,
    /// Whether what is removed can be brought back for a while.
    pub(crate) keeps_removed: bool,
    /// From so many messages on, a folder is compared by portions.
    pub(crate) large_folder: usize,
}

/// What opening an account showed.
pub(crate) struct Opened {
    pub(crate) account: OpenAccount,
    /// Whether names are behind, files to be removed, or folders to be compared.
    pub(crate) left_over: bool,
}

/// What comparing folders showed.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Mailboxes that were different, and are not any more.
    pub(crate) changed: Vec<MailboxId>,
    /// Those that are due, and so large that they were left as they are.
    pub(crate) large: Vec<MailboxId>,
    /// Those that can't be compared. They stay due.
    pub(crate) failed: Vec<(MailboxId, StoreError)>,
}

enum One {
    Same,
    Different,
    Large,
}

impl OpenAccount {
    fn with(maildir: Maildir, index: Index, options: &StoreOptions) -> Self {
        let (clock, large_folder) = (options.clock, options.large_folder);
        Self { maildir, index, clock, keeps_removed: !options.removed_kept.is_zero(), large_folder }
    }

    /// Opens the index, without the connection that costs a thread as long as nothing is to be made or
    /// repaired first.
    pub(crate) async fn open(
        id: AccountId,
        maildir: Maildir,
        options: &StoreOptions,
    ) -> Result<Opened, StoreError> {
        let path = maildir.root.join(INDEX);
        if path.is_file() {
            let index = Index::unopened(id, path)?;
            let (on_disk, boot, now) = (maildir.clone(), options.boot.clone(), (options.clock)());
            let look = move |here: &Here| is_whole(here, &on_disk, &boot, now);
            // What went wrong goes wrong below as well, or is mended there.
            if let Ok(Some(left_over)) = index.ask_here(look).await {
                return Ok(Opened { account: Self::with(maildir, index, options), left_over });
            }
        }
        Self::open_or_mend(id, maildir, options).await
    }

    /// Opens the index; makes or rebuilds it, and repairs what a stop left, before anybody sees
    /// the account.
    async fn open_or_mend(
        id: AccountId,
        maildir: Maildir,
        options: &StoreOptions,
    ) -> Result<Opened, StoreError> {
        let (files, root) = (maildir.files.clone(), maildir.root.clone());
        on_blocking_thread(move || {
            files.make_folders(&root).map_err(|e| StoreError::file("make", &root, e))
        })
        .await?;
        let index = Index::open(id, maildir.root.join(INDEX), (options.clock)()).await?;
        let account = Self::with(maildir, index, options);
        let looked = match account.first_look().await {
            Err(error) if error.is_damaged_index() => {
                tracing::error!(account = %id, "the index is damaged; it is set aside and built anew");
                account.index.set_aside_opened((options.clock)()).await?;
                account.first_look().await
            }
            other => other,
        };
        let (boot, left) = looked?;
        match boot {
            None => {
                if populate::populate(&account, &options.boot).await? == Populated::PutBack {
                    // It may be an old one: nothing that was told since is told anew.
                    account.after_power_cut(&options.boot).await?;
                }
            }
            Some(boot) if boot != options.boot => account.after_power_cut(&options.boot).await?,
            Some(_) if left.renames => {
                let mut change = account.index.change().await?;
                rename::finish(&mut change, &account.maildir).await?;
                change.commit().await?;
            }
            Some(_) => {}
        }
        let (maildir, now) = (account.maildir.clone(), (options.clock)());
        on_blocking_thread(move || maildir.sweep_tmp(now)).await?;
        let left_over = left.doomed || left.renames || left.behind || account.any_due().await?;
        // Who uses it now nearly never needs the connection, which costs a thread.
        account.index.close().await;
        Ok(Opened { account, left_over })
    }

    /// The boot id of the last opening, and what a former process may have left to do. Reads what the
    /// opening needs: damage that shows there shows here.
    async fn first_look(&self) -> Result<(Option<String>, LeftOver), StoreError> {
        let mut look = self.index.look().await?;
        mailboxes::all(&mut look).await?;
        let boot = mailboxes::boot(&mut look).await?;
        Ok((boot, pending::left_over(&mut look).await?))
    }

    /// The machine stopped since this index was last opened: its last transactions may be lost.
    async fn after_power_cut(&self, boot: &str) -> Result<(), StoreError> {
        let mut change = self.index.change().await?;
        rename::finish(&mut change, &self.maildir).await?;
        merge::folders(&mut change, self).await?;
        for row in mailboxes::all(&mut change).await? {
            // What lost transactions gave is never given again; the marks are in the file.
            let mut mailbox = self.with_told_marks(row).await?;
            mailbox.modseq = mailbox.modseq.max(mailbox.modseqs_below);
            merge::merge_fully(&mut change, self, &mut mailbox, merge::NextUid::AtTheMark).await?;
            mailbox.uid_next = mailbox.uid_next.max(mailbox.uids_below);
            // Flags that a client was told may have been lost: it hears of all of them again.
            mailbox.modseq = mailbox.modseq.saturating_add(1);
            rows::all_changed(&mut change, mailbox.id, mailbox.modseq).await?;
            mailbox = self.reserve(mailbox).await?;
            mailboxes::save(&mut change, &mailbox).await?;
        }
        create::restore_subscriptions(&mut change, &self.maildir).await?;
        history::begin_logs_anew(&mut change).await?;
        mailboxes::save_boot(&mut change, boot, 0).await?;
        change.commit().await
    }

    /// A mailbox's row with the marks of its file, which was synced before anybody was told.
    async fn with_told_marks(
        &self,
        mut mailbox: mailboxes::MailboxRow,
    ) -> Result<mailboxes::MailboxRow, StoreError> {
        let maildir = self.maildir.clone();
        on_blocking_thread(move || {
            if let Some(told) = FolderFile::read(&maildir.files, &maildir.dir(&mailbox.dir))? {
                mailbox.uids_below = mailbox.uids_below.max(told.uids_below);
                mailbox.modseqs_below = mailbox.modseqs_below.max(told.modseqs_below);
                mailbox.uid_validity = mailbox.uid_validity.max(told.uid_validity);
            }
            Ok(mailbox)
        })
        .await
    }

    /// Raises the marks of a mailbox if its numbers came to them.
    pub(crate) async fn reserve(
        &self,
        mut mailbox: mailboxes::MailboxRow,
    ) -> Result<mailboxes::MailboxRow, StoreError> {
        let maildir = self.maildir.clone();
        on_blocking_thread(move || {
            maildir.reserve(&mut mailbox)?;
            Ok(mailbox)
        })
        .await
    }

    /// Makes sure that a mailbox's rows say what its folder does, and those of every other one
    /// that somebody else changed. Large ones are left to who takes them over by portions. A folder
    /// that can't be compared is in no other one's way.
    pub(crate) async fn compare(&self, mailbox: Option<MailboxId>) -> Result<Compared, StoreError> {
        let mut compared = Compared::default();
        if mailbox.is_none() && !self.any_due().await? {
            return Ok(compared);
        }
        let mut change = self.index.change().await?;
        rename::finish(&mut change, &self.maildir).await?;
        compared.changed = merge::folders(&mut change, self).await?;
        let now = (self.clock)().millis();
        for row in mailboxes::all(&mut change).await? {
            if mailbox != Some(row.id) && !merge::is_due(&self.maildir, &row, now) {
                continue;
            }
            let id = row.id;
            change.begin_part().await?;
            match self.compare_one(&mut change, row).await {
                Ok(one) => {
                    change.end_part().await?;
                    match one {
                        One::Same => {}
                        One::Different => compared.changed.push(id),
                        One::Large => compared.large.push(id),
                    }
                }
                Err(error) if error.is_of_a_folder() => {
                    change.undo_part().await?;
                    compared.failed.push((id, error));
                }
                Err(error) => return Err(error),
            }
        }
        change.commit().await?;
        Ok(compared)
    }

    async fn compare_one(
        &self,
        change: &mut Change,
        mut row: mailboxes::MailboxRow,
    ) -> Result<One, StoreError> {
        if glance::is_large(change, self, &row).await? {
            return Ok(One::Large);
        }
        let different = merge::merge(change, self, &mut row).await?;
        Ok(if different { One::Different } else { One::Same })
    }

    /// Whether somebody else changed any of the folders.
    pub(crate) async fn any_due(&self) -> Result<bool, StoreError> {
        let rows = self.index.ask_in_passing(Here::mailboxes).await?;
        let (maildir, now) = (self.maildir.clone(), (self.clock)().millis());
        on_blocking_thread(move || Ok(rows.iter().any(|row| merge::is_due(&maildir, row, now))))
            .await
    }

    /// Whether there are folders that are no mailbox yet, or mailboxes without one.
    pub(crate) async fn are_folders_others(&self) -> Result<bool, StoreError> {
        let maildir = self.maildir.clone();
        let dirs = on_blocking_thread(move || maildir.folders()).await?;
        let known = self.index.ask_in_passing(Here::mailboxes).await?;
        let same = known.iter().filter(|row| !row.dir.is_empty()).map(|row| &row.dir);
        Ok(same.collect::<BTreeSet<_>>() != dirs.iter().collect())
    }

    /// For queries.
    pub(crate) async fn look(&self) -> Result<Look, StoreError> {
        self.index.look().await
    }

    /// For a change.
    pub(crate) async fn change(&self) -> Result<Change, StoreError> {
        self.index.change().await
    }
}

/// Whether names are behind, files to be removed, or folders to be compared; none if something is to
/// be repaired before anybody sees the account.
fn is_whole(
    here: &Here,
    maildir: &Maildir,
    boot: &str,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let (last_boot, left) = here.state()?;
    if last_boot != boot || left.renames {
        return Ok(None);
    }
    maildir.sweep_tmp(now)?;
    let is_due = |row: &mailboxes::MailboxRow| merge::is_due(maildir, row, now.millis());
    Ok(Some(left.doomed || left.behind || here.mailboxes()?.iter().any(is_due)))
}

/// The unique part of the name of a message that is no delivery.
pub(crate) fn unique(maildir: &Maildir, clock: Clock) -> Result<String, StoreError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| {
        StoreError::file("find a name in", &maildir.root, io::Error::other(e.to_string()))
    })?;
    Ok(file::unique_of_append(clock(), random))
}
