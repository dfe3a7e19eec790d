//! The MTA: takes mail from other servers for our own people, and brings mail to other servers.
//!
//! The two halves, [`inbound`] and [`outbound`], import nothing of each other: they meet in the
//! queue. An operator may run each as a process of its own.

mod inbound;
mod outbound;

use agent_kit::{Half, Running, Surroundings};
use config::Config;
use message_queue::QueueOptions;

/// Serves until the stop: both halves, or the one that the surroundings ask for.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(serve(surroundings))
}

async fn serve(surroundings: Surroundings) -> anyhow::Result<()> {
    let Surroundings { config, reload, stop, .. } = &surroundings;
    let outbound = Box::pin(outbound::run(config.clone(), reload.clone(), stop.clone()));
    match surroundings.only {
        Some(Half::Inbound) => inbound::run(surroundings).await,
        Some(Half::Outbound) => {
            surroundings.ready.ready();
            let ended = outbound.await;
            surroundings.ready.stopping();
            ended
        }
        // Whichever cannot go on takes the other along: a supervisor starts both again.
        None => tokio::try_join!(Box::pin(inbound::run(surroundings)), outbound).map(|_| ()),
    }
}

/// How either half opens the queue.
fn queue_options(config: &Config) -> QueueOptions {
    QueueOptions::new(
        config.folders().queue,
        config.queue.inline_limit.in_memory(),
        config.largest_message().bytes(),
        config.queue.journey_kept,
        config.queue.refusals_kept,
    )
}
