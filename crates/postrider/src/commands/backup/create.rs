//! `postrider backup create`.

use std::{path::Path, process::ExitCode};

use mail_types::Address;
use serde_json::json;

use super::{Place, account_address};
use crate::{
    backup::{self, Given, Order, Report, Repository, Use},
    installation::{Installation, runtime},
    owner::{self, User},
    printer, terminal,
};

/// Make a backup; agents may work meanwhile
///
/// The first one copies everything, later ones what is new. An empty folder, or one that is not
/// there yet, becomes a repository.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only the mail of this account; can be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = account_address)]
    account: Vec<Address>,
    /// Also the files with secrets: the key of sign-ins, the private key of TLS, passwords for
    /// smarthosts
    #[arg(long, conflicts_with = "account")]
    with_secrets: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let installation = Installation::find(config)?;
    let folder = args.place.folder()?;
    // What only whoever calls may read or make comes first.
    let given = Given::read(&installation.file, &installation.config, args.with_secrets)?;
    let data_dir = &installation.config.data_dir;
    Repository::make(&folder, &User::owning(data_dir)?)?;
    owner::become_owner_of(data_dir)?;
    let report = runtime()?.block_on(async {
        let mut accounts = Vec::new();
        for address in &args.account {
            let account = crate::commands::account::existing(&installation, address).await?;
            accounts.push((account.id, account.address));
        }
        let repository = Repository::open(&folder, Use::Change)?;
        backup::create(&installation, &repository, Order { accounts, given }).await
    })?;
    if args.json {
        printer::json(&as_json(&report))?
    } else {
        show(&report)
    }
    for missing in &report.end.missing {
        printer::note(format!("not in the backup: {}", terminal::one_line(missing)));
    }
    Ok(if report.end.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(report: &Report) {
    let Report { head, end, read, tidied } = report;
    if *tidied {
        printer::note("what an unfinished run had left was removed");
    }
    printer::line(format!(
        "backup {} of {}: {} ({}), of these {}; {} read, {} ({}) new",
        head.id,
        terminal::one_line(&head.scope.words()),
        printer::count(end.files, "file"),
        printer::size(end.bytes),
        printer::count(end.messages, "message"),
        read,
        end.new_files,
        printer::size(end.new_bytes),
    ));
    if head.scope == backup::Scope::Everything && !head.secrets {
        printer::note(
            "keys and passwords of this machine are not in it: --with-secrets takes them along, or keep \
             copies elsewhere",
        );
    }
}

fn as_json(report: &Report) -> serde_json::Value {
    let Report { head, end, read, tidied } = report;
    json!({
        "backup": head.id,
        "scope": head.scope,
        "secrets": head.secrets,
        "files": end.files,
        "bytes": end.bytes,
        "messages": end.messages,
        "files_read": read,
        "new_files": end.new_files,
        "new_bytes": end.new_bytes,
        "missing": end.missing,
        "removed_unfinished": tidied,
    })
}
