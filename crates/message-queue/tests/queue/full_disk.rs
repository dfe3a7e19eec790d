//! A disk that gets full at whatever step: the sender is told, and the queue goes on.

use message_queue::{Queue, operator::Filter};
use stable_storage::{Files, free_space};
use testkit::small_disk;

use crate::story::*;

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    small_disk::run("full_disk::child_enqueues_on_a_full_disk", 4096);
}

/// Not a test by itself: runs on the small disk.
#[tokio::test]
async fn child_enqueues_on_a_full_disk() {
    let Some(disk) = small_disk::here() else { return };
    let mut refused = 0;
    for step in 0..40_u64 {
        let folder = tempfile::tempdir_in(&disk).unwrap();
        let queue = queue(folder.path()).await;
        let before = enqueue(&queue, entry(&["a@here.test"]), b"before", START).await.unwrap();
        let ballast = folder.path().join("ballast");
        let room = free_space(&disk).unwrap().saturating_sub(step * 4096);
        std::fs::write(&ballast, vec![0; usize::try_from(room).unwrap()]).unwrap();
        assert!(!queue.has_room(), "452 4.3.1");
        let mut taken = vec![before];
        for size in [500, 60_000] {
            match enqueue(&queue, entry(&["a@here.test"]), &vec![b'x'; size], START).await {
                Ok(id) => taken.push(id),
                Err(error) => {
                    assert!(error.is_disk_full(), "step {step}: {error:?}");
                    refused += 1;
                }
            }
        }
        std::fs::remove_file(&ballast).unwrap();
        taken.push(enqueue(&queue, entry(&["a@here.test"]), b"after", START).await.unwrap());
        let mut ids: Vec<String> = taken.iter().map(ToString::to_string).collect();
        ids.sort();
        // What was told is there, and nothing else; also for the next process.
        for queue in [queue, Queue::open(options(folder.path()), Files::real()).await.unwrap()] {
            let listed = queue.list(&Filter::default(), None, 100).await.unwrap();
            let listed: Vec<String> = listed.into_iter().map(|summary| summary.id).collect();
            assert_eq!(listed, ids, "step {step}");
        }
    }
    assert!(refused > 5, "the disk was full {refused} times only");
}
