//! `postrider backup restore`: everything to where nothing is, or an account's mail into its
//! mailboxes.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use mail_store::MailStore;
use mail_types::{Address, MailboxName, Uid};
use serde_json::json;
use stable_storage::Files;

use super::{Place, account_address, backup_id};
use crate::{
    backup::{
        self, BackupId, Bounds, Elsewhere, Installed, Orders, Repository, Restored, Secrets, Use,
        Wanted,
    },
    installation::{Installation, USUAL_FILE, runtime},
    owner, printer, terminal, usage,
};

/// Bring back everything, or with --account mail of one account
///
/// Everything goes to where nothing is: the configuration is written too if its file is missing.
/// Mail for other servers that waited is held, because it may have been sent since. Mail of an
/// account comes into its mailboxes while everything runs; what is there is not brought again.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// The backup; otherwise the newest
    #[arg(value_parser = backup_id)]
    backup: Option<BackupId>,
    /// Only mail of this account, into its mailboxes
    #[arg(long, value_name = "ADDRESS", value_parser = account_address)]
    account: Option<Address>,
    /// Only this mailbox
    #[arg(long, requires = "account", value_parser = MailboxName::parse)]
    mailbox: Option<MailboxName>,
    /// Only the message with this UID; can be given several times
    #[arg(long, requires = "mailbox", value_parser = uid)]
    uid: Vec<Uid>,
    /// Only messages with this Message-ID
    #[arg(long, requires = "account", conflicts_with = "uid")]
    message_id: Option<String>,
    /// Put it into this mailbox
    #[arg(long, value_name = "MAILBOX", requires = "account", value_parser = MailboxName::parse)]
    into: Option<MailboxName>,
    /// Also messages that are there
    #[arg(long, requires = "account")]
    again: bool,
    /// Although the address was another account's when the backup was made
    #[arg(long, requires = "account")]
    to_another: bool,
    /// Move aside what is there
    #[arg(long, conflicts_with = "account")]
    replace: bool,
    /// Let mail for other servers that waited go out
    #[arg(long, conflicts_with = "account")]
    release_queue: bool,
    /// Keep UIDVALIDITY: only if nothing ran since this backup was made
    #[arg(long, conflicts_with = "account")]
    same_uids: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

fn uid(text: &str) -> Result<Uid, String> {
    text.parse().ok().and_then(Uid::new).ok_or_else(|| format!("{text:?} is no UID"))
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let folder = args.place.folder()?;
    match args.account.clone() {
        Some(address) => mail(&args, &folder, address, config),
        None => everything(&args, &folder, config),
    }
}

