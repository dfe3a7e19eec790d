//! Mail from other servers: taken for our own domains' existing addresses, and for nobody else.
//!
//! A refusal is said while the peer waits, so that it never becomes a bounce of ours. Nobody signs
//! in here. Whether a mailbox has room is read from what the delivery side publishes.

mod etrn;
mod own_host;
mod receiver;
mod service;

use agent_kit::Surroundings;
use message_queue::Queue;

use crate::call_forward::CallForward;

use service::Service;

/// Serves until the stop.
pub(crate) async fn run(
    mut surroundings: Surroundings,
    queue: Queue,
    call_forward: CallForward,
) -> anyhow::Result<()> {
    let service = Service::open(&surroundings, queue, call_forward).await?;
    let turned_away = smtp_core::reply::too_many_connections();
    surroundings
        .serve_all(turned_away, move |connection| {
            let service = service.clone();
            async move { service.converse(connection).await }
        })
        .await;
    Ok(())
}
