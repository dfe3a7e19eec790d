//! What each operation does when nothing goes wrong.

use std::time::Duration;

use mail_store::{
    Clock, FlagChange, MailStore, SpecialUse, StoreError, StoreOptions, UidSet, Want,
};
use mail_types::{ModSeq, RecipientNumber, Timestamp};
use stable_storage::Files;

use crate::world::{
    ALICE, NOW, World, append, deliver, deliver_into, files_on_disk, flags, mailbox, message, name,
    queue_id, see, subjects, uid,
};

#[tokio::test]
async fn a_new_account_has_its_mailboxes_subscribed_and_with_special_use() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let listed: Vec<_> = account.list().await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|l| (l.name.as_str(), l.special_use, l.subscribed, l.has_children))
        .collect();
    let special = |special| (Some(special), true, false);
    let expect = |name, (special, subscribed, children)| (name, special, subscribed, children);
    assert_eq!(
        shown,
        [
            expect("Archive", special(SpecialUse::Archive)),
            expect("Drafts", special(SpecialUse::Drafts)),
            ("INBOX", None, true, false),
            expect("Junk", special(SpecialUse::Junk)),
            expect("Sent", special(SpecialUse::Sent)),
            expect("Trash", special(SpecialUse::Trash)),
        ]
    );
    assert!(world.maildir().join(".Sent/maildirfolder").exists());
}

#[tokio::test]
async fn a_delivery_is_visible_in_new_with_its_uid_in_the_name() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(1));
    assert_eq!(deliver(&account, 2, "two").await.unwrap(), uid(2));
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(1), "again: nothing is done");
    let into = deliver_into(&account, 3, "filed", Some(name("Lists/rust"))).await.unwrap();
    assert_eq!(into, uid(1));
    let all = see(&world, &account).await;
    assert_eq!(subjects(&all, "INBOX"), ["one", "two"]);
    assert_eq!(subjects(&all, "Lists/rust"), ["filed"]);
    assert!(all.contains_key("Lists"), "what lies above is made too");
    let files = files_on_disk(&world);
    assert!(files.iter().any(|f| f.starts_with("new/1800000000.") && f.contains(",U=1,S=")));
    assert_eq!(std::fs::read_dir(world.maildir().join("tmp")).unwrap().count(), 0);
    let inbox = mailbox(&account, "INBOX").await;
    assert_eq!((inbox.messages, inbox.unseen, inbox.recent), (2, 2, 2));
    let (from, state) = account.claim_recent(inbox.id).await.unwrap();
    assert_eq!((from, state.uid_next), (uid(1), uid(3)));
    assert_eq!(mailbox(&account, "INBOX").await.recent, 0);
    let totals = account.totals().await.unwrap();
    assert_eq!(totals.messages, 3);
    assert_eq!(totals.octets, inbox.octets + message("filed").len() as u64);
}

#[tokio::test]
async fn the_pair_is_remembered_until_the_queue_says_so() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    deliver(&account, 1, "one").await.unwrap();
    let inbox = mailbox(&account, "INBOX").await;
    account.remove(inbox.id, &UidSet::all()).await.unwrap();
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(1), "expunged, not forgotten");
    assert_eq!(account.state(inbox.id).await.unwrap().messages, 0);
    // The next delivery forgets it, in its own change.
    account.forget([(queue_id(1), RecipientNumber(0))]);
    assert_eq!(deliver(&account, 2, "two").await.unwrap(), uid(2));
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(3));
    account.remove(inbox.id, &UidSet::all()).await.unwrap();
    // Or the end.
    account.forget([(queue_id(1), RecipientNumber(0))]);
    store.close().await;
    assert!(files_on_disk(&world).is_empty());
    let account = world.open().await.account(ALICE);
    assert_eq!(deliver(&account, 2, "two").await.unwrap(), uid(2), "that one is not settled");
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(4));
}

