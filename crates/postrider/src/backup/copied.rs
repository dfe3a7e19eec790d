//! One account's mail is copied: its index, the files that its rows name, and the small files
//! beside them.
//!
//! The folder of all mail is held, so every file that the copied index names is there; but it may
//! get another name meanwhile, and is looked for then by the part that it keeps. In the backup it
//! has the name that the index knows.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use mail_store::backup::{self, CopiedMailbox, CopiedMessage, IndexCopy};
use mail_types::{AccountId, Address};

use super::{
    contents,
    create::Copying,
    files,
    manifest::{FileLine, Kind},
};
use crate::import::Progress;

/// How many rows are read at a time.
const ROWS: u32 = 1000;
/// How often the index is copied anew because mailboxes were renamed meanwhile.
const ATTEMPTS: usize = 5;
/// How often an account's folders are listed for files that have other names now.
const LISTINGS: usize = 50;

/// An account that is being copied.
struct Account<'a> {
    id: AccountId,
    folder: PathBuf,
    /// For people: its address, or its number.
    name: &'a str,
    /// Files by the part of their names that never changes, where one was not where it was.
    found: HashMap<String, String>,
    listings: usize,
}

/// Copies the mail of an account. What is wrong with it is noted, and keeps nobody from the others.
pub(super) async fn account(
    mail: &Path,
    copying: &mut Copying<'_>,
    id: AccountId,
    address: Option<&Address>,
) -> anyhow::Result<()> {
    let name = address.map_or_else(|| format!("account {id}"), ToString::to_string);
    let folder = mail.join(id.to_string());
    let mut account =
        Account { id, folder, name: &name, found: HashMap::new(), listings: LISTINGS };
    let index = backup::index_file(&account.folder);
    if !index.exists() {
        copying.missing.push(format!(
            "{name} has no index: its mail is not in this backup; `postrider export` opens it, and makes one"
        ));
        return Ok(());
    }
    copying.begin_account(id, address)?;
    let stamp = stamp(&index, copying)?;
    let former = copying.before.account(id.0);
    let same = former.filter(|former| {
        copying.before.is_whole()
            && former.stamp.is_some()
            && former.stamp == stamp
            && copying.contents.has(former.sha256, former.size)
    });
    if let Some(former) = same {
        copying.note(former)?;
        records(copying, &account)?;
        return account.unchanged(copying);
    }
    match copy_index(copying, &account).await {
        Ok((path, mailboxes)) => account.messages(copying, path, mailboxes, stamp).await,
        Err(error) if is_full(&error) => Err(error),
        Err(error) => {
            let why = crate::printer::in_one_line(&error);
            copying.missing.push(format!(
                "the mail of {name}, whose index cannot be copied: {why}; see docs/mail-store.md"
            ));
            Ok(())
        }
    }
}

/// What tells an index from one that was changed.
fn stamp(index: &Path, copying: &Copying<'_>) -> anyhow::Result<Option<String>> {
    let mut log = index.as_os_str().to_owned();
    log.push("-wal");
    let looked = contents::stamp(&[index.to_owned(), log.into()], copying.now.secs());
    looked.with_context(|| format!("cannot look at {}", index.display()))
}

fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        kind.is_some_and(|kind| full.contains(&kind))
            || cause
                .downcast_ref::<stable_storage::DatabaseError>()
                .is_some_and(stable_storage::DatabaseError::is_disk_full)
    })
}

/// Copies the index until it agrees with the folders.
async fn copy_index(
    copying: &mut Copying<'_>,
    account: &Account<'_>,
) -> anyhow::Result<(PathBuf, Vec<CopiedMailbox>)> {
    let mut attempt = 1;
    loop {
        let path = copying.contents.tmp_file();
        IndexCopy::make(&account.folder, &path).await?;
        let mut copy = IndexCopy::open(account.id, &path).await?;
        let mailboxes = copy.mailboxes().await;
        copy.close().await;
        let mailboxes = mailboxes?;
        // A folder that another tool took away never agrees; whoever opens the store sees to it.
        if attempt >= ATTEMPTS || backup::folders_agree(&account.folder, &mailboxes)? {
            return Ok((path, mailboxes));
        }
        attempt += 1;
        std::fs::remove_file(&path)?;
    }
}

fn records(copying: &mut Copying<'_>, account: &Account<'_>) -> anyhow::Result<()> {
    let names = backup::records(&account.folder);
    let names = names.with_context(|| format!("cannot list {}", account.folder.display()))?;
    for name in names {
        let below = format!("mail/{}/{name}", account.id);
        files::one(copying, Kind::Record, &account.folder.join(&name), &below)?;
    }
    Ok(())
}

