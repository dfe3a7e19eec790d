//! A copy of the whole queue, made while others work, and what becomes of a queue that is a copy.
//!
//! Whoever copies holds the queue's folder ([`stable_storage::Hold`]) from before the copy of the
//! database until he has the contents that its rows name: meanwhile no content is unlinked
//! (`Queue::remove_contents`; what is left over is the check's).
//!
//! What waited in a copy may have been sent since. So a queue that comes out of a backup is held but
//! for what is for own mailboxes: these know what they got.

use std::path::{Path, PathBuf};

use mail_types::{Lane, Timestamp};
use stable_storage::{copy_database, open_copy};

use crate::{Queue, QueueError, draft::spool_path, jobs::Job, operator::Filter, sql};

/// A content that has a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolFile {
    /// Below the queue's folder.
    pub path: PathBuf,
    /// Its octets.
    pub size: u64,
}

/// Copies the database of the queue in `folder`, as it is now, to a new file.
pub async fn copy(folder: &Path, into: &Path) -> Result<(), QueueError> {
    Ok(copy_database(&folder.join("queue.db"), into).await?)
}

/// The files that the rows of such a copy name.
pub async fn contents(copy: &Path) -> Result<Vec<SpoolFile>, QueueError> {
    let mut connection = open_copy(copy).await?;
    let rows = sql::spool_rows(&mut connection).await?;
    let file = |(name, size): (String, i64)| SpoolFile {
        path: spool_path(Path::new("spool"), &name),
        size: u64::try_from(size).unwrap_or(0),
    };
    Ok(rows.into_iter().map(file).collect())
}

impl Queue {
    /// Makes a queue out of what a backup had, before anybody works with it: what was leased waits,
    /// and what is for other servers is held for this reason, if there is one. Returns how many
    /// recipients that are.
    pub async fn begin_restored(
        &self,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        let holders = sql::holders(self.database().reader()).await?;
        self.submit(Job::FreeDead(holders)).await?;
        let Some(reason) = reason else { return Ok(0) };
        let mut held = 0u64;
        for lane in sql::remote_lanes(self.database().reader()).await? {
            // What can't be read is set aside by whoever leases it.
            let Ok(lane) = Lane::parse(&lane) else { continue };
            let filter = Filter { lane: Some(lane), ..Filter::default() };
            held = held.saturating_add(self.hold(&filter, reason, now).await?);
        }
        Ok(held)
    }
}
