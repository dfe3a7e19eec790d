//! What it costs to start, to take in and to hand over when much waits for dead domains.
//!
//! `POSTRIDER_DEPTH=1000000 cargo test --release -p message-queue depth -- --nocapture` measures
//! with as many; by itself it looks with a few thousand whether anything grows with them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use message_queue::{Consumes, Queue};
use rusqlite::Connection;
use stable_storage::Files;

use crate::story::*;

/// Dead domains.
const LANES: usize = 1000;

#[derive(Debug, Clone, Copy)]
struct Cost {
    start: Duration,
    enqueue: Duration,
    lease_and_settle: Duration,
}

/// Copies one waiting recipient until there are so many, each with its entry, all to be tried again
/// in an hour.
async fn fill(folder: &Path, depth: usize) {
    let queue = queue(folder).await;
    if depth == 0 {
        return;
    }
    enqueue(&queue, entry(&["a@dead0.test"]), b"content", START).await.unwrap();
    drop(queue);
    let database = Connection::open(folder.join("queue.db")).unwrap();
    database.execute_batch(&format!("
        begin;
        create temp table wanted (n integer primary key);
        insert into wanted with recursive numbers (n) as (
            select 1 union all select n + 1 from numbers where n < {depth}) select n from numbers;
        insert into entry (id, queued_at, sender, account, size, file, message_id, version, facts)
            select printf('0%015d', n), queued_at, sender, account, size, file, message_id, version,
                   facts from entry cross join wanted where id not like '00%';
        insert into recipient (entry, number, lane, address, state, attempts, next_at, problem, facts,
                               place, of_sender)
            select printf('0%015d', n), 0, printf('@dead%d.test', n % {LANES}), address, 0, 3,
                   next_at + 3600000 + n, problem, facts, next_at + 3600000 + n, of_sender
            from recipient cross join wanted where entry not like '00%';
        delete from entry where id not like '00%';
        delete from recipient where entry not like '00%';
        delete from lane;
        insert into lane (name, local, due)
            select lane, 0, min(place) from recipient group by lane;
        commit;")).unwrap();
}

/// `messages` are taken in and handed over.
async fn cost(folder: &Path, messages: usize) -> Cost {
    let begun = Instant::now();
    let queue = Queue::open(options(folder), Files::real()).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    assert!(lease(&remote, START).await.is_empty());
    let start = begun.elapsed();
    let begun = Instant::now();
    for n in 0..messages {
        enqueue(&queue, entry(&[&format!("a@good{}.test", n % 10)]), b"content", START)
            .await
            .unwrap();
    }
    let taken = begun.elapsed();
    let begun = Instant::now();
    let mut settlements = Vec::new();
    let mut seen = 0;
    loop {
        let (_, leased) =
            remote.settle_and_lease(&mut settlements, &room(20), START).await.unwrap();
        if leased.leases.is_empty() {
            break;
        }
        seen += leased.leases.len();
        settlements.extend(leased.leases.into_iter().map(|lease| all(lease, &delivered(), None)));
    }
    assert_eq!(seen, messages);
    Cost { start, enqueue: taken, lease_and_settle: begun.elapsed() }
}

#[tokio::test]
async fn depth_costs_nothing() {
    let wanted = std::env::var("POSTRIDER_DEPTH").ok().and_then(|depth| depth.parse().ok());
    let (empty, deep) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(empty.path(), 0).await;
    fill(deep.path(), wanted.unwrap_or(5000)).await;
    // In turn, and the best of each: other tests run beside.
    let mut costs = Vec::new();
    let (rounds, messages) = if wanted.is_some() { (5, 200) } else { (2, 20) };
    for _ in 0..rounds {
        costs.push((cost(empty.path(), messages).await, cost(deep.path(), messages).await));
    }
    let best = |of: fn(&Cost) -> Duration| {
        let empty = costs.iter().map(|(empty, _)| of(empty)).min().unwrap();
        let deep = costs.iter().map(|(_, deep)| of(deep)).min().unwrap();
        (empty, deep)
    };
    for (what, (empty, deep)) in [
        ("start", best(|cost| cost.start)),
        ("enqueue", best(|cost| cost.enqueue)),
        ("lease and settle", best(|cost| cost.lease_and_settle)),
    ] {
        println!("{what}: {empty:?} with nothing waiting, {deep:?} with much");
        let bound = empty.max(Duration::from_millis(30)) * 10;
        assert!(deep < bound, "{what}: {empty:?} and {deep:?}");
    }
}
