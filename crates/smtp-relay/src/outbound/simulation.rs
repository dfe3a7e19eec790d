//! Days of sending in virtual time: many destinations, each with its own manners, against the
//! schedule, the judgement and the retry times as they are. Seeded, so that a failure repeats.
//!
//! Every recipient must reach exactly one end; nothing that has no return address may cause a
//! notification; and whoever is well gets its mail soon, however ill the others are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use mail_types::{
    Domain, EnhancedStatus, Lane, Notify, Outcome, Problem, RecipientNumber, Reply, ReversePath,
    Scope, Timestamp,
};
use message_queue::{
    LeaseRecipient,
    conclude::{self, Policy, judge},
    report::What,
    retry,
};

use super::schedule::{Conversation, Errand, HostId, Left, Limits, Onward, Schedule, Start, Way};

const PLACES: usize = 20;

/// What a destination does with a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Accept,
    Refuse,
    /// 4xx for this many seconds after a message came, then it accepts (greylisting).
    Defer(u64),
    /// No connection: refused at once.
    Closed,
    /// No connection, and half a minute to notice.
    Hang,
    /// Takes a message now and then, and drops the connection otherwise.
    Drop,
    /// No answer from the DNS until this day, then it accepts.
    NoDns(u64),
}

struct Mail {
    lane: Lane,
    recipient: LeaseRecipient,
    queued_at: Timestamp,
    next_at: Timestamp,
    leased: bool,
    ends: Vec<(Timestamp, bool)>,
    told: Vec<What>,
}

/// Something that is over at a certain time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Busy {
    until: Timestamp,
    serial: u64,
    lane: Lane,
    doing: Doing,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Search,
    Connect(Conversation),
    Send(Conversation, usize),
}

struct World {
    seed: u64,
    now: Timestamp,
    mails: Vec<Mail>,
    manners: BTreeMap<Lane, Manner>,
    schedule: Schedule<usize, Lane>,
    busy: BinaryHeap<Reverse<Busy>>,
    policy: Policy,
    attempts: u64,
}

fn lane(name: &str) -> Lane {
    Lane::Remote(Domain::parse(name).unwrap())
}

