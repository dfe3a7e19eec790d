//! The one task that leases and settles, and gives each account its turn.
//!
//! A lease has a part for each recipient. Parts wait by account; one task an account at a time
//! delivers all that wait for it. When every part of a lease has ended, the lease is settled, in
//! one transaction with others and with taking new ones. So a slow account delays nobody else:
//! what waits for it beyond what its task was given goes back into the queue for a while, and
//! leaves its place to others.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use agent_kit::{GRACE, Stop, now};
use mail_types::{AccountId, Lane, Outcome, QueueId, RecipientNumber, Timestamp};
use message_queue::{Consumer, Content, Lateness, Lease, LeaseRequest, Settlement};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use crate::{
    copy,
    handover::{self, Ended, Part},
    service::Shared,
    settle,
};

/// The most leases at once: the more wait, the more of them are of one account, and what is delivered
/// together costs less.
const LEASES_MAX: usize = 2048;
/// The most octets of their contents that are in memory.
const CONTENTS_MAX: u64 = 32 << 20;
/// What a lease may take of that, unless the configuration lets larger contents be rows: more is a file,
/// of which not too many may be open either.
const CONTENT_MAX: u64 = 128 << 10;
/// What each of its recipients takes: an address, what is put before the content, an outcome.
const RECIPIENT: u64 = 1 << 10;
/// Leasing fewer at a time would cost a transaction for each.
const ROOM_LEAST: usize = 64;
/// The most messages of a transaction.
const BATCH_MAX: usize = 64;
/// The pause after the queue could not be written.
const QUEUE_ILL: Duration = Duration::from_secs(2);
/// The shortest wait for the next due time: whatever the queue says, no spinning.
const WAIT_MIN: Duration = Duration::from_millis(20);

/// An account whose task takes longer is slow: something keeps its mailboxes busy.
const SLOW: Duration = Duration::from_secs(3);
/// For how long its messages go back into the queue.
const SLOW_LATER: Duration = Duration::from_secs(20);

/// What one account's task came to.
type Joined = Result<(Id, Vec<Ended>), JoinError>;

/// A lease whose parts are on their way.
struct Open {
    lease: Lease,
    ends: Vec<(RecipientNumber, Outcome)>,
    /// Those that go back untried, and until when; to their old places, if that is not said.
    later: Vec<(RecipientNumber, Option<Timestamp>)>,
}

/// An account's task.
struct Running {
    account: AccountId,
    since: Instant,
    given: Vec<Part>,
}

/// What an account's store may forget when a settlement is written.
type Forget = (AccountId, (QueueId, RecipientNumber));

pub(crate) struct Desk {
    shared: Arc<Shared>,
    consumer: Consumer,
    open: HashMap<u64, Open>,
    last: u64,
    waiting: HashMap<AccountId, VecDeque<Part>>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<Vec<Ended>>,
    settlements: Vec<Settlement>,
    forget: Vec<Forget>,
}

impl Desk {
    pub(crate) fn new(shared: Arc<Shared>, consumer: Consumer) -> Self {
        Self {
            shared,
            consumer,
            open: HashMap::new(),
            last: 0,
            waiting: HashMap::new(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            settlements: Vec::new(),
            forget: Vec::new(),
        }
    }

    /// Works until the stop; then what has begun may end.
    pub(crate) async fn work(mut self, stop: &Stop) {
        while !stop.is_asked() {
            self.give_back().await;
            // Those that wait needn't wait for the queue's disk as well.
            self.start();
            let mut at_most = self.turn().await;
            self.start();
            if !self.waiting.is_empty() {
                at_most = at_most.min(SLOW);
            }
            tokio::select! {
                () = stop.asked() => {}
                () = self.consumer.wait(at_most) => {}
                joined = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    self.take_all(joined).await;
                }
            }
        }
        let finish = async {
            while let Some(joined) = self.tasks.join_next_with_id().await {
                self.take_all(Some(joined)).await;
            }
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!("deliveries were cut off by the stop; they are repeated, and done once");
        }
        self.settle().await;
    }

