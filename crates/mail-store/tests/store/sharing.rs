//! Two stores on one folder, as two processes would have it; many accounts; waiting for news.

use std::time::Duration;

use mail_store::{FlagChange, StoreError, UidSet};
use mail_types::AccountId;

use crate::world::{ALICE, World, deliver, flags, mailbox, see, uid, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_deliver_mark_and_expunge_at_once() {
    let world = World::new();
    let (one, other) = (world.open().await, world.open().await);
    let inbox = mailbox(&one.account(ALICE), "INBOX").await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for (number, store) in [&one, &other].into_iter().enumerate() {
        let account = store.account(ALICE);
        tasks.spawn(async move {
            for round in 0..10_u8 {
                let entry = round * 2 + u8::try_from(number).unwrap();
                let new = deliver(&account, entry, &format!("m{entry}")).await.unwrap();
                let add = FlagChange::Add(flags(&["\\Seen"]));
                account.store_flags(inbox, &UidSet::all(), add, None).await.unwrap();
                if round % 3 == 0 {
                    account.remove(inbox, &new.into()).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    one.close().await;
    other.close().await;
    let account = world.open().await.account(ALICE);
    let all = see(&world, &account).await;
    assert_eq!(all["INBOX"].len(), 12);
    let state = account.state(inbox).await.unwrap();
    assert_eq!(state.uid_next, uid(21), "each UID was given once");
    assert_eq!(state.unseen, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_in_one_process_wakes_who_waits_in_another() {
    let world = World::new();
    let (one, other) = (world.open().await, world.open().await);
    let account = other.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let mut watch = account.watch(inbox);
    deliver(&one.account(ALICE), 1, "news").await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
    assert_eq!(account.state(inbox).await.unwrap().messages, 1);
}

#[tokio::test]
async fn the_maildrop_belongs_to_one_session() {
    let world = World::new();
    let (one, other) = (world.open().await.account(ALICE), world.open().await.account(ALICE));
    let held = one.lock_maildrop().await.unwrap();
    let refused = other.lock_maildrop().await;
    assert!(matches!(refused, Err(StoreError::MaildropInUse(id)) if id == ALICE));
    assert!(one.lock_maildrop().await.is_err(), "nor to two of one process");
    drop(held);
    assert!(other.lock_maildrop().await.is_ok());
}

#[tokio::test]
async fn more_accounts_than_may_be_open() {
    let world = World::new();
    let store = world.open().await;
    let count = 12;
    for _ in 0..2 {
        for number in 1..=count {
            let account = store.account(AccountId(number));
            let entry = u8::try_from(number).unwrap();
            assert_eq!(deliver(&account, entry, "m").await.unwrap(), uid(1));
        }
    }
    // A connection ends on a thread of its own, a little later.
    until("few open indexes", async || indexes_open(&world) <= 4).await;
    assert!(indexes_open(&world) > 0);
    store.close().await;
    assert!(matches!(store.account(ALICE).states().await, Err(StoreError::Closing)));
}

fn indexes_open(world: &World) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors
        .filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok())
        .filter(|to| to.starts_with(world.folder.path()) && to.ends_with("postrider-index.db"))
        .count()
}
