//! How fast the queue is on a disk.
//!
//!     cargo run --release -p message-queue --example speed -- floor FOLDER
//!     cargo run --release -p message-queue --example speed -- depth FOLDER [RECIPIENTS]
//!
//! `floor` hands in 4 KiB messages from 64 submitters at once, and shows beside it what the same
//! disk gives in the same run to a program that commits 64 such contents at a time and does nothing
//! else: with an append log, and with SQLite. `depth` compares an empty queue with one in which so
//! many recipients (1,000,000) wait for dead domains. Both work in a new folder inside FOLDER, which
//! must not be in memory, and take everything in turn, round by round: medians are shown. Rates
//! depend on who else uses the machine; CPU times less.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement stops at any surprise"
)]

use std::{
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use mail_types::{
    Address, BodyKind, EnhancedStatus, Handling, Lane, Outcome, Reply, ReversePath, Timestamp,
};
use message_queue::{
    Consumer, Consumes, LeaseRequest, NewEntry, NewRecipient, Origin, Queue, QueueOptions,
    Settlement,
};
use stable_storage::Files;

/// Who hands in at once.
const SUBMITTERS: u64 = 64;
const CONTENT_OCTETS: usize = 4096;
/// Messages of a round.
const MESSAGES: u64 = 64 * 80;
const ROUNDS: usize = 7;
/// What waits in `depth` unless told otherwise, for how many domains, and who hands it in.
const DEPTH: u64 = 1_000_000;
const DEAD_DOMAINS: u64 = 1000;
const FILLERS: u64 = 512;

/// Each message has another number.
static NUMBER: AtomicU64 = AtomicU64::new(0);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    match arguments.as_slice() {
        ["floor", folder] => runtime.block_on(floor(Path::new(folder))),
        ["depth", folder] => runtime.block_on(depth(Path::new(folder), DEPTH)),
        ["depth", folder, count] => {
            runtime.block_on(depth(Path::new(folder), count.parse().unwrap()));
        }
        _ => println!("floor FOLDER | depth FOLDER [RECIPIENTS]"),
    }
}

async fn floor(folder: &Path) {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let queue = Queue::create(QueueOptions::at(folder.path().join("queue")), Files::real());
    let queue = queue.await.unwrap();
    let consumer = queue.consumer(Consumes::Remote).await.unwrap();
    let (mut log, mut sqlite) = (Log::new(folder.path()), Sqlite::new(folder.path()));
    let mut figures = [const { Figures::new() }; 4];
    for _ in 0..ROUNDS {
        figures[0].add(Figure::of(async || log.run()).await);
        figures[1].add(Figure::of(async || sqlite.run()).await);
        figures[2]
            .add(Figure::of(async || hand_in(&queue, MESSAGES, SUBMITTERS, None).await).await);
        figures[3].add(Figure::of(async || take_out(&consumer).await).await);
    }
    println!("{MESSAGES} messages of {CONTENT_OCTETS} octets a round, {SUBMITTERS} at once");
    figures[0].show("append log, fdatasync");
    figures[1].show("SQLite, WAL, synchronous=FULL");
    figures[2].show("queue: enqueue");
    figures[3].show("queue: lease and settle");
    println!("enqueue to SQLite: {:.2}", figures[2].rate() / figures[1].rate());
}

async fn depth(folder: &Path, recipients: u64) {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let open = |name| Queue::create(QueueOptions::at(folder.path().join(name)), Files::real());
    let (empty, deep) = (open("empty").await.unwrap(), open("deep").await.unwrap());
    let later = now().plus(Duration::from_secs(24 * 60 * 60));
    let begun = Instant::now();
    hand_in(&deep, recipients, FILLERS, Some(later)).await;
    println!("{recipients} recipients wait ({:.0} s)", begun.elapsed().as_secs_f64());
    let out_of_empty = empty.consumer(Consumes::Remote).await.unwrap();
    let out_of_deep = deep.consumer(Consumes::Remote).await.unwrap();
    let mut figures = [const { Figures::new() }; 4];
    for round in 0..ROUNDS {
        let both = [(&empty, &out_of_empty, 0), (&deep, &out_of_deep, 2)];
        for place in [round % 2, (round + 1) % 2] {
            let (queue, consumer, at) = both[place];
            let hand_in = async || hand_in(queue, MESSAGES, SUBMITTERS, None).await;
            figures[at].add(Figure::of(hand_in).await);
            figures[at + 1].add(Figure::of(async || take_out(consumer).await).await);
        }
    }
    figures[0].show("enqueue, empty");
    figures[2].show("enqueue, deep");
    figures[1].show("lease and settle, empty");
    figures[3].show("lease and settle, deep");
    let ratio = |deep: usize| figures[deep].rate() / figures[deep - 2].rate();
    println!("deep to empty: enqueue {:.2}, lease and settle {:.2}", ratio(2), ratio(3));
}