    /// Settles what is done and leases what there is room for; answers how long to wait at most.
    async fn turn(&mut self) -> Duration {
        let (room, least) = self.room();
        if room < least {
            return if self.settle().await { Duration::MAX } else { QUEUE_ILL };
        }
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let request = LeaseRequest {
            leases_max: room,
            again_max: room,
            per_lane_max: room,
            except: Vec::new(),
        };
        let now = now();
        let turned = self.consumer.settle_and_lease(&mut self.settlements, &request, now).await;
        match turned {
            Ok((_, leased)) => {
                self.settled();
                for lease in leased.leases {
                    self.begin(lease).await;
                }
                if leased.paused.contains(&Lane::Local) {
                    self.withdraw().await;
                }
                if !self.settlements.is_empty() {
                    // What ended without a delivery: nothing else would wake us.
                    return WAIT_MIN;
                }
                leased.next_due.map_or(Duration::MAX, |due| due.since(now).max(WAIT_MIN))
            }
            Err(error) => {
                // The settlements stay with us, and are tried again.
                tracing::error!(%error, "the queue cannot be written");
                QUEUE_ILL
            }
        }
    }

    /// How many leases more there may be, whatever their contents will be; and how many are worth it.
    fn room(&self) -> (usize, usize) {
        let content_max = self.shared.config.queue.inline_limit.in_memory() as u64;
        let content_max = content_max.max(CONTENT_MAX);
        let held = |Open { lease, .. }: &Open| {
            let content = match lease.entry.content {
                Content::File { .. } => CONTENT_MAX,
                Content::Bytes(_) => lease.entry.content.len(),
            };
            content.saturating_add(RECIPIENT.saturating_mul(lease.recipients.len() as u64))
        };
        let held: u64 = self.open.values().map(held).sum();
        let room = CONTENTS_MAX.saturating_sub(held) / content_max;
        let all = usize::try_from(CONTENTS_MAX / content_max).unwrap_or(usize::MAX);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let room = room.min(LEASES_MAX.saturating_sub(self.open.len()));
        let room = if self.open.is_empty() { room.max(1) } else { room };
        (room, (all / 4).clamp(1, ROOM_LEAST))
    }

    async fn settle(&mut self) -> bool {
        match self.consumer.settle(&mut self.settlements, now()).await {
            Ok(_) => {
                self.settled();
                true
            }
            Err(error) => {
                tracing::error!(%error, "the queue cannot be written");
                false
            }
        }
    }

    /// The queue knows what was delivered: the store needn't remember it any longer.
    fn settled(&mut self) {
        for (account, pair) in self.forget.drain(..) {
            self.shared.store.account(account).forget([pair]);
        }
    }

    /// Gives back what waits for slow accounts.
    async fn give_back(&mut self) {
        let until = now().plus(SLOW_LATER);
        let slow: Vec<AccountId> = self
            .running
            .values()
            .filter(|running| running.since.elapsed() >= SLOW)
            .map(|running| running.account)
            .collect();
        for account in slow {
            for part in self.waiting.remove(&account).unwrap_or_default() {
                self.go_back(part, Some(until)).await;
            }
        }
    }

    /// The operator has paused all deliveries: what has not begun goes back, so that it is the
    /// operator's to hold, redirect or remove.
    async fn withdraw(&mut self) {
        for part in std::mem::take(&mut self.waiting).into_values().flatten() {
            self.go_back(part, None).await;
        }
    }

    async fn go_back(&mut self, part: Part, until: Option<Timestamp>) {
        if let Some(open) = self.open.get_mut(&part.lease) {
            open.later.push((part.recipient.number, until));
        }
        self.settle_if_ended(part.lease).await;
    }

    /// Divides a lease into its parts.
    async fn begin(&mut self, lease: Lease) {
        // RFC 2852 §4.1.3: what is late ends, or its sender is told first.
        let ends = match lease.lateness(now()) {
            Lateness::InTime => None,
            Lateness::Tell => Some(Vec::new()),
            Lateness::Over(outcome) => {
                let numbers = lease.recipients.iter().map(|recipient| recipient.number);
                Some(numbers.map(|number| (number, outcome.clone())).collect())
            }
        };
        if let Some(ends) = ends {
            self.settlements.push(settle::settlement(&self.shared, lease, ends).await);
            return;
        }
        self.last = self.last.wrapping_add(1);
        let (key, entry) = (self.last, Arc::new(lease.entry.clone()));
        let recipients = lease.recipients.clone();
        self.open.insert(key, Open { lease, ends: Vec::new(), later: Vec::new() });
        let mut nobody = Vec::new();
        for mut recipient in recipients {
            if !self.shared.config.delivery.original_to {
                copy::leave_out_original_to(&mut recipient);
            }
            let part = Part { lease: key, entry: entry.clone(), recipient, once: None };
            if part.recipient.expanded.is_some() {
                nobody.push(part.ended(handover::expanded(&part.recipient.address)));
                continue;
            }
            match self.account_of(&part).await {
                Ok(account) => self.waiting.entry(account).or_default().push_back(part),
                Err(outcome) => nobody.push(part.ended(outcome)),
            }
        }
        for ended in nobody {
            self.end(ended).await;
        }
    }

