//! The index is lost, damaged, or older than the files: what comes back is what was there.

use std::{collections::BTreeMap, slice::SliceIndex};

use mail_store::{FlagChange, MailStore, UidSet};
use mail_types::{Timestamp, Uid, UniqueId};
use stable_storage::Files;

use sqlx::{Connection, SqliteConnection};

use crate::world::{ALICE, Seen, World, append, deliver, flags, mailbox, name, see, subjects, uid};

/// An account with a bit of everything.
async fn furnish(world: &World) {
    let store = world.open().await;
    let account = store.account(ALICE);
    for entry in 1..=6 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let inbox = mailbox(&account, "INBOX").await.id;
    let mark = |list: &[&str]| FlagChange::Replace(flags(list));
    account.store_flags(inbox, &uid(2).into(), mark(&["\\Seen", "a", "b"]), None).await.unwrap();
    account
        .store_flags(inbox, &uid(3).into(), mark(&["\\Flagged", "$Forwarded"]), None)
        .await
        .unwrap();
    account.store_flags(inbox, &uid(4).into(), mark(&["\\Deleted"]), None).await.unwrap();
    account.remove(inbox, &uid(6).into()).await.unwrap();
    let long = name("아주 긴 이름/".repeat(10).trim_end_matches('/'));
    let deep = account.create(&long, None).await.unwrap().id;
    account.copy(inbox, &UidSet::all(), deep).await.unwrap();
    account.move_messages(inbox, &uid(1).into(), deep).await.unwrap();
    let sent = mailbox(&account, "Sent").await.id;
    let date = Timestamp::from_millis(981_173_106_789);
    append(&account, sent, "sent", flags(&["\\Seen"]), date).await.unwrap();
    account.subscribe(&name("gone"), true).await.unwrap();
    account.subscribe(&name("Junk"), false).await.unwrap();
    store.close().await;
}

fn remove_index(world: &World) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
}

#[tokio::test]
async fn a_rebuilt_index_equals_the_original() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    let (seen, listed) = (see(&world, &account).await, account.list().await.unwrap());
    let states = account.states().await.unwrap();
    store.close().await;

    remove_index(&world);
    let store = world.open().await;
    let account = store.account(ALICE);
    assert_eq!(see(&world, &account).await, seen);
    assert_eq!(account.list().await.unwrap(), listed);
    for (before, after) in states.iter().zip(account.states().await.unwrap()) {
        assert_eq!((before.id, before.uid_validity), (after.id, after.uid_validity));
        assert!(after.uid_next >= before.uid_next && after.highest_modseq > before.highest_modseq);
        let expunged = |since| account.expunged_since(before.id, since);
        assert_eq!(expunged(before.highest_modseq).await.unwrap(), None, "the log is lost");
        assert_eq!(expunged(after.highest_modseq).await.unwrap(), Some(vec![]));
    }
    assert_eq!(deliver(&account, 2, "m2").await.unwrap(), uid(2), "deliveries are remembered");
    let new = deliver(&account, 9, "new").await.unwrap();
    assert!(new > uid(6), "UID 6 was told and expunged");
}

/// Such an account, which nobody has open, and what is seen of it.
async fn furnished() -> (World, BTreeMap<String, Vec<Seen>>) {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let seen = see(&world, &store.account(ALICE)).await;
    store.close().await;
    (world, seen)
}

