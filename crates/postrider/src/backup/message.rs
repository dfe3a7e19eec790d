//! Messages of a backup, brought into a mailbox that people use: as an append, so that sessions see
//! them arrive.
//!
//! A message that is there is not brought again. It is there if a message of the account has the
//! same name on disk, whichever mailbox it was moved to; or if one of this mailbox has the same
//! octets, such as one that was restored before.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
};

use anyhow::Context as _;
use mail_store::{
    AccountMailboxes, MailboxState, MessageRow, NewMessage, StoreError, UidSet, Want, Written,
    backup::CopiedMessage,
};
use mail_types::Uid;
use tokio::task::JoinSet;

use super::{
    hash::{Hash, Hasher, STEP},
    repository::Repository,
};
use crate::import::WireDigest;

/// How many messages are appended together.
pub(super) const BLOCK: usize = 200;
/// How many are synced at once.
const SYNCING: usize = 16;
/// How much of a message that is there is read at a time.
const PIECE: usize = 256 * 1024;

/// A message of a backup.
pub(super) struct Kept {
    pub(super) row: CopiedMessage,
    pub(super) sha256: Hash,
}

/// A mailbox that messages are brought into.
pub(super) struct Target<'a> {
    account: &'a AccountMailboxes,
    mailbox: MailboxState,
    /// The names of the account's messages.
    names: &'a HashSet<String>,
    /// This mailbox's messages by their size, and their digests as far as they were needed.
    by_size: HashMap<u64, Vec<Uid>>,
    digests: HashMap<Uid, [u8; 32]>,
}

/// What is done with a message.
pub(super) enum Fate {
    Wanted,
    There,
}

impl<'a> Target<'a> {
    pub(super) async fn open(
        account: &'a AccountMailboxes,
        mailbox: MailboxState,
        names: &'a HashSet<String>,
    ) -> anyhow::Result<Self> {
        let mut by_size: HashMap<u64, Vec<Uid>> = HashMap::new();
        for entry in account.drop_entries(mailbox.id).await? {
            by_size.entry(entry.size).or_default().push(entry.uid);
        }
        Ok(Self { account, mailbox, names, by_size, digests: HashMap::new() })
    }

    /// Whether a message is to be brought.
    pub(super) async fn judge(
        &mut self,
        repository: &Repository,
        kept: &Kept,
    ) -> anyhow::Result<Fate> {
        if self.names.contains(&kept.row.unique) {
            return Ok(Fate::There);
        }
        let Some(uids) = self.by_size.get(&kept.row.size).cloned() else { return Ok(Fate::Wanted) };
        let Some(digest) = digest_of(repository, kept) else { return Ok(Fate::Wanted) };
        for uid in uids {
            if self.digest(uid).await? == Some(digest) {
                return Ok(Fate::There);
            }
        }
        Ok(Fate::Wanted)
    }

    /// The digest of a message that is there; none if it went meanwhile.
    async fn digest(&mut self, uid: Uid) -> anyhow::Result<Option<[u8; 32]>> {
        if let Some(known) = self.digests.get(&uid) {
            return Ok(Some(*known));
        }
        let set = UidSet::from(uid);
        let found = self.account.fetch(self.mailbox.id, &set, Want::Facts).await?.pop();
        let Some(row) = found else { return Ok(None) };
        match read(self.account, &row).await {
            Ok(digest) => {
                self.digests.insert(uid, digest);
                Ok(Some(digest))
            }
            Err(StoreError::MessageGone) => Ok(None),
            Err(error) => Err(error).context("cannot read a message that is there"),
        }
    }

    /// Appends messages, in their order. Answers those whose content is damaged.
    pub(super) async fn bring(
        &self,
        repository: &Repository,
        messages: &[Kept],
    ) -> anyhow::Result<HashSet<Uid>> {
        let (mut damaged, mut done) = (HashSet::new(), Vec::new());
        let mut syncing: JoinSet<(usize, Result<Written, StoreError>)> = JoinSet::new();
        for (place, kept) in messages.iter().enumerate() {
            let mut incoming = self.account.incoming(kept.row.internal_date)?;
            let mut source = open(repository, kept.sha256)?;
            if !write(&mut source, &mut incoming, kept.sha256).await? {
                damaged.insert(kept.row.uid);
                continue;
            }
            syncing.spawn(async move { (place, incoming.finish().await) });
            if syncing.len() >= SYNCING
                && let Some(synced) = syncing.join_next().await
            {
                done.push(synced.context("a message was not synced")?);
            }
        }
        while let Some(synced) = syncing.join_next().await {
            done.push(synced.context("a message was not synced")?);
        }
        done.sort_by_key(|(place, _)| *place);
        let mut new = Vec::new();
        for (place, written) in done {
            let written = written.context("cannot write a message")?;
            let flags = messages.get(place).map(|kept| kept.row.flags.clone()).unwrap_or_default();
            new.push(NewMessage { written, flags });
        }
        if !new.is_empty() {
            self.account.append(self.mailbox.id, new).await.context("cannot append messages")?;
        }
        Ok(damaged)
    }
}

/// Writes a content as a message; false if it is not what it was.
async fn write(
    source: &mut Option<File>,
    incoming: &mut mail_store::Incoming,
    expected: Hash,
) -> anyhow::Result<bool> {
    use std::io::Read as _;
    let Some(source) = source else { return Ok(false) };
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; STEP]);
    loop {
        let length = match source.read(&mut buffer) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(length) => length,
            Err(_) => return Ok(false),
        };
        let piece = buffer.get(..length).unwrap_or_default();
        hasher.update(piece);
        incoming.write(piece).await.context("cannot write a message")?;
    }
    Ok(hasher.finish().0 == expected)
}

/// Opens a content; nothing if it is missing.
fn open(repository: &Repository, hash: Hash) -> anyhow::Result<Option<File>> {
    let path = repository.content(hash);
    match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        file => Ok(Some(file.with_context(|| format!("cannot read {}", path.display()))?)),
    }
}

/// The digest of a content in wire form; none if it cannot be read.
fn digest_of(repository: &Repository, kept: &Kept) -> Option<[u8; 32]> {
    let mut source = File::open(repository.content(kept.sha256)).ok()?;
    let mut digest = WireDigest::default();
    super::hash::read_through(&mut source, &mut Vec::new(), |piece| {
        digest.update(piece);
        Ok(())
    })
    .ok()?;
    Some(digest.finish().1)
}

async fn read(account: &AccountMailboxes, row: &MessageRow) -> Result<[u8; 32], StoreError> {
    let reader = account.read(&row.file).await?;
    let (mut digest, mut at) = (WireDigest::default(), 0_u64);
    loop {
        let piece = reader.read_at(at, PIECE).await?;
        if piece.is_empty() {
            return Ok(digest.finish().1);
        }
        digest.update(&piece);
        at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
}
