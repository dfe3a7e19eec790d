//! What was removed is kept for a while, and can be brought back.
//!
//! `postrider-removed/<mailbox id>/` in the account's folder has the files, under the names that they
//! had, with the flags of that moment and a field `R=seconds` that says when they were removed;
//! keywords in `postrider-keywords` beside them, as in a mailbox; and of a mailbox that was deleted
//! its `postrider-folder`, which knows its name. No Maildir reader looks there: its name begins with
//! no dot. It counts for no quota, since it has no rows.
//!
//! A stop in the middle leaves a file in one place or the other. Brought back, a message is new in
//! its mailbox: it gets another UID, because the old one was told to be gone.

use std::{collections::BTreeMap, path::PathBuf};

use mail_types::{Flag, FlagSet, Keyword, MailboxId, MailboxName, Timestamp, Uid};
use mime_core::{Envelope, structure::Structure};
use stable_storage::on_blocking_thread;

use super::{
    adopt,
    arrive::{Arrival, Way, arrive},
    create, rename,
};
use crate::{
    StoreError,
    index::{
        mailboxes,
        pending::{Doomed, Removed},
    },
    maildir::{GONE, Maildir},
    naming::file,
    open_account::OpenAccount,
    records::{FolderFile, KeywordLog},
    sort_keys::HEADER_MAX,
};

/// 2020: a clock that says less is wrong.
const EARLIEST_SECS: i64 = 1_577_836_800;

/// Where it is, below the account's folder.
pub(crate) const REMOVED: &str = "postrider-removed";

/// A message that was removed and can be brought back.
#[derive(Clone, PartialEq, Debug)]
pub struct RemovedMessage {
    /// The mailbox that it was in, by the name that it has now, or had last.
    pub mailbox: MailboxName,
    /// The UID that it had there.
    pub uid: Option<Uid>,
    /// When it was removed.
    pub removed: Timestamp,
    /// When it was received.
    pub internal_date: Timestamp,
    /// Octets of the file.
    pub octets: u64,
    /// Its flags, `\Deleted` apart.
    pub flags: FlagSet,
    /// What its header says.
    pub envelope: Envelope,
    id: MailboxId,
    /// Below the account's folder.
    path: String,
}

/// How the file of a message that goes is named there.
fn kept_as(path: &str, message: &Removed) -> Option<String> {
    let (_, name) = path.rsplit_once('/')?;
    let (base, info) = file::split(name)?;
    let info = file::info(&message.flags, info);
    Some(format!("{base},R={}{info}", message.at.secs()))
}

/// Puts the files of messages aside; durable when this returns, but for their going from where they
/// were. Those that are gone already are passed over.
pub(crate) fn keep_messages(maildir: &Maildir, doomed: &[Doomed]) -> Result<(), StoreError> {
    let mut folders: BTreeMap<PathBuf, Vec<(Uid, Vec<Keyword>)>> = BTreeMap::new();
    for Doomed { path, message, .. } in doomed {
        let Some(message) = message else { continue };
        let Some(name) = kept_as(path, message) else { continue };
        let folder = maildir.path(REMOVED).join(message.mailbox.to_string());
        if !folders.contains_key(&folder) {
            make_folder(maildir, &folder)?;
        }
        let noted = folders.entry(folder.clone()).or_default();
        let keywords = file::keywords_beside(&message.flags);
        if let (false, Some(uid)) = (keywords.is_empty(), file::uid_in(&name)) {
            noted.push((uid, keywords));
        }
        put_aside(maildir, &maildir.path(path), &folder.join(file::fitting(&name).as_ref()))?;
    }
    for (folder, keywords) in &folders {
        KeywordLog::at(&maildir.files, folder).note(keywords)?;
        maildir.sync(folder)?;
    }
    Ok(())
}

