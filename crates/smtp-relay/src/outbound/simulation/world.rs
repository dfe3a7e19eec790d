//! A simulation's days: what happens when, and the desk that leases and settles.
//!
//! One thread, one step after the other; the clock jumps to whatever is next. The desk does as the
//! agent's does, on the rules of the queue in memory. A crash takes everything but those, before or
//! behind a transaction or anywhere between two steps.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mail_types::{
    BodyKind, Handling, Lane, Notify, Outcome, Priority, QueueId, RecipientNumber, ReversePath,
    Timestamp,
};
use message_queue::{
    Content, Lease, LeaseEntry, LeaseRecipient, Origin,
    conclude::{Judged, Policy, judge_all},
    report::{To, What},
};
use testkit::{
    Random,
    memory_queue::{self as memory, Holder, MemoryQueue},
};

use super::{
    super::{
        QUEUE_ILL, WAIT_MIN, courier, postpone,
        schedule::{Errand, Start},
        search,
        work::Work,
    },
    Done, Fault, Ground as _, HEAL_MS, Surroundings,
    ledger::End,
    network::{Dns, Network},
};

const HOUR: u64 = 3_600_000;
/// However quiet it is, the desk looks again after this time.
const LOOK_AGAIN: u64 = 60_000;
/// How long somebody whose hosts are well may wait for mail, in ms, if nothing happens to us: one
/// vain wait for a host that does not answer.
const PROMPT_MS: u64 = 31_000;
/// More steps than any days have.
const STEPS_MAX: u64 = 300_000;

/// What happens to us.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Mail,
    /// For one at the domain of this number.
    MailTo(usize),
    Crash,
    /// At the next transaction: before it is committed, or behind.
    CrashAtCommit {
        committed: bool,
    },
    Jump(i64),
    /// The queue can't be written for so long.
    Ill(u64),
    Pause(Option<Lane>),
    Resume(Option<Lane>),
    /// The operator lets everything be tried.
    Retry,
}

/// What the queue knows of an entry beside its rules.
struct Envelope {
    queued_at: Timestamp,
    reverse_path: ReversePath,
    priority: i8,
    recipients: Vec<(mail_types::Address, Notify)>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    wake: u64,
    for_news: bool,
    news: u64,
}

/// A settlement that is to be written, and what it means to those concerned.
struct Settling {
    settlement: memory::Settlement,
    ends: Vec<(String, bool)>,
    failures_told: Vec<String>,
    delays_told: Vec<String>,
    notifications: Vec<Envelope>,
}

/// What days have brought.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lived {
    /// Messages that were answered for.
    pub(super) messages: u64,
    /// How long somebody has waited whose hosts are well, in ms.
    pub(super) longest: u64,
}

pub(super) struct World {
    ground: Arc<Surroundings>,
    store: MemoryQueue,
    holder: Holder,
    envelopes: BTreeMap<QueueId, Envelope>,
    leases: BTreeMap<(QueueId, Lane), memory::Lease>,
    settling: Vec<Settling>,
    tasks: Vec<Task>,
    searches: Vec<(u64, Errand)>,
    events: VecDeque<(u64, Event)>,
    desk_at: u64,
    ill_until: u64,
    dying: Option<bool>,
    /// When something happened to us.
    disturbed: Vec<u64>,
    random: Random,
    serial: u64,
    fault: Option<Fault>,
    policy: Policy,
    told: bool,
    /// How long those have waited whose hosts are well, in ms.
    longest: u64,
    wrong: Vec<String>,
}

impl World {
    /// Days that follow from a seed.
    pub(super) fn new(seed: u64, fault: Option<Fault>, told: bool) -> Self {
        let network = Network::new(seed);
        let events = events(&mut Random::new(!seed), &network);
        Self::of(network, events, seed, fault, told)
    }

