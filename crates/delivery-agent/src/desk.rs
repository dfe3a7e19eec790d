//! The one task that leases and settles, and hands each account's messages to a task of its own.
//!
//! An account's messages never wait for another account's: what comes while its batch is under way
//! makes its next batch. A lease is settled when all of its recipients have come to an end.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use agent_kit::{GRACE, Stop, Surroundings, now};
use anyhow::Context as _;
use config::Config;
use directory::{Account, Directory};
use mail_store::{MailStore, StoreOptions};
use mail_types::{AccountId, Address, QueueId};
use message_queue::{
    Consumer, Consumes, FileInto, Lease, LeaseRequest, NewRecipient, Queue, QueueOptions,
    Settlement,
    conclude::{Ended, Policy, RouteNotification, conclude},
    report::What,
    retry,
};
use stable_storage::Files;
use tokio::task::JoinSet;

use crate::{
    batch::{self, Done, Job, Stores},
    destination,
};

/// Leases that are open at once.
const LEASES_MAX: usize = 256;
/// Messages of one account that are delivered together.
const BATCH_MAX: usize = 64;
/// The pause after the queue could not be written.
const QUEUE_ILL: Duration = Duration::from_secs(2);
/// The shortest wait for the next due time: whatever the queue says, no spinning.
const WAIT_MIN: Duration = Duration::from_millis(20);
/// How often old events are pruned.
const MAINTENANCE: Duration = Duration::from_secs(3600);

pub(crate) struct Desk {
    config: Arc<Config>,
    queue: Queue,
    consumer: Consumer,
    directory: Directory,
    stores: Stores,
    next_key: u64,
    /// Leases that wait for the end of some recipients.
    open: HashMap<u64, Open>,
    accounts: HashMap<AccountId, Waiting>,
    /// Accounts whose next batch waits for room.
    ready: VecDeque<AccountId>,
    batches: JoinSet<(AccountId, Vec<Done>)>,
    settlements: Vec<Settlement>,
}

/// A lease that is being worked on.
struct Open {
    lease: Arc<Lease>,
    /// Recipients without an outcome yet.
    missing: usize,
    ended: Vec<Ended>,
    accounts: Vec<AccountId>,
}

/// One account's messages that wait for its next batch.
struct Waiting {
    account: Account,
    jobs: VecDeque<Job>,
    under_way: bool,
}

impl Desk {
    pub(crate) async fn open(surroundings: &Surroundings) -> anyhow::Result<Self> {
        let config = surroundings.config.clone();
        let folders = config.folders();
        let mut options = QueueOptions::at(folders.queue.clone());
        options.inline_limit = config.queue.inline_limit.in_memory();
        let queue = Queue::open(options, Files::real()).await.context("cannot open the queue")?;
        let consumer =
            queue.consumer(Consumes::Local).await.context("cannot lease from the queue")?;
        let store = MailStore::open(StoreOptions::new(&folders.mail, now), Files::real())
            .await
            .context("cannot open the mail store")?;
        let usage = account_usage::UsagePublisher::open(&folders.usage.join("usage.db"))
            .await
            .context("cannot open the usage of accounts")?;
        Ok(Self {
            directory: Directory::open(&folders.directory),
            config,
            queue,
            consumer,
            stores: Stores { store, usage },
            next_key: 0,
            open: HashMap::new(),
            accounts: HashMap::new(),
            ready: VecDeque::new(),
            batches: JoinSet::new(),
            settlements: Vec::new(),
        })
    }

    pub(crate) async fn work(mut self, stop: &Stop) {
        let mut maintained = now();
        while !stop.is_asked() {
            let at_most = self.turn().await;
            self.start_batches();
            if now().since(maintained) >= MAINTENANCE {
                maintained = now();
                if let Err(error) = self.consumer.maintain(maintained).await {
                    tracing::error!(%error, "the queue's old events cannot be pruned");
                }
            }
            tokio::select! {
                () = stop.asked() => {}
                () = self.consumer.wait(at_most), if self.settlements.is_empty() => {}
                () = tokio::time::sleep(QUEUE_ILL), if !self.settlements.is_empty() => {}
                Some(joined) = self.batches.join_next() => self.take(joined).await,
            }
            while let Some(joined) = self.batches.try_join_next() {
                self.take(joined).await;
            }
        }
        self.finish().await;
    }

    /// Settles what is done and leases what there is room for. Returns how long to wait at most.
    async fn turn(&mut self) -> Duration {
        let room = u32::try_from(LEASES_MAX.saturating_sub(self.open.len())).unwrap_or(0);
        let gone = self.settled_entries();
        let turned = if room == 0 {
            self.consumer.settle(&mut self.settlements, now()).await.map(|_| None)
        } else {
            let request = LeaseRequest { leases_max: room, per_lane_max: room, except: vec![] };
            let turned = self.consumer.settle_and_lease(&mut self.settlements, &request, now());
            turned.await.map(|(_, leased)| Some(leased))
        };
        match turned {
            // The settlements stay with us, and are tried again.
            Err(error) => {
                tracing::error!(%error, "the queue cannot be written");
                QUEUE_ILL
            }
            Ok(leased) => {
                self.forget(gone);
                let Some(leased) = leased else { return Duration::MAX };
                for lease in leased.leases {
                    self.take_lease(lease).await;
                }
                leased.next_due.map_or(Duration::MAX, |due| due.since(now()).max(WAIT_MIN))
            }
        }
    }

    /// The entries that the waiting settlements end for an account.
    fn settled_entries(&self) -> Vec<(AccountId, QueueId)> {
        let entry = |settlement: &Settlement| {
            let id = settlement.lease().entry.id;
            let accounts: Vec<_> =
                settlement.lease().recipients.iter().filter_map(|r| r.account).collect();
            accounts.into_iter().map(move |account| (account, id))
        };
        self.settlements.iter().flat_map(entry).collect()
    }

