//! A backup is made.
//!
//! In this order: the queue (what it delivers afterwards is in the mailboxes twice at most, and
//! known there; the other way round it could be in neither), then the directory and the rest, then
//! the accounts one after the other. Each is of its own moment, and whole.

use std::{fs::File, path::Path};

use anyhow::{Context as _, bail};
use mail_types::{AccountId, Address, Timestamp};
use stable_storage::Hold;

use super::{
    before::Before,
    contents::Contents,
    copied, files,
    lists::collect,
    manifest::{AccountLine, End, FileLine, Head, Kind, Line, Scope, Writer},
    repository::{self, Repository},
    secrets::Given,
};
use crate::{installation::Installation, printer, random, times};

/// What is wanted.
pub(crate) struct Order {
    /// These accounts' mail; otherwise everything.
    pub(crate) accounts: Vec<(AccountId, Address)>,
    /// The files that only whoever calls may be able to read, read before.
    pub(crate) given: Given,
}

/// What a backup came to.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) head: Head,
    pub(crate) end: End,
    /// Files that were read, because nothing said that they are what they were.
    pub(crate) read: u64,
    /// Whether what an earlier run left unfinished was removed.
    pub(crate) tidied: bool,
}

/// The work, as all parts see it.
pub(super) struct Copying<'r> {
    pub(super) contents: Contents<'r>,
    pub(super) before: Before,
    pub(super) missing: Vec<String>,
    pub(super) now: Timestamp,
    list: Writer,
    files: u64,
    bytes: u64,
    messages: u64,
}

impl Copying<'_> {
    /// Writes down a file whose content is in the repository.
    pub(super) fn note(&mut self, file: FileLine) -> anyhow::Result<()> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(file.size);
        self.messages += u64::from(file.kind == Kind::Message);
        self.list.line(&Line::File(file))
    }

    /// Begins an account: files from here on are its.
    pub(super) fn begin_account(
        &mut self,
        id: AccountId,
        address: Option<&Address>,
    ) -> anyhow::Result<()> {
        let address = address.map(ToString::to_string);
        self.list.line(&Line::Account(AccountLine { id: id.0, address }))
    }
}

/// Makes a backup.
pub(crate) async fn create(
    installation: &Installation,
    repository: &Repository,
    order: Order,
) -> anyhow::Result<Report> {
    let now = agent_kit::now();
    let (mut contents, tidied) = Contents::begin(repository)?;
    let scope = if order.accounts.is_empty() {
        Scope::Everything
    } else {
        Scope::Accounts(order.accounts.iter().map(|(_, address)| address.to_string()).collect())
    };
    let id = repository.new_id(now)?;
    let hostname = installation.config.hostname.to_string();
    let mut head = Writer::head(id, times::utc(now), hostname, scope);
    head.secrets = order.given.secrets.is_some();
    let before = Before::open(repository, &head.scope)?;
    let unfinished = contents.tmp_file();
    let file = repository::create(&unfinished).context("cannot begin the list of the backup")?;
    let list = Writer::begin(file, head.clone())?;
    let mut copying = Copying {
        contents,
        before,
        missing: Vec::new(),
        now,
        list,
        files: 0,
        bytes: 0,
        messages: 0,
    };
    all(installation, &mut copying, order).await?;
    let (end, read) = finish(repository, copying, &head, &unfinished)?;
    if tidied {
        // That run may have left contents too. This backup is whole if they stay.
        if let Err(error) = collect(repository) {
            printer::note(printer::in_one_line(&error));
        }
    }
    Ok(Report { head, end, read, tidied })
}

async fn all(
    installation: &Installation,
    copying: &mut Copying<'_>,
    order: Order,
) -> anyhow::Result<()> {
    let folders = installation.config.folders();
    let hold = |folder: &Path| {
        let salt = u64::from_le_bytes(random::bytes()?);
        Hold::take(folder, salt)
            .with_context(|| format!("cannot hold files in {}", folder.display()))
    };
    let accounts = if order.accounts.is_empty() {
        let held = hold(&folders.queue)?;
        files::queue(&folders, copying).await?;
        drop(held);
        files::rest(installation, copying, order.given).await?;
        files::accounts(installation).await?
    } else {
        let named = order.accounts.into_iter().map(|(id, address)| (id, Some(address)));
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|(id, _)| *id);
        named.dedup_by_key(|(id, _)| *id);
        named
    };
    if !folders.mail.is_dir() {
        bail!("there is no mail in {}: run `postrider migrate` first", folders.mail.display());
    }
    let _held = hold(&folders.mail)?;
    for (id, address) in accounts {
        copied::account(&folders.mail, copying, id, address.as_ref()).await?;
    }
    Ok(())
}

/// The list gets its name when all that it names is on stable storage.
fn finish(
    repository: &Repository,
    mut copying: Copying<'_>,
    head: &Head,
    unfinished: &Path,
) -> anyhow::Result<(End, u64)> {
    copying.contents.finish()?;
    let end = End {
        finished: times::utc(agent_kit::now()),
        files: copying.files,
        bytes: copying.bytes,
        messages: copying.messages,
        new_files: copying.contents.new_files,
        new_bytes: copying.contents.new_bytes,
        missing: copying.missing,
        sha256: super::hash::Hash::of(b""),
    };
    let end = copying.list.end(end)?;
    let list = repository.list_file(&head.id);
    let named = || {
        std::fs::rename(unfinished, &list)?;
        File::open(list.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    named().with_context(|| format!("cannot name the backup {}", list.display()))?;
    Ok((end, copying.contents.read))
}
