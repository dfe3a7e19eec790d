//! What was removed can be brought back for a while; what is older goes.

use std::{path::Path, time::Duration};

use mail_store::{FlagChange, MailStore, RemovedMessage, StoreOptions, UidSet};
use mail_types::Timestamp;
use stable_storage::Files;

use crate::world::{
    ALICE, NOW, World, append, deliver, files_on_disk, flags, mailbox, name, see, subjects, uid,
};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

async fn open(world: &World) -> MailStore {
    let options = StoreOptions { removed_kept: WEEK, ..world.options() };
    MailStore::open(options, Files::real()).await.unwrap()
}

/// Opens the store anew: what follows is done.
async fn again(world: &World, store: MailStore) -> MailStore {
    store.close().await;
    open(world).await
}

fn subject(message: &RemovedMessage) -> String {
    String::from_utf8_lossy(message.envelope.subject.as_deref().unwrap_or_default()).trim().into()
}

#[tokio::test]
async fn expunged_messages_come_back_with_flags_and_dates() {
    let world = World::new();
    let store = open(&world).await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let date = Timestamp::from_millis(981_173_106_789);
    append(&account, inbox, "old", flags(&["\\Flagged", "$Work"]), date).await.unwrap();
    deliver(&account, 1, "other").await.unwrap();
    // A name that is behind is no reason to lose what the index says.
    let add = FlagChange::Add(flags(&["\\Seen", "\\Deleted"]));
    account.store_flags(inbox, &uid(1).into(), add, None).await.unwrap();
    account.expunge(inbox, &UidSet::all()).await.unwrap();
    let store = again(&world, store).await;
    let account = store.account(ALICE);
    assert_eq!(files_on_disk(&world).len(), 1, "no Maildir reader sees it");
    assert_eq!(account.totals().await.unwrap().messages, 1, "and no quota counts it");

    let removed = account.removed().await.unwrap();
    let [message] = removed.as_slice() else { panic!("{removed:?}") };
    assert_eq!((subject(message), message.removed), ("old".into(), NOW));
    assert_eq!((message.mailbox.clone(), message.uid), (name("INBOX"), Some(uid(1))));
    let told = account.state(inbox).await.unwrap();
    let back = account.bring_back(removed).await.unwrap();
    assert_eq!(back, [(name("INBOX"), uid(3))], "its old UID was told to be gone");
    assert!(account.removed().await.unwrap().is_empty());
    let changes = account.changes(inbox, told.highest_modseq).await.unwrap();
    assert_eq!(changes.changed.len(), 1, "sessions see it");
    let store = again(&world, store).await;
    let seen = see(&world, &store.account(ALICE)).await;
    let message = &seen["INBOX"][1];
    assert_eq!((message.subject.as_str(), message.internal_date), ("old", date));
    assert_eq!(message.flags, "\\Flagged \\Seen $Work");
}

#[tokio::test]
async fn a_deleted_mailbox_comes_back_under_its_name() {
    let world = World::new();
    let store = open(&world).await;
    let account = store.account(ALICE);
    let long = name("아주 긴 이름/".repeat(10).trim_end_matches('/'));
    let mailbox_id = account.create(&long, None).await.unwrap().id;
    append(&account, mailbox_id, "kept", flags(&["word"]), NOW).await.unwrap();
    let store = again(&world, store).await;
    let account = store.account(ALICE);
    account.delete(&long).await.unwrap();
    let store = again(&world, store).await;
    let account = store.account(ALICE);
    assert!(account.mailbox(&long).await.is_err());
    let removed = account.removed().await.unwrap();
    assert_eq!((removed.len(), &removed[0].mailbox), (1, &long));
    account.bring_back(removed).await.unwrap();
    let seen = see(&world, &account).await;
    assert_eq!(subjects(&seen, long.as_str()), ["kept"]);
    assert_eq!(seen[long.as_str()][0].flags, "word");
}

