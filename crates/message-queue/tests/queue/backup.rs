//! A copy of the queue, made while it works, and the queue that the copy becomes.

use message_queue::{
    Consumes, QueueOptions, backup,
    operator::{Filter, State},
};
use stable_storage::{Files, Hold};

use crate::story::*;

#[tokio::test]
async fn contents_stay_for_a_backup_and_a_copy_sends_nothing_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let large = vec![b'x'; 200_000];
    let remote = enqueue(&queue, entry(&["a@x.test"]), &large, START).await.unwrap();
    enqueue(&queue, entry(&["b@y.test"]), b"small", START).await.unwrap();
    let mut own = entry(&["c@z.test"]);
    own.recipients[0].lane = mail_types::Lane::Local;
    let local = enqueue(&queue, own, &large, START).await.unwrap();

    let consumer_here = consumer(&queue, Consumes::Remote).await;
    let leases = lease(&consumer_here, START).await;
    let hold = Hold::take(folder.path(), 1).unwrap();
    let copy = folder.path().join("copy");
    backup::copy(folder.path(), &copy).await.unwrap();
    // Sent while the backup goes on: what the copy names is there all the same.
    let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
    settle(&consumer_here, ends, START).await;
    let named = backup::contents(&copy).await.unwrap();
    assert_eq!(named.len(), 2);
    let elsewhere = tempfile::tempdir().unwrap();
    let there = crate::story::queue(elsewhere.path()).await;
    drop(there);
    for file in &named {
        let from = folder.path().join(&file.path);
        assert_eq!(std::fs::metadata(&from).unwrap().len(), file.size);
        std::fs::copy(from, elsewhere.path().join(&file.path)).unwrap();
    }
    for left in ["queue.db", "queue.db-wal", "queue.db-shm"] {
        let _ = std::fs::remove_file(elsewhere.path().join(left));
    }
    std::fs::copy(&copy, elsewhere.path().join("queue.db")).unwrap();
    drop(hold);
    queue.maintain(START).await.unwrap();
    assert_eq!(spool(folder.path()).len(), 1, "what only the backup wanted goes after it");

    let options = QueueOptions::at(elsewhere.path());
    let restored = message_queue::Queue::create(options, Files::real()).await.unwrap();
    assert_eq!(restored.begin_restored(Some("from a backup"), START).await.unwrap(), 2);
    let away = consumer(&restored, Consumes::Remote).await;
    assert!(lease(&away, after(99_999)).await.is_empty(), "it may have been sent since");
    let home = consumer(&restored, Consumes::Local).await;
    let leased = lease(&home, START).await;
    assert_eq!(leased.iter().map(|lease| lease.entry.id).collect::<Vec<_>>(), [local]);
    let shown = restored.show(remote).await.unwrap().unwrap();
    assert_eq!(shown.recipients[0].state, State::Held);
    assert_eq!(shown.recipients[0].problem.as_deref(), Some("from a backup"));
    assert_eq!(restored.release(&Filter::default(), START).await.unwrap(), 2);
    assert_eq!(lease(&away, START).await.len(), 2);
}
