//! What is no account's: databases, the queue's contents, policies and results of TLS, the
//! configuration and, if it is wanted, secrets.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use config::Folders;
use mail_types::{AccountId, Address};
use stable_storage::copy_database;

use super::{
    create::Copying,
    manifest::{FileLine, Kind},
    secrets::{Given, Read},
};
use crate::installation::Installation;

/// Copies the queue; its folder is held.
pub(super) async fn queue(folders: &Folders, copying: &mut Copying<'_>) -> anyhow::Result<()> {
    let copy = copying.contents.tmp_file();
    message_queue::backup::copy(&folders.queue, &copy).await.context("cannot copy the queue")?;
    let contents = message_queue::backup::contents(&copy).await.context("cannot read the queue")?;
    let adopted = copying.contents.adopt(copy)?;
    copying.note(FileLine::new(Kind::Database, "queue/queue.db", adopted))?;
    for content in contents {
        let path = folders.queue.join(&content.path);
        let below = format!("queue/{}", content.path.display());
        match File::open(&path) {
            Ok(file) => {
                let added = copying.contents.add(file);
                let added = added.with_context(|| format!("cannot copy {}", path.display()))?;
                copying.note(FileLine::new(Kind::Queue, below, added))?;
            }
            // It was missing before: the queue sets such a message aside.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                copying.missing.push(format!("{below}, a content of the queue, is not there"));
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot copy {}", path.display()));
            }
        }
    }
    Ok(())
}

/// Copies everything else but mail.
pub(super) async fn rest(
    installation: &Installation,
    copying: &mut Copying<'_>,
    given: Given,
) -> anyhow::Result<()> {
    let folders = installation.config.folders();
    // These are replaced as a whole, never changed: an open file is one moment.
    for (folder, below) in [
        (&folders.directory, "directory/directory.db"),
        (&folders.credentials, "credentials/credentials.db"),
    ] {
        let path = folder.join(below.split('/').next_back().unwrap_or_default());
        one(copying, Kind::Database, &path, below)?;
    }
    for (path, below) in [
        (folders.sign_ins.join("sign-ins.db"), "sign-ins/sign-ins.db"),
        (folders.usage.join("usage.db"), "usage/usage.db"),
    ] {
        let copy = copying.contents.tmp_file();
        let copied = copy_database(&path, &copy).await;
        copied.with_context(|| format!("cannot copy {}", path.display()))?;
        let adopted = copying.contents.adopt(copy)?;
        copying.note(FileLine::new(Kind::Database, below, adopted))?;
    }
    for name in ["mta-sts", "tls-results"] {
        let folder = folders.queue.join(name);
        for (file, path) in plain_files(&folder)? {
            one(copying, Kind::Other, &path, &format!("queue/{name}/{file}"))?;
        }
    }
    for (file, path) in plain_files(&folders.mail)? {
        if file.starts_with("postrider-") && !file.ends_with(".new") {
            one(copying, Kind::Other, &path, &format!("mail/{file}"))?;
        }
    }
    let secrets = given.secrets.unwrap_or_default();
    for (kind, read) in [(Kind::Settings, vec![given.settings]), (Kind::Secret, secrets)] {
        for Read { path, octets, mode } in read {
            let added = copying.contents.add_octets(&octets)?;
            let mut line = FileLine::new(kind, path.to_string_lossy(), added);
            line.mode = Some(mode);
            copying.note(line)?;
        }
    }
    Ok(())
}

/// Copies a file as it is, if it is there.
pub(super) fn one(
    copying: &mut Copying<'_>,
    kind: Kind,
    path: &Path,
    below: &str,
) -> anyhow::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.with_context(|| format!("cannot copy {}", path.display()))?,
    };
    let facts = file.metadata().with_context(|| format!("cannot copy {}", path.display()))?;
    let added = copying.contents.add(file);
    let added = added.with_context(|| format!("cannot copy {}", path.display()))?;
    let mut line = FileLine::new(kind, below, added);
    line.modified_ns = Some(modified_ns(&facts));
    copying.note(line)
}

/// When a file was changed last.
pub(super) fn modified_ns(facts: &fs::Metadata) -> i64 {
    facts.mtime().saturating_mul(1_000_000_000).saturating_add(facts.mtime_nsec())
}

/// The files in a folder, by name; none if it is not there.
fn plain_files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let cannot = || format!("cannot list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.with_context(cannot)?,
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.with_context(cannot)?;
        if entry.file_type().with_context(cannot)?.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            files.insert(name, entry.path());
        }
    }
    Ok(files)
}

/// All accounts that have mail, with the addresses that they have now.
pub(super) async fn accounts(
    installation: &Installation,
) -> anyhow::Result<Vec<(AccountId, Option<Address>)>> {
    let known = installation.directory().accounts().await.context("cannot read the directory")?;
    let known: BTreeMap<AccountId, Address> =
        known.into_iter().map(|account| (account.id, account.address)).collect();
    let folder = installation.config.folders().mail;
    let there = mail_store::backup::accounts(&folder);
    let there = there.with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(there.into_iter().map(|id| (id, known.get(&id).cloned())).collect())
}