fn mail(
    args: &Args,
    folder: &Path,
    address: Address,
    config: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let installation = Installation::find_as_owner(config)?;
    let repository = Repository::open(folder, Use::Read)?;
    let id = repository.meant(args.backup.as_ref())?;
    let bracketed = |id: &String| format!("<{}>", id.trim_matches(['<', '>', ' ']));
    let wanted = Wanted {
        address,
        mailbox: args.mailbox.clone(),
        uids: args.uid.clone(),
        message_id: args.message_id.as_ref().map(bracketed),
        into: args.into.clone(),
        again: args.again,
        to_another: args.to_another,
    };
    let restored = runtime()?.block_on(async {
        let account = crate::commands::account::existing(&installation, &wanted.address).await?;
        let store = MailStore::open(installation.store_options(), Files::real());
        let store = store.await.context("cannot open the mail store")?;
        let account = store.account(account.id);
        let restored = backup::restore(&repository, &id, &wanted, &account).await;
        usage::publish(&installation, &account).await?;
        store.close().await;
        restored
    })?;
    if args.json {
        let all: Vec<_> = restored.iter().map(restored_json).collect();
        printer::json(&json!({ "backup": id, "mailboxes": all }))?;
    } else {
        show_mail(&restored);
    }
    for one in &restored {
        for uid in &one.damaged {
            printer::note(format!("damaged in the backup {id}: UID {uid} of {}", one.mailbox));
        }
    }
    let found = restored.iter().any(|one| one.brought > 0 || one.there > 0);
    if !found && (!args.uid.is_empty() || args.message_id.is_some()) {
        anyhow::bail!("there is no such message in the backup {id}");
    }
    let is_whole = restored.iter().all(|one| one.damaged.is_empty());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_mail(restored: &[Restored]) {
    let row = |one: &Restored| {
        [
            terminal::one_line(one.mailbox.as_str()),
            terminal::one_line(one.into.as_str()),
            one.brought.to_string(),
            one.there.to_string(),
            one.damaged.len().to_string(),
            one.bytes.to_string(),
        ]
    };
    let rows: Vec<_> = restored.iter().map(row).collect();
    let heads = ["mailbox", "into", "restored", "there", "damaged", "bytes"];
    printer::table(heads, &rows, "there is no such mail in the backup");
}

fn restored_json(one: &Restored) -> serde_json::Value {
    json!({
        "mailbox": one.mailbox.as_str(),
        "into": one.into.as_str(),
        "restored": one.brought,
        "bytes": one.bytes,
        "there": one.there,
        "damaged": one.damaged.iter().map(|uid| uid.number()).collect::<Vec<_>>(),
    })
}

fn everything(args: &Args, folder: &Path, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let repository = Repository::open(folder, Use::Read)?;
    let id = repository.meant(args.backup.as_ref())?;
    let (head, _) = repository.summary(&id)?;
    if let backup::Scope::Accounts(_) = head.scope {
        anyhow::bail!(
            "the backup {id} is of {} only: name the account with --account",
            terminal::one_line(&head.scope.words())
        );
    }
    let elsewhere = Elsewhere::of(&repository, &id)?;
    let file = std::path::absolute(config.unwrap_or(Path::new(USUAL_FILE)))?;
    let wrote_settings = !file.exists();
    if wrote_settings {
        elsewhere.put_settings(&repository, &file)?;
    }
    let installation = Installation::find(Some(&file))?;
    let bounds = Bounds::of(&file, &installation.config, &elsewhere)?;
    let mut secrets = elsewhere.put_abroad(&repository, &file, &bounds)?;
    owner::become_owner_of(&installation.config.data_dir)?;
    let orders = Orders {
        replace: args.replace,
        release_queue: args.release_queue,
        same_uids: args.same_uids,
    };
    let work = backup::install(&installation, &repository, (&id, &elsewhere), orders);
    let mut installed = runtime()?.block_on(work)?;
    secrets.append(&mut installed.secrets);
    let missing = Secrets::of(&installation.config)?.missing();
    let settings = wrote_settings.then_some(file.as_path());
    if args.json {
        printer::json(&installed_json(&installed, settings, &secrets, &missing))?;
    } else {
        show(&installed, settings, &secrets);
    }
    advise(&installed, args, head.secrets, &missing);
    Ok(if installed.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(installed: &Installed, settings: Option<&Path>, secrets: &[PathBuf]) {
    printer::line(format!(
        "restored the backup {}: {} ({}), {} of {}",
        installed.id,
        printer::count(installed.files, "file"),
        printer::size(installed.bytes),
        printer::count(installed.messages, "message"),
        printer::count(installed.accounts, "account"),
    ));
    for path in settings.into_iter().chain(secrets.iter().map(PathBuf::as_path)) {
        printer::line(format!("wrote {}", path.display()));
    }
}

/// What is to be done now.
fn advise(installed: &Installed, args: &Args, has_secrets: bool, missing: &[PathBuf]) {
    if let Some(moved) = &installed.moved_to {
        printer::note(format!(
            "what was there is in {}: remove it when it is not needed",
            moved.display()
        ));
    }
    if installed.held > 0 {
        printer::note(format!(
            "mail that waited for {} at other servers is held, because it may have been sent since: look with \
             `postrider queue list --state held`, then `postrider queue release` or `remove`",
            printer::count(installed.held, "recipient")
        ));
    }
    if !args.same_uids {
        printer::note("every mailbox has a new UIDVALIDITY: mail clients load their lists again");
    }
    if !has_secrets {
        printer::note(
            "this backup has no secrets: put your copies back before the start. Without the key of sign-ins, \
             app passwords, CRAM-MD5, DIGEST-MD5 and APOP do not work (`postrider migrate --new-key` gives them up)",
        );
    }
    for path in missing {
        printer::note(format!("missing: {}", path.display()));
    }
    for damaged in &installed.damaged {
        printer::note(format!(
            "damaged in the backup, and left out: {}",
            terminal::one_line(damaged)
        ));
    }
}

fn installed_json(
    installed: &Installed,
    settings: Option<&Path>,
    secrets: &[PathBuf],
    missing: &[PathBuf],
) -> serde_json::Value {
    json!({
        "backup": installed.id,
        "files": installed.files,
        "bytes": installed.bytes,
        "messages": installed.messages,
        "accounts": installed.accounts,
        "held": installed.held,
        "settings": settings,
        "secrets": secrets,
        "missing_secrets": missing,
        "moved_to": installed.moved_to,
        "damaged": installed.damaged,
    })
}
