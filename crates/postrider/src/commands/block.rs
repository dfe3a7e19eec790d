//! `postrider block`: who may not sign in for a while, because of wrong passwords.

use std::path::Path;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;
use sign_in::SignInRecords;

use crate::{
    installation::{Installation, runtime},
    printer, times,
};

/// Blocks: addresses and accounts with too many wrong passwords
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show what is blocked, why and until when
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Lift a block before it ends by itself
    Remove {
        /// The address, network or account, as `list` shows it
        subject: String,
    },
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let records = SignInRecords::open(&installation.config.folders().sign_ins).await?;
        match command {
            Command::List { json } => list(&records, json).await,
            Command::Remove { subject } => {
                if records.lift(&subject).await?.is_empty() {
                    bail!("{subject} is not blocked; `postrider block list` shows what is");
                }
                printer::line(format!("{subject} can sign in again"));
                Ok(())
            }
        }
    })
}

async fn list(records: &SignInRecords, as_json: bool) -> anyhow::Result<()> {
    let blocks = records.blocks(agent_kit::now()).await?;
    if as_json {
        let value = |block: &sign_in::Block| {
            json!({
                "kind": block.kind.as_str(),
                "subject": block.subject,
                "since": times::utc(block.since),
                "until": times::utc(block.until),
                "reason": block.reason,
            })
        };
        return printer::json(&blocks.iter().map(value).collect::<Vec<_>>());
    }
    let rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            [
                block.kind.as_str().to_owned(),
                block.subject.clone(),
                times::local(block.since),
                times::local(block.until),
                block.reason.clone(),
            ]
        })
        .collect();
    printer::table(["what", "which", "since", "until", "why"], &rows, "nothing is blocked");
    Ok(())
}