    /// Days of this network, with these events in their order.
    pub(super) fn of(
        network: Network,
        events: Vec<(u64, Event)>,
        seed: u64,
        fault: Option<Fault>,
        told: bool,
    ) -> Self {
        let ground = Arc::new(Surroundings::new(network, seed, fault));
        for domain in ground.network().domains.iter().filter(|domain| domain.is_dead) {
            ground.ledger().gone.insert(domain.name.to_string());
        }
        Self {
            ground,
            store: MemoryQueue::default(),
            holder: Holder(1),
            envelopes: BTreeMap::new(),
            leases: BTreeMap::new(),
            settling: Vec::new(),
            tasks: Vec::new(),
            searches: Vec::new(),
            events: events.into(),
            desk_at: 0,
            ill_until: 0,
            dying: None,
            disturbed: Vec::new(),
            random: Random::new(seed),
            serial: 0,
            fault,
            policy: super::policy(),
            told,
            longest: 0,
            wrong: Vec::new(),
        }
    }

    /// Lives through it all. Returns how many messages were answered for, or what was wrong.
    pub(super) fn live(mut self) -> Result<Lived, Vec<String>> {
        let mut steps = 0;
        loop {
            steps += 1;
            if steps > STEPS_MAX {
                self.wrong.push("it never comes to an end".to_owned());
                break;
            }
            let mut busy = self.events_due();
            busy |= self.searches_due();
            busy |= self.tasks_due();
            self.take();
            if busy || !self.settling.is_empty() || self.ground.clock.at() >= self.desk_at {
                self.turn();
                self.start();
            }
            let Some(next) = self.next() else { break };
            self.ground.clock.go_on(next);
        }
        for left in self.store.list() {
            self.wrong.push(format!("left: {left:?}"));
        }
        let mut ledger = self.ground.ledger();
        ledger.close();
        self.wrong.append(&mut ledger.wrong);
        let lived = Lived { messages: ledger.messages, longest: self.longest };
        drop(ledger);
        if self.wrong.is_empty() { Ok(lived) } else { Err(self.wrong) }
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.told {
            let at = Duration::from_millis(self.ground.clock.at());
            eprintln!("{at:>12.3?} {}", what());
        }
    }

    /// When something is next.
    fn next(&self) -> Option<u64> {
        let (at, news) = (self.ground.clock.at(), self.ground.clock.news());
        let of_task = |task: &Task| if task.for_news && task.news != news { at } else { task.wake };
        let tasks = self.tasks.iter().map(of_task);
        let searches = self.searches.iter().map(|(at, _)| *at);
        let event = self.events.front().map(|(at, _)| *at);
        let next = tasks.chain(searches).chain(event).chain([self.desk_at]).min()?;
        (next < u64::MAX).then_some(next)
    }

    fn events_due(&mut self) -> bool {
        let at = self.ground.clock.at();
        let mut any = false;
        while self.events.front().is_some_and(|(when, _)| *when <= at) {
            let Some((_, event)) = self.events.pop_front() else { break };
            self.say(|| format!("{event:?}"));
            any = true;
            if !matches!(event, Event::Mail | Event::MailTo(_) | Event::Retry) {
                self.disturbed.push(at);
            }
            match event {
                Event::Mail => self.mail(),
                Event::MailTo(domain) => self.mail_to(domain),
                Event::Crash => self.crash(),
                Event::CrashAtCommit { committed } => self.dying = Some(committed),
                Event::Jump(millis) => {
                    self.ground.clock.jump(millis);
                    self.desk_at = self.desk_at.min(at + LOOK_AGAIN);
                }
                Event::Ill(millis) => {
                    self.ill_until = at + millis;
                    self.disturbed.push(self.ill_until);
                }
                Event::Pause(lane) => self.store.pause(lane),
                Event::Resume(lane) => drop(self.store.resume(lane.as_ref())),
                Event::Retry => {
                    let (all, now) = (memory::Filter::default(), self.ground.now());
                    self.store.operate(&memory::Operation::Retry, &all, now);
                }
            }
        }
        any
    }

    /// Everything but the queue is lost.
    fn crash(&mut self) {
        self.say(|| "a crash".to_owned());
        self.tasks.clear();
        self.searches.clear();
        self.settling.clear();
        self.leases.clear();
        self.ground.restart();
        self.store.die(self.holder);
        self.holder = Holder(self.holder.0 + 1);
        self.dying = None;
        self.desk_at = self.ground.clock.at();
        self.disturbed.push(self.desk_at);
    }

