//! `postrider store undelete`: messages that were removed come back.

use std::{process::ExitCode, time::Duration};

use clap::Args as Arguments;
use mail_store::{MailStore, RemovedMessage};
use mail_types::{Address, MailboxName, Timestamp};
use mime_core::text::decode_header;
use serde_json::json;

use crate::{installation::Installation, printer, terminal, times, usage};

/// Bring back messages that were removed from an account, as long as they are kept
///
/// They come back into their mailboxes, with their flags and dates. Which: all that the options let
/// through, one of which must be given.
#[derive(Arguments)]
pub(crate) struct Args {
    /// The account
    #[arg(value_parser = Address::parse)]
    account: Address,
    /// Only show what could be brought back
    #[arg(long)]
    list: bool,
    /// What was removed within this time, such as 2h or 3d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
    /// What was removed from this mailbox
    #[arg(long, value_parser = MailboxName::parse)]
    mailbox: Option<MailboxName>,
    /// The message with this Message-ID; can be given several times
    #[arg(long, value_name = "ID")]
    message_id: Vec<String>,
    /// Everything that is kept
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "write a duration such as 90m, 2h or 3d".to_owned())
}

impl Args {
    fn wants(&self, message: &RemovedMessage, now: Timestamp) -> bool {
        let bare = |id: &str| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
        let id = message.envelope.message_id.as_deref();
        let id = id.map(|id| bare(&String::from_utf8_lossy(id)));
        self.since.is_none_or(|since| message.removed >= now.minus(since))
            && self.mailbox.as_ref().is_none_or(|mailbox| message.mailbox == *mailbox)
            && (self.message_id.is_empty()
                || self.message_id.iter().any(|wanted| Some(bare(wanted)) == id))
    }

    fn chooses(&self) -> bool {
        self.since.is_some() || self.mailbox.is_some() || !self.message_id.is_empty() || self.all
    }
}

pub(super) async fn undelete(
    installation: &Installation,
    store: &MailStore,
    args: &Args,
) -> anyhow::Result<ExitCode> {
    if !args.list && !args.chooses() {
        anyhow::bail!("which messages? Say --since, --mailbox, --message-id or --all, or --list");
    }
    let account = crate::commands::account::existing(installation, &args.account).await?;
    let mailboxes = store.account(account.id);
    let now = agent_kit::now();
    let mut removed = mailboxes.removed().await?;
    removed.retain(|message| args.wants(message, now));
    if args.list {
        list(&removed, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let back = mailboxes.bring_back(removed).await?;
    usage::publish(installation, &mailboxes).await?;
    if args.json {
        let value = |(mailbox, uid): &(MailboxName, mail_types::Uid)| json!({ "mailbox": mailbox.to_string(), "uid": uid.number() });
        printer::json(&back.iter().map(value).collect::<Vec<_>>())?;
    } else {
        for (mailbox, uid) in &back {
            printer::line(terminal::one_line(&format!("{mailbox}: UID {uid}")));
        }
        let number = back.len();
        printer::line(format!(
            "{number} message{} brought back",
            if number == 1 { "" } else { "s" }
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(removed: &[RemovedMessage], as_json: bool) -> anyhow::Result<()> {
    let subject = |message: &RemovedMessage| {
        decode_header(message.envelope.subject.as_deref().unwrap_or_default()).trim().to_owned()
    };
    let id = |message: &RemovedMessage| {
        let id = message.envelope.message_id.as_deref();
        id.map(|id| String::from_utf8_lossy(id).trim().to_owned())
    };
    if as_json {
        let value = |message: &RemovedMessage| {
            json!({
                "mailbox": message.mailbox.to_string(),
                "uid": message.uid.map(mail_types::Uid::number),
                "removed": times::utc(message.removed),
                "received": times::utc(message.internal_date),
                "bytes": message.octets,
                "message_id": id(message),
                "subject": subject(message),
            })
        };
        return printer::json(&removed.iter().map(value).collect::<Vec<_>>());
    }
    let rows: Vec<_> = removed
        .iter()
        .map(|message| {
            [
                times::local(message.removed),
                terminal::one_line(message.mailbox.as_str()),
                message.octets.to_string(),
                terminal::one_line(&id(message).unwrap_or_default()),
                terminal::one_line(&subject(message)),
            ]
        })
        .collect();
    let heads = ["removed", "mailbox", "bytes", "message-id", "subject"];
    printer::table(heads, &rows, "nothing that could be brought back");
    Ok(())
}
