//! The check of docs/queue.md, and pruning.

use std::{io, time::Duration};

use mail_types::Timestamp;
use stable_storage::{FileLock, LifeLock, on_blocking_thread};

use crate::{
    Queue, QueueError,
    check::{self, Finding},
    jobs::{Answer, Job},
};

/// The most rows of a table that one pruning transaction removes.
const PRUNE_ROWS: u32 = 500;
/// The most such transactions in a row: half a million rows, more than an hour brings.
const PRUNE_BATCHES: usize = 1000;

/// Looks for files without entries and the other way round, unless somebody else is doing it.
pub(crate) async fn check(queue: &Queue, now: Timestamp) -> Result<(), QueueError> {
    let path = queue.options().folder.join("maintenance");
    let at = |source: io::Error| QueueError::File { doing: "lock", path: path.clone(), source };
    let Some(_held) = FileLock::at(&path).map_err(at)?.try_lock().map_err(at)? else {
        return Ok(());
    };
    let holders = queue.holders();
    if let Err(error) = on_blocking_thread(move || LifeLock::sweep(&holders)).await {
        tracing::warn!(%error, "the files of dead consumers could not be removed");
    }
    let mut tell = |finding: &Finding| match finding {
        Finding::Orphan { file } => {
            tracing::info!(file, "removing a content that no queue entry has");
        }
        finding => tracing::error!(%finding, "the queue is damaged"),
    };
    check::walk(queue, Some(now), &mut tell).await?;
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
