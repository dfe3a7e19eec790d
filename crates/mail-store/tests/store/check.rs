//! Damage of every kind is found, and mended without losing mail.

use std::{
    fs::{self, FileTimes},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use mail_store::{AccountMailboxes, Finding, Trouble, UidSet};
use rusqlite::Connection;

use crate::world::{
    ALICE, NOW, World, append, deliver, files_on_disk, flags, mailbox, name, see, subjects, uid,
};

/// Three messages in INBOX, one of which has a keyword, and one in a mailbox of its own.
async fn furnish(world: &World) {
    let store = world.open().await;
    let account = store.account(ALICE);
    deliver(&account, 1, "m1").await.unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    append(&account, inbox, "m2", flags(&["word", "\\Seen"]), NOW).await.unwrap();
    deliver(&account, 3, "m3").await.unwrap();
    let work = account.create(&name("Work"), None).await.unwrap().id;
    append(&account, work, "work", flags(&[]), NOW).await.unwrap();
    store.close().await;
}

/// The file of a message.
fn file(world: &World, uid: u32) -> PathBuf {
    let field = format!(",U={uid},");
    let names = files_on_disk(world);
    let name = names.iter().find(|name| !name.starts_with('.') && name.contains(&field));
    world.maildir().join(name.unwrap())
}

fn sql(world: &World, text: &str) {
    let index = Connection::open(world.maildir().join("postrider-index.db")).unwrap();
    index.execute_batch(text).unwrap();
}

fn kinds(found: &[Finding]) -> Vec<Trouble> {
    let mut kinds: Vec<Trouble> = found.iter().map(|finding| finding.trouble).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Does damage, finds just that, mends it, and finds nothing any more.
async fn damaged(damage: impl FnOnce(&World), deep: bool, expected: &[Trouble]) -> World {
    let world = World::new();
    furnish(&world).await;
    damage(&world);
    let store = world.open().await;
    let account = store.account(ALICE);
    let found = account.check(deep).await.unwrap();
    assert_eq!(kinds(&found), expected, "{found:?}");
    assert_eq!(account.check(deep).await.unwrap(), found, "checking changes nothing");
    let mended = account.mend(deep).await.unwrap();
    assert_eq!((mended.found, mended.left), (found, vec![]));
    see(&world, &account).await;
    store.close().await;
    world
}

async fn open(world: &World) -> AccountMailboxes {
    world.open().await.account(ALICE)
}

#[tokio::test]
async fn a_good_account_has_nothing_wrong() {
    let world = World::new();
    furnish(&world).await;
    let account = open(&world).await;
    assert_eq!(account.check(true).await.unwrap(), []);
    let before = see(&world, &account).await;
    let mended = account.mend(true).await.unwrap();
    assert!(mended.found.is_empty() && mended.set_aside.is_empty());
    assert_eq!(see(&world, &account).await, before);
}

#[tokio::test]
async fn counters_and_numbers() {
    let wrong = "update mailboxes set messages = 9, unseen = 1, octets = 5 where name = 'INBOX'";
    damaged(|world| sql(world, wrong), false, &[Trouble::CounterWrong]).await;
    let low = "update mailboxes set uid_next = 2 where name = 'INBOX'";
    let world = damaged(|world| sql(world, low), false, &[Trouble::MarkTooLow]).await;
    let account = open(&world).await;
    assert_eq!(deliver(&account, 9, "new").await.unwrap(), uid(4), "no UID is given twice");
}

#[tokio::test]
async fn small_files() {
    let remove = |world: &World| fs::remove_file(world.maildir().join("postrider-folder")).unwrap();
    let world = damaged(remove, false, &[Trouble::FactsDiffer]).await;
    fs::remove_file(world.maildir().join("postrider-index.db")).unwrap();
    let seen = see(&world, &open(&world).await).await;
    assert_eq!(seen["INBOX"][2].uid, 3, "what was written there is true");

    let account =
        |world: &World| fs::remove_file(world.maildir().join("postrider-account")).unwrap();
    damaged(account, false, &[Trouble::FactsDiffer]).await;
    let lost = |world: &World| fs::remove_file(world.maildir().join("postrider-keywords")).unwrap();
    damaged(lost, false, &[Trouble::KeywordsDiffer]).await;
}

#[tokio::test]
async fn names_and_dates() {
    let wrong = "update messages set uid = 7 where uid = 3;
                 update mailboxes set uid_next = 8 where name = 'INBOX';
                 update details set uid = 7 where uid = 3;
                 update sort_keys set uid = 7 where uid = 3;";
    let world = damaged(|world| sql(world, wrong), false, &[Trouble::NameWrong]).await;
    file(&world, 7);
    let touch = |world: &World| {
        let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(5));
        fs::File::open(file(world, 1)).unwrap().set_times(times).unwrap();
    };
    let world = damaged(touch, false, &[Trouble::DateDiffers]).await;
    fs::remove_file(world.maildir().join("postrider-index.db")).unwrap();
    let seen = see(&world, &open(&world).await).await;
    assert_eq!(seen["INBOX"][0].internal_date, NOW);
}

/// A message that is not what it was is another message: its UID is not its own any more.
#[tokio::test]
async fn changed_content() {
    let longer = |world: &World| {
        let path = file(world, 1);
        let mut content = fs::read(&path).unwrap();
        content.extend_from_slice(b"more\r\n");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, content).unwrap();
        let times = FileTimes::new().set_modified(time);
        fs::File::open(&path).unwrap().set_times(times).unwrap();
    };
    let world = damaged(longer, false, &[Trouble::ContentDiffers]).await;
    let seen = see(&world, &open(&world).await).await;
    let uids: Vec<u32> = seen["INBOX"].iter().map(|message| message.uid).collect();
    assert_eq!(
        (uids, subjects(&seen, "INBOX")),
        (vec![2, 3, 4], ["m2", "m3", "m1"].map(String::from).into())
    );

    // Of the same size: only reading finds it, and what the index knows is wrong, not the message.
    let other = "update details set envelope = (select envelope from details where uid = 2
                     and mailbox = (select id from mailboxes where name = 'INBOX'))
                 where uid = 1 and mailbox = (select id from mailboxes where name = 'INBOX')";
    let world = damaged(|world| sql(world, other), true, &[Trouble::ContentDiffers]).await;
    let seen = see(&world, &open(&world).await).await;
    assert_eq!(subjects(&seen, "INBOX"), ["m1", "m2", "m3"]);
}