#[tokio::test]
async fn flags_change_in_the_index_at_once_and_in_names_later() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let before = account.state(inbox).await.unwrap().highest_modseq;
    let change = FlagChange::Add(flags(&["\\Seen", "work", "$Forwarded"]));
    let two: UidSet = [uid(1), uid(3), uid(9)].into_iter().collect();
    let stored = account.store_flags(inbox, &two, change.clone(), None).await.unwrap();
    let done: Vec<_> = stored.done.iter().map(|m| (m.uid, m.modseq > before)).collect();
    assert_eq!(done, [(uid(1), true), (uid(3), true)]);
    let again = account.store_flags(inbox, &two, change, None).await.unwrap();
    assert_eq!(again.done, stored.done, "no change, no new modseq");
    let now: Vec<_> = stored.done.iter().map(|m| m.modseq).collect();
    assert_eq!(again.before, now, "what they had before is what the first change gave them");
    assert!(stored.before.iter().all(|was| *was <= before));
    let late = FlagChange::Replace(flags(&["\\Deleted"]));
    let refused = account.store_flags(inbox, &UidSet::all(), late, Some(before)).await.unwrap();
    assert_eq!(refused.modified, [uid(1), uid(3)]);
    assert_eq!(refused.done.len(), 1);
    let changes = account.changes(inbox, before).await.unwrap();
    assert_eq!(changes.changed.len(), 3);
    assert!(changes.expunged.is_empty());
    let last = stored.done[0].modseq;
    assert_eq!(account.changed_since(inbox, before).await.unwrap(), [uid(1), uid(2), uid(3)]);
    assert_eq!(account.changed_since(inbox, last).await.unwrap(), [uid(2)]);
    assert_eq!(account.changed_since(inbox, ModSeq(u64::MAX)).await.unwrap(), []);
    assert_eq!(account.expunge(inbox, &UidSet::all()).await.unwrap(), [uid(2)]);
    let changes = account.changes(inbox, before).await.unwrap();
    assert_eq!((changes.changed.len(), &*changes.expunged), (2, &[uid(2)][..]));
    assert_eq!(account.changes(inbox, ModSeq(0)).await.unwrap().state.messages, 2);
    store.close().await;
    let files = files_on_disk(&world);
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|f| f.starts_with("cur/") && f.ends_with(":2,PS")), "{files:?}");
    let log = std::fs::read_to_string(world.maildir().join("postrider-keywords")).unwrap();
    assert_eq!(log, "1 work\n3 work\n");
}

#[tokio::test]
async fn the_highest_that_are_deleted() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for entry in 1..=6 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let some: UidSet = [uid(1), uid(2), uid(4), uid(6)].into_iter().collect();
    let change = FlagChange::Add(flags(&["\\Deleted", "\\Seen"]));
    account.store_flags(inbox, &some, change, None).await.unwrap();
    let apart: UidSet = [uid(1), uid(2), uid(3), uid(5), uid(6), uid(9)].into_iter().collect();
    for (among, at_most, expected) in [
        (&UidSet::all(), 3, &[uid(2), uid(4), uid(6)][..]),
        (&UidSet::all(), 9, &[uid(1), uid(2), uid(4), uid(6)]),
        (&apart, 2, &[uid(2), uid(6)]),
        (&apart, 0, &[]),
        (&[uid(3)].into_iter().collect(), 2, &[]),
    ] {
        assert_eq!(account.deleted(inbox, among, at_most).await.unwrap(), expected, "{among:?}");
    }
}

#[tokio::test]
async fn the_uids_of_a_former_moment() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for entry in 1..=4 {
        deliver(&account, entry, "m").await.unwrap();
    }
    account.remove(inbox, &uid(1).into()).await.unwrap();
    let then = account.state(inbox).await.unwrap();
    account.remove(inbox, &uid(3).into()).await.unwrap();
    deliver(&account, 5, "m").await.unwrap();
    assert_eq!(account.uids(&then).await.unwrap(), [uid(2), uid(3), uid(4)]);
    let now = account.state(inbox).await.unwrap();
    assert_eq!(account.uids(&now).await.unwrap(), [uid(2), uid(4), uid(5)]);
}

