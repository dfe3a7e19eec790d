//! The MTA: takes mail from other servers for our own people, and brings mail to other servers.
//!
//! The two halves, [`inbound`] and [`outbound`], import nothing of each other: they meet in the
//! queue. An operator may run each as a process of its own. Whether the server of a relayed domain
//! takes mail for an address is asked by [`call_forward`], over the ways that the outbound half
//! knows.

mod call_forward;
mod inbound;
mod outbound;

use agent_kit::{Half, Running, Surroundings};
use anyhow::Context as _;
use config::Config;
use message_queue::{Consumes, Queue, QueueOptions};
use smtp_server::watch_queue;
use stable_storage::Files;

use call_forward::CallForward;

/// Serves until the stop: both halves, or the one that the surroundings ask for.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(serve(surroundings))
}

async fn serve(surroundings: Surroundings) -> anyhow::Result<()> {
    let Surroundings { config, reload, stop, .. } = &surroundings;
    // One for both halves: what comes in and what goes out share their flushes.
    let queue = Queue::open(queue_options(config), Files::real());
    let queue = queue.await.context("cannot open the queue")?;
    if surroundings.only != Some(Half::Inbound) {
        watch_queue(&surroundings.metrics, &queue, Consumes::Remote);
    }
    let outbound = outbound::run(config.clone(), queue.clone(), reload.clone(), stop.clone());
    let outbound = Box::pin(outbound);
    let call_forward = CallForward::new(reload.clone(), stop.clone());
    match surroundings.only {
        Some(Half::Inbound) => inbound::run(surroundings, queue, call_forward).await,
        Some(Half::Outbound) => {
            surroundings.ready.ready();
            let ended = outbound.await;
            surroundings.ready.stopping();
            ended
        }
        // Whichever cannot go on takes the other along: a supervisor starts both again.
        None => {
            tokio::try_join!(Box::pin(inbound::run(surroundings, queue, call_forward)), outbound)
                .map(|_| ())
        }
    }
}

/// How the queue is opened.
fn queue_options(config: &Config) -> QueueOptions {
    QueueOptions::new(
        config.folders().queue,
        config.queue.inline_limit.in_memory(),
        config.largest_message().bytes(),
        config.queue.journey_kept,
        config.queue.refusals_kept,
    )
}
