//! A flush of the log that fails: nothing is promised, and nothing is stranded.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use message_queue::{Consumes, Queue};
use stable_storage::{Files, Operation, Watch};

use crate::story::*;

/// Fails the next flush of the log when it is told to.
#[derive(Default)]
struct Disk {
    fails: AtomicBool,
}

impl Watch for Disk {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        match operation {
            Operation::Sync(path)
                if path.ends_with("queue.db-wal") && self.fails.swap(false, Ordering::SeqCst) =>
            {
                Err(io::Error::other("the disk of this test"))
            }
            _ => Ok(()),
        }
    }

    fn after(&self, _: &Operation<'_>) {}
}

async fn on(disk: &Arc<Disk>, folder: &Path) -> Queue {
    Queue::create(options(folder), Files::watched(disk.clone())).await.unwrap()
}

#[tokio::test]
async fn what_a_turn_leased_whose_flush_failed_is_leased_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let queue = on(&disk, folder.path()).await;
    for to in ["a@x.test", "b@y.test", "c@y.test"] {
        enqueue(&queue, entry(&[to]), b"content", START).await.unwrap();
    }
    let remote = consumer(&queue, Consumes::Remote).await;
    let first = remote.lease(&room(1), START).await.unwrap().leases;
    let mut settlements: Vec<_> =
        first.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
    assert_eq!(settlements.len(), 1);
    disk.fails.store(true, Ordering::SeqCst);
    remote.settle_and_lease(&mut settlements, &room(100), START).await.unwrap_err();
    assert_eq!(settlements.len(), 1, "nothing is promised");
    let again = remote.settle_and_lease(&mut settlements, &room(100), START).await.unwrap();
    let (settled, leased) = again;
    assert_eq!((settled.settled, settled.superseded), (0, 1), "it was committed");
    assert_eq!(leased.leases.len(), 2, "and so were leases that nobody was told of");
    let ends = leased.leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
    assert_eq!(settle(&remote, ends, START).await.settled, 2);
    let found = &mut |finding: &_| panic!("{finding:?}");
    queue.check(None, found).await.unwrap();
}

#[tokio::test]
async fn no_file_goes_before_all_that_is_committed_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let queue = on(&disk, folder.path()).await;
    std::fs::write(folder.path().join("spool/o/orphanorphanorphanor"), "x").unwrap();
    disk.fails.store(true, Ordering::SeqCst);
    queue.check(Some(START), &mut |_| {}).await.unwrap_err();
    assert_eq!(spool(folder.path()).len(), 1);
    queue.check(Some(START), &mut |_| {}).await.unwrap();
    assert_eq!(spool(folder.path()).len(), 0);
}
