//! What a backup learns of an account, and what an account is that came out of one.

use mail_store::{
    FlagChange, KeyedMailbox, MailStore,
    backup::{self, IndexCopy},
};
use mail_types::{AccountId, MailboxId, RecipientNumber, Uid, UidValidity, UniqueId};
use stable_storage::Hold;

use crate::world::{ALICE, NOW, World, append, deliver, flags, mailbox, name, queue_id, see, uid};

fn plain(epoch: UidValidity, uid: Uid) -> Option<UniqueId> {
    format!("{epoch}.{uid}").parse().ok()
}

async fn copy(world: &World) -> IndexCopy {
    let into = world.folder.path().join("copy");
    let _ = std::fs::remove_file(&into);
    IndexCopy::make(&world.maildir(), &into).await.unwrap();
    IndexCopy::open(ALICE, &into).await.unwrap()
}

#[tokio::test]
async fn files_of_expunged_messages_stay_for_a_backup_and_go_after_it() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let hold = Hold::take(&world.folder.path().join("mail"), 1).unwrap();
    let mut index = copy(&world).await;
    let inbox = mailbox(&account, "INBOX").await.id;
    account.remove(inbox, &uid(1).into()).await.unwrap();
    account.move_messages(inbox, &uid(2).into(), mailbox(&account, "Junk").await.id).await.unwrap();
    let mark = FlagChange::Replace(flags(&["\\Seen"]));
    account.store_flags(inbox, &uid(3).into(), mark, None).await.unwrap();
    store.close().await;

    let mailboxes = index.mailboxes().await.unwrap();
    assert!(backup::folders_agree(&world.maildir(), &mailboxes).unwrap());
    let listed = index.messages(&mailboxes[0], None, 2).await.unwrap();
    let rest = index.messages(&mailboxes[0], Some(listed[1].uid), 2).await.unwrap();
    assert_eq!((listed.len(), rest.len()), (2, 1));
    let now = backup::files_by_unique(&world.maildir()).unwrap();
    for message in listed.iter().chain(&rest) {
        let path = world.maildir().join(&now[&message.unique]);
        assert_eq!(std::fs::metadata(path).unwrap().len(), message.octets, "{message:?}");
    }
    assert!(world.maildir().join(&listed[0].path).exists(), "expunged, and still where it was");
    assert!(!world.maildir().join(&listed[1].path).exists(), "moved");
    std::fs::create_dir(world.maildir().join("postrider-some-folder")).unwrap();
    let records = backup::records(&world.maildir()).unwrap();
    assert!(records.iter().all(|record| !record.contains("some-folder")), "{records:?}");
    for expected in ["postrider-account", "postrider-folder", ".Junk/maildirfolder"] {
        assert!(records.iter().any(|record| record == expected), "{records:?}");
    }
    assert!(records.iter().all(|record| !record.contains("index")), "{records:?}");

    drop(hold);
    let store = world.open().await;
    mailbox(&store.account(ALICE), "INBOX").await;
    store.close().await;
    assert!(!world.maildir().join(&listed[0].path).exists());
    assert_eq!(backup::accounts(&world.folder.path().join("mail")).unwrap(), [ALICE]);
}

#[tokio::test]
async fn a_renamed_mailbox_is_noticed_and_a_message_is_found_by_its_id() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let work = account.create(&name("Work"), None).await.unwrap().id;
    let mut incoming = account.incoming(NOW).unwrap();
    incoming.write(b"Message-ID: <a@b>\r\nIn-Reply-To: <c@d>\r\n\r\n").await.unwrap();
    let written = incoming.finish().await.unwrap();
    let new = mail_store::NewMessage { written, flags: flags(&["a"]) };
    account.append(work, vec![new]).await.unwrap();
    let mut index = copy(&world).await;
    let mailboxes = index.mailboxes().await.unwrap();
    assert!(backup::folders_agree(&world.maildir(), &mailboxes).unwrap());
    assert_eq!(index.with_message_id(work, "<a@b>").await.unwrap(), [uid(1)]);
    assert!(index.with_message_id(work, "<c@d>").await.unwrap().is_empty());
    let copied = mailboxes.iter().find(|mailbox| mailbox.id == work).unwrap();
    assert_eq!(index.messages(copied, None, 9).await.unwrap()[0].flags, flags(&["a"]));
    account.rename(&name("Work"), &name("Done")).await.unwrap();
    assert!(!backup::folders_agree(&world.maildir(), &mailboxes).unwrap());
    index.close().await;
    store.close().await;
}

