//! Several sessions beside a model of what IMAP promises each of them: random commands are sent over
//! real connections to two agents on one mail store, while mail is delivered and removed by others.
//!
//! The model is a mailbox as a table ([`truth`]) and a session as a client that believes what it is
//! told ([`view`]): its sequence numbers change by EXISTS, EXPUNGE and VANISHED alone, and by none of
//! them where the standard forbids it; what it was told of flags is right after a NOOP; UIDs ascend
//! and keep their message; mod-sequences grow with each change; a cache that comes back with QRESYNC
//! ends up right; COPYUID and APPENDUID name what was made; STATUS says what SELECT says.
//!
//! Most steps are one command of one session, so all that happens is known. In a race several
//! sessions send theirs at once: then what is there afterwards is read, and all must agree about it.
//!
//! A sequence that goes wrong is made shorter as long as it still does, and printed with what was
//! said: `POSTRIDER_MODEL_SEED=7` does that one again, `POSTRIDER_MODEL_SEEDS=1000` does more.

mod caches;
mod commands;
mod folders;
mod messages;
mod numbers;
mod order;
mod race;
mod said;
mod tamper;
mod truth;
mod view;
mod world;

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use testkit::Random;

use order::Order;
use tamper::Fault;
use world::World;

/// Sequences of one run, unless the environment says otherwise.
const SEEDS: u64 = 24;
/// Orders of a sequence.
const LENGTH: usize = 50;
/// Of what was said, so many lines are printed.
const LINES: usize = 120;

/// What was said, for who reads of a failure.
pub(crate) type Story = Rc<RefCell<Vec<String>>>;

#[test]
fn simulation_of_sessions_agrees_with_the_model() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("POSTRIDER_MODEL_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("POSTRIDER_MODEL_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let orders = sequence(seed);
        if let Err(failure) = run(&orders, Fault::None) {
            let (least, Failure { why, story }) = shortened(orders, failure);
            let least: Vec<String> = least.iter().map(|one| format!("{one:?}")).collect();
            let told = story.split_at(story.len().saturating_sub(LINES)).1.join("\n");
            let orders = least.join("\n");
            panic!("POSTRIDER_MODEL_SEED={seed}: {why}\nafter\n{orders}\n\n{told}\n{why}");
        }
    }
}

/// That each promise is kept by somebody who looks: a fault is put between server and model.
#[test]
fn simulation_notices_what_is_wrong_on_purpose() {
    for fault in Fault::ALL {
        let noticed = (1..=SEEDS).find(|seed| run(&sequence(*seed), *fault).is_err());
        assert!(noticed.is_some(), "{fault:?}");
    }
}

fn sequence(seed: u64) -> Vec<Order> {
    let mut random = Random::new(seed);
    (0..LENGTH).map(|_| Order::random(&mut random)).collect()
}

/// Where server and model differ.
struct Failure {
    why: String,
    story: Vec<String>,
}

fn run(orders: &[Order], fault: Fault) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let story = Story::default();
    let done = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut world = World::new(fault, story.clone()).await?;
            for order in orders {
                world.perform(order).await.map_err(|why| format!("{order:?}: {why}"))?;
            }
            world.end().await
        })
    }));
    let done = done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "a panic".to_owned()))
    });
    done.map_err(|why| Failure { why, story: story.take() })
}

/// Leaves out what is not needed to see the difference.
fn shortened(mut orders: Vec<Order>, mut failure: Failure) -> (Vec<Order>, Failure) {
    let mut size = orders.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < orders.len() {
            let mut fewer = orders.clone();
            fewer.drain(at..(at + size).min(orders.len()));
            match run(&fewer, Fault::None) {
                Err(still) => (orders, failure) = (fewer, still),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (orders, failure)
}
