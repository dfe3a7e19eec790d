//! Mail of one account out of a backup, into its mailboxes while everything runs: all of it, a
//! mailbox, or a message.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
};

use anyhow::{Context as _, bail};
use mail_store::{
    AccountMailboxes, MailboxState, StoreError,
    backup::{CopiedMailbox, IndexCopy},
};
use mail_types::{AccountId, Address, MailboxName, Uid};

use super::{
    hash::{Hash, read_through},
    manifest::{BackupId, FileLine, Kind, Line},
    message::{BLOCK, Fate, Kept, Target},
    repository::Repository,
};
use crate::import::Progress;

/// How many rows are read at a time.
const ROWS: u32 = 1000;

/// What is wanted of a backup.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Whose mail.
    pub(crate) address: Address,
    /// Of this mailbox only.
    pub(crate) mailbox: Option<MailboxName>,
    /// Messages with these UIDs only.
    pub(crate) uids: Vec<Uid>,
    /// Messages with this Message-ID only, angle brackets included.
    pub(crate) message_id: Option<String>,
    /// Where it goes instead of the mailbox that it was in.
    pub(crate) into: Option<MailboxName>,
    /// Also what is there.
    pub(crate) again: bool,
    /// Although the address was another account's then.
    pub(crate) to_another: bool,
}

/// What came of a mailbox.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) mailbox: MailboxName,
    pub(crate) into: MailboxName,
    pub(crate) brought: u64,
    pub(crate) bytes: u64,
    /// Messages that were there.
    pub(crate) there: u64,
    /// UIDs of messages that are damaged in the backup, or not in it.
    pub(crate) damaged: Vec<Uid>,
}

/// What a backup has of an account.
struct Source<'r> {
    repository: &'r Repository,
    index: IndexCopy,
    contents: HashMap<(i64, u32), Hash>,
}

/// Restores mail into an account.
pub(crate) async fn restore(
    repository: &Repository,
    id: &BackupId,
    wanted: &Wanted,
    account: &AccountMailboxes,
) -> anyhow::Result<Vec<Restored>> {
    let mut source = Source::open(repository, id, wanted, account.id()).await?;
    let mailboxes = source.index.mailboxes().await?;
    if let Some(name) = &wanted.mailbox
        && mailboxes.iter().all(|mailbox| mailbox.name != *name)
    {
        bail!("the backup {id} has no mailbox {name} of {}", wanted.address);
    }
    let names = account.unique_names().await?;
    let mut all = Vec::new();
    for mailbox in mailboxes {
        if wanted.mailbox.as_ref().is_none_or(|name| *name == mailbox.name) {
            all.extend(source.mailbox(&mailbox, wanted, account, &names).await?);
        }
    }
    source.index.close().await;
    Ok(all)
}

