//! Messages that go to somebody else than they were for.

use anyhow::{Context, bail};
use directory::{Occasion, Route};
use mail_types::{Address, ReversePath};
use message_queue::{NewRecipient, Queue};

use super::{Selection, Touch, change};
use crate::installation::Installation;

/// Give to somebody else instead
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Who gets the messages instead: an address of ours or of anybody
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse)]
    deliver_to: Address,
    #[command(flatten)]
    touch: Touch,
}

pub(super) async fn run(
    installation: &Installation,
    queue: &Queue,
    args: &Args,
) -> anyhow::Result<()> {
    let filters = args.selection.required()?;
    let to = &args.deliver_to;
    let targets = targets(installation, to).await?;
    let missing = args.selection.missing(queue).await?;
    if args.touch.dry_run {
        change::dry_run(queue, &filters).await?;
        return change::all_there(&missing);
    }
    let fate = format!("goes to {to} instead; senders are not told");
    change::agreed(queue, &filters, args.touch, &fate, "redirect it?").await?;
    let (mut count, now) = (0_u64, agent_kit::now());
    for filter in &filters {
        let changed = queue.redirect(filter, &to.to_string(), &targets, now).await?;
        count = count.saturating_add(changed);
    }
    let done = format!("redirected to {to}");
    change::report(count, &done, "still waiting, held or set aside", args.touch)?;
    change::all_there(&missing)
}

/// Where an address leads, as for any message.
async fn targets(installation: &Installation, to: &Address) -> anyhow::Result<Vec<NewRecipient>> {
    let occasion = Occasion::message(&ReversePath::Null, agent_kit::now());
    let route = installation.directory().route(to, occasion).await;
    let targets = match route.with_context(|| format!("cannot tell where {to} leads"))? {
        Route::Refused(why) => bail!("nobody would get it: {why} ({to})"),
        Route::Ours(targets) => targets,
        Route::Elsewhere(target) => vec![target],
    };
    Ok(targets.into_iter().map(smtp_server::recipient).collect())
}
