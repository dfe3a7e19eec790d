//! What a task had that panicked comes back to its consumer, and is nobody else's meanwhile.

use std::sync::Arc;

use message_queue::{Consumer, Consumes, Lease, operator::Trace};

use crate::story::*;

/// Takes a lease down with it.
async fn panic_with(held: impl Send + 'static) {
    let task = tokio::spawn(async move {
        let inner = async move {
            tokio::task::yield_now().await;
            let _held = &held;
            panic!("as the test wants it");
        };
        let boxed: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(inner);
        boxed.await;
    });
    assert!(task.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_lease_outlives_the_task_that_panics_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    // A content that is a file, and one that is a row.
    let large = enqueue(&queue, entry(&["a@x.test", "b@x.test"]), &[b'x'; 3000], START).await;
    let small = enqueue(&queue, entry(&["c@y.test"]), b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    let leases = lease(&remote, START).await;
    assert_eq!(leases.len(), 2);
    panic_with(leases).await;
    assert!(lease(&remote, after(1)).await.is_empty(), "they are leased still");
    let mut broken = remote.broken();
    broken.sort_by_key(|lease| lease.recipients.len());
    let [one, two] = &broken[..] else { panic!("{broken:?}") };
    assert_eq!((one.entry.id, two.entry.id), (small, large.unwrap()));
    assert_eq!((to(two), one.breaks()), (vec!["a@x.test".to_owned(), "b@x.test".to_owned()], 1));
    assert_eq!(octets(&two.entry.content).await.len(), 3000);
    assert!(remote.broken().is_empty(), "they are handed out once");
    // Once more, and then they are settled like all others.
    panic_with(broken).await;
    let again = remote.broken();
    assert!(again.iter().all(|lease| lease.breaks() == 2) && again.len() == 2);
    let settlements = again.into_iter().map(|lease| all(lease, &deferred("broke"), None));
    settle(&remote, settlements.collect(), START).await;
    assert_eq!(lease(&remote, START).await.len(), 2);
    let journey = queue.trace(&Trace::Id(small), 1).await.unwrap().remove(0);
    assert!(format!("{:?}", journey.events).contains("broke"), "{journey:?}");
}

#[tokio::test]
async fn what_is_only_dropped_stays_leased() {
    // A stop: the process is about to end, and its lock with it.
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    let remote: Arc<Consumer> = Arc::new(consumer(&queue, Consumes::Remote).await);
    let leases: Vec<Lease> = lease(&remote, START).await;
    drop(leases);
    assert!(remote.broken().is_empty());
    drop(remote);
    let next = consumer(&queue, Consumes::Remote).await;
    assert_eq!(lease(&next, START).await.len(), 1);
}
