//! Mail of an account, brought into files that any other program reads: Maildir or mbox.
//!
//! What cannot be read is reported and passed over, so that everything that is still good can be
//! saved from a store that is not. Nothing that is already there is written over.

mod maildir;
mod mbox;
mod names;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mail_store::{AccountMailboxes, MessageRow, StoreError, UidSet, Want};
use mail_types::MailboxName;

use crate::import::{Digests, Progress, WireDigest};

/// How many messages are asked for at a time.
const BLOCK: u32 = 500;
/// How much of a message is read at a time.
const PIECE: usize = 256 * 1024;

/// Where mail goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A Maildir++.
    Maildir(PathBuf),
    /// A folder with an mbox file for each mailbox.
    Mbox(PathBuf),
}

/// What became of a mailbox.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    pub(crate) mailbox: String,
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    /// What import calls the digest of the same messages.
    pub(crate) digests: Digests,
    /// What could not be brought out, and why.
    pub(crate) skipped: Vec<String>,
}

/// One mailbox in the making.
enum Out {
    Maildir(maildir::Folder),
    Mbox(mbox::File),
}

/// Brings out the mailboxes that are wanted; all, if none is named. One that cannot be written keeps
/// nobody from the others.
pub(crate) async fn run(
    account: &AccountMailboxes,
    form: &Form,
    only: &[MailboxName],
) -> anyhow::Result<Vec<Exported>> {
    let listed = account.list().await?;
    let names = listed.into_iter().filter(|listed| listed.id.is_some()).map(|listed| listed.name);
    let names: Vec<MailboxName> = names.collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
        bail!("there is no mailbox {unknown}");
    }
    let mut all = Vec::new();
    for (name, path) in names.iter().zip(names::paths(form, &names)) {
        if only.is_empty() || only.contains(name) {
            let mut done = Exported { mailbox: name.to_string(), ..Exported::default() };
            if let Err(error) = mailbox(account, form, &path, name, &mut done).await {
                done.skipped.push(format!("{name}: {error:#}"));
            }
            all.push(done);
        }
    }
    Ok(all)
}

async fn mailbox(
    account: &AccountMailboxes,
    form: &Form,
    path: &Path,
    name: &MailboxName,
    done: &mut Exported,
) -> anyhow::Result<()> {
    let mut out = match form {
        Form::Maildir(_) => Out::Maildir(maildir::Folder::make(path, name)?),
        Form::Mbox(_) => Out::Mbox(mbox::File::make(path)?),
    };
    let state = account.mailbox(name).await?;
    let uids = account.uids(&state).await?;
    let progress = Progress::begin(&done.mailbox, uids.len());
    for block in uids.chunks(usize::try_from(BLOCK).unwrap_or(500)) {
        let wanted: UidSet = block.iter().copied().collect();
        for row in account.fetch(state.id, &wanted, Want::Facts).await? {
            match content(account, &row).await {
                Ok(octets) => {
                    out.write(&row, &octets).context("cannot write there")?;
                    let mut digest = WireDigest::default();
                    digest.update(&octets);
                    done.digests.add(digest.finish().1);
                    done.messages += 1;
                    done.octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
                }
                Err(error) => done.skipped.push(format!("UID {}: {error}", row.uid)),
            }
        }
        progress.step(block.len());
    }
    progress.end();
    out.end()
}

/// A message, whole: it is one at a time.
async fn content(account: &AccountMailboxes, row: &MessageRow) -> Result<Vec<u8>, StoreError> {
    let reader = account.read(&row.file).await?;
    let mut octets = Vec::new();
    loop {
        let at = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let mut piece = reader.read_at(at, PIECE).await?;
        if piece.is_empty() {
            return Ok(octets);
        }
        octets.append(&mut piece);
    }
}

impl Out {
    fn write(&mut self, row: &MessageRow, octets: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Maildir(folder) => folder.write(row, octets),
            Self::Mbox(file) => file.write(row, octets),
        }
    }

    fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Maildir(folder) => folder.end(),
            Self::Mbox(file) => file.end(),
        }
    }
}
