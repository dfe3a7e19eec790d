//! The store beside the same rules in memory: random operations are done to both, and whatever can
//! be seen of them is compared after each.
//!
//! Two stores are open on one folder, as in two processes, beside another tool that changes files,
//! and sessions that are told what happened. Processes are killed in the middle of a file
//! operation, the power fails (what was not synced is lost, of the index any number of its last
//! transactions), the index is lost or damaged. A sequence that tells the two apart is made shorter
//! as long as it still does, and printed with its seed: `POSTRIDER_MODEL_SEED=7` does that one
//! again, `POSTRIDER_MODEL_SEEDS=1000` does more of them.

mod both;
mod compare;
mod disk;
mod operations;
mod orders;
mod outside;
mod rules;
mod sessions;

use std::panic::{AssertUnwindSafe, catch_unwind};

use testkit::Random;

use both::Both;
use operations::Operation;

/// Sequences of one run, unless the environment says otherwise.
const SEEDS: u64 = 40;
/// Operations of a sequence.
const LENGTH: usize = 40;

/// Something that is wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// The rules forget a STORE.
    ARule,
    /// The names of messages are not synced.
    NoFolderSync,
    /// The bytes of messages are not synced.
    NoFileSync,
    /// The store does not learn that the power failed.
    SameBoot,
}

#[test]
fn simulation_of_random_operations_is_equal_to_the_rules_in_memory() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("POSTRIDER_MODEL_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("POSTRIDER_MODEL_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let operations = sequence(seed);
        if let Err(why) = run(&operations, Fault::Nothing) {
            let (least, why) = shortened(operations, why);
            let least: Vec<String> = least.iter().map(|one| format!("{one:?}")).collect();
            panic!("POSTRIDER_MODEL_SEED={seed}: {why}\nafter\n{}", least.join("\n"));
        }
    }
}

/// That the comparison would notice what is wrong.
#[test]
fn simulation_notices_what_is_wrong_on_purpose() {
    for fault in [Fault::ARule, Fault::NoFolderSync, Fault::NoFileSync, Fault::SameBoot] {
        let noticed = (1..=SEEDS).find(|seed| run(&sequence(*seed), fault).is_err());
        assert!(noticed.is_some(), "{fault:?}");
    }
}

fn sequence(seed: u64) -> Vec<Operation> {
    let mut random = Random::new(seed);
    (0..LENGTH).map(|_| Operation::random(&mut random)).collect()
}

/// Does the operations; an error says where the two differ.
fn run(operations: &[Operation], fault: Fault) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut both = Both::new(fault).await?;
            for operation in operations {
                let done = both.perform(operation).await;
                done.map_err(|why| format!("{operation:?}: {why}"))?;
            }
            Ok(())
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
            match run(&fewer, Fault::Nothing) {
                Err(still) => (operations, why) = (fewer, still),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (operations, why)
}
