//! A queue and the rules in memory, done the same to.

use std::collections::BTreeMap;

use mail_types::{
    AccountId, Lane, Outcome, Priority, QueueId, RecipientNumber, ReversePath, Timestamp,
};
use message_queue::{
    Consumer, Consumes, LeaseRequest, NewEntry, NewRecipient, Notification, Queue, Settlement,
    operator::{Destination, Filter, Journey, State, Summary, Trace},
};
use stable_storage::Files;
use testkit::{
    Random,
    memory_queue::{self as memory, Holder, MemoryQueue},
};

use super::operations::{CONSUMERS, Envelope, How, LANES, Operation, Settle, To, What, Which};
use crate::story::{self, START, address, deferred, delivered, failed};

/// Pruned before: nothing, unless the clock has gone on by this.
const JOURNEY_DAYS: u32 = 20;

pub(super) struct Both {
    folder: tempfile::TempDir,
    queues: Vec<Queue>,
    consumers: Vec<Option<Consuming>>,
    /// What consumers that are dead had leased.
    late: Vec<Pair>,
    memory: MemoryQueue,
    contents: BTreeMap<QueueId, usize>,
    now: Timestamp,
    serial: u64,
    /// The next settlement with an end is not told to the rules.
    broken: bool,
}

struct Consuming {
    real: Consumer,
    holder: Holder,
    leases: Vec<Pair>,
}

/// A lease, both times.
struct Pair {
    real: message_queue::Lease,
    memory: memory::Lease,
}

/// What differs.
pub(super) type Difference = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, real: T, memory: T) -> Difference {
    if real == memory {
        return Ok(());
    }
    // From a little before the first letter that differs.
    let (real, memory) = (format!("{real:?}"), format!("{memory:?}"));
    let equal = real.chars().zip(memory.chars()).take_while(|(a, b)| a == b).count();
    let from = |text: &str| text.chars().skip(equal.saturating_sub(200)).take(600).collect();
    let (real, memory): (String, String) = (from(&real), from(&memory));
    Err(format!("{what}:\nthe queue: {real}\nthe rules: {memory}"))
}

impl Both {
    pub(super) async fn new(broken: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(story::queue(folder.path()).await);
        let mut both = Self {
            folder,
            queues: Vec::new(),
            consumers: Vec::new(),
            late: Vec::new(),
            memory: MemoryQueue::default(),
            contents: BTreeMap::new(),
            now: START,
            serial: 0,
            broken,
        };
        both.open().await;
        both
    }

    async fn open(&mut self) {
        self.consumers = (0..CONSUMERS).map(|_| None).collect();
        self.queues.clear();
        for _ in 0..2 {
            let journey_days = JOURNEY_DAYS;
            let options = story::options(self.folder.path());
            let options = message_queue::QueueOptions { journey_days, ..options };
            self.queues.push(Queue::open(options, Files::real()).await.unwrap());
        }
    }

