//! Days of a whole network in virtual time: the schedule, the conversations, the client's machine,
//! the judgement and the retry times as they are; names, hosts, the queue's disk and the clock are
//! played.
//!
//! Hosts are dead, silent, slow, grey, confused or refuse, several domains share them, names come
//! and go, we crash before and behind transactions and anywhere between, the clock jumps, the disk
//! is full for a while. Then all is well again, and every recipient must have had exactly one end:
//! taken once, but for replies that were lost, or returned once to whom it concerns. Meanwhile nobody
//! talks to a host more than its window allows, and whoever is well gets its mail soon.
//!
//! All of it follows from a seed: `POSTRIDER_SIMULATION_SEED=7` tells that story again, word by word,
//! `POSTRIDER_SIMULATION_SEEDS=100000` has as many of them (tests/README.md).

mod clock;
mod ledger;
mod network;
mod peer;
mod visit;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use mail_types::{
    Address, EnhancedStatus, Notify, Outcome, Problem, RecipientNumber, Reply, ReversePath, Scope,
    Timestamp,
};
use message_queue::{
    Lease, LeaseRecipient,
    conclude::{Ended, Policy},
    report::Notices,
    retry,
};
use smtp_client::{Host, Outbox};

use super::{
    Plans,
    ground::Ground,
    schedule::{Limits, Schedule},
    work::Work,
};
use clock::Clock;
use ledger::Ledger;
use network::{Dns, Network};
use world::{Event, Lived, World};

/// Simulations of one run, unless the environment says otherwise.
const SEEDS: u64 = 300;
/// When all is well again: two days.
const HEAL_MS: u64 = 48 * 3_600_000;
const LIMITS: Small = Small { total: 12, per_host: 4 };

/// Limits that are reached.
struct Small {
    total: usize,
    per_host: usize,
}

/// Something that is done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The queue forgets a settlement.
    LostSettlement,
    /// The queue gives a lease twice.
    DoubleLease,
    /// The schedule lets more conversations begin than it should.
    WideWindow,
}

#[test]
fn simulation_everybody_is_served_or_told() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("POSTRIDER_SIMULATION_SEED") {
        let lived = live(seed, None, true);
        return assert!(lived.is_ok(), "{lived:?}");
    }
    let seeds = number("POSTRIDER_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, wrong) = (AtomicU64::new(1), Mutex::new(Vec::new()));
    let (messages, longest) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed > seeds || wrong.lock().unwrap().len() >= 5 {
                        return;
                    }
                    match live(seed, None, false) {
                        Ok(lived) => {
                            messages.fetch_add(lived.messages, Relaxed);
                            longest.fetch_max(lived.longest, Relaxed);
                        }
                        Err(why) => wrong.lock().unwrap().push(told(seed, &why)),
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let messages = messages.into_inner();
    println!("{seeds} simulations, {messages} answers for messages, longest wait {longest:?} ms");
    assert!(messages > seeds * 30, "only {messages} answers in {seeds} simulations");
}

/// Far more dead hosts than there are places, and a message for one who is well each minute.
#[test]
fn simulation_the_ill_do_not_delay_the_well() {
    const ILL: usize = 100;
    const MINUTE: u64 = 60_000;
    let ill = (0..3).flat_map(|_| (0..ILL).map(|domain| (0, Event::MailTo(domain))));
    let well = (0..60).map(|minute| (60 * MINUTE + minute * MINUTE, Event::MailTo(ILL)));
    let world = World::of(Network::ill(ILL), ill.chain(well).collect(), 1, None, false);
    let lived = world.live().unwrap();
    assert!(lived.longest < 31_000, "waited {} ms", lived.longest);
    assert_eq!(lived.messages, 60);
}

/// That the simulation would notice.
#[test]
fn simulation_notices_what_is_done_wrong() {
    for fault in [Fault::LostSettlement, Fault::DoubleLease, Fault::WideWindow] {
        let noticed = (1..=20).any(|seed| live(seed, Some(fault), false).is_err());
        assert!(noticed, "{fault:?}");
    }
}

fn live(seed: u64, fault: Option<Fault>, aloud: bool) -> Result<Lived, Vec<String>> {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, fault, aloud).live()))
        .unwrap_or_else(|_| Err(vec!["a panic".to_owned()]))
}