/// Puts the messages of a deleted mailbox aside, whose folder is `gone`.
pub(crate) fn keep_mailbox(
    maildir: &Maildir,
    gone: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = maildir.path(gone);
    let facts = FolderFile::read(&maildir.files, &from).ok().flatten();
    let keywords = KeywordLog::at(&maildir.files, &from).read()?;
    let folder = maildir.path(REMOVED).join(gone.trim_start_matches(GONE));
    let mut made = false;
    for part in ["new", "cur"] {
        let names = maildir.files.list(&from.join(part)).unwrap_or_default();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let Some((base, info)) = file::split(name) else { continue };
            if !made {
                make_folder(maildir, &folder)?;
                // What is put aside belongs to this mailbox: its name, and its keywords.
                if let Some(facts) = &facts {
                    facts.write(&maildir.files, &folder)?;
                }
                let keywords: Vec<_> = keywords.clone().into_iter().collect();
                KeywordLog::at(&maildir.files, &folder).note(&keywords)?;
                made = true;
            }
            let kept = format!("{base},R={}{info}", now.secs());
            let to = folder.join(file::fitting(&kept).as_ref());
            put_aside(maildir, &from.join(part).join(name), &to)?;
        }
    }
    if made {
        return maildir.sync(&folder);
    }
    // What was removed from it earlier lies there: its name is to be found as well.
    match &facts {
        Some(facts) if folder.is_dir() => facts.write(&maildir.files, &folder),
        _ => Ok(()),
    }
}

fn make_folder(maildir: &Maildir, folder: &std::path::Path) -> Result<(), StoreError> {
    let failed = |e| StoreError::file("make", folder, e);
    if !maildir.files.exists(folder).map_err(failed)? {
        maildir.files.make_folders(folder).map_err(failed)?;
    }
    Ok(())
}

fn put_aside(
    maildir: &Maildir,
    from: &std::path::Path,
    to: &std::path::Path,
) -> Result<(), StoreError> {
    let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    match maildir.files.rename(from, to) {
        // It may be the target's folder that is missing: only what is gone itself is passed over.
        Err(error)
            if is_missing(&error)
                && std::fs::symlink_metadata(from).is_err_and(|e| is_missing(&e)) =>
        {
            Ok(())
        }
        other => other.map_err(|e| StoreError::file("put aside as", to, e)),
    }
}

/// Everything that can be brought back, the oldest removal first.
pub(crate) async fn list(account: &OpenAccount) -> Result<Vec<RemovedMessage>, StoreError> {
    let rows = mailboxes::all(&mut account.look().await?).await?;
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        let mut all = Vec::new();
        for (id, folder) in folders(&maildir)? {
            let facts = FolderFile::read(&maildir.files, &folder).ok().flatten();
            let now = rows.iter().find(|row| row.id == id).map(|row| row.name.clone());
            let name = now.or(facts.map(|facts| facts.name)).unwrap_or_else(MailboxName::inbox);
            let keywords = KeywordLog::at(&maildir.files, &folder).read()?;
            for kept in names(&maildir, &folder)? {
                all.extend(message(&maildir, (id, &name), &kept, &keywords));
            }
        }
        all.sort_by_key(|message: &RemovedMessage| (message.removed, message.id, message.uid));
        Ok(all)
    })
    .await
}

/// What can be read of a file there; none of one that is gone meanwhile.
fn message(
    maildir: &Maildir,
    (id, mailbox): (MailboxId, &MailboxName),
    kept: &str,
    keywords: &BTreeMap<Uid, Vec<Keyword>>,
) -> Option<RemovedMessage> {
    use std::io::Read as _;

    let (base, info) = file::split(kept)?;
    let path = format!("{REMOVED}/{id}/{kept}");
    let opened = maildir.files.open(&maildir.path(&path)).ok()?;
    let facts = opened.metadata().ok()?;
    let mut beginning = Vec::new();
    let limit = u64::try_from(HEADER_MAX).unwrap_or(u64::MAX);
    opened.take(limit).read_to_end(&mut beginning).ok()?;
    let uid = file::uid_in(base);
    let mut flags: FlagSet =
        file::flags_in(info).iter().filter(|flag| *flag != Flag::Deleted).collect();
    for keyword in uid.and_then(|uid| keywords.get(&uid)).into_iter().flatten() {
        flags.insert(Flag::Keyword(keyword.clone()));
    }
    Some(RemovedMessage {
        mailbox: mailbox.clone(),
        uid,
        removed: Timestamp::from_secs(removed_in(base)?),
        internal_date: facts.modified().ok().map_or(Timestamp::from_secs(0), Timestamp::from),
        octets: facts.len(),
        flags,
        envelope: Structure::of(&beginning).envelope,
        id,
        path,
    })
}

