//! Many messages at once: those of one APPEND, and a COPY or MOVE whose files are named while the rows
//! are written; with a stop among them.

use std::{sync::Arc, time::Duration};

use mail_store::{
    AccountMailboxes, FlagChange, Gathering, MailStore, SortBy, SortKey, StoreError, StoreOptions,
    UidSet, Want,
};
use mail_types::{ModSeq, Uid};
use sqlx::{Connection, SqliteConnection};
use stable_storage::Files;
use testkit::BreakingFiles;

use crate::{
    crash::Stop,
    world::{ALICE, NOW, World, flags, mailbox, message, name, see, subjects, uid},
};

/// More than are named by the thread that writes the rows.
const MANY: u32 = 120;

/// One that is longer than what is written at once.
const LONG: u32 = 9;

/// Subjects of different lengths, so that what was parsed of one is not true of another.
fn subject(number: u32) -> String {
    format!("m{number} {}", "x".repeat(usize::try_from(number).unwrap()))
}

/// Appends messages by one command.
async fn append_many(
    account: &AccountMailboxes,
    into: &str,
    numbers: impl IntoIterator<Item = u32>,
) -> Result<Vec<Uid>, StoreError> {
    let into = mailbox(account, into).await.id;
    let mut gathering = Gathering::default();
    for number in numbers {
        let mut incoming = account.incoming(NOW)?;
        incoming.write(&message(&subject(number))).await?;
        if number == LONG {
            incoming.write(&b"long\r\n".repeat(100_000)).await?;
        }
        gathering.add(incoming, flags(&["word"])).await?;
    }
    let messages = gathering.finish().await?;
    let appended = account.append(into, messages).await?;
    assert_eq!(appended.totals, account.totals().await?);
    Ok(appended.uids)
}

async fn furnish(world: &World) {
    let store = world.open().await;
    let account = store.account(ALICE);
    append_many(&account, "INBOX", 1..=MANY).await.unwrap();
    account.create(&name("Work"), None).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn messages_of_one_append_keep_their_order() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let numbers = [3, 1, LONG, 2].into_iter().chain(10..80);
    let uids = append_many(&account, "INBOX", numbers.clone()).await.unwrap();
    assert_eq!(uids, (1..=74).map(uid).collect::<Vec<_>>());
    let expected: Vec<String> = numbers.map(subject).collect();
    let all = see(&world, &account).await;
    assert!(subjects(&all, "INBOX") == expected);
    // What was not appended leaves nothing.
    let mut gathering = Gathering::default();
    for number in 0..50 {
        let mut incoming = account.incoming(NOW).unwrap();
        incoming.write(&message(&subject(number))).await.unwrap();
        gathering.add(incoming, flags(&[])).await.unwrap();
    }
    let messages = gathering.finish().await.unwrap();
    let tmp = || std::fs::read_dir(world.maildir().join("tmp")).unwrap().count();
    assert_eq!((messages.len(), tmp()), (50, 50));
    drop(messages);
    assert_eq!(tmp(), 0);
    store.close().await;
}

#[tokio::test]
async fn what_was_parsed_goes_along() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    let (inbox, work) = (mailbox(&account, "INBOX").await.id, mailbox(&account, "Work").await.id);
    // Old UIDs with gaps, new ones without.
    let gone: UidSet = (1..=MANY).filter(|number| number % 10 == 3).map(uid).collect();
    account.remove(inbox, &gone).await.unwrap();
    store.close().await;
    let store = world.open_again(false).await;
    let account = store.account(ALICE);
    let left: Vec<String> = (1..=MANY).filter(|number| number % 10 != 3).map(subject).collect();
    for (step, expected) in [(0, [&left[..], &left[..]]), (1, [&[][..], &left[..]])] {
        let done = match step {
            0 => account.copy(inbox, &UidSet::all(), work).await.unwrap(),
            _ => account.move_messages(inbox, &UidSet::all(), work).await.unwrap(),
        };
        assert_eq!(done.uids.len(), left.len());
        let all = see(&world, &account).await;
        let in_work = subjects(&all, "Work");
        assert!(
            subjects(&all, "INBOX") == expected[0]
                && in_work[in_work.len() - left.len()..] == *expected[1]
        );
        assert!(all["Work"].iter().all(|seen| seen.flags == "word"));
    }
    // And within one mailbox.
    let moved = account.move_messages(work, &UidSet::all(), work).await.unwrap();
    assert_eq!(moved.uids.len(), 2 * left.len());
    let all = see(&world, &account).await;
    assert!(subjects(&all, "Work") == [&left[..], &left[..]].concat());
    let state = mailbox(&account, "Work").await;
    let since = ModSeq(state.highest_modseq.0 - 2);
    let changes = account.changes(work, since).await.unwrap();
    assert_eq!((changes.changed.len(), changes.expunged.len()), (2 * left.len(), 2 * left.len()));
    store.close().await;
}