impl World {
    fn new(seed: u64, manners: &[(&str, Manner)]) -> Self {
        Self {
            seed,
            now: Timestamp::from_secs(1_000_000),
            mails: Vec::new(),
            manners: manners.iter().map(|(name, manner)| (lane(name), *manner)).collect(),
            schedule: Schedule::new(Limits::new(PLACES, 4), seed),
            busy: BinaryHeap::new(),
            policy: Policy {
                schedule: retry::Schedule::default(),
                delay_notice_after: Duration::from_secs(4 * 3600),
            },
            attempts: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed >> 33
    }

    fn queue(&mut self, to: &Lane, reverse_path: ReversePath) {
        let Lane::Remote(domain) = to else { return };
        self.mails.push(Mail {
            lane: to.clone(),
            recipient: LeaseRecipient {
                number: RecipientNumber(0),
                address: format!("b@{domain}").parse().unwrap(),
                original: None,
                reverse_path,
                notify: Notify::DEFAULT,
                account: None,
                file_into: None,
                list: None,
                head: Vec::new(),
                attempts: 0,
                last_problem: None,
                delay_told: false,
            },
            queued_at: self.now,
            next_at: self.now,
            leased: false,
            ends: Vec::new(),
            told: Vec::new(),
        });
    }

    /// Leases as the queue does: what is due, longest due first, within the room.
    fn lease(&mut self) {
        let Some(room) = self.schedule.request(self.now) else { return };
        let mut due: Vec<usize> = (0..self.mails.len())
            .filter(|index| {
                let mail = &self.mails[*index];
                mail.ends.is_empty() && !mail.leased && mail.next_at <= self.now
            })
            .filter(|index| !room.except.contains(&self.mails[*index].lane))
            .collect();
        due.sort_by_key(|index| self.mails[*index].next_at);
        let mut of_lane: BTreeMap<Lane, usize> = BTreeMap::new();
        let mut taken = 0;
        for index in due {
            let count = of_lane.entry(self.mails[index].lane.clone()).or_default();
            if taken == room.leases || *count == room.per_lane {
                continue;
            }
            *count += 1;
            taken += 1;
            self.mails[index].leased = true;
            let errand = Errand::of(self.mails[index].lane.clone());
            self.schedule.leased(errand, index, self.now);
        }
    }

    fn start(&mut self) {
        let mut conversations = 0;
        while let Some(start) = self.schedule.start(self.now) {
            match start {
                Start::Find(errand) => {
                    let dark = matches!(self.manners[&errand.lane], Manner::NoDns(_));
                    self.busy(if dark { 10_000 } else { 5 }, errand.lane, Doing::Search);
                }
                Start::Converse { conversation, plan: lane, .. } => {
                    let hangs = self.manners[&lane] == Manner::Hang;
                    self.busy(if hangs { 30_000 } else { 5 }, lane, Doing::Connect(conversation));
                }
                Start::Postpone { mail, problem } => {
                    let outcome = Outcome::Deferred(problem.unwrap());
                    mail.into_iter().for_each(|index| self.settle(index, outcome.clone()));
                }
            }
        }
        for Reverse(busy) in &self.busy {
            conversations += usize::from(!matches!(busy.doing, Doing::Search));
        }
        assert!(conversations <= PLACES, "{conversations} conversations at once");
    }

    fn busy(&mut self, millis: u64, lane: Lane, doing: Doing) {
        let until = self.now.plus(Duration::from_millis(millis));
        let serial = self.attempts;
        self.attempts += 1;
        self.busy.push(Reverse(Busy { until, serial, lane, doing }));
    }

    /// The conversation takes its next message, or ends in peace.
    fn next_message(&mut self, lane: Lane, conversation: Conversation) {
        let Some(mail) = self.schedule.next_of(conversation) else {
            return self.schedule.ended(conversation, Left::Well, self.now);
        };
        let millis = 50 + self.random() % 400;
        self.busy(millis, lane, Doing::Send(conversation, mail));
    }

    /// What happens when the time has come.
    fn decide(&mut self, busy: Busy) {
        let manner = self.manners[&busy.lane];
        let no = |class, scope| Problem::new(EnhancedStatus::new(class, 4, 1), scope, "no");
        match busy.doing {
            Doing::Search => {
                let errand = Errand::of(busy.lane.clone());
                let days = self.now.since(Timestamp::from_secs(1_000_000)).as_secs() / 86_400;
                if matches!(manner, Manner::NoDns(day) if days < day) {
                    let outcome = Outcome::Deferred(no(4, Scope::Host));
                    for index in self.schedule.nowhere(&errand, true) {
                        self.settle(index, outcome.clone());
                    }
                    return;
                }
                let hosts = vec![(0, HostId::new(&busy.lane.to_string()))];
                let way = Way::new(hosts, String::new(), PLACES);
                self.schedule.found(&errand, way, busy.lane, self.now);
            }
            Doing::Connect(conversation) if matches!(manner, Manner::Closed | Manner::Hang) => {
                let way = self.schedule.way_of(conversation).unwrap();
                let problem = no(4, Scope::Host);
                let left = Left::Unreached(problem.clone());
                assert_eq!(self.schedule.onward(conversation, left, self.now), Onward::End);
                for index in self.schedule.leftovers(&way) {
                    self.settle(index, Outcome::Deferred(problem.clone()));
                }
            }
            Doing::Connect(conversation) => {
                self.schedule.reached(conversation);
                self.next_message(busy.lane, conversation);
            }
            Doing::Send(conversation, index) => self.sent(busy.lane, conversation, index),
        }
    }

    fn sent(&mut self, lane: Lane, conversation: Conversation, index: usize) {
        let age = self.now.since(self.mails[index].queued_at).as_secs();
        let fault = |class, scope| Problem::new(EnhancedStatus::new(class, 0, 0), scope, "no");
        let luck = self.random();
        let outcome = match self.manners[&lane] {
            Manner::Refuse => Outcome::Failed(fault(5, Scope::Recipient)),
            Manner::Defer(seconds) if age < seconds => {
                Outcome::Deferred(fault(4, Scope::Recipient))
            }
            Manner::Drop if !luck.is_multiple_of(4) => Outcome::Deferred(fault(4, Scope::Host)),
            _ => {
                let reply = Reply::new(250, None, "ok");
                Outcome::Delivered { by: "host".to_owned(), reply }
            }
        };
        let dropped = matches!(&outcome, Outcome::Deferred(one) if one.scope == Scope::Host);
        self.settle(index, outcome);
        if dropped {
            return self.schedule.ended(conversation, Left::Overloaded, self.now);
        }
        self.schedule.well(conversation);
        self.next_message(lane, conversation);
    }

    fn settle(&mut self, index: usize, outcome: Outcome) {
        let seed = self.random();
        let mail = &mut self.mails[index];
        let number = mail.recipient.number;
        let end = conclude::Ended { number, outcome, on_success: None };
        let verdict = judge(&mail.recipient, mail.queued_at, end, &self.policy, self.now, seed);
        mail.leased = false;
        mail.recipient.attempts += 1;
        mail.told.extend(verdict.what);
        mail.recipient.delay_told |= matches!(verdict.what, Some(What::Delayed(_)));
        match verdict.outcome {
            Outcome::Deferred(_) => mail.next_at = verdict.next_at.expect("a next time"),
            Outcome::Delivered { .. } => mail.ends.push((self.now, true)),
            Outcome::Failed(_) => mail.ends.push((self.now, false)),
        }
        // As `message_queue::report::due` has it: nothing to the null reverse-path.
        let back =
            mail.recipient.reverse_path.address().map(|to| Lane::Remote(to.domain().clone()));
        if let (Some(What::Failed), Some(back)) = (verdict.what, back) {
            self.queue(&back, ReversePath::Null);
        }
    }

    /// Runs until nothing is left to do.
    fn run(&mut self) {
        loop {
            self.lease();
            self.start();
            let open = self.mails.iter().filter(|mail| mail.ends.is_empty() && !mail.leased);
            let except =
                self.schedule.request(self.now).map(|room| room.except).unwrap_or_default();
            let due = open.filter(|m| !except.contains(&m.lane)).map(|mail| mail.next_at).min();
            let free = self.busy.peek().map(|Reverse(busy)| busy.until);
            let Some(next) = [due, free].into_iter().flatten().min() else { return };
            self.now = self.now.max(next);
            while self.busy.peek().is_some_and(|Reverse(busy)| busy.until <= self.now) {
                let Some(Reverse(busy)) = self.busy.pop() else { break };
                self.decide(busy);
            }
            assert!(self.attempts < 200_000, "it never comes to an end");
        }
    }
}

const MANNERS: &[(&str, Manner)] = &[
    ("good", Manner::Accept),
    ("strict", Manner::Refuse),
    ("grey", Manner::Defer(300)),
    ("slow-grey", Manner::Defer(20_000)),
    ("closed", Manner::Closed),
    ("hang", Manner::Hang),
    ("flaky", Manner::Drop),
    ("dark", Manner::NoDns(2)),
];

/// A few days of mail between all of them, over and over.
fn days(seed: u64) -> World {
    let mut world = World::new(seed, MANNERS);
    for _ in 0..5 {
        for (to, _) in MANNERS {
            for (from, _) in MANNERS {
                world.queue(
                    &lane(to),
                    format!("a@{from}").parse().map(ReversePath::Address).unwrap(),
                );
            }
        }
    }
    world.run();
    world
}

#[test]
fn every_recipient_reaches_exactly_one_end() {
    for seed in 1..4 {
        let world = days(seed);
        for mail in &world.mails {
            assert_eq!(mail.ends.len(), 1, "seed {seed}: {:?}", mail.recipient);
            let (at, delivered) = mail.ends[0];
            let days = at.since(mail.queued_at).as_secs_f64() / 86_400.0;
            assert!(days < 5.1, "seed {seed}: given up after {days} days");
            let expected = match world.manners[&mail.lane] {
                Manner::Accept | Manner::Defer(_) | Manner::NoDns(_) => Some(true),
                Manner::Refuse | Manner::Closed | Manner::Hang => Some(false),
                Manner::Drop => None,
            };
            assert!(expected.is_none_or(|expected| expected == delivered), "{}", mail.lane);
        }
    }
}

#[test]
fn a_bounce_never_bounces_and_every_failure_is_told_once() {
    let world = days(7);
    let is_bounce = |mail: &&Mail| mail.recipient.reverse_path == ReversePath::Null;
    let failed = |mail: &&Mail| !mail.ends[0].1;
    let failures = world.mails.iter().filter(|mail| !is_bounce(mail)).filter(failed).count();
    let bounces = world.mails.iter().filter(is_bounce).count();
    assert_eq!(failures, bounces);
    assert!(world.mails.iter().filter(is_bounce).filter(failed).count() > 0, "some could not go");
}

#[test]
fn a_delay_is_told_once() {
    let world = days(3);
    let delayed = |mail: &Mail| mail.told.iter().filter(|w| matches!(w, What::Delayed(_))).count();
    assert!(world.mails.iter().all(|mail| delayed(mail) <= 1));
    let closed = world.mails.iter().filter(|mail| mail.lane == lane("closed"));
    assert!(closed.clone().all(|mail| delayed(mail) == 1) && closed.count() > 0);
    let good = world.mails.iter().filter(|mail| mail.lane == lane("good"));
    assert!(good.clone().all(|mail| delayed(mail) == 0) && good.count() > 0);
}

#[test]
fn the_ill_do_not_delay_the_well() {
    // Far more dead destinations than places, each with messages, and all known to be dead.
    let names: Vec<String> = (0..100).map(|number| format!("dead{number}")).collect();
    let mut manners: Vec<(&str, Manner)> =
        names.iter().map(|name| (name.as_str(), Manner::Hang)).collect();
    manners.push(("good", Manner::Accept));
    let mut world = World::new(1, &manners);
    for name in &names {
        for _ in 0..3 {
            world.queue(&lane(name), ReversePath::Null);
        }
    }
    let start = world.now;
    // One message for the good one each minute of the second hour.
    let mut sent = 0;
    while sent < 60 {
        world.lease();
        world.start();
        let Some(Reverse(busy)) = world.busy.pop() else {
            world.now = world.now.plus(Duration::from_secs(1));
            continue;
        };
        world.now = world.now.max(busy.until);
        world.decide(busy);
        if world.now.since(start) >= Duration::from_secs(3600 + 60 * sent) {
            world.queue(&lane("good"), ReversePath::Null);
            sent += 1;
        }
    }
    world.run();
    let waits = world.mails.iter().filter(|mail| mail.lane == lane("good"));
    let longest = waits.map(|mail| mail.ends[0].0.since(mail.queued_at)).max().unwrap();
    assert!(longest < Duration::from_secs(31), "waited {longest:?}");
}