    /// Somebody hands a message in.
    fn mail(&mut self) {
        let reverse_path = match self.random.below(10) {
            0 => ReversePath::Null,
            1..4 => sender(&self.domain()),
            _ => sender("here.test"),
        };
        let mut recipients = Vec::new();
        let mut to = self.domain();
        for number in 0..1 + self.random.below(6) {
            if self.random.percent(60) {
                to = self.domain();
            }
            let name = if self.random.percent(4) { "nobody" } else { "r" };
            let notify = match self.random.below(10) {
                0 => Notify::NEVER,
                1 => Notify { success: true, failure: true, delay: true },
                _ => Notify::DEFAULT,
            };
            recipients.push((format!("{name}{number}.{}@{to}", self.serial), notify));
        }
        let priority = if self.random.percent(80) { 0 } else { [-4, 3, 9][self.random.place(3)] };
        self.hand_in(reverse_path, priority, recipients);
    }

    fn mail_to(&mut self, domain: usize) {
        let domain = self.ground.network().domains[domain].name.to_string();
        let recipient = (format!("r{}@{domain}", self.serial), Notify::DEFAULT);
        self.hand_in(sender("here.test"), 0, vec![recipient]);
    }

    fn domain(&mut self) -> String {
        let network = self.ground.network();
        let place = self.random.place(network.domains.len());
        network.domains[place].name.to_string()
    }

    fn hand_in(
        &mut self,
        reverse_path: ReversePath,
        priority: i8,
        recipients: Vec<(String, Notify)>,
    ) {
        let (now, at) = (self.ground.now(), self.ground.clock.at());
        let id = self.id(now);
        for (address, notify) in &recipients {
            let tell = reverse_path != ReversePath::Null && notify.failure;
            self.ground.ledger().accepted(address, tell, at);
        }
        let recipients = recipients.into_iter().map(|(to, notify)| (to.parse().unwrap(), notify));
        let recipients = recipients.collect();
        let envelope = Envelope { queued_at: now, reverse_path, priority, recipients };
        self.store.enqueue(&entry(id, &envelope), now);
        self.say(|| {
            format!("{id} from {} to {}", envelope.reverse_path, envelope.recipients.len())
        });
        self.envelopes.insert(id, envelope);
    }

    fn id(&mut self, now: Timestamp) -> QueueId {
        self.serial += 1;
        let bits = Random::new(self.serial).bits().to_be_bytes();
        QueueId::new(now, [bits[0], bits[1], bits[2], bits[3]])
    }

    fn searches_due(&mut self) -> bool {
        let at = self.ground.clock.at();
        let due: Vec<Errand> = self
            .searches
            .extract_if(.., |(when, _)| *when <= at)
            .map(|(_, errand)| errand)
            .collect();
        for errand in &due {
            let Lane::Remote(domain) = &errand.lane else { continue };
            let (dns, plan) = self.ground.network().find(domain, at);
            let now = self.ground.now();
            if dns == Dns::Answers {
                self.ground.schedule().found(errand, plan.way(), Arc::new(plan), now);
                continue;
            }
            let problem = super::no_way(dns);
            self.say(|| format!("{domain}: {problem}"));
            if dns == Dns::Denies {
                self.ground.ledger().gone.insert(domain.to_string());
            }
            let mail = self.ground.schedule().nowhere(errand, true);
            let ground = self.ground.clone();
            self.spawn(async move {
                search::end(&*ground, mail, &search::outcome_of(problem)).await;
            });
        }
        !due.is_empty()
    }

    fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        let (wake, for_news, news) = (self.ground.clock.at(), false, 0);
        self.tasks.push(Task { future: Box::pin(future), wake, for_news, news });
    }

    /// Goes on with those whose time has come. Whether one has ended.
    fn tasks_due(&mut self) -> bool {
        let clock = &self.ground.clock;
        let before = self.tasks.len();
        let mut context = Context::from_waker(Waker::noop());
        self.tasks.retain_mut(|task| {
            let heard = task.for_news && task.news != clock.news();
            if !heard && clock.at() < task.wake {
                return true;
            }
            task.news = clock.news();
            match task.future.as_mut().poll(&mut context) {
                Poll::Ready(()) => false,
                Poll::Pending => {
                    (task.wake, task.for_news) = clock.wanted();
                    assert!(task.wake < u64::MAX, "a conversation waits for nothing");
                    true
                }
            }
        });
        self.tasks.len() < before
    }

    /// Makes settlements of what has come to its end.
    fn take(&mut self) {
        for done in self.ground.take_finished() {
            let Done { lease, ends, now } = done;
            let key = (lease.entry.id, lease.lane.clone());
            let Some(of_queue) = self.leases.remove(&key) else {
                self.wrong.push(format!("the lease of {key:?} comes back, and nobody has it"));
                continue;
            };
            let settling = self.judged(&lease, of_queue, ends, now);
            self.settling.push(settling);
        }
    }

    fn judged(
        &mut self,
        lease: &Lease,
        of_queue: memory::Lease,
        ends: Vec<message_queue::conclude::Ended>,
        now: Timestamp,
    ) -> Settling {
        let Judged { verdicts, due, .. } = judge_all(lease, ends, &self.policy, now);
        let of = |number: RecipientNumber| {
            lease.recipients.iter().find(|recipient| recipient.number == number).unwrap()
        };
        let delayed: Vec<RecipientNumber> = due.iter().flat_map(|due| due.delayed()).collect();
        let mut settling = Settling {
            settlement: memory::Settlement {
                lease: of_queue,
                ends: Vec::new(),
                notifications: Vec::new(),
            },
            ends: Vec::new(),
            failures_told: Vec::new(),
            delays_told: delayed.iter().map(|one| of(*one).address.to_string()).collect(),
            notifications: Vec::new(),
        };
        for (number, verdict) in &verdicts {
            let recipient = of(*number);
            let address = recipient.address.to_string();
            self.say(|| format!("{address}: {:?} {:?}", verdict.outcome, verdict.next_at));
            match &verdict.outcome {
                Outcome::Delivered { .. } => settling.ends.push((address.clone(), true)),
                Outcome::Failed(_) => settling.ends.push((address.clone(), false)),
                Outcome::Deferred(_) => {}
            }
            let to = recipient.reverse_path.address().cloned().map(To::Sender);
            let told = due.iter().any(|due| Some(&due.to) == to.as_ref());
            if verdict.what == Some(What::Failed) && recipient.notify.failure && told {
                settling.failures_told.push(address);
            }
            settling.settlement.ends.push(memory::End {
                number: *number,
                outcome: Some(verdict.outcome.clone()),
                next_at: verdict.next_at,
                delay_told: delayed.contains(number),
            });
        }
        for due in due {
            let id = self.id(now);
            let domain = match &due.to {
                To::Sender(address) => address.domain().as_str(),
                To::Postmaster => "here.test",
            };
            let address = format!("dsn{}@{domain}", self.serial).parse().unwrap();
            let envelope = Envelope {
                queued_at: now,
                reverse_path: ReversePath::Null,
                priority: 0,
                recipients: vec![(address, Notify::DEFAULT)],
            };
            settling.settlement.notifications.push(entry(id, &envelope));
            settling.notifications.push(envelope);
        }
        settling
    }

    /// Settles what is done, and leases what there is room for.
    fn turn(&mut self) {
        let (at, now) = (self.ground.clock.at(), self.ground.now());
        if at < self.ill_until {
            self.desk_at = at + u64::try_from(QUEUE_ILL.as_millis()).unwrap();
            return;
        }
        if self.dying == Some(false) {
            return self.crash();
        }
        let room = self.ground.schedule().request(now);
        let mut settling = std::mem::take(&mut self.settling);
        // When no crash comes any more, which would mend it.
        let forgets = self.fault == Some(Fault::LostSettlement) && at > HEAL_MS;
        if forgets && settling.pop().is_some() {
            self.fault = None;
        }
        let settlements: Vec<memory::Settlement> =
            settling.iter().map(|one| one.settlement.clone()).collect();
        let settled = self.store.settle(&settlements, now);
        if settled.superseded > 0 {
            self.wrong.push(format!("{} recipients are somebody else's", settled.superseded));
        }
        settling.into_iter().for_each(|one| self.settled(one, at));
        self.deliver_locally(at, now);
        let Some(room) = room else {
            self.desk_at = at + LOOK_AGAIN;
            return;
        };
        let request = memory::Request {
            local: false,
            leases_max: room.leases,
            again_max: room.again,
            per_lane_max: room.per_lane,
            except: room.except,
        };
        let leased = self.store.lease(self.holder, &request, now);
        if self.dying == Some(true) {
            return self.crash();
        }
        for lease in leased.leases {
            self.leased(lease, now);
        }
        for lane in leased.paused {
            for (lease, ends) in
                self.ground.schedule().withdraw(&lane).into_iter().flat_map(Work::into_ends)
            {
                self.ground.push_finished(Done { lease, ends, now });
            }
        }
        let due = leased.next_due.map_or(u64::MAX, |due| {
            at + u64::try_from(due.since(now).max(WAIT_MIN).as_millis()).unwrap()
        });
        let blind = !request.except.is_empty();
        self.desk_at = if blind { due.min(at + LOOK_AGAIN) } else { due };
    }

    fn leased(&mut self, lease: memory::Lease, now: Timestamp) {
        let errand = Errand::of(lease.lane.clone());
        let mut again = self.fault == Some(Fault::DoubleLease);
        loop {
            let imagined = self.imagined(&lease);
            let work = Work::of(errand.clone(), imagined);
            self.ground.schedule().leased(errand.clone(), work, now);
            if !std::mem::take(&mut again) {
                break;
            }
            self.fault = None;
        }
        self.leases.insert((lease.id, lease.lane.clone()), lease);
    }

    fn imagined(&self, lease: &memory::Lease) -> Lease {
        let envelope = &self.envelopes[&lease.id];
        let recipients = lease.recipients.iter().map(|one| {
            let (address, notify) = &envelope.recipients[one.number.0 as usize];
            let of = (&envelope.reverse_path, envelope.queued_at);
            LeaseRecipient {
                attempts: one.attempts,
                last_problem: one.problem.clone(),
                delay_told: one.delay_told,
                ..super::recipient(one.number, address, *notify, of)
            }
        });
        let entry = LeaseEntry {
            id: lease.id,
            queued_at: envelope.queued_at,
            reverse_path: envelope.reverse_path.clone(),
            account: None,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
            handling: Handling {
                priority: Priority::new(envelope.priority).unwrap(),
                ..Handling::default()
            },
            origin: Origin::default(),
            message_id: None,
            content: Content::Bytes(b"Subject: days\r\n\r\n.\r\nthat pass\r\n".as_slice().into()),
        };
        Lease::imagined(entry, lease.lane.clone(), recipients.collect())
    }

    /// A settlement is committed.
    fn settled(&mut self, settling: Settling, at: u64) {
        let mut ledger = self.ground.ledger();
        for (address, delivered) in settling.ends {
            ledger.ended(&address, if delivered { End::Delivered(at) } else { End::Failed });
            let fate = &ledger.fates[&address];
            let since = fate.queued_at.saturating_sub(LOOK_AGAIN);
            let calm = !self.disturbed.iter().any(|when| (since..=at).contains(when));
            let waited = at - fate.queued_at;
            if calm && delivered && address.contains("@well") {
                self.longest = self.longest.max(waited);
                if waited > PROMPT_MS {
                    self.wrong.push(format!("{address} has waited for {} s", waited / 1000));
                }
            }
        }
        for address in settling.failures_told {
            ledger.fates.get_mut(&address).unwrap().told_failed += 1;
        }
        for address in settling.delays_told {
            ledger.fates.get_mut(&address).unwrap().told_late += 1;
        }
        for (new, envelope) in settling.settlement.notifications.iter().zip(settling.notifications)
        {
            for (address, _) in &envelope.recipients {
                ledger.accepted(&address.to_string(), false, at);
            }
            self.envelopes.insert(new.id, envelope);
        }
    }

    /// What is ours is in its mailbox at once.
    fn deliver_locally(&mut self, at: u64, now: Timestamp) {
        let request = memory::Request {
            local: true,
            leases_max: 100,
            again_max: 100,
            per_lane_max: 100,
            except: Vec::new(),
        };
        for lease in self.store.lease(Holder(0), &request, now).leases {
            let mut ends = Vec::new();
            for recipient in &lease.recipients {
                let (address, _) =
                    &self.envelopes[&lease.id].recipients[recipient.number.0 as usize];
                let address = address.to_string();
                let mut ledger = self.ground.ledger();
                ledger.fates.get_mut(&address).unwrap().taken += 1;
                ledger.ended(&address, End::Delivered(at));
                let outcome = Some(super::delivered());
                let (number, next_at) = (recipient.number, None);
                ends.push(memory::End { number, outcome, next_at, delay_told: false });
            }
            let notifications = Vec::new();
            self.store.settle(&[memory::Settlement { lease, ends, notifications }], now);
        }
    }

    /// Begins whatever there is a place for.
    fn start(&mut self) {
        loop {
            let (at, now) = (self.ground.clock.at(), self.ground.now());
            let Some(start) = self.ground.schedule().start(now) else { break };
            let ground = self.ground.clone();
            match start {
                Start::Find(errand) => {
                    let Lane::Remote(domain) = &errand.lane else { continue };
                    let (dns, _) = self.ground.network().find(domain, at);
                    let takes = if dns == Dns::Fails { 10_000 } else { 20 };
                    self.searches.push((at + takes, errand));
                }
                Start::Converse { conversation, host, plan } => {
                    self.say(|| format!("to {host}"));
                    self.spawn(courier::converse(ground, conversation, host, plan));
                }
                Start::Postpone { mail, problem } => self.spawn(postpone(ground, mail, problem)),
            }
        }
        self.ground.clock.tell();
    }
}

