//! `postrider backup remove` and `prune`.

use std::path::Path;

use anyhow::bail;

use super::{Place, backup_id, become_owner};
use crate::{
    backup::{self, BackupId, Collected, Keep, Repository, Use},
    printer,
};

/// Remove backups, and the contents that no other one has
#[derive(clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    place: Place,
    /// The backups
    #[arg(value_name = "BACKUP", value_parser = backup_id, required = true)]
    backups: Vec<BackupId>,
}

/// Remove all backups but those that are to be kept
///
/// Backups of some accounts are judged beside those of the same accounts only. One whose list
/// cannot be read, or which is dated later than now, stays.
#[derive(clap::Args)]
pub(crate) struct Prune {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    keep: Keep,
    /// Only say which ones would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Remove, _config: Option<&Path>) -> anyhow::Result<()> {
    let folder = args.place.folder()?;
    become_owner(&folder)?;
    let repository = Repository::open(&folder, Use::Change)?;
    let mut backups = args.backups.clone();
    backups.sort_unstable();
    backups.dedup();
    for id in &backups {
        repository.meant(Some(id))?;
    }
    tell(&backups, backup::remove(&repository, &backups)?);
    Ok(())
}

pub(crate) fn prune(args: &Prune, _config: Option<&Path>) -> anyhow::Result<()> {
    if args.keep.is_nothing() {
        bail!("say what is kept: --keep-last, --keep-daily, --keep-weekly, --keep-monthly");
    }
    let folder = args.place.folder()?;
    become_owner(&folder)?;
    let wanted = if args.dry_run { Use::Read } else { Use::Change };
    let repository = Repository::open(&folder, wanted)?;
    let mut judged = Vec::new();
    for id in repository.past(agent_kit::now())? {
        match repository.summary(&id) {
            Ok((head, _)) => judged.push((id, head.scope)),
            Err(error) => printer::note(format!("kept: {}", printer::in_one_line(&error))),
        }
    }
    let outdated = args.keep.outdated(judged);
    if args.dry_run {
        outdated.iter().for_each(|id| printer::line(id.as_str()));
        return Ok(());
    }
    tell(&outdated, backup::remove(&repository, &outdated)?);
    Ok(())
}

fn tell(removed: &[BackupId], Collected { files, bytes }: Collected) {
    removed.iter().for_each(|id| printer::line(format!("removed {id}")));
    printer::line(format!(
        "{} and {} ({}) that no other one has",
        printer::count(removed.len(), "backup"),
        printer::count(files, "content"),
        printer::size(bytes)
    ));
}