#[tokio::test]
async fn details() {
    let lost = "delete from details where uid = 2; delete from sort_keys where uid = 2;";
    damaged(|world| sql(world, lost), false, &[Trouble::DetailsWrong]).await;
    let stray = "insert into details (mailbox, uid, envelope, structure)
                 select mailbox, 99, envelope, structure from details where uid = 2";
    damaged(|world| sql(world, stray), false, &[Trouble::DetailsWrong]).await;
}

#[tokio::test]
async fn files_that_come_go_or_are_renamed_by_others() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    fs::remove_file(file(&world, 1)).unwrap();
    let other = file(&world, 3);
    let renamed = format!("{}:2,F", other.file_name().unwrap().to_str().unwrap());
    fs::rename(&other, world.maildir().join("cur").join(renamed)).unwrap();
    fs::write(world.maildir().join("new/5.foreign"), "Subject: foreign\n\nx\n").unwrap();
    let found = kinds(&account.check(false).await.unwrap());
    assert_eq!(found, [Trouble::FileMissing, Trouble::FileUnknown, Trouble::NameDiffers]);
    let mended = account.mend(false).await.unwrap();
    assert_eq!(mended.left, []);
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["m2", "m3", "foreign"]);
}

/// What can't be read is set aside, whole, and said where.
#[tokio::test]
async fn unreadable_files_are_set_aside() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    // Whoever is root can read everything but a link that leads round in circles.
    let path = file(&world, 1);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(path.file_name().unwrap(), &path).unwrap();
    let found = account.check(false).await.unwrap();
    assert_eq!(kinds(&found), [Trouble::Unreadable]);
    let mended = account.mend(false).await.unwrap();
    assert_eq!(mended.left, []);
    let [aside] = mended.set_aside.as_slice() else { panic!("{mended:?}") };
    assert!(fs::symlink_metadata(world.maildir().join(aside)).is_ok(), "{aside}");
    assert!(aside.starts_with("postrider-set-aside/"));
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["m2", "m3"]);
}

#[tokio::test]
async fn what_is_for_a_person_stays() {
    let world = World::new();
    furnish(&world).await;
    fs::create_dir_all(world.maildir().join(".a..b/cur")).unwrap();
    let account = open(&world).await;
    let mended = account.mend(false).await.unwrap();
    assert_eq!(kinds(&mended.left), [Trouble::FolderUnknown]);
    assert!(mended.left.iter().all(|finding| finding.trouble.is_for_a_person()));
}

