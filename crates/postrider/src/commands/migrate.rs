//! `postrider migrate`: databases made, or brought up to this version, once and before the agents.

use std::path::Path;

use message_queue::Queue;
use stable_storage::Files;

use crate::{
    backup,
    installation::{Installation, runtime},
    printer,
};

/// Make the databases, or bring them up to this version (`up` does it by itself)
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make a new key of sign-ins in place of a lost one, and give up the app passwords and what
    /// CRAM-MD5, DIGEST-MD5 and APOP need, which it opened
    #[arg(long)]
    new_key: bool,
}

pub(crate) fn run(Args { new_key }: Args, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    backup::refuse_while_restoring(&installation.config.data_dir)?;
    runtime()?.block_on(async {
        migrate(&installation).await?;
        if new_key {
            installation.make_sign_in_key()?;
        }
        Ok(())
    })
}

/// Everything of the installation. The index of each mailbox folder is brought up to date by whoever
/// opens it first: there are as many as accounts, and some may not be here yet.
pub(crate) async fn migrate(installation: &Installation) -> anyhow::Result<()> {
    installation.make_folders()?;
    let folders = installation.config.folders();
    installation.editor().migrate().await?;
    Queue::create(installation.queue_options(), Files::real()).await?;
    sign_in::migrate(&folders.sign_ins).await?;
    if let Err(error) = installation.sign_in_key().await {
        // Mail goes on without it, and so do passwords.
        printer::note(format!("{error:#}"));
    }
    account_usage::migrate(&folders.usage.join("usage.db")).await?;
    Ok(())
}
