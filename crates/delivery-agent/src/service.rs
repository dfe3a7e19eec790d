//! The process: what its deliveries share, and its life from opening to the stop.

use std::{sync::Arc, time::Duration};

use account_usage::{Thresholds, UsagePublisher};
use agent_kit::{GRACE, Running, Surroundings, descriptors_max, now};
use anyhow::Context;
use config::Config;
use directory::Directory;
use mail_store::{MailStore, StoreOptions, open_accounts_max};
use message_queue::{Consumes, Queue, QueueOptions};
use smtp_server::watch_queue;
use stable_storage::Files;
use tokio::sync::Semaphore;

use crate::{desk, lmtp, settle, upkeep, warnings};

/// What all deliveries share.
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) queue: Queue,
    pub(crate) directory: Directory,
    pub(crate) store: MailStore,
    pub(crate) usage: UsagePublisher,
    /// How many threads may write messages at once: each holds some buffers.
    pub(crate) writing: Arc<Semaphore>,
}

/// The most threads that write messages at once.
const WRITING_MAX: usize = 8;
/// How often old events of the queue are pruned, and orphans looked for.
const MAINTENANCE: Duration = Duration::from_secs(60 * 60);

/// Delivers until the stop.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(work(surroundings))
}

async fn work(mut surroundings: Surroundings) -> anyhow::Result<()> {
    let taking = (
        surroundings.listeners.take_all(),
        surroundings.serve_options(smtp_core::reply::too_many_connections()),
        surroundings.drive_options(),
    );
    let Surroundings { config, stop, ready, reload, metrics, .. } = surroundings;
    let folders = config.folders();
    let options = QueueOptions::new(
        &folders.queue,
        config.queue.inline_limit.in_memory(),
        config.largest_message().bytes(),
        config.queue.journey_kept,
        config.queue.refusals_kept,
    );
    let queue = Queue::open(options, Files::real()).await.context("cannot open the queue")?;
    watch_queue(&metrics, &queue, Consumes::Local);
    let consumer = queue.consumer(Consumes::Local).await.context("cannot lease from the queue")?;
    let options = StoreOptions {
        removed_kept: config.storage.removed_kept,
        open_accounts_max: open_accounts_max(descriptors_max()),
        ..StoreOptions::new(&folders.mail, now)
    };
    let store = MailStore::open(options, Files::real()).await;
    let store = store.context("cannot open the mail store")?;
    let warn_at = Thresholds::new(config.storage.warn_at.iter().map(|at| at.0.into()));
    let usage = UsagePublisher::open(&folders.usage.join("usage.db"), warn_at).await;
    let shared = Arc::new(Shared {
        directory: Directory::open(&folders.directory),
        usage: usage.context("cannot open the usage of accounts")?,
        writing: Arc::new(Semaphore::new(WRITING_MAX)),
        queue,
        store,
        config,
    });
    ready.ready();
    let beside = [
        tokio::spawn(maintain(shared.queue.clone())),
        tokio::spawn(settle::end_late(shared.clone())),
        tokio::spawn(warnings::write_all(shared.clone())),
        tokio::spawn(upkeep::look_after_all(shared.clone())),
    ];
    tokio::join!(lmtp::run(shared.clone(), reload, taking), async {
        desk::Desk::new(shared.clone(), consumer).work(&stop).await;
        ready.stopping();
    });
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    if tokio::time::timeout(GRACE, shared.store.close()).await.is_err() {
        tracing::warn!("mailboxes are busy: the next process writes what was to follow");
    }
    Ok(())
}

/// Keeps the queue from growing, beside the deliveries.
async fn maintain(queue: Queue) {
    loop {
        if let Err(error) = queue.maintain(now()).await {
            tracing::error!(%error, "the queue can't be kept in order");
        }
        tokio::time::sleep(MAINTENANCE).await;
    }
}