/// The counters of every mailbox agree with its rows, whatever was done.
#[tokio::test]
async fn counters_agree_after_everything() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    let (inbox, work) = (mailbox(&account, "INBOX").await.id, mailbox(&account, "Work").await.id);
    account.copy(inbox, &UidSet::all(), work).await.unwrap();
    account.claim_recent(work).await.unwrap();
    account.move_messages(work, &uid(1).into(), inbox).await.unwrap();
    let deleted = mail_store::FlagChange::Add(flags(&["\\Deleted"]));
    account.store_flags(inbox, &uid(2).into(), deleted, None).await.unwrap();
    account.expunge(inbox, &UidSet::all()).await.unwrap();
    account.rename(&name("Work"), &name("Play")).await.unwrap();
    deliver(&account, 7, "late").await.unwrap();
    let found = account.check(true).await.unwrap();
    let counters = found.iter().filter(|finding| finding.trouble == Trouble::CounterWrong);
    assert_eq!(counters.count(), 0, "{found:?}");
    store.close().await;
    see(&world, &open(&world).await).await;
}

/// The index is built anew while sessions are open: they learn what they had not been told yet.
#[tokio::test]
async fn an_open_session_goes_on_after_a_reindex() {
    let world = World::new();
    furnish(&world).await;
    let (store, other) = (world.open().await, world.open().await);
    let (account, session) = (store.account(ALICE), other.account(ALICE));
    let inbox = mailbox(&session, "INBOX").await;
    let before = see(&world, &session).await;
    let known = session.uids(&inbox).await.unwrap();
    // The session has not been told of these.
    account.remove(inbox.id, &uid(2).into()).await.unwrap();
    deliver(&account, 8, "new").await.unwrap();
    account.reindex().await.unwrap();
    assert_eq!(session.uids(&inbox).await.unwrap(), known, "its sequence numbers stay");
    let changes = session.changes(inbox.id, inbox.highest_modseq).await.unwrap();
    assert_eq!(changes.expunged, [uid(2)]);
    assert_eq!(changes.state.uid_validity, inbox.uid_validity);
    let seen = see(&world, &session).await;
    assert_eq!(subjects(&seen, "INBOX"), ["m1", "m3", "new"]);
    assert_eq!(seen["Work"], before["Work"]);
    assert_eq!(account.check(true).await.unwrap(), []);
    let names = fs::read_dir(world.maildir()).unwrap().flatten();
    let left = names.filter(|e| e.file_name().to_string_lossy().contains("replaced")).count();
    assert_eq!(left, 0);
}

/// Whoever builds it anew stops in the middle: the old one is there again, with all it knew.
#[tokio::test]
async fn a_reindex_that_stopped_is_undone() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await;
    account.remove(inbox.id, &uid(2).into()).await.unwrap();
    store.close().await;
    let index = world.maildir().join("postrider-index.db");
    fs::rename(&index, world.maildir().join("postrider-index.db.replaced-1800000000")).unwrap();
    let account = open(&world).await;
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["m1", "m3"]);
    let changes = account.changes(inbox.id, inbox.highest_modseq).await.unwrap();
    assert!(changes.expunged.contains(&uid(2)), "{changes:?}");
    assert_eq!(account.check(true).await.unwrap(), []);
}

/// An index that was set aside by another process is nobody's empty account.
#[tokio::test]
async fn a_lost_index_is_never_taken_for_an_empty_account() {
    let world = World::new();
    furnish(&world).await;
    let store = world.open().await;
    let account = store.account(ALICE);
    let (before, inbox) = (see(&world, &account).await, mailbox(&account, "INBOX").await);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
    assert_eq!(
        deliver(&account, 9, "new").await.unwrap().number(),
        inbox.uid_next.number().max(1001)
    );
    let after = see(&world, &account).await;
    assert_eq!(after["INBOX"][..3], before["INBOX"][..]);
    assert_eq!(mailbox(&account, "INBOX").await.uid_validity, inbox.uid_validity);
    // A session that knew the old one is told of everything that isn't there.
    let changes = account.changes(inbox.id, inbox.highest_modseq).await.unwrap();
    assert!(changes.expunged.iter().all(|uid| uid.number() > 3), "nothing that is there");
}