#[tokio::test]
async fn what_is_older_goes_for_good() {
    let world = World::new();
    let store = open(&world).await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    append(&account, inbox, "gone", flags(&["word"]), NOW).await.unwrap();
    account.remove(inbox, &UidSet::all()).await.unwrap();
    let store = again(&world, store).await;
    let account = store.account(ALICE);
    let _ = account.states().await.unwrap();
    assert_eq!(account.purge_removed(Duration::from_secs(1)).await.unwrap(), 0, "it is not so old");
    assert_eq!(account.removed().await.unwrap().len(), 1);
    let later =
        StoreOptions { clock: || NOW.plus(WEEK + Duration::from_secs(1)), ..world.options() };
    let store = MailStore::open(later, Files::real()).await.unwrap();
    let account = store.account(ALICE);
    assert_eq!(account.purge_removed(WEEK).await.unwrap(), 1);
    assert!(account.removed().await.unwrap().is_empty());
    let left = world.maildir().join("postrider-removed");
    assert_eq!(std::fs::read_dir(left).unwrap().count(), 0);
    assert_eq!(account.purge_removed(WEEK).await.unwrap(), 0);
}

/// Without a window nothing is kept, and what was kept before can still be brought back.
#[tokio::test]
async fn without_a_window_it_is_gone_at_once() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    append(&account, inbox, "gone", flags(&[]), NOW).await.unwrap();
    account.remove(inbox, &UidSet::all()).await.unwrap();
    store.close().await;
    assert!(!Path::new(&world.maildir().join("postrider-removed")).exists());
    let account = world.open().await.account(ALICE);
    assert!(account.removed().await.unwrap().is_empty());
}

/// Its messages were put aside before it was deleted itself, when it had none any more.
#[tokio::test]
async fn a_mailbox_that_was_emptied_and_deleted_comes_back_under_its_name() {
    let world = World::new();
    let store = open(&world).await;
    let account = store.account(ALICE);
    let work = account.create(&name("Work"), None).await.unwrap().id;
    append(&account, work, "kept", flags(&[]), NOW).await.unwrap();
    account.remove(work, &UidSet::all()).await.unwrap();
    let store = again(&world, store).await;
    assert_eq!(store.account(ALICE).removed().await.unwrap().len(), 1);
    store.account(ALICE).delete(&name("Work")).await.unwrap();
    let store = again(&world, store).await;
    let removed = store.account(ALICE).removed().await.unwrap();
    assert_eq!((removed.len(), &removed[0].mailbox), (1, &name("Work")));
}

/// What is to go when its mailbox gets another name goes from there, and is no new message.
#[tokio::test]
async fn what_is_removed_stays_so_in_a_mailbox_that_is_renamed_or_deleted() {
    let world = World::new();
    let slow = StoreOptions {
        follow_after: Duration::from_secs(3600),
        removed_kept: WEEK,
        ..world.options()
    };
    let store = MailStore::open(slow, Files::real()).await.unwrap();
    let account = store.account(ALICE);
    for mailbox in ["X", "X/below", "D"] {
        let id = account.create(&name(mailbox), None).await.unwrap().id;
        append(&account, id, "gone", flags(&[]), NOW).await.unwrap();
        append(&account, id, "stays", flags(&[]), NOW).await.unwrap();
        account.remove(id, &uid(1).into()).await.unwrap();
    }
    account.rename(&name("X"), &name("Y")).await.unwrap();
    account.delete(&name("D")).await.unwrap();
    let y = mailbox(&account, "Y").await.id;
    account.refresh(y).await.unwrap();
    let store = again(&world, store).await;
    let account = store.account(ALICE);
    let seen = see(&world, &account).await;
    assert_eq!(
        (subjects(&seen, "Y"), subjects(&seen, "Y/below")),
        (vec!["stays".into()], vec!["stays".into()])
    );
    let removed = account.removed().await.unwrap();
    let mut removed: Vec<_> =
        removed.iter().map(|message| (message.mailbox.to_string(), subject(message))).collect();
    removed.sort();
    let expected = [("D", "gone"), ("D", "stays"), ("Y", "gone"), ("Y/below", "gone")];
    assert_eq!(removed, expected.map(|(mailbox, text)| (mailbox.into(), text.into())));
}

/// A name of another tool that has no room for when it was removed.
#[tokio::test]
async fn a_message_with_the_longest_name_is_kept_as_well() {
    let world = World::new();
    let store = open(&world).await;
    let inbox = mailbox(&store.account(ALICE), "INBOX").await.id;
    let long = format!("new/1700000000.{}", "x".repeat(244));
    std::fs::write(world.maildir().join(long), "Subject: long\n\nx\n").unwrap();
    let account = store.account(ALICE);
    account.refresh(inbox).await.unwrap();
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["long"]);
    account.remove(inbox, &UidSet::all()).await.unwrap();
    let store = again(&world, store).await;
    let removed = store.account(ALICE).removed().await.unwrap();
    assert_eq!((removed.len(), subject(&removed[0])), (1, "long".into()));
}
