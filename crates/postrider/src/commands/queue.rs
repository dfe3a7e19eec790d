//! `postrider queue`: what waits to be delivered.

mod selection;
mod show;

use std::path::Path;

use clap::Subcommand;
use mail_types::QueueId;
use message_queue::{
    Queue,
    operator::{Filter, State, Summary},
};

use super::account::password::confirm;
use crate::{
    installation::{Installation, runtime},
    printer, times,
};
use selection::Selection;

/// The queue: mail on its way
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show what is in the queue, and why it is still there
    List {
        #[command(flatten)]
        selection: Selection,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one message
    Show {
        /// Its queue id
        id: QueueId,
        /// Show its content instead
        #[arg(long)]
        content: bool,
        /// As JSON
        #[arg(long, conflicts_with = "content")]
        json: bool,
    },
    /// Try again now
    Retry {
        #[command(flatten)]
        selection: Selection,
    },
    /// Keep in the queue until released
    Hold {
        #[command(flatten)]
        selection: Selection,
        /// Why, for whoever looks
        #[arg(long, default_value = "held by the operator")]
        reason: String,
    },
    /// Let go on what is held or set aside
    Release {
        #[command(flatten)]
        selection: Selection,
    },
    /// Throw away; says what and asks, senders are not told
    Remove {
        #[command(flatten)]
        selection: Selection,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// So many entries are asked for at once.
const PAGE: u32 = 500;

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let queue = installation.queue().await?;
        let now = agent_kit::now();
        match command {
            Command::List { selection, json } => {
                list(&find(&queue, &selection.filters()).await?, json)?;
            }
            Command::Show { id, content: true, .. } => show::content(&queue, id).await?,
            Command::Show { id, json, .. } => show::entry(&queue, id, json).await?,
            Command::Retry { selection } => {
                let mut count = 0;
                for filter in selection.required()? {
                    count += queue.retry(&filter, now).await?;
                }
                report(count, "to be tried again now", State::Waiting)?;
            }
            Command::Hold { selection, reason } => {
                let mut count = 0;
                for filter in selection.required()? {
                    count += queue.hold(&filter, &reason, now).await?;
                }
                report(count, "held", State::Waiting)?;
            }
            Command::Release { selection } => {
                let mut count = 0;
                for filter in selection.required()? {
                    count += queue.release(&filter, now).await?;
                }
                report(count, "released", State::Held)?;
            }
            Command::Remove { selection, yes } => remove(&queue, &selection, yes).await?,
        }
        Ok(())
    })
}

/// Entries with a recipient that one of the filters means.
async fn find(queue: &Queue, filters: &[Filter]) -> anyhow::Result<Vec<Summary>> {
    let mut found: Vec<Summary> = Vec::new();
    for filter in filters {
        let mut after = None;
        loop {
            let page = queue.list(filter, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            found.extend(page);
        }
    }
    Ok(found)
}

async fn remove(queue: &Queue, selection: &Selection, yes: bool) -> anyhow::Result<()> {
    let filters = selection.required()?;
    if !yes {
        let found = find(queue, &filters).await?;
        if !found.is_empty() {
            list(&found, false)?;
            printer::note(format!(
                "what is meant of {} is thrown away; senders are not told",
                printer::count(found.len(), "message")
            ));
            confirm("remove it?")?;
        }
    }
    let mut count = 0;
    for filter in filters {
        count += queue.remove(&filter, agent_kit::now()).await?;
    }
    anyhow::ensure!(
        count > 0,
        "nothing in the queue is meant by that, or it is under way just now"
    );
    printer::line(format!("{} removed", printer::count(count, "recipient")));
    Ok(())
}

/// How many recipients; none at all is an error for scripts to see.
fn report(count: u64, done: &str, with_state: State) -> anyhow::Result<()> {
    anyhow::ensure!(
        count > 0,
        "nothing in the queue that is meant by that is {}: see postrider queue list",
        with_state.word()
    );
    printer::line(format!("{} {done}", printer::count(count, "recipient")));
    Ok(())
}

fn list(entries: &[Summary], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return printer::json(&entries.iter().map(show::value).collect::<Vec<_>>());
    }
    let mut rows = Vec::new();
    for entry in entries {
        for (index, recipient) in entry.recipients.iter().enumerate() {
            let first = |text: String| if index == 0 { text } else { String::new() };
            rows.push([
                first(entry.id.clone()),
                first(times::local(entry.queued_at)),
                first(format!("<{}>", entry.sender)),
                recipient.address.clone(),
                recipient.state.word().to_owned(),
                recipient.problem.clone().unwrap_or_default(),
            ]);
        }
    }
    let header = ["id", "queued", "from", "to", "state", "why"];
    printer::table(header, &rows, "nothing is in the queue");
    Ok(())
}