    pub(super) async fn perform(&mut self, operation: &Operation) -> Difference {
        match operation {
            Operation::Enqueue(envelope) => {
                let (entry, in_memory, content) = self.entry(envelope);
                let queue = &self.queues[envelope.queue];
                story::enqueue(queue, entry, &content, self.now).await.unwrap();
                self.memory.enqueue(&in_memory, self.now);
            }
            Operation::Turn { consumer, settle, lease } => {
                self.make(*consumer).await;
                let mut consuming = self.consumers[*consumer].take().unwrap();
                let mut ends = Vec::new();
                for settle in settle {
                    if !consuming.leases.is_empty() {
                        let place = settle.lease % consuming.leases.len();
                        ends.push(self.end_of(consuming.leases.remove(place), settle).await);
                    }
                }
                let lease = lease.as_ref().map(|room| LeaseRequest {
                    leases_max: room.leases_max,
                    again_max: room.again_max,
                    per_lane_max: room.per_lane_max,
                    except: (0..LANES.len() + 1)
                        .filter(|place| room.except >> place & 1 == 1)
                        .map(|place| lane_of(place.checked_sub(1)))
                        .collect(),
                });
                let turned = self.turn(*consumer, &mut consuming, ends, lease).await;
                self.consumers[*consumer] = Some(consuming);
                turned?;
            }
            Operation::SettleLate { consumer, settle } => {
                if !self.late.is_empty() {
                    let pair = self.late.remove(settle.lease % self.late.len());
                    let ends = vec![self.end_of(pair, settle).await];
                    self.make(*consumer).await;
                    let mut consuming = self.consumers[*consumer].take().unwrap();
                    let turned = self.turn(*consumer, &mut consuming, ends, None).await;
                    self.consumers[*consumer] = Some(consuming);
                    turned?;
                }
            }
            Operation::Die(consumer) => {
                if let Some(Consuming { real, holder, leases }) = self.consumers[*consumer].take() {
                    drop(real);
                    self.memory.die(holder);
                    self.late.extend(leases);
                }
            }
            Operation::Restart => {
                for Consuming { holder, leases, .. } in self.consumers.drain(..).flatten() {
                    self.memory.die(holder);
                    self.late.extend(leases);
                }
                self.open().await;
            }
            Operation::Operate(what, which) => self.operate(*what, which).await?,
            Operation::Pause(lane) => {
                let destination = destination(*lane);
                self.queues[0].pause(&destination, "a reason", self.now).await.unwrap();
                self.memory.pause(lane.map(|lane| lane_of(Some(lane))));
            }
            Operation::Resume(lane) => {
                let resumed = self.queues[1].resume(&destination(*lane)).await.unwrap();
                let lane = lane.map(|lane| lane_of(Some(lane)));
                same("was paused", resumed, self.memory.resume(lane.as_ref()))?;
            }
            Operation::Clock(seconds) => {
                self.now = Timestamp::from_millis(self.now.millis() + seconds * 1000);
            }
            Operation::Maintain => {
                let day = std::time::Duration::from_secs(86_400);
                self.queues[0].maintain(self.now).await.unwrap();
                self.memory.prune(self.now.minus(day * JOURNEY_DAYS), self.now.plus(day));
            }
        }
        Ok(())
    }

    /// What is left is leased and delivered; then nothing is there.
    pub(super) async fn end(mut self) -> Difference {
        // Far behind whatever somebody waits for.
        self.perform(&Operation::Clock(1_000_000_000)).await?;
        self.perform(&Operation::Restart).await?;
        self.perform(&Operation::Resume(None)).await?;
        for lane in 0..LANES.len() {
            self.perform(&Operation::Resume(Some(lane))).await?;
        }
        self.perform(&Operation::Operate(What::Release, Which::All)).await?;
        self.perform(&Operation::Operate(What::Retry, Which::All)).await?;
        for consumer in [0, 2] {
            loop {
                let settle =
                    |lease| Settle { lease, ends: vec![How::Delivered], notification: None };
                let leased = self.consumers[consumer].as_ref().map_or(0, |one| one.leases.len());
                let room = super::operations::Room {
                    leases_max: 9,
                    again_max: 9,
                    per_lane_max: 9,
                    except: 0,
                };
                let settle = (0..leased).map(|_| settle(0)).collect();
                self.perform(&Operation::Turn { consumer, settle, lease: Some(room) }).await?;
                if self.consumers[consumer].as_ref().unwrap().leases.is_empty() {
                    break;
                }
            }
        }
        self.compare().await?;
        let left = self.queues[0].list(&Filter::default(), None, 1000).await.unwrap();
        let files = story::spool(self.folder.path());
        match left.is_empty() && files.is_empty() {
            true => Ok(()),
            false => Err(format!("in the end there is {left:?} and {files:?}")),
        }
    }

    async fn make(&mut self, consumer: usize) {
        if self.consumers[consumer].is_none() {
            let consumes = if consumer < 2 { Consumes::Local } else { Consumes::Remote };
            let real = story::consumer(&self.queues[consumer % 2], consumes).await;
            self.serial += 1;
            let (holder, leases) = (Holder(self.serial), Vec::new());
            self.consumers[consumer] = Some(Consuming { real, holder, leases });
        }
    }