/// Brings messages back into their mailboxes, which are made if they are gone; answers which, with
/// the new UID of each. What is gone meanwhile is passed over.
pub(crate) async fn bring_back(
    account: &OpenAccount,
    messages: &[RemovedMessage],
) -> Result<Vec<(MailboxId, MailboxName, Uid)>, StoreError> {
    let mut by_mailbox: BTreeMap<(MailboxId, &MailboxName), Vec<RemovedMessage>> = BTreeMap::new();
    for message in messages {
        by_mailbox.entry((message.id, &message.mailbox)).or_default().push(message.clone());
    }
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    let mut back = Vec::new();
    for ((id, name), messages) in by_mailbox {
        let mut mailbox = match mailboxes::by_id(&mut change, id).await {
            Err(StoreError::MailboxGone(_)) => {
                create::find_or_create(&mut change, account, name).await?
            }
            other => other?,
        };
        let (maildir, now) = (account.maildir.clone(), (account.clock)());
        let arrivals = on_blocking_thread(move || arrivals(&maildir, &messages, now)).await?;
        if arrivals.is_empty() {
            continue;
        }
        let maildir = &account.maildir;
        let uids = arrive(&mut change, maildir, &mut mailbox, arrivals, Way::Rename).await?;
        back.extend(uids.into_iter().map(|uid| (mailbox.id, mailbox.name.clone(), uid)));
    }
    change.commit().await?;
    Ok(back)
}

fn arrivals(
    maildir: &Maildir,
    messages: &[RemovedMessage],
    now: Timestamp,
) -> Result<Vec<Arrival>, StoreError> {
    let mut arrivals = Vec::new();
    for message in messages {
        let source = maildir.path(&message.path);
        let read = match adopt::read(maildir, &source, None) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(|e| StoreError::file("bring back", &source, e))?,
        };
        let name = message.path.rsplit('/').next().unwrap_or_default();
        arrivals.push(Arrival {
            unique: file::unique_in(name).to_owned(),
            source,
            flags: message.flags.clone(),
            is_new: false,
            size: read.size,
            octets: read.octets,
            internal_date: read.internal_date,
            saved: now,
            bare_lf: read.bare_lf,
            parsed: read.parsed,
            unsynced: None,
        });
    }
    Ok(arrivals)
}

