//! A disk that gets full at whatever step: nothing is lost, and nothing comes twice.

use stable_storage::free_space;
use testkit::small_disk;

use crate::world::{ALICE, World, deliver, mailbox, see, subjects};

#[test]
fn a_delivery_to_a_full_disk_is_refused_and_succeeds_later() {
    small_disk::run("full_disk::child_delivers_to_a_full_disk", 4096);
}

/// Not a test by itself: runs on the small disk.
#[tokio::test]
async fn child_delivers_to_a_full_disk() {
    let Some(disk) = small_disk::here() else { return };
    let mut refused = 0;
    for step in 0..60_u64 {
        let world = World { folder: tempfile::tempdir_in(&disk).unwrap() };
        let store = world.open().await;
        let account = store.account(ALICE);
        deliver(&account, 1, "m1").await.unwrap();
        let ballast = world.folder.path().join("ballast");
        let room = free_space(&disk).unwrap().saturating_sub(step * 4096);
        std::fs::write(&ballast, vec![0; usize::try_from(room).unwrap()]).unwrap();
        let first = deliver(&account, 2, "m2").await;
        // The account goes on, and another message may take the UID that the first had nearly got.
        let second = deliver(&account, 3, "m3").await;
        for error in [&first, &second].into_iter().filter_map(|told| told.as_ref().err()) {
            assert!(error.is_full(), "step {step}: {error:?}");
            refused += 1;
        }
        std::fs::remove_file(&ballast).unwrap();
        deliver(&account, 4, "m4").await.unwrap();
        deliver(&account, 3, "m3").await.unwrap();
        deliver(&account, 2, "m2").await.unwrap();
        let inbox = mailbox(&account, "INBOX").await.id;
        store.close().await;
        let store = world.open_again(false).await;
        let account = store.account(ALICE);
        account.refresh(inbox).await.unwrap();
        let mut found = subjects(&see(&world, &account).await, "INBOX");
        found.sort();
        assert_eq!(found, ["m1", "m2", "m3", "m4"], "step {step}");
        store.close().await;
    }
    assert!(refused > 5, "the disk was full {refused} times only");
}
