//! When messages were saved in their mailboxes (RFC 8514 §3).

use std::sync::atomic::{AtomicI64, Ordering};

use mail_store::{AccountMailboxes, MailStore, StoreOptions, UidSet, Want};
use mail_types::{MailboxId, Timestamp};
use sqlx::{Connection, SqliteConnection};
use stable_storage::Files;

use crate::world::{ALICE, NOW, World, append, deliver, flags, mailbox, uid};

/// The clock of these tests, in seconds.
static CLOCK: AtomicI64 = AtomicI64::new(0);

async fn open(world: &World) -> MailStore {
    let clock = || Timestamp::from_secs(CLOCK.load(Ordering::Relaxed));
    MailStore::open(StoreOptions { clock, ..world.options() }, Files::real()).await.unwrap()
}

async fn saved(account: &AccountMailboxes, mailbox: MailboxId) -> Vec<i64> {
    let rows = account.fetch(mailbox, &UidSet::all(), Want::Facts).await.unwrap();
    rows.iter().map(|row| row.saved.secs() - NOW.secs()).collect()
}

#[tokio::test]
async fn a_message_is_saved_when_it_gets_into_its_mailbox() {
    let world = World::new();
    let at = |seconds| CLOCK.store(NOW.secs() + seconds, Ordering::Relaxed);
    at(0);
    let store = open(&world).await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let trash = mailbox(&account, "Trash").await.id;
    deliver(&account, 1, "at once").await.unwrap();
    at(60);
    deliver(&account, 2, "it waited in the queue").await.unwrap();
    let long_ago = Timestamp::from_secs(1_000_000_000);
    append(&account, inbox, "old", flags(&[]), long_ago).await.unwrap();
    assert_eq!(saved(&account, inbox).await, [0, 60, 60]);
    at(120);
    account.copy(inbox, &UidSet::all(), trash).await.unwrap();
    at(180);
    account.move_messages(inbox, &uid(1).into(), trash).await.unwrap();
    account.move_messages(inbox, &uid(2).into(), inbox).await.unwrap();
    assert_eq!(saved(&account, inbox).await, [60, 180]);
    assert_eq!(saved(&account, trash).await, [120, 120, 120, 180]);
    // Moved within the second of its delivery: its name needs nothing more.
    at(0);
    account.move_messages(trash, &uid(4).into(), trash).await.unwrap();
    assert_eq!(saved(&account, trash).await, [120, 120, 120, 0]);
    store.close().await;

    // The column agrees, for those who look for what is old.
    let path = world.maildir().join("postrider-index.db");
    let url = format!("sqlite://{}", path.display());
    let mut index = SqliteConnection::connect(&url).await.unwrap();
    let sql = "select saved from messages order by mailbox, uid";
    let column: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut index).await.unwrap();
    let expected = [60, 180, 120, 120, 120, 0].map(|seconds| NOW.secs() + seconds);
    assert_eq!(column, expected);
    index.close().await.unwrap();

    at(9999);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
    let account = open(&world).await.account(ALICE);
    assert_eq!(saved(&account, inbox).await, [60, 180]);
    assert_eq!(saved(&account, trash).await, [120, 120, 120, 0]);
}
