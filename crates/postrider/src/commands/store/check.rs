//! `postrider store check`, `repair` and `reindex`.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use account_usage::{Usage, UsageReader};
use clap::Args as Arguments;
use directory::Account;
use mail_store::{AccountMailboxes, Finding, MailStore, Totals};
use mail_types::Address;
use serde_json::{Value, json};

use super::accounts;
use crate::{installation::Installation, printer, terminal, usage};

/// Whoever changes a mailbox says what it holds within so long.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(1);
/// How often that is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Which accounts.
#[derive(Arguments)]
pub(crate) struct Whose {
    /// Only these accounts; all, if none is named
    #[arg(value_name = "ACCOUNT", value_parser = Address::parse)]
    accounts: Vec<Address>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Arguments)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Read every message as well, and compare it with what the index knows of it
    #[arg(long)]
    deep: bool,
}

/// Says what is wrong.
pub(super) async fn check(
    installation: &Installation,
    store: &MailStore,
    args: &Args,
) -> anyhow::Result<ExitCode> {
    let (mut all, mut wrong) = (Vec::new(), 0);
    for account in accounts(installation, store, &args.whose.accounts).await? {
        let mailboxes = store.account(account.id);
        let found = mailboxes.check(args.deep).await?;
        let published = published(installation, &mailboxes).await?;
        wrong += found.len() + usize::from(published.is_some());
        if args.whose.json {
            all.push(json!({
                "account": account.address.to_string(),
                "findings": found.iter().map(as_json).collect::<Vec<_>>(),
                "usage": published,
            }));
            continue;
        }
        found.iter().for_each(|finding| show(&account, finding, ""));
        if let Some(published) = published {
            printer::line(format!("{}: usage-differs: {published}", account.address));
        }
    }
    if args.whose.json {
        printer::json(&all)?;
    } else if wrong == 0 {
        printer::line("nothing is wrong");
    }
    Ok(exit_code(wrong == 0))
}

/// What the agents believe the account to have, if it is something else.
async fn published(
    installation: &Installation,
    mailboxes: &AccountMailboxes,
) -> anyhow::Result<Option<String>> {
    let file = installation.config.folders().usage.join("usage.db");
    let reader = UsageReader::open(&file).await?;
    // First what is known, then what is true: the account is never behind what it had published.
    let look = async || -> anyhow::Result<(Usage, Totals)> {
        let known = reader.usage(mailboxes.id()).await?.unwrap_or_default();
        Ok((known, mailboxes.totals().await?))
    };
    let (mut known, mut totals) = look().await?;
    // What changed in this moment is published in the next.
    let patience = Instant::now() + PUBLISHED_WITHIN;
    while known.version < totals.version && Instant::now() < patience {
        tokio::time::sleep(LOOK_AGAIN).await;
        (known, totals) = look().await?;
    }
    if known.volume() == totals.volume() && known.version <= totals.version {
        return Ok(None);
    }
    if known.version > totals.version {
        let ahead = "the agents believe what an index said that is lost, and nothing newer";
        return Ok(Some(ahead.to_owned()));
    }
    Ok(Some(format!(
        "the agents believe {} bytes in {} messages, it has {} in {}",
        known.octets, known.messages, totals.octets, totals.messages
    )))
}

/// Mends what is wrong, and says what that came to.
pub(super) async fn repair(
    installation: &Installation,
    store: &MailStore,
    args: &Args,
) -> anyhow::Result<ExitCode> {
    let (mut all, mut left) = (Vec::new(), 0);
    for account in accounts(installation, store, &args.whose.accounts).await? {
        let mailboxes = store.account(account.id);
        let mended = mailboxes.mend(args.deep).await?;
        usage::publish(installation, &mailboxes).await?;
        left += mended.left.len();
        if args.whose.json {
            all.push(json!({
                "account": account.address.to_string(),
                "found": mended.found.iter().map(as_json).collect::<Vec<_>>(),
                "left": mended.left.iter().map(as_json).collect::<Vec<_>>(),
                "set_aside": mended.set_aside,
            }));
            continue;
        }
        for finding in &mended.found {
            let is_left = mended.left.contains(finding);
            show(&account, finding, if is_left { " (left)" } else { " (mended)" });
        }
        for new in mended.left.iter().filter(|left| !mended.found.contains(left)) {
            show(&account, new, " (left)");
        }
        let folder = installation.config.folders().mail.join(account.id.to_string());
        for path in &mended.set_aside {
            let path = terminal::one_line(&folder.join(path).display().to_string());
            printer::line(format!("{}: set aside: {path}", account.address));
        }
    }
    if args.whose.json {
        printer::json(&all)?;
    }
    Ok(exit_code(left == 0))
}

/// Builds indexes anew.
pub(super) async fn reindex(
    installation: &Installation,
    store: &MailStore,
    whose: &Whose,
) -> anyhow::Result<ExitCode> {
    let mut all = Vec::new();
    for account in accounts(installation, store, &whose.accounts).await? {
        let mailboxes = store.account(account.id);
        mailboxes.reindex().await?;
        let usage = usage::publish(installation, &mailboxes).await?;
        if whose.json {
            let address = account.address.to_string();
            all.push(json!({ "account": address, "messages": usage.messages }));
        } else {
            let messages = usage.messages;
            printer::line(format!("{}: {messages} messages in a new index", account.address));
        }
    }
    if whose.json {
        printer::json(&all)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(account: &Account, finding: &Finding, end: &str) {
    let mailbox = finding.mailbox.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let uid = finding.uid.map_or(String::new(), |uid| format!(" UID {uid}"));
    let line =
        format!("{}:{mailbox}{uid}: {}: {}{end}", account.address, finding.trouble, finding.detail);
    printer::line(terminal::one_line(&line));
}

fn as_json(finding: &Finding) -> Value {
    json!({
        "trouble": finding.trouble.as_str(),
        "mailbox": finding.mailbox.as_ref().map(ToString::to_string),
        "uid": finding.uid.map(mail_types::Uid::number),
        "detail": finding.detail,
    })
}

fn exit_code(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