#[tokio::test]
async fn what_was_parsed_of_what_went_goes_later() {
    let world = World::new();
    furnish(&world).await;
    let index = world.maildir().join("postrider-index.db");
    let count = async || {
        let mut index = SqliteConnection::connect(&index.to_string_lossy()).await.unwrap();
        let counts: (i64, i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from messages), (select count(*) from details),
                 (select count(*) from sort_keys), (select count(*) from parsed_left)",
        )
        .fetch_one(&mut index)
        .await
        .unwrap();
        index.close().await.unwrap();
        counts
    };
    let many = i64::from(MANY);
    // Some bits that mailboxes count, of many.
    // What follows is left to the next process.
    let options = StoreOptions { follow_after: Duration::from_secs(3600), ..world.options() };
    let store = MailStore::open(options, Files::real()).await.unwrap();
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for (change, unseen, deleted) in [
        (FlagChange::Add(flags(&["\\Seen", "\\Deleted"])), 0, many),
        (FlagChange::Remove(flags(&["\\Deleted"])), 0, 0),
        (FlagChange::Add(flags(&["\\Deleted"])), 0, many),
    ] {
        account.store_flags(inbox, &UidSet::all(), change, None).await.unwrap();
        let state = mailbox(&account, "INBOX").await;
        assert_eq!((i64::from(state.unseen), i64::from(state.deleted)), (unseen, deleted));
    }
    let totals = account.totals().await.unwrap();
    let first: UidSet = (1..=110).map(uid).collect();
    assert_eq!(account.expunge(inbox, &first).await.unwrap().len(), 110);
    // Nobody sees it any more, whoever asks for all.
    assert_eq!(count().await, (many - 110, many, many, 1));
    let left: Vec<Uid> = (111..=MANY).map(uid).collect();
    let rows = account.fetch(inbox, &UidSet::all(), Want::Details).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.uid).collect::<Vec<_>>(), left);
    let ids = account.object_ids(inbox, &UidSet::all()).await.unwrap();
    assert_eq!(ids.len(), left.len());
    let by = [SortBy { key: SortKey::Subject, reverse: false }];
    let sorted = account.sorted(inbox, &UidSet::all(), &by).await.unwrap();
    assert_eq!(sorted, left);
    assert!(account.totals().await.unwrap().version >= totals.version + 110);
    drop((account, store));
    let store = world.open_again(false).await;
    store.account(ALICE).list().await.unwrap();
    store.close().await;
    assert_eq!(count().await, (many - 110, many - 110, many - 110, 0));
}

/// A stop at some of the operations of a COPY or MOVE: among the names, and at what stands around them.
async fn stop_among(is_move: bool, stop: Stop) {
    let many = usize::try_from(MANY).unwrap();
    for n in [0, 1, 50, many - 1, many, many + 1, many + 2, many + 3, usize::MAX] {
        let world = World::new();
        furnish(&world).await;
        let kept = tempfile::tempdir_in(world.folder.path()).unwrap();
        let breaking: Arc<BreakingFiles> = BreakingFiles::stopping_at(n, kept.path());
        let mut told = Err(StoreError::Closing);
        if let Ok(store) = MailStore::open(world.options(), breaking.files()).await {
            let account = store.account(ALICE);
            let inbox = mailbox(&account, "INBOX").await.id;
            let work = mailbox(&account, "Work").await.id;
            told = if is_move {
                account.move_messages(inbox, &UidSet::all(), work).await
            } else {
                account.copy(inbox, &UidSet::all(), work).await
            };
            store.close().await;
        }
        assert_eq!(n == usize::MAX, !breaking.stopped(), "{n}");
        stop.lose(&breaking);
        for _ in 0..2 {
            let store = world.open_again(stop != Stop::Process).await;
            for state in store.account(ALICE).states().await.unwrap() {
                store.account(ALICE).refresh(state.id).await.unwrap();
            }
            store.close().await;
        }
        let store = world.open_again(stop != Stop::Process).await;
        let all = see(&world, &store.account(ALICE)).await;
        let (here, there) = (subjects(&all, "INBOX"), subjects(&all, "Work"));
        for number in 1..=MANY {
            let subject = subject(number);
            let count = |all: &[String]| all.iter().filter(|seen| **seen == subject).count();
            let found = (count(&here), count(&there));
            let fits = match (is_move, told.is_ok()) {
                (true, true) => found == (0, 1),
                (true, false) => found.0 + found.1 == 1,
                (false, true) => found == (1, 1),
                (false, false) => found.0 == 1 && found.1 <= 1,
            };
            assert!(fits, "{n} {subject}: {found:?}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn copy_of_many_and_the_process_stops() {
    stop_among(false, Stop::Process).await;
}

#[tokio::test]
async fn copy_of_many_and_the_machine_stops() {
    stop_among(false, Stop::Machine).await;
}

#[tokio::test]
async fn move_of_many_and_the_process_stops() {
    stop_among(true, Stop::Process).await;
}

#[tokio::test]
async fn move_of_many_and_the_machine_stops() {
    stop_among(true, Stop::Machine).await;
}

#[tokio::test]
async fn copy_of_many_and_only_names_are_left() {
    stop_among(false, Stop::MachineButNames).await;
}

#[tokio::test]
async fn move_of_many_and_only_names_are_left() {
    stop_among(true, Stop::MachineButNames).await;
}