    /// The store needs not know any longer what the queue won't ask about again.
    fn forget(&self, gone: Vec<(AccountId, QueueId)>) {
        let mut by_account: HashMap<AccountId, Vec<QueueId>> = HashMap::new();
        for (account, id) in gone {
            by_account.entry(account).or_default().push(id);
        }
        for (account, entries) in by_account {
            self.stores.store.account(account).forget(entries);
        }
    }

    /// Divides a lease among the accounts of its recipients.
    async fn take_lease(&mut self, lease: Lease) {
        let key = self.next_key;
        self.next_key += 1;
        let lease = Arc::new(lease);
        let mut open =
            Open { lease: lease.clone(), missing: 0, ended: Vec::new(), accounts: Vec::new() };
        for (place, recipient) in lease.recipients.iter().enumerate() {
            match destination::account(&self.directory, recipient).await {
                Ok(account) => {
                    open.missing += 1;
                    open.accounts.push(account.id);
                    self.wait_for_batch(
                        account,
                        Job { lease_key: key, lease: lease.clone(), place },
                    );
                }
                Err(outcome) => open.end(recipient.number, outcome),
            }
        }
        drop(lease);
        if open.missing == 0 {
            self.conclude(open).await;
        } else {
            self.open.insert(key, open);
        }
    }

    fn wait_for_batch(&mut self, account: Account, job: Job) {
        let id = account.id;
        let waiting = self.accounts.entry(id).or_insert_with(|| Waiting {
            account: account.clone(),
            jobs: VecDeque::new(),
            under_way: false,
        });
        waiting.account = account;
        waiting.jobs.push_back(job);
        if !waiting.under_way && !self.ready.contains(&id) {
            self.ready.push_back(id);
        }
    }

    /// Begins as many batches as there may be.
    fn start_batches(&mut self) {
        let at_once = usize::try_from(self.config.delivery.concurrency).unwrap_or(1).max(1);
        while self.batches.len() < at_once
            && let Some(id) = self.ready.pop_front()
        {
            let Some(waiting) = self.accounts.get_mut(&id) else { continue };
            let count = waiting.jobs.len().min(BATCH_MAX);
            let jobs: Vec<Job> = waiting.jobs.drain(..count).collect();
            waiting.under_way = true;
            let (stores, account) = (self.stores.clone(), waiting.account.clone());
            self.batches
                .spawn(async move { (id, batch::deliver(&stores, &account, jobs, now()).await) });
        }
    }

    /// A batch has come to its end.
    async fn take(&mut self, joined: Result<(AccountId, Vec<Done>), tokio::task::JoinError>) {
        let (id, done) = match joined {
            Ok(joined) => joined,
            Err(broken) => {
                tracing::error!(%broken, "a batch broke; its messages wait for a restart");
                return;
            }
        };
        if let Some(waiting) = self.accounts.get_mut(&id) {
            waiting.under_way = false;
            if waiting.jobs.is_empty() {
                self.accounts.remove(&id);
            } else {
                self.ready.push_back(id);
            }
        }
        for one in done {
            let Some(open) = self.open.get_mut(&one.lease_key) else { continue };
            open.missing = open.missing.saturating_sub(1);
            open.end(one.number, one.outcome);
            if open.missing == 0
                && let Some(open) = self.open.remove(&one.lease_key)
            {
                self.conclude(open).await;
            }
        }
    }

    /// All recipients of a lease have an outcome: its settlement waits for the next turn.
    async fn conclude(&mut self, open: Open) {
        let Open { lease, ended, .. } = open;
        let Some(lease) = Arc::into_inner(lease) else {
            tracing::error!("a lease is still used after its end; it waits for a restart");
            return;
        };
        let retry = &self.config.delivery.retry;
        let policy = Policy {
            schedule: retry::Schedule {
                first: retry.first_retry,
                longest: retry.max_retry,
                give_up_after: retry.give_up_after,
            },
            delay_notice_after: retry.delay_notice_after,
        };
        let routes = Routes(&self.directory);
        let host = &self.config.hostname;
        let settlement = conclude(&self.queue, lease, ended, &policy, host, now(), &routes).await;
        self.settlements.push(settlement);
    }

    /// The stop: batches that are under way may end, within the time there is.
    async fn finish(&mut self) {
        let all = async {
            while let Some(joined) = self.batches.join_next().await {
                self.take(joined).await;
            }
        };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("deliveries were cut off by the stop; they are tried again");
        }
        if let Err(error) = self.consumer.settle(&mut self.settlements, now()).await {
            tracing::error!(%error, "the last deliveries cannot be settled; the store knows them");
        }
        self.stores.store.close().await;
    }
}

impl Open {
    fn end(&mut self, number: mail_types::RecipientNumber, outcome: mail_types::Outcome) {
        self.ended.push(Ended { number, outcome, on_success: Some(What::Delivered) });
    }
}

/// Where notifications go, as the directory says.
struct Routes<'d>(&'d Directory);

impl RouteNotification for Routes<'_> {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        let route = self.0.route(to).await.map_err(|error| error.to_string())?;
        let recipient = |target: &directory::Target| NewRecipient {
            account: target.account,
            file_into: target
                .mailbox
                .clone()
                .map(|mailbox| FileInto { mailbox, flags: mail_types::FlagSet::new() }),
            ..NewRecipient::new(target.address.clone(), target.lane.clone())
        };
        Ok(route.targets().iter().map(recipient).collect())
    }
}
