//! `postrider migrate`: databases made, or brought up to this version, once and before the agents.

use std::path::Path;

use message_queue::Queue;
use stable_storage::Files;

use crate::installation::{Installation, runtime};

/// Make the databases, or bring them up to this version (`up` does it by itself)
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(migrate(&installation))
}

/// Everything of the installation. The index of each mailbox folder is brought up to date by whoever
/// opens it first: there are as many as accounts, and some may not be here yet.
pub(crate) async fn migrate(installation: &Installation) -> anyhow::Result<()> {
    installation.make_folders()?;
    let folders = installation.config.folders();
    installation.editor().migrate().await?;
    Queue::create(installation.queue_options(), Files::real()).await?;
    sign_in::migrate(&folders.sign_ins).await?;
    sign_in::InstallationKey::load_or_make(&sign_in::key_file(&installation.config))?;
    account_usage::migrate(&folders.usage.join("usage.db")).await?;
    Ok(())
}
