//! ETRN: a server asks for the mail that was taken here for its domains (RFC 1985).
//!
//! Who may is said by the configuration, by network; the name in EHLO counts for nothing. What the
//! route of a domain holds is released, and gets one attempt; what waits there for its time is
//! tried now. What somebody else holds stays held: the operator's reasons, or a flood's, are not
//! this client's business.

use std::net::IpAddr;

use agent_kit::now;
use config::{Config, Route};
use mail_types::{Domain, Lane};
use message_queue::{
    Queue, QueueError,
    operator::{Filter, State},
};
use smtp_core::{command::Node, reply::Refusal, server::Started};

/// Starts what a client asks for, if it may (RFC 1985 §5.1).
pub(super) async fn start(
    queue: &Queue,
    config: &Config,
    client: IpAddr,
    node: &Node,
) -> Result<Started, Refusal> {
    let (domain, below) = match node {
        Node::Host(domain) => (domain, false),
        Node::Subdomains(domain) => (domain, true),
        // RFC 1985 §5.3: which queues there are is a local matter; here, there are none.
        Node::Queue(_) => return Err(Refusal::NoSuchNode),
    };
    if !config.etrn.may_ask(client, domain) {
        return Err(Refusal::NodeNotAllowed);
    }
    match summon(queue, config, domain, below).await {
        Ok(0) => Ok(Started::NothingWaits),
        Ok(messages) => {
            tracing::info!(%client, %node, messages, "asked for by ETRN");
            Ok(Started::Pending(messages))
        }
        Err(error) => {
            tracing::error!(%error, %node, "what waits for a domain cannot be started");
            Err(Refusal::Failure)
        }
    }
}

/// Lets go what waits for a domain, and with `below` for those below it. Returns how many messages
/// that were.
async fn summon(
    queue: &Queue,
    config: &Config,
    domain: &Domain,
    below: bool,
) -> Result<u64, QueueError> {
    let lanes = queue.lanes_of(domain, below).await?;
    let mut messages = 0u64;
    for lane in &lanes {
        let of = |state, reason: Option<&str>| Filter {
            lane: Some(lane.clone()),
            state: Some(state),
            reason: reason.map(str::to_owned),
            whole_reason: true,
            ..Filter::default()
        };
        let Lane::Remote(domain) = lane else { continue };
        let reason = match config.routes.to(domain) {
            Route::Hold(reason) => Some(reason.as_str()),
            _ => None,
        };
        // Counted before, since some may be gone at once.
        messages = messages.saturating_add(queue.pending(lane, reason).await?);
        if reason.is_some() {
            queue.release(&of(State::Held, reason), now()).await?;
        }
        queue.retry(&of(State::Waiting, None), now()).await?;
    }
    queue.wake(&lanes).await?;
    Ok(messages)
}
