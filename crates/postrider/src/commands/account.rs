//! `postrider account`: who has mail here.

mod import;
pub(super) mod password;
pub(super) mod quota;
mod reach;
mod secrets;
mod sending;
mod show;
mod trace;

pub(super) use secrets::existing;
pub(super) use sending::switch;

use std::path::Path;

use clap::Subcommand;
use directory::{Account, AliasName, Kept, NewAccount, Removal};
use mail_types::{Address, Secret};
use sasl_core::{Cost, PasswordVerifier};
use serde_json::json;

use crate::{
    installation::{Installation, runtime},
    printer, random, times,
};

/// Accounts: who has mail here
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make an account; asks for its password
    Add {
        /// Its address, in one of our domains
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// Read the password from standard input (one line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show the accounts
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one account: its secrets by name, what it may send as, and its last sign-ins by device
    /// and protocol
    Show {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    #[command(subcommand)]
    AppPassword(secrets::AppPassword),
    #[command(subcommand)]
    Certificate(secrets::Certificate),
    Import(import::Args),
    /// Set a new password; sessions that rest on the old one end
    Passwd {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// Read the password from standard input (one line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let an account neither sign in nor get mail; what it has stays
    Disable {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
    },
    /// Undo disable
    Enable {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
    },
    /// Show, grant or revoke what an account may send as beside its own addresses and aliases
    SendAs {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// Let it send as this address, or as @domain
        #[arg(long, value_name = "NAME")]
        grant: Vec<AliasName>,
        /// Take such a grant back
        #[arg(long, value_name = "NAME")]
        revoke: Vec<AliasName>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    Trace(trace::Trace),
    /// Say whether submission leaves a copy of what an account sends in its Sent mailbox
    SentCopy {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// on or off
        #[arg(action = clap::ArgAction::Set, value_parser = sending::switch)]
        wanted: bool,
    },
    /// Show or set where an account's mail goes on to
    Forward {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// To whom, here or elsewhere; nobody else gets it then
        #[arg(value_parser = Address::parse)]
        targets: Vec<Address>,
        /// The account's own mailbox gets nothing
        #[arg(long, requires = "targets")]
        only: bool,
        /// Forward to nobody any more
        #[arg(long, conflicts_with = "targets")]
        stop: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let an account count as disabled from a day or time on
    Expire {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// Such as 2027-01-31, 2027-01-31T12:00 (this machine's time zone), or never
        #[arg(value_parser = reach::end)]
        end: reach::End,
    },
    /// Show or set how much mail an account may have
    Quota {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        #[command(flatten)]
        limits: quota::Limits,
        /// Count what it has anew, message by message
        #[arg(long)]
        recalculate: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an account; says what that does and asks, its mail stays on disk
    Remove {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        match command {
            Command::Add { address, password_stdin } => {
                let password = password::ask(&address, password_stdin)?;
                let account = add(&installation, address, &password).await?;
                printer::line(format!("{} has an account now", account.address));
            }
            Command::Passwd { address, password_stdin } => {
                let account = existing(&installation, &address).await?;
                let password = password::ask(&address, password_stdin)?;
                let (verifier, kept) = keep(&installation, &account.address, &password).await?;
                let (editor, now) = (installation.editor(), agent_kit::now());
                editor.set_password_keeping(&address, &verifier, &kept, now).await?;
                printer::line(format!("{address} has a new password"));
            }
            Command::Show { address, json } => {
                show::show(&installation, &address, json).await?;
            }
            Command::AppPassword(command) => {
                secrets::app_password(&installation, command).await?;
            }
            Command::Certificate(command) => secrets::certificate(&installation, command).await?,
            Command::Import(args) => import::import(&installation, &args).await?,
            Command::Disable { address } => {
                installation.editor().set_disabled(&address, true).await?;
                printer::line(format!("{address} is disabled: no sign-in, no mail"));
            }
            Command::Enable { address } => {
                installation.editor().set_disabled(&address, false).await?;
                printer::line(format!("{address} is enabled"));
            }
            Command::SendAs { address, grant, revoke, json } => {
                sending::send_as(&installation, &address, (&grant, &revoke), json).await?;
            }
            Command::SentCopy { address, wanted } => {
                sending::sent_copy(&installation, &address, wanted).await?;
            }
            Command::Trace(args) => trace::trace(&installation, &args).await?,
            Command::Forward { address, targets, only, stop, json } => {
                reach::forward(&installation, &address, (targets, stop, !only), json).await?;
            }
            Command::Expire { address, end } => {
                reach::expire(&installation, &address, end.0).await?;
            }
            Command::Quota { address, limits, recalculate, json } => {
                let wanted = (limits, recalculate);
                quota::quota(&installation, &address, wanted, json).await?;
            }
            Command::Remove { address, yes } => remove(&installation, &address, yes).await?,
            Command::List { json } => list(&installation, json).await?,
        }
        Ok(())
    })
}

/// Makes an account.
pub(crate) async fn add(
    installation: &Installation,
    address: Address,
    password: &Secret,
) -> anyhow::Result<Account> {
    let (verifier, kept) = keep(installation, &address, password).await?;
    let new = NewAccount { address, verifier, quota_bytes: None, now: agent_kit::now() };
    Ok(installation.editor().add_account_keeping(new, &kept).await?)
}

/// What is kept of a password.
async fn keep(
    installation: &Installation,
    address: &Address,
    password: &Secret,
) -> anyhow::Result<(PasswordVerifier, Kept)> {
    let key = installation.sign_in_key().await?;
    let verifier = PasswordVerifier::new(password, random::bytes()?, Cost::default())?;
    Ok((verifier, installation.recipe().keep(&key, address, None, password)?))
}

async fn remove(installation: &Installation, address: &Address, yes: bool) -> anyhow::Result<()> {
    let editor = installation.editor();
    let planned = editor.removal_of(address).await?;
    if !yes {
        printer::note(consequences(installation, &planned));
        password::confirm("remove it?")?;
    }
    let removed = editor.remove_account(address).await?;
    printer::line(consequences(installation, &removed));
    Ok(())
}

/// What the removal means, or meant.
fn consequences(installation: &Installation, removal: &Removal) -> String {
    let list =
        |names: &[AliasName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let account = &removal.account;
    let mail = installation.config.folders().mail.join(account.id.to_string());
    let mut text = format!(
        "removing {}: nobody can sign in as it, mail for it is refused; its mail stays in {}",
        account.address,
        mail.display()
    );
    if !removal.aliases_removed.is_empty() {
        text += &format!("; aliases that go with it: {}", list(&removal.aliases_removed));
    }
    if !removal.aliases_without_it.is_empty() {
        text += &format!("; aliases that stay without it: {}", list(&removal.aliases_without_it));
    }
    if !removal.forwards_ended.is_empty() {
        let names = removal.forwards_ended.iter().map(ToString::to_string);
        text += &format!("; no longer forwarded to by {}", names.collect::<Vec<_>>().join(", "));
    }
    if !removal.lists_without_it.is_empty() {
        let names = removal.lists_without_it.iter().map(ToString::to_string);
        text += &format!("; lists that it leaves: {}", names.collect::<Vec<_>>().join(", "));
    }
    text
}

/// Whether it is one that signs in and gets mail.
fn state(account: &Account) -> &'static str {
    match account {
        Account { disabled: true, .. } => "disabled",
        account if account.is_shut(agent_kit::now()) => "expired",
        _ => "enabled",
    }
}

async fn list(installation: &Installation, as_json: bool) -> anyhow::Result<()> {
    let accounts = installation.directory().accounts().await?;
    if as_json {
        let values: Vec<_> = accounts
            .iter()
            .map(|account| {
                json!({
                    "address": account.address.to_string(),
                    "id": account.id.0,
                    "disabled": account.disabled,
                    "expires": account.expires.map(times::utc),
                    "quota_bytes": account.quota_bytes,
                    "quota_messages": account.quota_messages,
                    "created": times::utc(account.created),
                })
            })
            .collect();
        return printer::json(&values);
    }
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            [
                account.address.to_string(),
                account.id.to_string(),
                state(account).to_owned(),
                times::local(account.created),
            ]
        })
        .collect();
    printer::table(
        ["account", "id", "state", "made"],
        &rows,
        "no account yet: postrider account add ADDRESS",
    );
    Ok(())
}
