//! The check of docs/queue.md, and pruning.

use std::{collections::HashSet, io, path::Path, time::Duration};

use mail_types::Timestamp;
use stable_storage::{FileLock, Files, LifeLock, on_blocking_thread, try_lock_file};

use crate::{
    Queue, QueueError,
    draft::spool_path,
    encode,
    jobs::{Answer, Job},
    sql,
};

/// The most rows of a table that one pruning transaction removes.
const PRUNE_ROWS: u32 = 500;
/// The most such transactions in a row: half a million rows, more than an hour brings.
const PRUNE_BATCHES: usize = 1000;
/// How many files are looked at at a time: each is open meanwhile.
const SUSPECTS_MAX: usize = 64;

/// Looks for orphans, unless somebody else is doing it.
pub(crate) async fn check(queue: &Queue) -> Result<(), QueueError> {
    let path = queue.options().folder.join("maintenance");
    let at = |source: io::Error| QueueError::File { doing: "lock", path: path.clone(), source };
    let Some(_held) = FileLock::at(&path).map_err(at)?.try_lock().map_err(at)? else {
        return Ok(());
    };
    let holders = queue.holders();
    if let Err(error) = on_blocking_thread(move || LifeLock::sweep(&holders)).await {
        tracing::warn!(%error, "the files of dead consumers could not be removed");
    }
    let (spool, files) = (queue.spool(), queue.files().clone());
    let found =
        on_blocking_thread(move || Ok::<_, QueueError>(spool_names(&spool, &files)?)).await?;
    if found.is_empty() {
        return Ok(());
    }
    let known = known(queue, &found).await?;
    let suspects: Vec<String> = found.into_iter().filter(|name| !known.contains(name)).collect();
    for some in suspects.chunks(SUSPECTS_MAX) {
        remove_orphans(queue, some.to_vec()).await?;
    }
    Ok(())
}

/// The names of all content files.
fn spool_names(spool: &Path, files: &Files) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for letter in files.list(spool)? {
        for name in files.list(&spool.join(letter))? {
            // What has no name of ours is none of ours, and stays.
            if let Ok(name) = name.into_string()
                && name.len() == 20
                && name.bytes().all(|letter| letter.is_ascii_lowercase())
            {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// Those of these files that have an entry.
async fn known(queue: &Queue, names: &[String]) -> Result<HashSet<String>, QueueError> {
    let names = encode::texts(names);
    Ok(sql::content_files(queue.database().reader(), &names).await?.into_iter().collect())
}

/// Unlinks those that nobody has locked and that have no entry even then: whoever holds the lock
/// of a draft commits its row before it lets go.
async fn remove_orphans(queue: &Queue, suspects: Vec<String>) -> Result<(), QueueError> {
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
    let known = known(queue, &names).await?;
    let orphans: Vec<String> = names.into_iter().filter(|name| !known.contains(name)).collect();
    for name in &orphans {
        tracing::info!(file = name, "removing a content that no queue entry has");
    }
    queue.remove_contents(orphans).await;
    // The locks are held until here: nobody could have taken one of these names meanwhile.
    drop(locked);
    Ok(())
}

/// Removes what is older than the journey is kept, in small transactions.
pub(crate) async fn prune(queue: &Queue, now: Timestamp) -> Result<(), QueueError> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let before = now.minus(DAY.saturating_mul(queue.options().journey_days));
    for _ in 0..PRUNE_BATCHES {
        let job = Job::Prune { before, not_after: now.plus(DAY), rows_max: PRUNE_ROWS };
        match queue.submit(job).await? {
            Answer::Pruned(rows) if rows > 0 => {}
            _ => break,
        }
    }
    Ok(())
}