#[tokio::test]
async fn append_copy_and_move_keep_flags_and_dates() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let date = Timestamp::from_millis(1_000_000_000_123);
    let (sent, archive) =
        (mailbox(&account, "Sent").await.id, mailbox(&account, "Archive").await.id);
    append(&account, sent, "a", flags(&["\\Seen", "k"]), date).await.unwrap();
    append(&account, sent, "b", flags(&[]), date).await.unwrap();
    let copied = account.copy(sent, &UidSet::all(), archive).await.unwrap();
    assert_eq!(copied.uids, [(uid(1), uid(1)), (uid(2), uid(2))]);
    let moved = account.move_messages(sent, &uid(1).into(), archive).await.unwrap();
    assert_eq!(moved.uids, [(uid(1), uid(3))]);
    let none = account.move_messages(sent, &uid(1).into(), archive).await.unwrap();
    assert!(none.uids.is_empty());
    let here = account.move_messages(archive, &uid(3).into(), archive).await.unwrap();
    assert_eq!(here.uids, [(uid(3), uid(4))]);
    let all = see(&world, &account).await;
    assert_eq!(subjects(&all, "Sent"), ["b"]);
    assert_eq!(subjects(&all, "Archive"), ["a", "b", "a"]);
    let archived = &all["Archive"];
    assert!(archived.iter().all(|m| m.internal_date == date));
    assert_eq!(archived[2].flags, "\\Seen k");
    assert_eq!(account.changes(sent, ModSeq(0)).await.unwrap().expunged, [uid(1)]);
}

#[tokio::test]
async fn mailboxes_are_made_renamed_and_deleted() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let made = account.create(&name("Work/2026/May"), None).await.unwrap();
    append(&account, made.id, "may", flags(&[]), NOW).await.unwrap();
    assert!(matches!(account.create(&name("Work"), None).await, Err(StoreError::MailboxExists(_))));
    account.subscribe(&name("Work/2026/May"), true).await.unwrap();
    account.rename(&name("Work"), &name("Old/보관.함")).await.unwrap();
    let renamed = mailbox(&account, "Old/보관.함/2026/May").await;
    assert_eq!((renamed.id, renamed.uid_validity), (made.id, made.uid_validity));
    assert!(account.mailbox(&name("Work/2026")).await.is_err());
    let listed = account.list().await.unwrap();
    let gone = listed.iter().find(|l| l.name == name("Work/2026/May")).unwrap();
    assert!(gone.subscribed && gone.id.is_none(), "subscriptions stay (RFC 9051 §6.3.7)");
    for (from, to) in [("Old", "Old/x"), ("Sent", "INBOX")] {
        let refused = account.rename(&name(from), &name(to)).await;
        assert!(matches!(refused, Err(StoreError::NotPossible { .. })), "{from}");
    }
    assert!(matches!(
        account.rename(&name("nowhere"), &name("x")).await,
        Err(StoreError::NoSuchMailbox(_))
    ));
    account.delete(&name("Old/보관.함/2026")).await.unwrap();
    assert_eq!(subjects(&see(&world, &account).await, "Old/보관.함/2026/May"), ["may"]);
    account.delete(&name("Old/보관.함/2026/May")).await.unwrap();
    let again = account.create(&name("Old/보관.함/2026/May"), None).await.unwrap();
    assert!(again.uid_validity > made.uid_validity && again.id != made.id);
    assert!(account.delete(&name("inbox")).await.is_err());
    store.close().await;
    let left = std::fs::read_dir(world.maildir()).unwrap();
    assert!(left.flatten().all(|e| !e.file_name().to_string_lossy().starts_with("..gone")));
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    deliver(&account, 1, "one").await.unwrap();
    account.rename(&name("INBOX"), &name("2026/old")).await.unwrap();
    let all = see(&world, &account).await;
    assert_eq!(subjects(&all, "2026/old"), ["one"]);
    assert!(subjects(&all, "INBOX").is_empty());
    assert_eq!(deliver(&account, 1, "one").await.unwrap(), uid(1), "still the same delivery");
    assert!(subjects(&see(&world, &account).await, "INBOX").is_empty());
}

#[tokio::test]
async fn a_large_message_is_written_in_steps_and_read_in_ranges() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let mut incoming = account.incoming(NOW).unwrap();
    let line = "x".repeat(70) + "\n";
    incoming.write(b"Subject: large\n\n").await.unwrap();
    for _ in 0..20_000 {
        incoming.write(line.as_bytes()).await.unwrap();
    }
    let written = incoming.finish().await.unwrap();
    assert_eq!(written.size(), 18 + 20_000 * 72);
    let new = mail_store::NewMessage { written, flags: flags(&[]) };
    account.append(inbox, vec![new]).await.unwrap();
    let row = account.fetch(inbox, &UidSet::all(), Want::Facts).await.unwrap().pop().unwrap();
    assert_eq!(row.size, 18 + 20_000 * 72);
    let reader = account.read(&row.file).await.unwrap();
    let piece = reader.read_at(18 + 72 * 9_999, 72).await.unwrap();
    assert_eq!(piece, ("x".repeat(70) + "\r\n").as_bytes());
    assert_eq!(reader.read_at(row.size - 1, 10).await.unwrap(), b"\n");
}

