//! That a restore and the agents keep out of each other's way.
//!
//! A restore says in a file that it goes on, and then locks the data's folder for itself; an agent
//! takes a share of that lock, and then looks for the file. So whoever comes first, one of them sees
//! the other before it touches anything. Locks end with their processes; the file of a restore that
//! was not finished stays, and says that the data is half.
//!
//! Anybody who may read the folder could lock it: that alone keeps no agent from its work.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// An agent's share of the data's folder, while it lives.
pub(crate) struct AtWork {
    _held: Option<File>,
}

/// Says that a restore is going on, or was not finished.
fn marker(data_dir: &Path) -> PathBuf {
    data_dir.join("restoring")
}

/// Refuses to work with a half.
pub(crate) fn refuse_while_restoring(data_dir: &Path) -> anyhow::Result<()> {
    let marker = marker(data_dir);
    if marker.exists() {
        bail!(
            "a restore was begun here and not finished ({} says so): repeat `postrider backup restore`",
            marker.display()
        );
    }
    Ok(())
}

/// Begins an agent's work, unless a restore goes on. Where the folder can't be locked, what the agent
/// opens later tells of it.
pub(crate) fn begin_work(data_dir: &Path) -> anyhow::Result<AtWork> {
    let shared = |folder: &File| flock(folder, FlockOperation::NonBlockingLockShared).is_ok();
    let held = File::open(data_dir).ok().filter(shared);
    refuse_while_restoring(data_dir)?;
    Ok(AtWork { _held: held })
}

/// A restore that goes on, until it is finished or given up.
pub(super) struct Restoring {
    marker: PathBuf,
    /// An earlier one was not finished.
    pub(super) was_begun: bool,
    _alone: Option<File>,
}

impl Restoring {
    /// Begins it, unless an agent works.
    pub(super) fn begin(data_dir: &Path) -> anyhow::Result<Self> {
        let marker = marker(data_dir);
        let was_begun = marker.exists();
        let marked = File::create(&marker).and_then(|file| file.sync_all());
        marked.with_context(|| format!("cannot write {}", marker.display()))?;
        let mut restoring = Self { marker, was_begun, _alone: None };
        match alone(data_dir) {
            Ok(held) => restoring._alone = Some(held),
            Err(error) => {
                restoring.give_up();
                return Err(error);
            }
        }
        Ok(restoring)
    }

    /// Nothing was touched.
    pub(super) fn give_up(self) {
        if !self.was_begun
            && let Err(error) = fs::remove_file(&self.marker)
        {
            tracing::warn!(%error, marker = %self.marker.display(), "cannot be removed");
        }
    }

    /// The data is whole.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let cannot = || format!("cannot remove {}", self.marker.display());
        fs::remove_file(&self.marker).with_context(cannot)
    }
}

fn alone(data_dir: &Path) -> anyhow::Result<File> {
    let folder = File::open(data_dir).context("cannot open the data's folder")?;
    // Where folders have no locks, agents have none either.
    if flock(&folder, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        bail!("agents work on {}: stop them first", data_dir.display());
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_and_a_restore_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let (one, other) = (begin_work(at).unwrap(), begin_work(at).unwrap());
        drop(one);
        let refused = Restoring::begin(at).err().unwrap();
        assert!(refused.to_string().contains("stop them first"), "{refused}");
        refuse_while_restoring(at).unwrap();
        drop(other);

        let restoring = Restoring::begin(at).unwrap();
        assert!(!restoring.was_begun);
        assert!(begin_work(at).is_err());
        restoring.give_up();
        drop(begin_work(at).unwrap());

        // Stopped in the middle: the file says so, whoever looks.
        drop(Restoring::begin(at).unwrap());
        assert!(begin_work(at).is_err());
        let again = Restoring::begin(at).unwrap();
        assert!(again.was_begun);
        again.give_up();
        assert!(begin_work(at).is_err(), "still a half");
        Restoring::begin(at).unwrap().finish().unwrap();
        drop(begin_work(at).unwrap());
    }

    #[test]
    fn somebody_s_lock_alone_keeps_no_agent_away() {
        let folder = tempfile::tempdir().unwrap();
        let _held = alone(folder.path()).unwrap();
        assert!(begin_work(folder.path()).is_ok());
    }
}