/// Whether there is anything for [`purge`] to do. Needs no lock.
pub(crate) fn any_older(maildir: &Maildir, before: Timestamp) -> Result<bool, StoreError> {
    for (_, folder) in folders(maildir)? {
        let names = match names(maildir, &folder) {
            Err(error) if error.is_file_missing() => continue,
            other => other?,
        };
        let is_older = |name: &String| removed_at(name).is_some_and(|at| at < before.secs());
        if names.is_empty() || names.iter().any(is_older) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes for good what was removed before this; answers how many messages. Under the account's
/// lock: whoever puts something aside meanwhile would lose it with the folder.
pub(crate) async fn purge(
    account: &OpenAccount,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let change = account.change().await?;
    let maildir = account.maildir.clone();
    let purged = on_blocking_thread(move || purge_locked(&maildir, before, now)).await;
    change.undo().await?;
    purged
}

fn purge_locked(maildir: &Maildir, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let mut purged = 0;
    for (_, folder) in folders(maildir)? {
        let (mut left, mut went) = (false, false);
        for name in names(maildir, &folder)? {
            let path = folder.join(&name);
            match removed_at(&name) {
                // The clock was wrong when it was removed: its time begins now.
                Some(at) if at < EARLIEST_SECS => {
                    let to = folder.join(removed_now(&name, now));
                    let renamed = maildir.files.rename(&path, &to);
                    renamed.map_err(|e| StoreError::file("rename to", to, e))?;
                    (left, went) = (true, true);
                    continue;
                }
                Some(at) if at < before.secs() => {}
                _ => {
                    left = true;
                    continue;
                }
            }
            maildir.files.unlink(&path).map_err(|e| StoreError::file("remove", &path, e))?;
            (purged, went) = (purged + 1, true);
        }
        if !left {
            maildir.remove(&format!("{REMOVED}/{}", last_part(&folder)))?;
        } else if went {
            maildir.sync(&folder)?;
        }
    }
    Ok(purged)
}

/// The folders there, with the mailboxes that they belong to.
fn folders(maildir: &Maildir) -> Result<Vec<(MailboxId, PathBuf)>, StoreError> {
    let root = maildir.path(REMOVED);
    let names = match maildir.files.list(&root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| StoreError::file("list", &root, e))?,
    };
    let id = |name: &std::ffi::OsString| Some(MailboxId(name.to_str()?.parse().ok()?));
    let mut folders: Vec<_> =
        names.iter().filter_map(|name| Some((id(name)?, root.join(name)))).collect();
    folders.sort();
    Ok(folders)
}

/// The message files of such a folder.
fn names(maildir: &Maildir, folder: &std::path::Path) -> Result<Vec<String>, StoreError> {
    let listed = maildir.files.list(folder).map_err(|e| StoreError::file("list", folder, e))?;
    let names = listed.into_iter().filter_map(|name| name.into_string().ok());
    let is_message =
        |name: &String| file::split(name).is_some_and(|(b, _)| removed_in(b).is_some());
    let mut names: Vec<String> = names.filter(is_message).collect();
    names.sort_unstable();
    Ok(names)
}

fn last_part(folder: &std::path::Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The same of a file's name.
fn removed_at(name: &str) -> Option<i64> {
    removed_in(file::split(name)?.0)
}

/// The name of a file that counts as removed now.
fn removed_now(name: &str, now: Timestamp) -> String {
    let (base, info) = file::split(name).unwrap_or((name, ""));
    let base = base.rsplit_once(",R=").map_or(base, |(base, _)| base);
    format!("{base},R={}{info}", now.secs())
}

/// When a message was removed, in seconds.
fn removed_in(base: &str) -> Option<i64> {
    base.rsplit_once(",R=")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_field_says_when_it_was_removed() {
        for (base, expected) in [
            ("1.x.postrider,U=3,S=9,R=1700000000", Some(1_700_000_000)),
            ("1.x.postrider,U=3,S=9,R=1,R=2", Some(2)),
            ("1.x.postrider,U=3,S=9", None),
            ("1.x.postrider,R=", None),
        ] {
            assert_eq!(removed_in(base), expected, "{base}");
        }
    }

    #[test]
    fn a_removal_before_2020_counts_as_one_of_now() {
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(removed_now("1.x,U=3,R=77:2,S", now), "1.x,U=3,R=1800000000:2,S");
        assert_eq!(removed_at("1.x,U=3,R=77:2,S"), Some(77));
    }

    /// The folder to put it into went: that is no reason to let the message go.
    #[test]
    fn only_what_is_gone_itself_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = stable_storage::Files::real();
        let maildir = Maildir { files, root: folder.path().to_owned() };
        let (from, to) = (maildir.path("a"), maildir.path("missing/a"));
        assert!(put_aside(&maildir, &from, &to).is_ok());
        std::fs::write(&from, "x").unwrap();
        assert!(put_aside(&maildir, &from, &to).is_err());
        assert!(from.exists());
    }
}
