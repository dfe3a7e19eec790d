//! `postrider store`: the mailboxes as they lie on the disk. It works beside the agents.

mod check;
mod undelete;

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use directory::Account;
use mail_store::MailStore;
use mail_types::Address;
use stable_storage::Files;

use crate::installation::{Installation, runtime};

/// The mailboxes on the disk: check and mend them, bring back what was removed
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compare indexes, files and counters; changes nothing. The exit code is 1 if something is wrong
    Check(check::Args),
    /// Mend what check finds, without removing mail; what can't be read is set aside. The exit code
    /// is 1 if something is left
    Repair(check::Args),
    /// Build indexes anew from the files; who uses the mailboxes waits meanwhile
    Reindex(check::Whose),
    Undelete(undelete::Args),
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let store = open(&installation).await?;
        let done = match command {
            Command::Check(args) => check::check(&installation, &store, &args).await,
            Command::Repair(args) => check::repair(&installation, &store, &args).await,
            Command::Reindex(whose) => check::reindex(&installation, &store, &whose).await,
            Command::Undelete(args) => undelete::undelete(&installation, &store, &args).await,
        };
        store.close().await;
        done
    })
}

async fn open(installation: &Installation) -> anyhow::Result<MailStore> {
    MailStore::open(installation.store_options(), Files::real())
        .await
        .context("cannot open the mail store")
}

/// These accounts; all that have mail here, if none is named.
async fn accounts(
    installation: &Installation,
    store: &MailStore,
    named: &[Address],
) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for address in named {
        accounts.push(super::account::existing(installation, address).await?);
    }
    if named.is_empty() {
        let with_mail = store.accounts().await?;
        accounts = installation.directory().accounts().await?;
        accounts.retain(|account| with_mail.contains(&account.id));
    }
    Ok(accounts)
}
