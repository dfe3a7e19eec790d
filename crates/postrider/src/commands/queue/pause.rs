//! Destinations that rest.

use anyhow::ensure;
use message_queue::{
    Queue,
    operator::{Destination, Paused},
};
use serde_json::json;

use super::why;
use crate::{printer, times};

/// Let a destination rest
#[derive(clap::Args)]
pub(crate) struct PauseArgs {
    /// A domain, or `local` for delivery to mailboxes
    #[arg(value_parser = Destination::parse, required_unless_present_any = ["all", "list"])]
    destination: Option<Destination>,
    /// All mail to other servers
    #[arg(long, conflicts_with = "destination")]
    all: bool,
    /// Show what is paused instead
    #[arg(long, conflicts_with_all = ["destination", "all", "reason"])]
    list: bool,
    /// Why, for whoever looks
    #[arg(long, default_value = "paused by the operator")]
    reason: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Let a destination go on
#[derive(clap::Args)]
pub(crate) struct ResumeArgs {
    /// A domain, or `local` for delivery to mailboxes
    #[arg(value_parser = Destination::parse, required_unless_present = "all")]
    destination: Option<Destination>,
    /// Everything that is paused
    #[arg(long, conflicts_with = "destination")]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn pause(queue: &Queue, args: &PauseArgs) -> anyhow::Result<()> {
    if args.list {
        return list(queue, args.json).await;
    }
    let destination = args.destination.clone().unwrap_or(Destination::Others);
    queue.pause(&destination, &args.reason, agent_kit::now()).await?;
    if args.json {
        return list(queue, true).await;
    }
    let paused = queue.paused().await?;
    for pause in paused.iter().filter(|pause| pause.destination == destination) {
        printer::line(why::paused_words(pause));
    }
    Ok(())
}

pub(super) async fn resume(queue: &Queue, args: &ResumeArgs) -> anyhow::Result<()> {
    let paused = queue.paused().await?.into_iter().map(|pause| pause.destination);
    let meant: Vec<Destination> = match &args.destination {
        Some(destination) => vec![destination.clone()],
        None => paused.collect(),
    };
    let mut resumed = Vec::new();
    for destination in &meant {
        if queue.resume(destination).await? {
            resumed.push(destination.to_string());
        }
    }
    ensure!(!resumed.is_empty(), "that is not paused: see postrider queue pause --list");
    if args.json {
        return printer::json(&json!({"resumed": resumed}));
    }
    for name in resumed {
        printer::line(format!("{name} goes on; what waits is tried when it is due"));
    }
    for pause in queue.paused().await? {
        printer::note(format!("still: {}", why::paused_words(&pause)));
    }
    Ok(())
}

async fn list(queue: &Queue, as_json: bool) -> anyhow::Result<()> {
    let paused = queue.paused().await?;
    if as_json {
        return printer::json(&values(&paused));
    }
    if paused.is_empty() {
        printer::note("nothing is paused");
    }
    paused.iter().for_each(|pause| printer::line(why::paused_words(pause)));
    Ok(())
}

/// For scripts.
pub(crate) fn values(paused: &[Paused]) -> Vec<serde_json::Value> {
    let value = |pause: &Paused| {
        json!({
            "destination": pause.destination.to_string(),
            "since": times::utc(pause.since),
            "reason": pause.reason,
        })
    };
    paused.iter().map(value).collect()
}
