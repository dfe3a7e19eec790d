//! Mail to other servers: leased from the queue, brought to the hosts that take it, settled.
//!
//! One task leases and settles ([`desk`]); each conversation with a destination is a task of its own,
//! and [`schedule`] says how many there may be. What a message comes to is written by the settlement
//! and nowhere else: if this process dies, its leases are free, and what was under way is tried
//! again by the next one. Stopping means to finish the message that is on the wire, and to leave the rest.
//!
//! It does not know the other half of this agent: they meet in the queue.

mod blocked;
mod carry;
mod content;
mod courier;
mod desk;
mod destination;
mod ground;
mod plan;
mod policy;
mod schedule;
mod search;
mod settle;
#[cfg(test)]
mod simulation;
mod ways;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_kit::{Reload, Stop};
use anyhow::Context as _;
use config::Config;
use directory::Directory;
use message_queue::{
    Consumer, Consumes, Queue, Settlement, conclude::Policy, operator::Filter, report::Notices,
    retry,
};
use mime_core::report::Language;
use smtp_client::{Client, ClientOptions};
use tokio::sync::{Notify, mpsc};

use desk::Desk;
use plan::Plan;
use policy::Policies;
use schedule::{Limits, Schedule};
use work::Work;

pub(crate) use ways::{Ways, authorities};

/// What goes which way, and with whom.
type Plans = Schedule<Work, Arc<Plan>>;

/// What all conversations share.
struct Shared {
    config: Arc<Config>,
    reload: Reload,
    queue: Queue,
    directory: Directory,
    ways: Ways,
    client: Client,
    schedule: Mutex<Plans>,
    /// For those who rest: something has happened.
    news: Notify,
    finished: mpsc::UnboundedSender<Finished>,
    stop: Stop,
}

/// A lease that has come to its end.
struct Finished {
    settlement: Settlement,
    /// To be held then, for this reason.
    hold: Option<(Filter, String)>,
}

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Plans> {
        // Its methods leave it whole, whoever panics elsewhere.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn policy(&self) -> Policy {
        let config = self.reload.current();
        let retry = &config.relay.outbound.retry;
        Policy {
            schedule: retry::Schedule {
                first: retry.first_retry,
                factor: retry.factor,
                longest: retry.max_retry,
                give_up_after: retry.give_up_after,
            },
            delay_notice_after: retry.delay_notice_after,
            notices: Notices {
                languages: Language::named(config.notices.language.as_str()),
                double_bounces: config.notices.double_bounces,
            },
        }
    }
}

/// Brings mail out until the stop.
pub(crate) async fn run(
    config: Arc<Config>,
    queue: Queue,
    reload: Reload,
    stop: Stop,
) -> anyhow::Result<()> {
    let (shared, consumer, done) = open(config, queue, reload, stop).await?;
    let policies = shared.ways.policies.clone();
    let late = tokio::spawn(settle::end_late(shared.clone()));
    let kept = tokio::spawn(policies.clone().keep(shared.stop.clone()));
    Desk::new(shared, consumer, done).work().await;
    // What the last conversations came to is counted as well.
    let _ = tokio::join!(kept, late);
    policies.write().await;
    Ok(())
}

/// What the desk works with.
async fn open(
    config: Arc<Config>,
    queue: Queue,
    reload: Reload,
    stop: Stop,
) -> anyhow::Result<(Arc<Shared>, Consumer, mpsc::UnboundedReceiver<Finished>)> {
    let consumer = queue.consumer(Consumes::Remote).await.context("cannot lease from the queue")?;
    let (finished, done) = mpsc::unbounded_channel();
    let outbound = &config.relay.outbound;
    let limits = limits(&config)?;
    // Which of several equal hosts comes first is no secret.
    let seed = getrandom::u64().unwrap_or(0);
    let mut client =
        ClientOptions::new(config.hostname.clone(), outbound.connect_timeout, stop.clone());
    client.roots = authorities(&config);
    let (connects, heard) = mpsc::unbounded_channel();
    client.connects = Some(connects);
    // It ends when the client is gone.
    tokio::spawn(blocked::watch(heard, queue.clone(), reload.clone(), outbound.port));
    let resolver = ways::resolver(&config);
    let policies = Policies::open(reload.clone(), resolver.clone(), client.roots.as_ref(), &stop)?;
    let shared = Shared {
        directory: Directory::open(&config.folders().directory),
        ways: Ways { reload: reload.clone(), resolver, policies: Arc::new(policies) },
        client: Client::new(client).context("TLS cannot be used towards other servers")?,
        schedule: Mutex::new(Schedule::new(limits, seed)),
        news: Notify::new(),
        queue,
        finished,
        reload,
        stop,
        config,
    };
    Ok((Arc::new(shared), consumer, done))
}

fn limits(config: &Config) -> anyhow::Result<Limits> {
    let outbound = &config.relay.outbound;
    let total = usize::try_from(outbound.concurrency)?;
    let limits = Limits::new(total, usize::try_from(outbound.concurrency_per_host)?);
    // Who wants messages tried again sooner than hosts would be asked means the hosts as well.
    let (first, longest) = limits.rest;
    let rest = (first.min(outbound.retry.first_retry), longest.min(outbound.retry.max_retry));
    Ok(Limits { rest, ..limits })
}
