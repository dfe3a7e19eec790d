//! `postrider export`: an account's mail, as files that any other program reads.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args as Arguments;
use mail_store::MailStore;
use mail_types::{Address, MailboxName};
use serde_json::json;
use stable_storage::Files;

use crate::{
    export::{self, Exported, Form},
    installation::{Installation, runtime},
    printer, terminal,
};

/// Bring an account's mail out as Maildir or mbox
///
/// Bad messages are passed over and listed: it saves what is good from a store that is not. It runs
/// beside the agents.
#[derive(Arguments)]
pub(crate) struct Args {
    /// The account
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// maildir:PATH or mbox:PATH, a folder that the owner of the data may write to
    #[arg(value_parser = form)]
    to: Form,
    /// Only this mailbox; can be given several times
    #[arg(long, value_name = "MAILBOX", value_parser = MailboxName::parse)]
    only: Vec<MailboxName>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

fn form(text: &str) -> Result<Form, String> {
    match text.split_once(':') {
        Some(("maildir", path)) => Ok(Form::Maildir(PathBuf::from(path))),
        Some(("mbox", path)) => Ok(Form::Mbox(PathBuf::from(path))),
        _ => Err("write maildir:PATH or mbox:PATH".to_owned()),
    }
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    let done = runtime()?.block_on(async {
        let account = super::account::existing(&installation, &args.address).await?;
        let store = MailStore::open(installation.store_options(), Files::real());
        let store = store.await.context("cannot open the mail store")?;
        let done = export::run(&store.account(account.id), &args.to, &args.only).await;
        store.close().await;
        done
    })?;
    if args.json {
        printer::json(&done.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        let row = |one: &Exported| {
            let skipped = one.skipped.len().to_string();
            let mailbox = terminal::one_line(&one.mailbox);
            let (messages, octets) = (one.messages.to_string(), one.octets.to_string());
            [mailbox, messages, octets, skipped, one.digests.clone().of_all()]
        };
        let rows: Vec<_> = done.iter().map(row).collect();
        printer::table(
            ["mailbox", "messages", "bytes", "skipped", "SHA-256 of all"],
            &rows,
            "there are no mailboxes",
        );
    }
    let skipped: Vec<&String> = done.iter().flat_map(|one| &one.skipped).collect();
    skipped.iter().for_each(|why| printer::note(format!("skipped: {}", terminal::one_line(why))));
    if !skipped.is_empty() {
        bail!("not all could be brought out: {} skipped", skipped.len());
    }
    Ok(())
}

fn as_json(one: &Exported) -> serde_json::Value {
    json!({
        "mailbox": one.mailbox,
        "messages": one.messages,
        "bytes": one.octets,
        "skipped": one.skipped,
        "digest": one.digests.clone().of_all(),
    })
}