/// Hands in messages; those that are due `later` go to dead domains and have hardly a content.
async fn hand_in(queue: &Queue, messages: u64, submitters: u64, later: Option<Timestamp>) -> u64 {
    let size = if later.is_some() { 100 } else { CONTENT_OCTETS };
    let content: Arc<[u8]> = text(size).into();
    let mut all = tokio::task::JoinSet::new();
    let left = Arc::new(AtomicU64::new(messages));
    for _ in 0..submitters {
        let (queue, content, left) = (queue.clone(), content.clone(), left.clone());
        all.spawn(async move {
            let one_less = |left: u64| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                let mut draft = queue.draft();
                draft.write(&content).await.unwrap();
                queue.enqueue(entry(later), draft, now()).await.unwrap();
            }
        });
    }
    all.join_all().await;
    messages
}

/// Takes out all that is due.
async fn take_out(consumer: &Consumer) -> u64 {
    let request =
        LeaseRequest { leases_max: 100, again_max: 50, per_lane_max: 100, except: Vec::new() };
    let reply = Reply::new(250, Some(EnhancedStatus::new(2, 0, 0)), "taken");
    let outcome = Outcome::Delivered { by: "mx.example.org".to_owned(), reply };
    let (mut settlements, mut taken) = (Vec::new(), 0);
    loop {
        let turn = consumer.settle_and_lease(&mut settlements, &request, now()).await;
        let (settled, leased) = turn.unwrap();
        taken += settled.settled as u64;
        if leased.leases.is_empty() {
            return taken;
        }
        for lease in leased.leases {
            let numbers: Vec<_> = lease.recipients.iter().map(|one| one.number).collect();
            let mut settlement = Settlement::of(lease);
            numbers.into_iter().for_each(|n| settlement.recipient(n, outcome.clone(), None));
            settlements.push(settlement);
        }
    }
}

fn entry(later: Option<Timestamp>) -> NewEntry {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let domain = match later {
        Some(_) => format!("dead{}.example", number % DEAD_DOMAINS),
        None => "alive.example".to_owned(),
    };
    let address = Address::parse(&format!("somebody{}@{domain}", number % 50)).unwrap();
    let lane = Lane::Remote(address.domain().clone());
    // As random as those of the world are.
    let name = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    NewEntry {
        id: None,
        reverse_path: ReversePath::parse("sender@example.org").unwrap(),
        account: None,
        body: BodyKind::SevenBit,
        smtputf8: false,
        ret: None,
        envid: None,
        handling: Handling::default(),
        origin: Origin {
            agent: "speed".to_owned(),
            peer: Some("mx.example.org [192.0.2.1]".to_owned()),
            ..Origin::default()
        },
        message_id: Some(format!("{name:016x}@mx.example.org")),
        recipients: vec![NewRecipient { not_before: later, ..NewRecipient::new(address, lane) }],
    }
}

fn text(octets: usize) -> Vec<u8> {
    b"A line of a message, as long as such lines are.\r\n"
        .iter()
        .copied()
        .cycle()
        .take(octets)
        .collect()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// A file that only grows.
struct Log(std::fs::File);

impl Log {
    fn new(folder: &Path) -> Self {
        Self(std::fs::File::create(folder.join("log")).unwrap())
    }

    fn run(&mut self) -> u64 {
        let content = text(CONTENT_OCTETS * usize::try_from(SUBMITTERS).unwrap());
        for _ in 0..MESSAGES / SUBMITTERS {
            self.0.write_all(&content).unwrap();
            self.0.sync_data().unwrap();
        }
        MESSAGES
    }
}

/// A table that only grows.
struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn new(folder: &Path) -> Self {
        let connection = rusqlite::Connection::open(folder.join("bare.db")).unwrap();
        let set_up = "pragma journal_mode = wal; pragma synchronous = full;
                      create table a (b integer primary key, c blob)";
        connection.execute_batch(set_up).unwrap();
        Self(connection)
    }

    fn run(&mut self) -> u64 {
        let content = text(CONTENT_OCTETS);
        for _ in 0..MESSAGES / SUBMITTERS {
            let transaction = self.0.transaction().unwrap();
            let mut insert = transaction.prepare_cached("insert into a (c) values (?)").unwrap();
            for _ in 0..SUBMITTERS {
                insert.execute([&content]).unwrap();
            }
            drop(insert);
            transaction.commit().unwrap();
        }
        MESSAGES
    }
}

/// What a round came to.
struct Figure {
    rate: f64,
    cpu_us: f64,
}

impl Figure {
    async fn of(work: impl AsyncFnOnce() -> u64) -> Self {
        let (begun, cpu) = (Instant::now(), cpu_time());
        let messages = work().await as f64;
        let cpu = cpu_time().saturating_sub(cpu);
        Self {
            rate: messages / begun.elapsed().as_secs_f64(),
            cpu_us: cpu.as_secs_f64() * 1e6 / messages,
        }
    }
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.flatten().filter_map(|task| {
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// The rounds of one kind.
struct Figures(Vec<Figure>);

impl Figures {
    const fn new() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    fn median(&self, of: impl Fn(&Figure) -> f64) -> f64 {
        let mut all: Vec<f64> = self.0.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    }

    fn rate(&self) -> f64 {
        self.median(|figure| figure.rate)
    }

    fn show(&self, name: &str) {
        let (rate, cpu_us) = (self.rate(), self.median(|figure| figure.cpu_us));
        println!("{name:32} {rate:7.0} a second, {cpu_us:6.1} us of CPU each");
    }
}
