//! The queue beside the same rules in memory (`testkit::memory_queue`): random operations are done
//! to both, and whatever can be seen of them is compared after each.
//!
//! Two queues are open on one folder, as in two processes, with consumers of their own. A sequence
//! that tells the two apart is made shorter as long as it still does, and printed with its seed:
//! `POSTRIDER_MODEL_SEED=7` does that one again, `POSTRIDER_MODEL_SEEDS=1000` does more of them.

mod both;
mod operations;

use std::panic::{AssertUnwindSafe, catch_unwind};

use testkit::Random;

use both::Both;
use operations::Operation;

/// Sequences of one run, unless the environment says otherwise.
const SEEDS: u64 = 12;
/// Operations of a sequence.
const LENGTH: usize = 60;

#[test]
fn simulation_of_random_operations_is_equal_to_the_rules_in_memory() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("POSTRIDER_MODEL_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("POSTRIDER_MODEL_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let mut random = Random::new(seed);
        let operations: Vec<Operation> =
            (0..LENGTH).map(|_| Operation::random(&mut random)).collect();
        if let Err(why) = run(&operations, false) {
            let (least, why) = shortened(operations, why);
            let least: Vec<String> = least.iter().map(|one| format!("{one:?}")).collect();
            panic!("POSTRIDER_MODEL_SEED={seed}: {why}\nafter\n{}", least.join("\n"));
        }
    }
}

/// That the comparison would notice: the rules forget one settlement.
#[test]
fn simulation_notices_a_rule_that_is_broken() {
    let noticed = (1..=SEEDS).any(|seed| {
        let mut random = Random::new(seed);
        let operations: Vec<Operation> =
            (0..LENGTH).map(|_| Operation::random(&mut random)).collect();
        run(&operations, true).is_err()
    });
    assert!(noticed);
}

/// Does the operations; an error says where the two differ.
fn run(operations: &[Operation], broken: bool) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut both = Both::new(broken).await;
            for operation in operations {
                both.perform(operation).await?;
                both.compare().await.map_err(|why| format!("{operation:?}: {why}"))?;
            }
            both.end().await
        })
    }));
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "a panic".to_owned()))
    })
}

/// Leaves out what is not needed to see the difference.
fn shortened(mut operations: Vec<Operation>, mut why: String) -> (Vec<Operation>, String) {
    let mut size = operations.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < operations.len() {
            let mut fewer = operations.clone();
            fewer.drain(at..(at + size).min(operations.len()));
            match run(&fewer, false) {
                Err(still) => (operations, why) = (fewer, still),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (operations, why)
}
