//! What messages are sorted and threaded by.

use mail_store::{AccountMailboxes, NewMessage, SortBy, SortKey, UidSet};
use mail_types::{MailboxId, Timestamp, Uid};
use sqlx::{Connection, SqliteConnection};

use crate::world::{ALICE, World, flags, mailbox, uid};

const HEADERS: [&str; 5] = [
    "Date: 1 Feb 2020 10:00:00 +0000\nFrom: zoe@a\nSubject: Plan\nMessage-ID: <1@a>",
    "Date: 1 Feb 2020 10:30:00 +0100\nFrom: \"Adam\" <yan@a>\nSubject: re: PLAN\nReferences: <1@a>",
    "From: Bert@x\nTo: =?utf-8?q?=C3=89va?= <e@x>\nSubject: [list] =?utf-8?q?=C3=A9t=C3=A9?=",
    "Date: nonsense\nFrom: carl@x\nCc: b@c\nSubject: Fwd: ÉTÉ (fwd)\nIn-Reply-To: <1@a>",
    "",
];

async fn append_all(account: &AccountMailboxes, mailbox: MailboxId) {
    for (header, day) in HEADERS.iter().zip([5, 4, 3, 2, 1]) {
        let date = Timestamp::from_secs(day * 86_400);
        let mut incoming = account.incoming(date).unwrap();
        incoming.write(format!("{header}\n\n{}\n", "x".repeat(20)).as_bytes()).await.unwrap();
        let written = incoming.finish().await.unwrap();
        let new = NewMessage { written, flags: flags(&[]) };
        account.append(mailbox, vec![new]).await.unwrap();
    }
}

async fn orders(account: &AccountMailboxes, mailbox: MailboxId) -> Vec<Vec<u32>> {
    let mut orders = Vec::new();
    for key in [
        SortKey::Arrival,
        SortKey::Cc,
        SortKey::Date,
        SortKey::From,
        SortKey::Size,
        SortKey::Subject,
        SortKey::To,
        SortKey::DisplayFrom,
        SortKey::DisplayTo,
    ] {
        for reverse in [false, true] {
            let by = [SortBy { key, reverse }];
            let sorted = account.sorted(mailbox, &UidSet::all(), &by).await.unwrap();
            orders.push(sorted.into_iter().map(Uid::number).collect());
        }
    }
    orders
}

const EXPECTED: [[u32; 5]; 18] = [
    [5, 4, 3, 2, 1],
    [1, 2, 3, 4, 5],
    [1, 2, 3, 5, 4],
    [4, 1, 2, 3, 5],
    // Without a date of its own: the internal one (RFC 5256 §2.2).
    [5, 4, 3, 2, 1],
    [1, 2, 3, 4, 5],
    [5, 3, 4, 2, 1],
    [1, 2, 4, 3, 5],
    [5, 1, 4, 3, 2],
    [2, 3, 4, 1, 5],
    [5, 3, 4, 1, 2],
    [1, 2, 3, 4, 5],
    [1, 2, 4, 5, 3],
    [3, 1, 2, 4, 5],
    [5, 2, 3, 4, 1],
    [1, 4, 3, 2, 5],
    [1, 2, 4, 5, 3],
    [3, 1, 2, 4, 5],
];

#[tokio::test]
async fn messages_are_sorted_by_what_was_kept_of_them() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    append_all(&account, inbox).await;
    assert_eq!(account.fill_sort_keys(inbox, Uid::MIN).await.unwrap(), None, "all is there");
    assert_eq!(orders(&account, inbox).await, EXPECTED);
    let threads = account.threadables(inbox, &UidSet::all()).await.unwrap();
    assert_eq!(threads[1].references, [threads[0].id.unwrap()]);
    assert_eq!(threads[3].references, threads[1].references);
    let marks: Vec<bool> = threads.iter().map(|message| message.is_reply_or_forward).collect();
    assert_eq!(marks, [false, true, false, true, false]);
    assert!(threads[2].subject == threads[3].subject && threads[4].subject.is_empty());

    // By several, of some.
    let by = [SortKey::Subject, SortKey::Date].map(|key| SortBy { key, reverse: true });
    let some: UidSet = [2, 1, 4, 9].map(uid).into_iter().collect();
    assert_eq!(account.sorted(inbox, &some, &by).await.unwrap(), [1, 2, 4].map(uid));

    // Copies and what is moved keep theirs; what is gone leaves none.
    let sent = mailbox(&account, "Sent").await.id;
    account.copy(inbox, &UidSet::all(), sent).await.unwrap();
    assert_eq!(orders(&account, sent).await, EXPECTED);
    let trash = mailbox(&account, "Trash").await.id;
    account.move_messages(sent, &UidSet::all(), trash).await.unwrap();
    assert_eq!(orders(&account, trash).await, EXPECTED);
    store.close().await;
    let count: i64 = sqlx::query_scalar("select count(*) from sort_keys")
        .fetch_one(&mut index(&world).await)
        .await
        .unwrap();
    assert_eq!(count, 10);
}

/// Messages from before there were such keys get them when they are asked for.
#[tokio::test]
async fn keys_that_were_not_kept_are_made_up_for() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    append_all(&account, inbox).await;
    store.close().await;
    let mut index = index(&world).await;
    for sql in ["delete from sort_keys", "update mailboxes set keys_missing = 1"] {
        sqlx::query(sql).execute(&mut index).await.unwrap();
    }
    index.close().await.unwrap();

    let store = world.open().await;
    let account = store.account(ALICE);
    // What is copied meanwhile has none either.
    let sent = mailbox(&account, "Sent").await.id;
    account.copy(inbox, &UidSet::all(), sent).await.unwrap();
    for mailbox in [inbox, sent] {
        let (mut next, mut steps) = (Some(Uid::MIN), 0);
        while let Some(from) = next {
            next = account.fill_sort_keys(mailbox, from).await.unwrap();
            steps += 1;
            assert!(steps < 10);
        }
        assert_eq!(orders(&account, mailbox).await, EXPECTED);
        assert_eq!(account.fill_sort_keys(mailbox, Uid::MIN).await.unwrap(), None);
    }
}

async fn index(world: &World) -> SqliteConnection {
    let path = world.maildir().join("postrider-index.db");
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

#[tokio::test]
async fn an_order_that_is_remembered_knows_who_came_and_went() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let by = [SortBy { key: SortKey::Arrival, reverse: false }];
    let sorted = async |uids: &UidSet| {
        let sorted = account.sorted(inbox, uids, &by).await.unwrap();
        sorted.into_iter().map(Uid::number).collect::<Vec<_>>()
    };
    append_all(&account, inbox).await;
    assert_eq!(sorted(&UidSet::all()).await, [5, 4, 3, 2, 1]);
    append_all(&account, inbox).await;
    assert_eq!(sorted(&UidSet::all()).await, [5, 10, 4, 9, 3, 8, 2, 7, 1, 6]);
    account.remove(inbox, &[uid(10), uid(3)].into_iter().collect()).await.unwrap();
    assert_eq!(sorted(&UidSet::all()).await, [5, 4, 9, 8, 2, 7, 1, 6]);
    // Few of many are sorted by themselves, or taken out of what is remembered.
    for _ in 0..2 {
        assert_eq!(sorted(&uid(4).into()).await, [4]);
        assert_eq!(sorted(&[uid(1)..=uid(5)].into_iter().collect()).await, [5, 4, 2, 1]);
    }
}