impl<'r> Source<'r> {
    async fn open(
        repository: &'r Repository,
        id: &BackupId,
        wanted: &Wanted,
        now: AccountId,
    ) -> anyhow::Result<Self> {
        let address = &wanted.address;
        let (mut index, mut contents, mut others) = (None, HashMap::new(), Vec::new());
        let mut ours = None;
        let mut list = repository.read(id)?;
        while let Some(line) = list.next()? {
            match line {
                Line::Account(account) => {
                    let known =
                        account.address.as_deref().and_then(|text| Address::parse(text).ok());
                    let is_ours = known.is_some_and(|known| known.folded() == address.folded());
                    ours = is_ours.then_some(AccountId(account.id));
                    others.extend(account.address);
                }
                Line::File(file) => match (ours, file.kind) {
                    (Some(account), Kind::Index) => index = Some((account, file)),
                    (Some(_), Kind::Message) => {
                        let place = (file.mailbox.unwrap_or(0), file.uid.unwrap_or(0));
                        contents.insert(place, file.sha256);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        let Some((account, index)) = index else {
            bail!("the backup {id} has no mail of {address}; it has: {}", others.join(", "))
        };
        if !wanted.to_another {
            same_owner(address, account, now)?;
        }
        let index = open_index(repository, account, &index).await?;
        Ok(Self { repository, index, contents })
    }

    /// What is wanted of a mailbox; nothing if that is nothing.
    async fn mailbox(
        &mut self,
        mailbox: &CopiedMailbox,
        wanted: &Wanted,
        account: &AccountMailboxes,
        names: &HashSet<String>,
    ) -> anyhow::Result<Option<Restored>> {
        let Some(only) = self.only(mailbox, wanted).await? else { return Ok(None) };
        let into = wanted.into.clone().unwrap_or_else(|| mailbox.name.clone());
        let state = place(account, &into, mailbox).await?;
        let mut target = Target::open(account, state, names).await?;
        let mut restored = Restored {
            mailbox: mailbox.name.clone(),
            into,
            brought: 0,
            bytes: 0,
            there: 0,
            damaged: Vec::new(),
        };
        let progress = Progress::begin(mailbox.name.as_str(), self.contents_of(mailbox));
        let (mut after, mut block) = (None, Vec::new());
        loop {
            let rows = self.index.messages(mailbox, after, ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.uid);
            let count = rows.len();
            for row in rows {
                if only.as_ref().is_some_and(|only| !only.contains(&row.uid)) {
                    continue;
                }
                let place = (mailbox.id.0, row.uid.number());
                let Some(sha256) = self.contents.get(&place).copied() else {
                    restored.damaged.push(row.uid);
                    continue;
                };
                let kept = Kept { row, sha256 };
                match target.judge(self.repository, &kept).await? {
                    Fate::There if !wanted.again => restored.there += 1,
                    _ => block.push(kept),
                }
                if block.len() >= BLOCK {
                    bring(self.repository, &target, &mut block, &mut restored).await?;
                }
            }
            progress.step(count);
        }
        bring(self.repository, &target, &mut block, &mut restored).await?;
        progress.end();
        Ok(Some(restored))
    }

    /// The UIDs of a mailbox that are wanted; none inside means all of them, none outside that
    /// nothing is.
    async fn only(
        &mut self,
        mailbox: &CopiedMailbox,
        wanted: &Wanted,
    ) -> anyhow::Result<Option<Option<Vec<Uid>>>> {
        if let Some(message_id) = &wanted.message_id {
            let found = self.index.with_message_id(mailbox.id, message_id).await?;
            return Ok((!found.is_empty()).then_some(Some(found)));
        }
        if !wanted.uids.is_empty() {
            return Ok(Some(Some(wanted.uids.clone())));
        }
        Ok(Some(None))
    }

    fn contents_of(&self, mailbox: &CopiedMailbox) -> usize {
        self.contents.keys().filter(|(of, _)| *of == mailbox.id.0).count()
    }
}

/// An address may have been given to somebody else, but an account's number never is: mail goes to
/// nobody whose it was not.
fn same_owner(address: &Address, then: AccountId, now: AccountId) -> anyhow::Result<()> {
    if then != now {
        bail!(
            "{address} is another account now (number {now}) than in the backup (number {then}): if its mail \
             belongs to whoever has the address now, say so with --to-another"
        );
    }
    Ok(())
}

/// Brings a block of messages.
async fn bring(
    repository: &Repository,
    target: &Target<'_>,
    block: &mut Vec<Kept>,
    restored: &mut Restored,
) -> anyhow::Result<()> {
    let messages = std::mem::take(block);
    let damaged = target.bring(repository, &messages).await?;
    for kept in messages {
        if damaged.contains(&kept.row.uid) {
            restored.damaged.push(kept.row.uid);
        } else {
            restored.brought += 1;
            restored.bytes = restored.bytes.saturating_add(kept.row.size);
        }
    }
    Ok(())
}

/// Opens a copied index where it lies, if it is what it was.
async fn open_index(
    repository: &Repository,
    account: AccountId,
    line: &FileLine,
) -> anyhow::Result<IndexCopy> {
    let path = repository.content(line.sha256);
    let read =
        File::open(&path).and_then(|mut file| read_through(&mut file, &mut Vec::new(), |_| Ok(())));
    let (hash, _) = read.with_context(|| format!("cannot read {}", path.display()))?;
    if hash != line.sha256 {
        bail!("the index of {} is damaged in this backup; take another one", line.path);
    }
    Ok(IndexCopy::open(account, &path).await?)
}

/// The mailbox that mail goes to, made as it was if it is not there.
async fn place(
    account: &AccountMailboxes,
    into: &MailboxName,
    was: &CopiedMailbox,
) -> anyhow::Result<MailboxState> {
    match account.mailbox(into).await {
        Err(StoreError::NoSuchMailbox(_)) => {}
        state => return state.with_context(|| format!("cannot open {into}")),
    }
    let states = account.states().await?;
    let is_free = states.iter().all(|state| state.special_use != was.special_use);
    let special_use = was.special_use.filter(|_| is_free && *into == was.name);
    let made = account.create(into, special_use).await;
    let made = made.with_context(|| format!("cannot make {into}"))?;
    if was.subscribed {
        account.subscribe(into, true).await?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_goes_to_nobody_who_only_has_the_address() {
        let address = Address::parse("a@b.test").unwrap();
        assert!(same_owner(&address, AccountId(3), AccountId(3)).is_ok());
        let refused = same_owner(&address, AccountId(3), AccountId(7)).unwrap_err().to_string();
        assert!(refused.contains("--to-another"), "{refused}");
    }
}