fn told(seed: u64, why: &[String]) -> String {
    let first: Vec<&str> = why.iter().take(5).map(String::as_str).collect();
    format!("POSTRIDER_SIMULATION_SEED={seed}: {} wrong: {}", why.len(), first.join("; "))
}

/// A lease that has come to its end.
struct Done {
    lease: Lease,
    ends: Vec<Ended>,
    now: Timestamp,
}

/// What the conversations stand on.
struct Surroundings {
    clock: Clock,
    schedule: Mutex<Plans>,
    network: Mutex<Network>,
    ledger: Mutex<Ledger>,
    finished: Mutex<Vec<Done>>,
    limits: Limits,
    seed: u64,
    numbers: AtomicU64,
}

impl Surroundings {
    fn new(network: Network, seed: u64, fault: Option<Fault>) -> Self {
        let too_many = if fault == Some(Fault::WideWindow) { 1 } else { 0 };
        let limits = Limits::new(LIMITS.total + too_many, LIMITS.per_host + too_many);
        Self {
            clock: Clock::new(),
            schedule: Mutex::new(Schedule::new(limits, seed)),
            network: Mutex::new(network),
            ledger: Mutex::default(),
            finished: Mutex::default(),
            limits,
            seed,
            numbers: AtomicU64::new(0),
        }
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed)
    }

    fn take_finished(&self) -> Vec<Done> {
        std::mem::take(&mut *self.finished.lock().unwrap())
    }

    fn push_finished(&self, done: Done) {
        self.finished.lock().unwrap().push(done);
    }

    /// The process is another one.
    fn restart(&self) {
        *self.schedule() = Schedule::new(self.limits, self.seed);
        self.take_finished();
        self.ledger().crashed(self.clock.at());
    }
}

impl Ground for Surroundings {
    fn schedule(&self) -> MutexGuard<'_, Plans> {
        self.schedule.lock().unwrap()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn instant(&self) -> Instant {
        self.clock.instant()
    }

    fn is_stopped(&self) -> bool {
        false
    }

    async fn visit<O: Outbox>(&self, host: &Host, outbox: &mut O) -> Result<(), Problem> {
        visit::visit(self, host, outbox).await
    }

    async fn finish(&self, work: Work) {
        for (lease, ends) in work.into_ends() {
            self.push_finished(Done { lease, ends, now: self.now() });
        }
    }

    fn news(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.clock.until_news(self.clock.millis_of(until)))
    }

    fn tell(&self) {
        self.clock.tell();
    }
}

fn no_way(dns: Dns) -> Problem {
    // RFC 3463 §3.2, X.1.2: bad destination system; §3.5, X.4.3: directory server failure.
    let (status, text) = match dns {
        Dns::Denies => (EnhancedStatus::new(5, 1, 2), "there is no such domain"),
        _ => (EnhancedStatus::new(4, 4, 3), "no name server answers"),
    };
    Problem::new(status, Scope::Host, text)
}

fn delivered() -> Outcome {
    Outcome::Delivered { by: "here".to_owned(), reply: Reply::new(250, None, "ok") }
}

fn policy() -> Policy {
    let (schedule, delay_notice_after) =
        (retry::Schedule::default(), Duration::from_secs(4 * 3600));
    Policy { schedule, delay_notice_after, notices: Notices::default() }
}

/// A recipient about whom nothing particular is known.
fn recipient(
    number: RecipientNumber,
    address: &Address,
    notify: Notify,
    (reverse_path, queued_at): (&ReversePath, Timestamp),
) -> LeaseRecipient {
    LeaseRecipient {
        number,
        address: address.clone(),
        original: None,
        reverse_path: reverse_path.clone(),
        notify,
        account: None,
        file_into: None,
        list: None,
        expanded: None,
        head: Vec::new(),
        attempts: 0,
        last_problem: None,
        delay_told: false,
        overdue_told: false,
        since: queued_at,
    }
}