impl Account<'_> {
    /// Nothing was changed since the backup before this one: its lines are ours.
    fn unchanged(&mut self, copying: &mut Copying<'_>) -> anyhow::Result<()> {
        let prefix = format!("mail/{}/", self.id);
        while let Some(former) = copying.before.next_message() {
            if copying.contents.has(former.sha256, former.size) {
                copying.note(former)?;
                continue;
            }
            let path = former.path.strip_prefix(&prefix).unwrap_or_default().to_owned();
            let unique = path.rsplit('/').next().and_then(|name| name.split(',').next());
            let unique = unique.unwrap_or_default().to_owned();
            self.read(copying, &path, &unique, former)?;
        }
        Ok(())
    }

    async fn messages(
        mut self,
        copying: &mut Copying<'_>,
        path: PathBuf,
        mailboxes: Vec<CopiedMailbox>,
        stamp: Option<String>,
    ) -> anyhow::Result<()> {
        // Before it is moved away from here: the copy is open as long as it is read.
        let mut copy = IndexCopy::open(self.id, &path).await?;
        let below = format!("mail/{}", self.id);
        let index = backup::index_file(Path::new(&below)).to_string_lossy().into_owned();
        let mut line = FileLine::new(Kind::Index, index, copying.contents.adopt(path)?);
        line.stamp = stamp;
        copying.note(line)?;
        records(copying, &self)?;
        for mailbox in mailboxes {
            let progress = Progress::begin(&format!("{} {}", self.name, mailbox.name), 0);
            let mut after = None;
            loop {
                let rows = copy.messages(&mailbox, after, ROWS).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.uid);
                for row in &rows {
                    self.message(copying, &mailbox, row)?;
                }
                progress.step(rows.len());
            }
            progress.end();
        }
        copy.close().await;
        Ok(())
    }

    fn message(
        &mut self,
        copying: &mut Copying<'_>,
        mailbox: &CopiedMailbox,
        row: &CopiedMessage,
    ) -> anyhow::Result<()> {
        let uid = row.uid.number();
        let former = copying.before.message(mailbox.id.0, uid);
        let below = format!("mail/{}/{}", self.id, row.path);
        // It is the same message if it has the same name; its flags may have changed, its octets
        // never do. A tool that writes into messages gives the file another number, size or time.
        if let Some(mut former) = former
            && former.path.contains(&row.unique)
            && copying.contents.has(former.sha256, former.size)
            && self.looks_like(&former, &row.path)
        {
            former.path = below;
            return copying.note(former);
        }
        let mut line = FileLine::new(Kind::Message, below, (super::hash::Hash::of(b""), 0));
        line.mailbox = Some(mailbox.id.0);
        line.uid = Some(uid);
        self.read(copying, &row.path, &row.unique, line)
    }

    /// Whether a file is the one that was copied before. One that has another name by now is: our
    /// own programs rename, and do not write.
    fn looks_like(&self, former: &FileLine, path: &str) -> bool {
        match std::fs::metadata(self.folder.join(path)) {
            Ok(facts) => {
                facts.len() == former.size
                    && Some(files::modified_ns(&facts)) == former.modified_ns
                    && Some(number(&facts)) == former.stamp
            }
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Reads a message's file, wherever it is, and writes it down.
    fn read(
        &mut self,
        copying: &mut Copying<'_>,
        path: &str,
        unique: &str,
        mut line: FileLine,
    ) -> anyhow::Result<()> {
        let Some(file) = self.open(path, unique)? else {
            let why = "its file is gone; another program may have removed it";
            let (name, uid) = (self.name, line.uid.unwrap_or(0));
            copying.missing.push(format!("{name}, {}, UID {uid}: {why}", line.path));
            return Ok(());
        };
        let cannot = || format!("cannot copy {}", self.folder.join(path).display());
        let facts = file.metadata().with_context(cannot)?;
        (line.sha256, line.size) = copying.contents.add(file).with_context(cannot)?;
        line.modified_ns = Some(files::modified_ns(&facts));
        line.stamp = Some(number(&facts));
        copying.note(line)
    }

    fn open(&mut self, path: &str, unique: &str) -> anyhow::Result<Option<File>> {
        let mut path = path.to_owned();
        loop {
            let whole = self.folder.join(&path);
            match File::open(&whole) {
                Ok(file) => return Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot copy {}", whole.display()));
                }
            }
            match self.found.get(unique).filter(|found| **found != path) {
                Some(found) => path.clone_from(found),
                None if self.listings == 0 => return Ok(None),
                None => {
                    self.listings -= 1;
                    let found = backup::files_by_unique(&self.folder);
                    self.found =
                        found.with_context(|| format!("cannot list {}", self.folder.display()))?;
                    match self.found.get(unique) {
                        Some(found) => path.clone_from(found),
                        None => return Ok(None),
                    }
                }
            }
        }
    }
}

/// The number of a file on its disk.
fn number(facts: &std::fs::Metadata) -> String {
    std::os::unix::fs::MetadataExt::ino(facts).to_string()
}