    async fn turn(
        &mut self,
        number: usize,
        consuming: &mut Consuming,
        ends: Vec<(Settlement, memory::Settlement)>,
        lease: Option<LeaseRequest>,
    ) -> Difference {
        let (mut real, mut in_memory): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        let forgotten = self.broken && in_memory.iter().any(|one| !one.ends.is_empty());
        if forgotten {
            in_memory.clear();
            self.broken = false;
        }
        let settled = |one: message_queue::Settled| (one.settled, one.superseded);
        let in_words = |one: memory::Settled| (one.settled, one.superseded);
        let Some(lease) = lease else {
            let real = settled(consuming.real.settle(&mut real, self.now).await.unwrap());
            return same("settled", real, in_words(self.memory.settle(&in_memory, self.now)));
        };
        let turned = consuming.real.settle_and_lease(&mut real, &lease, self.now).await;
        let (done, leased) = turned.unwrap();
        let request = memory::Request {
            local: number < 2,
            leases_max: lease.leases_max as usize,
            again_max: lease.again_max as usize,
            per_lane_max: lease.per_lane_max as usize,
            except: lease.except,
        };
        let (done_in_memory, leased_in_memory) =
            self.memory.settle_and_lease(&in_memory, consuming.holder, &request, self.now);
        same("settled", settled(done), in_words(done_in_memory))?;
        let sorted = |mut lanes: Vec<Lane>| {
            lanes.sort();
            lanes
        };
        same("paused", sorted(leased.paused), sorted(leased_in_memory.paused))?;
        let mut leases = leased.leases;
        let turns: Vec<(Lane, QueueId)> =
            leases.iter().map(|lease| (lease.lane.clone(), lease.entry.id)).collect();
        leases.sort_by(|a, b| (&a.lane, a.entry.id).cmp(&(&b.lane, b.entry.id)));
        let told = leases.iter().map(|lease| {
            let recipients = lease.recipients.iter().map(|one| memory::LeaseRecipient {
                number: one.number,
                attempts: one.attempts,
                problem: one.last_problem.clone(),
                delay_told: one.delay_told,
            });
            (lease.entry.id, lease.lane.clone(), recipients.collect::<Vec<_>>())
        });
        let in_memory = leased_in_memory.leases;
        let told_in_memory =
            in_memory.iter().map(|one| (one.id, one.lane.clone(), one.recipients.clone()));
        same("leased", told.collect::<Vec<_>>(), told_in_memory.collect())?;
        same("next due", leased.next_due, leased_in_memory.next_due)?;
        let place = |(lane, id): &(Lane, QueueId)| {
            let is_it = |one: &&memory::Lease| one.lane == *lane && one.id == *id;
            in_memory.iter().find(is_it).map(|lease| lease.place)
        };
        let in_turn = |two: &[(Lane, QueueId)]| place(&two[0]) <= place(&two[1]);
        for lane in turns.iter().map(|(lane, _)| lane) {
            let of_lane: Vec<_> = turns.iter().filter(|(one, _)| one == lane).cloned().collect();
            same("turns", of_lane.windows(2).all(in_turn), true)?;
        }
        for (real, memory) in leases.into_iter().zip(in_memory) {
            let content = story::octets(&real.entry.content).await;
            same("content", content.len(), self.contents[&memory.id])?;
            consuming.leases.push(Pair { real, memory });
        }
        Ok(())
    }

