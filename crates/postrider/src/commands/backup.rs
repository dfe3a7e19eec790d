//! `postrider backup`: copies of everything, and the way back.

mod create;
mod list;
mod remove;
mod restore;
mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use mail_types::Address;

use crate::backup::BackupId;

/// Backups: made while everything runs, verified, and brought back whole or in part
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    List(list::Args),
    Verify(verify::Args),
    Remove(remove::Remove),
    Prune(remove::Prune),
    Restore(restore::Args),
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => create::run(args, config),
        Command::List(args) => list::run(&args, config).map(|()| ExitCode::SUCCESS),
        Command::Verify(args) => verify::run(&args, config),
        Command::Remove(args) => remove::run(&args, config).map(|()| ExitCode::SUCCESS),
        Command::Prune(args) => remove::prune(&args, config).map(|()| ExitCode::SUCCESS),
        Command::Restore(args) => restore::run(args, config),
    }
}

/// A repository, as each command names it.
#[derive(clap::Args)]
pub(super) struct Place {
    /// The folder of the backups
    #[arg(value_name = "REPOSITORY")]
    folder: PathBuf,
}

impl Place {
    /// The whole path: agents' folders have nothing to do with where the command was called.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = std::path::absolute(&self.folder);
        folder.with_context(|| format!("cannot find {}", self.folder.display()))
    }
}

/// Becomes the owner of a repository that is only read or tidied up: no configuration is needed for
/// it.
fn become_owner(folder: &Path) -> anyhow::Result<()> {
    crate::owner::become_owner_of(folder)
}

fn backup_id(text: &str) -> Result<BackupId, String> {
    BackupId::parse(text)
}

fn account_address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|why| format!("{text:?} is no address: {why}"))
}