    /// Whose mailbox it is: who enqueued it usually knew.
    async fn account_of(&self, part: &Part) -> Result<AccountId, Outcome> {
        if let Some(account) = part.recipient.account {
            return Ok(account);
        }
        match self.shared.directory.account_at(&part.recipient.address).await {
            Ok(Some(account)) => Ok(account.id),
            Ok(None) => Err(handover::unknown()),
            Err(error) => {
                tracing::error!(%error, "the directory can't be read");
                Err(handover::trouble("the directory can't be read"))
            }
        }
    }

    /// Starts as many accounts' tasks as there may be.
    fn start(&mut self) {
        let max = usize::try_from(self.shared.config.delivery.concurrency).unwrap_or(1).max(1);
        let busy: Vec<AccountId> = self.running.values().map(|running| running.account).collect();
        let mut free: Vec<AccountId> =
            self.waiting.keys().filter(|account| !busy.contains(account)).copied().collect();
        // Who has waited longest comes first.
        free.sort_by_cached_key(|account| {
            self.waiting.get(account).and_then(|parts| parts.front()).map(|part| part.lease)
        });
        for account in free.into_iter().take(max.saturating_sub(busy.len())) {
            let Some(waiting) = self.waiting.get_mut(&account) else { continue };
            let given: Vec<Part> = waiting.drain(..waiting.len().min(BATCH_MAX)).collect();
            if waiting.is_empty() {
                self.waiting.remove(&account);
            }
            let delivering = handover::deliver(self.shared.clone(), account, given.clone());
            let task = self.tasks.spawn(delivering);
            self.running.insert(task.id(), Running { account, since: Instant::now(), given });
        }
    }

    /// Takes the ends of a task, and of all others that have ended by now.
    async fn take_all(&mut self, joined: Option<Joined>) {
        let mut next = joined;
        while let Some(joined) = next {
            self.take(joined).await;
            next = self.tasks.try_join_next_with_id();
        }
    }

    async fn take(&mut self, joined: Joined) {
        let (id, ended) = match joined {
            Ok((id, ended)) => (id, ended),
            Err(error) => {
                tracing::error!(%error, "a delivery broke");
                (error.id(), Vec::new())
            }
        };
        let Some(Running { given, .. }) = self.running.remove(&id) else { return };
        // What has no end, because its task broke, waits for its next attempt.
        let broken: Vec<Ended> = given
            .iter()
            .filter(|part| {
                ended
                    .iter()
                    .all(|end| (end.lease, end.number) != (part.lease, part.recipient.number))
            })
            .map(|part| part.ended(handover::trouble("the delivery was cut off")))
            .collect();
        for end in ended.into_iter().chain(broken) {
            self.end(end).await;
        }
    }

    /// Notes the end of a part.
    async fn end(&mut self, ended: Ended) {
        let Some(open) = self.open.get_mut(&ended.lease) else { return };
        open.ends.push((ended.number, ended.outcome));
        self.settle_if_ended(ended.lease).await;
    }

    /// When the last part of a lease has ended, makes its settlement.
    async fn settle_if_ended(&mut self, key: u64) {
        let Some(open) = self.open.get(&key) else { return };
        if open.ends.len().saturating_add(open.later.len()) < open.lease.recipients.len() {
            return;
        }
        let Some(Open { lease, ends, later }) = self.open.remove(&key) else { return };
        for recipient in &lease.recipients {
            // What is tried again must be known again, should its file be there already.
            let is_over = |(number, outcome): &(RecipientNumber, Outcome)| {
                *number == recipient.number && !matches!(outcome, Outcome::Deferred(_))
            };
            if let Some(account) = recipient.account
                && ends.iter().any(is_over)
            {
                self.forget.push((account, (lease.entry.id, recipient.number)));
            }
        }
        let mut settlement = settle::settlement(&self.shared, lease, ends).await;
        // About whom nothing is said, he waits as he did.
        let later = later.into_iter().filter_map(|(number, until)| Some((number, until?)));
        later.for_each(|(number, until)| settlement.later(number, until));
        self.settlements.push(settlement);
    }
}