    async fn end_of(&mut self, pair: Pair, settle: &Settle) -> (Settlement, memory::Settlement) {
        let numbers: Vec<RecipientNumber> =
            pair.real.recipients.iter().map(|recipient| recipient.number).collect();
        let mut real = Settlement::of(pair.real);
        let mut ends = Vec::new();
        for (number, how) in numbers.into_iter().zip(settle.ends.iter().cycle()) {
            let at = |seconds: &i64| Timestamp::from_millis(self.now.millis() + seconds * 1000);
            let (outcome, next_at, delay_told): (Option<Outcome>, _, _) = match how {
                How::Unsaid => continue,
                How::Delivered => (Some(delivered()), None, false),
                How::Deferred(next, told) => {
                    (Some(deferred("not now")), next.as_ref().map(at), *told)
                }
                How::Failed => (Some(failed("never")), None, false),
                How::Later(seconds) => (None, Some(at(seconds)), false),
            };
            match (&outcome, next_at) {
                (Some(outcome), next_at) => real.recipient(number, outcome.clone(), next_at),
                (None, Some(next_at)) => real.later(number, next_at),
                (None, None) => {}
            }
            if delay_told {
                real.delay_told(number);
            }
            ends.push(memory::End { number, outcome, next_at, delay_told });
        }
        let mut notifications = Vec::new();
        if let Some(envelope) = &settle.notification {
            let (entry, in_memory, content) = self.entry(envelope);
            let mut draft = self.queues[0].draft();
            draft.write(&content).await.unwrap();
            real.notify(Notification { entry, content: draft.seal().await.unwrap() });
            notifications.push(in_memory);
        }
        (real, memory::Settlement { lease: pair.memory, ends, notifications })
    }

    async fn operate(&mut self, what: What, which: &Which) -> Difference {
        let ids: Vec<QueueId> = self.contents.keys().copied().collect();
        let (mut filter, mut in_memory) = (Filter::default(), memory::Filter::default());
        match which {
            Which::All => {}
            Which::Entry(_) if ids.is_empty() => {}
            Which::Entry(place) => {
                filter.id = Some(ids[place % ids.len()]);
                in_memory.id = filter.id;
            }
            Which::Lane(lane) => {
                filter.lane = Some(lane_of(*lane));
                in_memory.lane.clone_from(&filter.lane);
            }
            Which::Held => {
                filter.state = Some(State::Held);
                in_memory.state = Some(memory::State::Held);
            }
            Which::Address(name) => {
                filter.address = Some(format!("R{name}@A.test"));
                in_memory.address.clone_from(&filter.address);
            }
            Which::NullSender => {
                filter.sender = Some(String::new());
                in_memory.sender.clone_from(&filter.sender);
            }
        }
        let (queue, now) = (&self.queues[1], self.now);
        let (changed, operation) = match what {
            What::Retry => (queue.retry(&filter, now).await, memory::Operation::Retry),
            What::Hold => {
                let reason = "the operator's";
                let held = queue.hold(&filter, reason, now).await;
                (held, memory::Operation::Hold(reason.to_owned()))
            }
            What::Release => (queue.release(&filter, now).await, memory::Operation::Release),
            What::Remove => (queue.remove(&filter, now).await, memory::Operation::Remove),
        };
        let in_memory = self.memory.operate(&operation, &in_memory, now);
        same("recipients that were changed", changed.unwrap(), in_memory)
    }

    /// An entry of both kinds, and its content.
    fn entry(&mut self, envelope: &Envelope) -> (NewEntry, memory::NewEntry, Vec<u8>) {
        self.serial += 1;
        let bits = Random::new(self.serial).bits().to_be_bytes();
        let id = QueueId::new(self.now, [bits[0], bits[1], bits[2], bits[3]]);
        let large = if envelope.large { 2 * story::INLINE_LIMIT } else { 0 };
        let content = vec![b'x'; large + usize::try_from(self.serial).unwrap()];
        self.contents.insert(id, content.len());
        let at = |seconds: i64| Timestamp::from_millis(self.now.millis() + seconds * 1000);
        let to = |to: &To| {
            let domain = to.lane.map_or("here.test", |lane| LANES[lane]);
            NewRecipient {
                not_before: to.not_before.map(at),
                held: to.held.then(|| "from the beginning".to_owned()),
                ..NewRecipient::new(address(&format!("r{}@{domain}", to.name)), lane_of(to.lane))
            }
        };
        let recipients: Vec<NewRecipient> = envelope.recipients.iter().map(to).collect();
        let in_memory = recipients.iter().map(|recipient| memory::NewRecipient {
            address: recipient.address.to_string(),
            lane: recipient.lane.clone(),
            not_before: recipient.not_before,
            held: recipient.held.clone(),
        });
        let mut entry = story::entry(&[]);
        entry.id = Some(id);
        entry.account = envelope.account.map(AccountId);
        entry.handling.priority = Priority::new(envelope.priority).unwrap();
        if envelope.null_sender {
            entry.reverse_path = ReversePath::Null;
        }
        let in_memory = memory::NewEntry {
            id,
            sender: entry.reverse_path.to_string(),
            account: envelope.account,
            size: content.len() as u64,
            priority: envelope.priority,
            recipients: in_memory.collect(),
        };
        entry.recipients = recipients;
        (entry, in_memory, content)
    }