/// Overwrites a part of the index.
fn overwrite(world: &World, part: impl SliceIndex<[u8], Output = [u8]>, filler: u8) {
    let index = world.maildir().join("postrider-index.db");
    let mut content = std::fs::read(&index).unwrap();
    content[part].fill(filler);
    std::fs::write(&index, content).unwrap();
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_built_anew() {
    let (world, seen) = furnished().await;
    std::fs::write(world.maildir().join("postrider-index.db"), vec![b'x'; 8192]).unwrap();
    let account = world.open().await.account(ALICE);
    assert_eq!(see(&world, &account).await, seen);
    let aside = world.maildir().join("postrider-index.db.damaged-1800000000");
    assert_eq!(std::fs::read(aside).unwrap(), vec![b'x'; 8192]);
}

#[tokio::test]
async fn damage_that_shows_later_is_repaired_while_the_store_is_open() {
    let (world, seen) = furnished().await;
    overwrite(&world, 8192.., 0xff);
    let account = world.open().await.account(ALICE);
    // The first operations may fail, each time one damage is found; then all is well.
    let mut left = 5;
    while account.states().await.is_err() && left > 0 {
        left -= 1;
    }
    assert_eq!(see(&world, &account).await, seen);
}

/// What the opening itself reads is no reason to have no account.
#[tokio::test]
async fn damage_that_shows_at_the_opening_is_repaired() {
    for table in ["account", "mailboxes", "doomed", "renames"] {
        let (world, seen) = furnished().await;
        let root = root_page(&world.maildir().join("postrider-index.db"), table).await;
        overwrite(&world, (root - 1) * 4096..root * 4096, 0xff);
        let store = world.open().await;
        let account = store.account(ALICE);
        account.states().await.unwrap();
        assert_eq!(see(&world, &account).await, seen, "{table}");
        store.close().await;
    }
}

/// The page at which a table begins.
async fn root_page(index: &std::path::Path, table: &str) -> usize {
    let mut index =
        SqliteConnection::connect(&format!("sqlite://{}", index.display())).await.unwrap();
    let sql = "select rootpage from sqlite_schema where type = 'table' and name = ?";
    let page: i64 = sqlx::query_scalar(sql).bind(table).fetch_one(&mut index).await.unwrap();
    index.close().await.unwrap();
    usize::try_from(page).unwrap()
}

/// A delivery has its own way to the index: it finds the same, and loses nothing.
#[tokio::test]
async fn a_delivery_finds_what_is_wrong_with_the_index() {
    for (from, filler) in [(0, b'x'), (8192, 0xff)] {
        let world = World::new();
        furnish(&world).await;
        let store = world.open().await;
        let mut expected = subjects(&see(&world, &store.account(ALICE)).await, "INBOX");
        store.close().await;
        overwrite(&world, from.., filler);
        let store = world.open().await;
        let account = store.account(ALICE);
        // The first may fail, each time one damage is found; then all is well.
        let mut left = 5;
        while let Err(error) = deliver(&account, 30, "new").await {
            assert!(left > 0, "{error}");
            left -= 1;
        }
        expected.push("new".into());
        assert_eq!(subjects(&see(&world, &account).await, "INBOX"), expected, "{from}");
        store.close().await;
    }
}

/// The index goes while it is open here: nothing is delivered into one that nobody sees.
#[tokio::test]
async fn a_delivery_notices_that_the_index_is_another_one() {
    let world = World::new();
    furnish(&world).await;
    let (one, other) = (world.open().await, world.open().await);
    let first = deliver(&one.account(ALICE), 30, "first").await.unwrap();
    remove_index(&world);
    let second = deliver(&other.account(ALICE), 31, "second").await.unwrap();
    let third = deliver(&one.account(ALICE), 32, "third").await.unwrap();
    assert!(first < second && second < third, "{first} {second} {third}");
    let all = see(&world, &other.account(ALICE)).await;
    for subject in ["first", "second", "third"] {
        let there = subjects(&all, "INBOX").iter().filter(|s| *s == subject).count();
        assert_eq!(there, 1, "{subject}");
    }
}

#[tokio::test]
async fn after_a_power_cut_no_number_is_given_twice() {
    let world = World::new();
    furnish(&world).await;
    // The index as it was, while UIDs went on.
    let index = world.maildir().join("postrider-index.db");
    let old = std::fs::read(&index).unwrap();
    let store = world.open().await;
    let account = store.account(ALICE);
    let told = deliver(&account, 20, "lost").await.unwrap();
    let gone = deliver(&account, 21, "expunged").await.unwrap();
    let inbox = mailbox(&account, "INBOX").await;
    account.remove(inbox.id, &gone.into()).await.unwrap();
    let told_modseq = account.state(inbox.id).await.unwrap().highest_modseq;
    store.close().await;
    remove_index(&world);
    std::fs::write(&index, old).unwrap();

    let options = mail_store::StoreOptions { boot: "second".into(), ..world.options() };
    let store = MailStore::open(options, Files::real()).await.unwrap();
    let account = store.account(ALICE);
    let all = see(&world, &account).await;
    let lost = all["INBOX"].iter().find(|m| m.subject == "lost").unwrap();
    assert_eq!(lost.uid, told.number());
    let state = account.state(inbox.id).await.unwrap();
    assert!(state.highest_modseq > told_modseq && state.uid_next > gone);
    let log = account.expunged_since(inbox.id, told_modseq).await.unwrap();
    assert_eq!(log, None, "what the log says may not be all");
    assert_eq!(deliver(&account, 20, "lost").await.unwrap(), told);
    assert_eq!(subjects(&all, "INBOX").iter().filter(|s| *s == "lost").count(), 1);
}

#[tokio::test]
async fn a_folder_that_cannot_prove_its_uids_gets_a_new_epoch() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let before = mailbox(&store.account(ALICE), "INBOX").await.uid_validity;
    store.close().await;
    remove_index(&world);
    std::fs::remove_file(world.maildir().join("postrider-folder")).unwrap();
    let store = world.open().await;
    assert!(mailbox(&store.account(ALICE), "INBOX").await.uid_validity > before);
    store.close().await;

    // Two files that say the same UID.
    remove_index(&world);
    let before = mailbox(&world.open().await.account(ALICE), "Sent").await.uid_validity;
    remove_index(&world);
    std::fs::write(world.maildir().join(".Sent/cur/copy,U=1,S=5:2,S"), "a\n\nb\n").unwrap();
    let account = world.open().await.account(ALICE);
    assert!(mailbox(&account, "Sent").await.uid_validity > before);
    assert_eq!(see(&world, &account).await["Sent"].len(), 2);
}

/// What POP3 clients were told by the server before this one outlives the index too; what is gone
/// is forgotten, and other mailboxes know nothing of it.
#[tokio::test]
async fn imported_unique_ids_outlive_the_index() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let (inbox, sent) = (mailbox(&account, "INBOX").await.id, mailbox(&account, "Sent").await.id);
    assert!(account.unique_ids(inbox).await.unwrap().is_empty());
    let ids = |list: &[(u32, &str)]| -> BTreeMap<Uid, UniqueId> {
        list.iter().map(|(number, id)| (uid(*number), id.parse().unwrap())).collect()
    };
    account.keep_unique_ids(inbox, ids(&[(1, "old.1"), (2, "old.2")])).await.unwrap();
    account.remove(inbox, &uid(1).into()).await.unwrap();
    account.keep_unique_ids(inbox, ids(&[(3, "old.3"), (7, "nobody")])).await.unwrap();
    let kept = ids(&[(2, "old.2"), (3, "old.3")]);
    assert_eq!(account.unique_ids(inbox).await.unwrap(), kept);
    assert!(account.unique_ids(sent).await.unwrap().is_empty());
    store.close().await;

    remove_index(&world);
    let account = world.open().await.account(ALICE);
    assert_eq!(account.unique_ids(inbox).await.unwrap(), kept);
}