async fn epochs(store: &MailStore) -> Vec<UidValidity> {
    let states = store.account(ALICE).states().await.unwrap();
    states.iter().map(|state| state.uid_validity).collect()
}

#[tokio::test]
async fn what_came_out_of_a_backup_has_new_epochs_and_the_same_of_all_else() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    deliver(&account, 1, "m1").await.unwrap();
    deliver(&account, 2, "m2").await.unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    account.keep_unique_ids(inbox, [(uid(1), "old".parse().unwrap())].into()).await.unwrap();
    let sent = mailbox(&account, "Sent").await.id;
    append(&account, sent, "sent", flags(&["\\Seen", "k"]), NOW).await.unwrap();
    // The queue forgets what is settled; its copy is older.
    account.forget([(queue_id(1), RecipientNumber(0))]);
    store.close().await;

    let store = world.open().await;
    let account = store.account(ALICE);
    let (seen, before) = (see(&world, &account).await, epochs(&store).await);
    assert!(
        account.delivered_before(&[(queue_id(1), RecipientNumber(0))]).await.unwrap().is_empty()
    );
    let (owner, epoch) = (AccountId(9), UidValidity::new(1).unwrap());
    let of_another = KeyedMailbox { owner, mailbox: MailboxId(1), uid_validity: epoch };
    account.make_url_key(of_another).await.unwrap();
    account.begin_restored(None).await.unwrap();
    assert_eq!(epochs(&store).await, before);
    assert!(account.url_keys().await.unwrap().key(Some(of_another)).is_some());
    let known = account.delivered_before(&[(queue_id(1), RecipientNumber(0))]).await.unwrap();
    assert_eq!(known.len(), 1, "delivered again, it is no second message");

    let state = mailbox(&account, "INBOX").await;
    let (modseq, inbox_epoch) = (state.highest_modseq, state.uid_validity);
    account.begin_restored(Some((&name("INBOX"), plain))).await.unwrap();
    // It may have been revoked since, whosever mailbox it is of.
    assert!(account.url_keys().await.unwrap().key(Some(of_another)).is_none());
    let after = epochs(&store).await;
    let largest = before.iter().max().unwrap();
    assert!(after.iter().all(|epoch| epoch > largest), "{before:?} {after:?}");
    assert!(mailbox(&account, "INBOX").await.highest_modseq > modseq);
    assert!(account.expunged_since(inbox, modseq).await.unwrap().is_none(), "the log begins anew");
    let ids = account.unique_ids(inbox).await.unwrap();
    assert_eq!(ids[&uid(1)].as_str(), "old");
    assert_eq!(ids[&uid(2)], plain(inbox_epoch, uid(2)).unwrap(), "as POP3 called it before");
    assert!(account.unique_ids(sent).await.unwrap().is_empty());
    store.close().await;

    // The same from the files alone: nothing of it stands in the index only.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
    let store = world.open().await;
    let account = store.account(ALICE);
    assert_eq!(epochs(&store).await, after);
    assert_eq!(see(&world, &account).await, seen);
    assert_eq!(account.unique_ids(inbox).await.unwrap(), ids);
    assert_eq!(account.uids(&mailbox(&account, "INBOX").await).await.unwrap(), [uid(1), uid(2)]);
    store.close().await;
}