    /// Everything that can be seen.
    pub(super) async fn compare(&self) -> Difference {
        let queue = &self.queues[0];
        let listed = queue.list(&Filter::default(), None, 1000).await.unwrap();
        let listed: Vec<memory::Summary> = listed.into_iter().map(summary).collect();
        same("the list", listed, self.memory.list())?;
        let counts = queue.counts().await.unwrap();
        for (local, of) in [(true, counts.local), (false, counts.remote)] {
            let count = |state| self.memory.count(local, state);
            let in_memory = [memory::State::Waiting, memory::State::Leased, memory::State::Held];
            same("counts", [of.waiting, of.leased, of.held], in_memory.map(count))?;
            same("set aside", of.set_aside, 0)?;
        }
        let mut journeys = Vec::new();
        for sender in ["", "sender@there.test"] {
            let by = Trace::Address(sender.to_owned());
            journeys.extend(queue.trace(&by, 1000).await.unwrap().into_iter().map(journey));
        }
        let mut in_memory = self.memory.journeys();
        journeys.iter_mut().chain(&mut in_memory).for_each(ordered);
        journeys.sort_by_key(|journey| journey.id);
        in_memory.sort_by_key(|journey| journey.id);
        same("the journeys", journeys, in_memory)?;
        let sent = queue.sending(AccountId(7), Timestamp::from_secs(0)).await.unwrap();
        let sent: Vec<_> =
            sent.into_iter().map(|hour| (hour.hour, hour.messages, hour.recipients)).collect();
        same("what was sent", sent, self.memory.sending(7))
    }
}

fn lane_of(lane: Option<usize>) -> Lane {
    lane.map_or(Lane::Local, |lane| Lane::parse(&format!("@{}", LANES[lane])).unwrap())
}

fn destination(lane: Option<usize>) -> Destination {
    lane.map_or(Destination::Others, |lane| Destination::Lane(lane_of(Some(lane))))
}

fn summary(of: Summary) -> memory::Summary {
    let recipients = of.recipients.into_iter().map(|one| memory::Recipient {
        number: one.number,
        address: one.address,
        lane: Lane::parse(&one.lane).unwrap(),
        state: match one.state {
            State::Waiting => memory::State::Waiting,
            State::Leased => memory::State::Leased,
            State::Held => memory::State::Held,
            State::Delivered => memory::State::Delivered,
            State::Failed => memory::State::Failed,
            State::Removed => memory::State::Removed,
            State::SetAside => panic!("{} was set aside", of.id),
            State::Redirected => panic!("{} was redirected, which nobody asked for", of.id),
        },
        attempts: one.attempts,
        next_at: one.next_at,
        problem: one.problem,
    });
    memory::Summary {
        recipients: recipients.collect(),
        id: of.id.parse().unwrap(),
        queued_at: of.queued_at,
        sender: of.sender,
        account: of.account.map(|account| account.0),
        size: of.size,
    }
}

/// What happens to several recipients in one step has no order among them.
fn ordered(journey: &mut memory::Journey) {
    let steps = journey.events.chunk_by_mut(|a, b| (a.at, a.what) == (b.at, b.what));
    steps.for_each(|step| step.sort_by_key(|event| event.recipient.clone()));
}

fn journey(of: Journey) -> memory::Journey {
    let events = of.events.into_iter().map(|event| memory::Event {
        at: event.at,
        recipient: event.recipient.zip(event.address),
        what: event.what,
        detail: event.detail,
    });
    memory::Journey {
        events: events.collect(),
        id: of.id.parse().unwrap(),
        queued_at: of.queued_at,
        sender: of.sender,
    }
}
