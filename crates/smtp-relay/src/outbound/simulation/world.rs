//! A simulation's days: what happens when.
//!
//! One thread, one step after the other; the clock jumps to whatever is next. A crash takes
//! everything but the queue, before or behind a transaction or anywhere between two steps.

mod desk;
mod events;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mail_types::{Lane, Notify, QueueId, ReversePath, Timestamp};
use message_queue::conclude::Policy;
use testkit::{
    Random,
    memory_queue::{self as memory, Holder, MemoryQueue},
};

use super::{
    super::{schedule::Errand, search},
    Fault, Ground as _, Surroundings,
    network::{Dns, Network},
};
use desk::Settling;

pub(super) use events::Event;

/// However quiet it is, the desk looks again after this time.
const LOOK_AGAIN: u64 = 60_000;
/// How long somebody whose hosts are well may wait for mail, in ms, if nothing happens to us: one
/// vain wait for a host that does not answer.
const PROMPT_MS: u64 = 31_000;
/// More steps than any days have.
const STEPS_MAX: u64 = 300_000;

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
    look_at: u64,
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
        let events = events::events(&mut Random::new(!seed), &network);
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
            look_at: u64::MAX,
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
            busy |= self.take();
            let at = self.ground.clock.at();
            if busy || at >= self.desk_at {
                self.turn();
                self.start();
            } else if at >= self.look_at {
                self.start();
            }
            self.look_at = self.look_again();
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

    /// When more could begin although nothing has happened.
    fn look_again(&self) -> u64 {
        let now = self.ground.now();
        let again = self.ground.schedule().look_again(now);
        let millis = |when: Timestamp| u64::try_from(when.since(now).as_millis()).unwrap();
        again.map_or(u64::MAX, |when| self.ground.clock.at() + millis(when).max(1))
    }

    /// When something is next.
    fn next(&self) -> Option<u64> {
        let (at, news) = (self.ground.clock.at(), self.ground.clock.news());
        let of_task = |task: &Task| if task.for_news && task.news != news { at } else { task.wake };
        let tasks = self.tasks.iter().map(of_task);
        let searches = self.searches.iter().map(|(at, _)| *at);
        let event = self.events.front().map(|(at, _)| *at);
        let next = tasks.chain(searches).chain(event).chain([self.desk_at, self.look_at]).min()?;
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
