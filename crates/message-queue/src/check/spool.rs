//! Content files and the entries that have them, from both sides.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    path::Path,
    time::Duration,
};

use mail_types::Timestamp;
use stable_storage::{Files, on_blocking_thread, try_lock_file};

use super::{Finding, Tell};
use crate::{Queue, QueueError, decode::Unreadable, draft::spool_path, encode, jobs::Job, sql};

/// How many rows are read at a time.
const PAGE: u32 = 1000;
/// How many files are looked at at a time: each is open meanwhile.
const SUSPECTS_MAX: usize = 64;
/// How long after its last settlement an entry's file may be there still, its process being alive.
const UNLINKED_WITHIN: Duration = Duration::from_millis(300);

/// Looks for files without entries; with `mend_at` they are unlinked. Returns how many files there
/// are.
pub(super) async fn orphans(
    queue: &Queue,
    mend_at: Option<Timestamp>,
    tell: Tell<'_>,
) -> Result<u64, QueueError> {
    let mut files = 0u64;
    for letter in b'a'..=b'z' {
        let (names, had) = folder(queue, char::from(letter)).await?;
        files = files.saturating_add(names.len() as u64);
        without_entry(queue, &names, &had, mend_at, tell).await?;
    }
    Ok(files)
}

/// The same, and for entries without files as well; with `mend_at` they are set aside.
pub(crate) async fn walk(
    queue: &Queue,
    mend_at: Option<Timestamp>,
    tell: Tell<'_>,
) -> Result<(), QueueError> {
    for letter in b'a'..=b'z' {
        let (names, had) = folder(queue, char::from(letter)).await?;
        without_entry(queue, &names, &had, mend_at, tell).await?;
        let missed = had.into_iter().filter(|(file, _)| !names.contains(file));
        missing(queue, missed.collect(), mend_at, tell).await?;
    }
    Ok(())
}

/// The content files in a folder of the spool, and those that entries have there. Files first: what
/// has an entry by then is none without.
async fn folder(
    queue: &Queue,
    letter: char,
) -> Result<(HashSet<String>, BTreeMap<String, String>), QueueError> {
    let (folder, of) = (queue.spool().join(letter.to_string()), queue.files().clone());
    let names = on_blocking_thread(move || Ok::<_, QueueError>(names(&folder, &of)?)).await?;
    Ok((names, had(queue, letter).await?))
}

async fn without_entry(
    queue: &Queue,
    names: &HashSet<String>,
    had: &BTreeMap<String, String>,
    mend_at: Option<Timestamp>,
    tell: Tell<'_>,
) -> Result<(), QueueError> {
    let suspects: Vec<String> =
        names.iter().filter(|name| !had.contains_key(*name)).cloned().collect();
    let mut orphans = Vec::new();
    for some in suspects.chunks(SUSPECTS_MAX) {
        orphans.extend(unowned(queue, some.to_vec(), mend_at.is_some()).await?);
    }
    if mend_at.is_none() && !orphans.is_empty() {
        // Whoever has settled the last recipient of an entry unlinks its file in this moment.
        tokio::time::sleep(UNLINKED_WITHIN).await;
        orphans = those_there(queue, orphans).await?;
    }
    orphans.into_iter().for_each(|file| tell(&Finding::Orphan { file }));
    Ok(())
}

/// Those of these files that are there.
async fn those_there(queue: &Queue, names: Vec<String>) -> Result<Vec<String>, QueueError> {
    let (spool, files) = (queue.spool(), queue.files().clone());
    on_blocking_thread(move || {
        let mut there = Vec::new();
        for name in names {
            if files.exists(&spool_path(&spool, &name))? {
                there.push(name);
            }
        }
        Ok(there)
    })
    .await
}

/// The names of content files in a folder of the spool. What has no name of ours is none of ours,
/// and stays.
fn names(folder: &Path, files: &Files) -> io::Result<HashSet<String>> {
    let ours = |name: &String| name.len() == 20 && name.bytes().all(|b| b.is_ascii_lowercase());
    let names = match files.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).filter(ours).collect())
}

/// The files with this first letter that entries have, and whose they are.
async fn had(queue: &Queue, letter: char) -> Result<BTreeMap<String, String>, QueueError> {
    let (mut after, last) = (letter.to_string(), format!("{letter}~"));
    let mut had = BTreeMap::new();
    loop {
        let page = sql::files(queue.database().reader(), &after, &last, PAGE).await?;
        let Some((file, _)) = page.last() else { return Ok(had) };
        after.clone_from(file);
        had.extend(page);
    }
}

/// Files that nobody has locked and that have no entry even then: whoever holds the lock of a draft
/// commits its row before it lets go.
async fn unowned(
    queue: &Queue,
    suspects: Vec<String>,
    remove: bool,
) -> Result<Vec<String>, QueueError> {
    let (spool, files) = (queue.spool(), queue.files().clone());
    let locked = on_blocking_thread(move || {
        let mut locked = Vec::new();
        for name in suspects {
            if let Ok(file) = files.open(&spool_path(&spool, &name))
                && try_lock_file(&file)?
            {
                locked.push((name, file));
            }
        }
        Ok::<_, QueueError>(locked)
    })
    .await?;
    let names: Vec<String> = locked.iter().map(|(name, _)| name.clone()).collect();
    let known = sql::content_files(queue.database().reader(), &encode::texts(&names)).await?;
    let known: HashSet<String> = known.into_iter().collect();
    let orphans: Vec<String> = names.into_iter().filter(|name| !known.contains(name)).collect();
    if remove && !orphans.is_empty() {
        // The end of an entry may be committed by somebody and not be durable yet.
        queue.submit(Job::Flush).await?;
        queue.remove_contents(orphans.clone()).await;
    }
    // The locks are held until here: nobody could have taken one of these names meanwhile.
    drop(locked);
    Ok(orphans)
}

/// Entries whose files were not there when the folder was listed: younger ones may have theirs by
/// now, and those that are finished need none.
async fn missing(
    queue: &Queue,
    missed: Vec<(String, String)>,
    mend_at: Option<Timestamp>,
    tell: Tell<'_>,
) -> Result<(), QueueError> {
    if missed.is_empty() {
        return Ok(());
    }
    let there = those_there(queue, missed.iter().map(|(file, _)| file.clone()).collect()).await?;
    let missed: Vec<_> = missed.into_iter().filter(|(file, _)| !there.contains(file)).collect();
    let names = encode::texts(missed.iter().map(|(file, _)| file));
    let known = sql::content_files(queue.database().reader(), &names).await?;
    let mut aside = Vec::new();
    for (file, id) in missed.into_iter().filter(|(file, _)| known.contains(file)) {
        let is_aside = sql::is_aside(queue.database().reader(), &id).await?;
        if !is_aside {
            let why = format!("its content {file} is missing");
            tell(&Finding::Unreadable { id: id.clone(), recipient: None, why: why.clone() });
            aside.push(Unreadable { entry: id, recipient: None, why, for_now: false });
        }
    }
    queue.set_aside(aside, mend_at).await
}