fn sender(domain: &str) -> ReversePath {
    format!("sender@{domain}").parse().map(ReversePath::Address).unwrap()
}

fn entry(id: QueueId, envelope: &Envelope) -> memory::NewEntry {
    let recipient = |(address, _): &(mail_types::Address, Notify)| memory::NewRecipient {
        address: address.to_string(),
        lane: match address.domain().as_str() {
            "here.test" => Lane::Local,
            _ => Lane::Remote(address.domain().clone()),
        },
        not_before: None,
        held: None,
    };
    memory::NewEntry {
        id,
        sender: envelope.reverse_path.to_string(),
        account: None,
        size: 1,
        priority: envelope.priority,
        recipients: envelope.recipients.iter().map(recipient).collect(),
    }
}

/// What happens, and when: mail in bursts over one and a half days, and trouble until all is well.
fn events(random: &mut Random, network: &Network) -> Vec<(u64, Event)> {
    let mut all = Vec::new();
    for _ in 0..2 + random.below(6) {
        let burst = random.below(36 * HOUR);
        let spread = [1, 60_000, HOUR][random.place(3)];
        let most = [4, 12, 40][random.place(3)];
        for _ in 0..1 + random.below(most) {
            all.push((burst + random.below(spread), Event::Mail));
        }
    }
    let lane = |random: &mut Random| {
        let domain = &network.domains[random.place(network.domains.len())];
        random.percent(80).then(|| Lane::Remote(domain.name.clone()))
    };
    for _ in 0..random.below(12) {
        let at = random.below(HEAL_MS);
        match random.below(12) {
            0..3 => all.push((at, Event::Crash)),
            3..6 => all.push((at, Event::CrashAtCommit { committed: random.percent(50) })),
            6..8 => {
                let millis = i64::try_from(random.below(6 * HOUR)).unwrap();
                all.push((at, Event::Jump(if random.percent(50) { millis } else { -millis })));
            }
            8 => all.push((at, Event::Ill(random.below(HOUR)))),
            9 | 10 => {
                let lane = lane(random);
                all.push((at, Event::Pause(lane.clone())));
                all.push((at + random.below(6 * HOUR), Event::Resume(lane)));
            }
            _ => all.push((at, Event::Retry)),
        }
    }
    // Crashes like to come while something goes on.
    let mails: Vec<u64> =
        all.iter().filter(|(_, event)| matches!(event, Event::Mail)).map(|(at, _)| *at).collect();
    for _ in 0..random.below(5) {
        let at = random.one_of(&mails).copied().unwrap_or(0) + random.below(2000);
        let event = match random.below(3) {
            0 => Event::Crash,
            1 => Event::CrashAtCommit { committed: true },
            _ => Event::CrashAtCommit { committed: false },
        };
        all.push((at, event));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}