#[tokio::test]
async fn what_is_dropped_before_its_end_leaves_nothing() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let mut incoming = account.incoming_delivery(queue_id(1), RecipientNumber(0), NOW);
    incoming.write(&vec![b'x'; 1 << 20]).await.unwrap();
    assert_eq!(std::fs::read_dir(world.maildir().join("tmp")).unwrap().count(), 1);
    drop(incoming);
    let mut incoming = account.incoming(NOW).unwrap();
    incoming.write(b"short").await.unwrap();
    drop(incoming.finish().await.unwrap());
    assert_eq!(std::fs::read_dir(world.maildir().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_left_in_tmp_goes_when_nobody_comes_back_for_it() {
    let world = World::new();
    let store = world.open().await;
    store.account(ALICE).list().await.unwrap();
    store.close().await;
    let tmp = world.maildir().join("tmp");
    let queued = queue_id(1);
    std::fs::write(tmp.join(format!("1800000000.{queued}_0.postrider")), "a sign").unwrap();
    std::fs::write(tmp.join("1.0000000000000001.postrider"), "a rest").unwrap();
    let later: [(Clock, usize); 3] =
        [(|| in_hours(1), 2), (|| in_hours(72), 1), (|| in_hours(9000), 0)];
    for (clock, left) in later {
        let options = StoreOptions { clock, ..world.options() };
        let store = MailStore::open(options, Files::real()).await.unwrap();
        store.account(ALICE).list().await.unwrap();
        store.close().await;
        assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), left);
    }
}

fn in_hours(hours: u64) -> Timestamp {
    Timestamp::from(std::time::SystemTime::now()).plus(Duration::from_secs(hours * 3600))
}

#[tokio::test]
async fn the_expunge_log_keeps_sixty_days_and_knows_what_it_has_forgotten() {
    static NOW_S: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_800_000_000);
    let clock: Clock = || Timestamp::from_secs(NOW_S.load(std::sync::atomic::Ordering::Relaxed));
    let world = World::new();
    // Each store is closed before the next opens: what follows in one with an old clock would shorten
    // the log by that.
    let store = world.open().await;
    let seen = mailbox(&store.account(ALICE), "INBOX").await.highest_modseq;
    store.close().await;
    for (entry, kept) in [(1, vec![uid(1)]), (2, vec![uid(1), uid(2)]), (3, vec![uid(2), uid(3)])] {
        let options = StoreOptions { clock, ..world.options() };
        let store = MailStore::open(options, Files::real()).await.unwrap();
        let account = store.account(ALICE);
        let inbox = mailbox(&account, "INBOX").await.id;
        let new = deliver(&account, entry, "m").await.unwrap();
        account.remove(inbox, &new.into()).await.unwrap();
        store.close().await;
        let store = world.open().await;
        let account = store.account(ALICE);
        let changes = account.changes(inbox, ModSeq(0)).await.unwrap();
        // An open session is told of everything that isn't there, if the log can't say.
        let all: Vec<_> = (1..=u32::from(entry)).map(uid).collect();
        assert_eq!(changes.expunged, all, "after {entry}");
        // RFC 7162 §3.2.6: who comes back from a time that is forgotten must not hear of a part.
        let told = account.expunged_since(inbox, seen).await.unwrap();
        assert_eq!(told, (entry < 3).then_some(kept), "after {entry}");
        let nothing = account.expunged_since(inbox, changes.state.highest_modseq).await.unwrap();
        assert_eq!(nothing, Some(vec![]));
        store.close().await;
        NOW_S.fetch_add(40 * 24 * 3600, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test]
async fn recent_messages_are_counted_as_they_come_and_go() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    deliver(&account, 1, "m1").await.unwrap();
    account.claim_recent(inbox).await.unwrap();
    let two = deliver(&account, 2, "m2").await.unwrap();
    deliver(&account, 3, "m3").await.unwrap();
    assert_eq!(account.state(inbox).await.unwrap().recent, 2);
    account.remove(inbox, &[uid(1), two].into_iter().collect()).await.unwrap();
    assert_eq!(account.state(inbox).await.unwrap().recent, 1);
    account.claim_recent(inbox).await.unwrap();
    assert_eq!(account.state(inbox).await.unwrap().recent, 0);
}
