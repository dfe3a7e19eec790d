//! What became of no use goes: files of expunged messages and folders of deleted mailboxes, within
//! seconds after the rows. This is the one place where message files leave their mailboxes for good.
//!
//! If the store keeps what was removed, they go to `postrider-removed` instead (`removed`), from
//! where they can be brought back for a while.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    path::{Path, PathBuf},
};

use mail_types::Timestamp;
use stable_storage::{Hold, on_blocking_thread};

use super::removed;
use crate::{
    StoreError,
    background::Stop,
    index::{
        mailboxes::{self, MailboxRow},
        pending::{self, Doomed},
    },
    maildir::{GONE, Maildir},
    open_account::OpenAccount,
};

/// The most files of a step.
const STEP: usize = 500;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Done {
    /// There was nothing.
    Nothing,
    /// All is gone.
    Some,
    /// A backup that runs may want the files: they go later.
    Held,
}

/// Removes what is to go, in steps, until the store has to be closed. Whether a backup wants it is
/// asked after the paths are read: a backup that begins later finds no rows of them.
pub(crate) async fn remove(account: &OpenAccount, stop: &Stop) -> Result<Done, StoreError> {
    let mut look = account.look().await?;
    let doomed = pending::doomed(&mut look).await?;
    drop(look);
    if doomed.is_empty() {
        return Ok(Done::Nothing);
    }
    if is_held(account).await? {
        return Ok(Done::Held);
    }
    let (keeps, now) = (account.keeps_removed, (account.clock)());
    for some in doomed.chunks(STEP) {
        let mut change = account.change().await?;
        let rows = mailboxes::all(&mut change).await?;
        let (maildir, going) = (account.maildir.clone(), some.to_vec());
        let rows = on_blocking_thread(move || {
            let undisturbed = undisturbed(&maildir, rows);
            let going = as_they_are_called(&maildir, going)?;
            remove_some(&maildir, &going, keeps.then_some(now))?;
            Ok::<_, StoreError>(with_times(&maildir, undisturbed))
        })
        .await?;
        for row in &rows {
            mailboxes::save(&mut change, row).await?;
        }
        pending::gone(&mut change, some).await?;
        change.commit().await?;
        if stop.is_over() {
            break;
        }
    }
    Ok(Done::Some)
}

/// The same with the names that files have now: another tool may have marked a message as read
/// before it was expunged here, and nobody has seen it.
fn as_they_are_called(
    maildir: &Maildir,
    mut doomed: Vec<Doomed>,
) -> Result<Vec<Doomed>, StoreError> {
    let mut listed: HashMap<PathBuf, HashMap<String, String>> = HashMap::new();
    for one in &mut doomed {
        let Some(identity) = pending::identity(&one.path) else { continue };
        let path = maildir.path(&one.path);
        if maildir.files.exists(&path).map_err(|e| StoreError::file("look for", &path, e))? {
            continue;
        }
        let folder = one.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let dir = folder.rsplit_once('/').map_or("", |(dir, _)| dir);
        let names = match listed.entry(maildir.path(dir)) {
            Entry::Occupied(names) => names.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(by_identity(maildir, dir)?),
        };
        if let Some(now) = names.get(&identity) {
            one.path.clone_from(now);
        }
    }
    Ok(doomed)
}

/// The paths of a mailbox's files.
fn by_identity(maildir: &Maildir, dir: &str) -> Result<HashMap<String, String>, StoreError> {
    let mut found = HashMap::new();
    for place in ["new", "cur"] {
        let below = if dir.is_empty() { place.to_owned() } else { format!("{dir}/{place}") };
        let folder = maildir.path(&below);
        let names = match maildir.files.list(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(|e| StoreError::file("list", &folder, e))?,
        };
        for name in names.iter().filter_map(|name| name.to_str()) {
            let path = format!("{below}/{name}");
            found.extend(pending::identity(&path).map(|identity| (identity, path)));
        }
    }
    Ok(found)
}

/// Removes files and folders, or puts them aside at this time; their names are gone for good when
/// this returns.
fn remove_some(
    maildir: &Maildir,
    doomed: &[Doomed],
    kept_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    if kept_at.is_some() {
        removed::keep_messages(maildir, doomed)?;
    }
    for Doomed { path, .. } in doomed {
        if let Some(now) = kept_at
            && path.starts_with(GONE)
            && !path.contains('/')
        {
            removed::keep_mailbox(maildir, path, now)?;
        }
        // What was put aside is not there any more.
        maildir.remove(path)?;
    }
    // Forgotten only when they can't come back.
    let parent = |doomed: &Doomed| Some(maildir.path(&doomed.path).parent()?.to_owned());
    let folders: BTreeSet<PathBuf> = doomed.iter().filter_map(parent).collect();
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| maildir.sync(folder))
}

async fn is_held(account: &OpenAccount) -> Result<bool, StoreError> {
    let store = account.maildir.root.parent().map(Path::to_owned).unwrap_or_default();
    on_blocking_thread(move || {
        Hold::is_held(&store).map_err(|e| StoreError::file("look for backups in", &store, e))
    })
    .await
}

/// The mailboxes whose folders nobody else has changed.
fn undisturbed(maildir: &Maildir, mut rows: Vec<MailboxRow>) -> Vec<MailboxRow> {
    rows.retain(|row| maildir.times(&row.dir) == row.times);
    rows
}

/// Those whose times are others now, with these.
fn with_times(maildir: &Maildir, mut rows: Vec<MailboxRow>) -> Vec<MailboxRow> {
    rows.retain_mut(|row| {
        let before = std::mem::replace(&mut row.times, maildir.times(&row.dir));
        before != row.times
    });
    rows
}
