//! Real processes that are killed while they work: what was acknowledged is there.
//!
//! The children are this test's own executable, told by the environment what to be.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use message_queue::{Consumes, Queue, operator::Filter};
use stable_storage::Files;

use crate::story::*;

const FOLDER: &str = "POSTRIDER_TEST_KILL_FOLDER";

/// Not a test by itself: the child that puts messages in until it is killed, and says so.
#[tokio::test]
async fn child_enqueues() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let queue = Queue::open(options(Path::new(&folder)), Files::real()).await.unwrap();
    let tasks: Vec<_> = (0..4usize)
        .map(|task| {
            let queue = queue.clone();
            tokio::spawn(async move {
                for n in 0.. {
                    let content = vec![b'k'; if (task + n) % 3 == 0 { 2000 } else { 20 }];
                    let id = enqueue(&queue, entry(&["a@here.test"]), &content, START).await;
                    println!("queued {}", id.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Not a test by itself: the child that takes messages out until it is killed, and says so.
#[tokio::test]
async fn child_consumes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let queue = Queue::open(options(Path::new(&folder)), Files::real()).await.unwrap();
    let consumer = consumer(&queue, Consumes::Local).await;
    loop {
        let leases = consumer.lease(&room(3), START).await.unwrap().leases;
        let ids: Vec<_> = leases.iter().map(|lease| lease.entry.id).collect();
        println!("leased {}", ids.len());
        settle(&consumer, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), START)
            .await;
        for id in ids {
            println!("settled {id}");
        }
    }
}

fn spawn(child: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads what the child says until it has said `count` lines of this kind, kills it, and returns
/// all that it said: what was on its way when it died too.
fn listen_and_kill(mut child: Child, kind: &str, count: usize) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let mut hear = |line: String| {
        if let Some((_, id)) = line.split_once(kind) {
            said.push(id.trim().to_owned());
        }
        said.len()
    };
    for line in lines.by_ref() {
        if hear(line) >= count {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines {
        // A line may be cut: an id has 16 letters.
        if line.trim_end().len() >= kind.len() + 16 {
            hear(line);
        }
    }
    said
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    drop(queue(folder.path()).await);
    let mut acknowledged = HashSet::new();
    for count in [1, 10, 40, 100] {
        let child = spawn("kill::child_enqueues", folder.path());
        let said = listen_and_kill(child, "queued ", count);
        assert!(said.len() >= count, "the child said only {} lines", said.len());
        acknowledged.extend(said);
    }
    let before: HashSet<String> = ids(&queue(folder.path()).await).await;
    assert!(acknowledged.is_subset(&before), "lost: {:?}", acknowledged.difference(&before));

    // Now those who take out are killed.
    let mut settled = HashSet::new();
    for count in [1, 10, 40] {
        let child = spawn("kill::child_consumes", folder.path());
        for id in listen_and_kill(child, "settled ", count) {
            assert!(settled.insert(id), "settled twice");
        }
    }
    let queue = queue(folder.path()).await;
    let consumer = consumer(&queue, Consumes::Local).await;
    let after = ids(&queue).await;
    assert!(settled.is_disjoint(&after), "what was settled is there again");
    // Settled and not said: at most what one turn settles, for each killed child.
    assert!(before.len() - settled.len() - after.len() <= 3 * 3);
    let mut found = HashSet::new();
    loop {
        let leases = consumer.lease(&room(1000), START).await.unwrap().leases;
        if leases.is_empty() {
            break;
        }
        for lease in &leases {
            let len = octets(&lease.entry.content).await;
            assert!(matches!(len.len(), 20 | 2000) && len.iter().all(|octet| *octet == b'k'));
            assert!(found.insert(lease.entry.id.to_string()), "leased twice");
        }
        settle(&consumer, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), START)
            .await;
    }
    assert_eq!(found, after);
    queue.maintain(START).await.unwrap();
    assert!(spool(folder.path()).is_empty());
}

async fn ids(queue: &Queue) -> HashSet<String> {
    let all = queue.list(&Filter::default(), None, 1_000_000).await.unwrap();
    all.into_iter().map(|summary| summary.id).collect()
}
