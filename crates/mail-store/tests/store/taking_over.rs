//! What other tools put into a large folder is taken over beside everything else.

use std::{
    fs, io,
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use mail_store::{AccountMailboxes, FlagChange, MailStore, StoreError, StoreOptions, UidSet};
use mail_types::AccountId;
use stable_storage::{Files, Operation, Watch};
use tokio::sync::Notify;

use crate::world::{ALICE, World, deliver, flags, mailbox, see, subjects, until};

const BOB: AccountId = AccountId(8);
/// Files that a tool put into a folder.
const MANY: u32 = 1500;

/// Holds the first message that is taken over, until it is let go.
#[derive(Debug, Default)]
struct Gate {
    reached: Notify,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Watch for Gate {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        if let Operation::Rename { to, .. } = operation
            && to.to_str().is_some_and(|to| to.contains(".other,U="))
        {
            let is_open = self.is_open.lock().unwrap();
            if !*is_open {
                self.reached.notify_one();
            }
            drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        }
        Ok(())
    }

    fn after(&self, _operation: &Operation<'_>) {}
}

/// A world where another tool put files into Alice's INBOX.
async fn with_many() -> World {
    let world = World::new();
    let store = world.open().await;
    store.account(ALICE).states().await.unwrap();
    store.close().await;
    for number in 0..MANY {
        let path = format!("cur/17{number:08}.M1P2.other:2,S");
        fs::write(world.maildir().join(path), format!("Subject: {number}\n\n")).unwrap();
    }
    world
}

async fn count(account: &AccountMailboxes) -> u32 {
    mailbox(account, "INBOX").await.messages
}

#[tokio::test]
async fn what_takes_long_for_one_account_delays_no_other_one() {
    let world = with_many().await;
    let gate = Arc::new(Gate::default());
    let options = StoreOptions {
        follow_after: Duration::from_millis(1),
        open_accounts_max: 8,
        ..world.options()
    };
    let store = MailStore::open(options, Files::watched(gate.clone())).await.unwrap();
    // Nobody asks for it.
    let (alice, bob) = (store.account(ALICE), store.account(BOB));
    alice.states().await.unwrap();
    gate.reached.notified().await;

    deliver(&bob, 1, "one").await.unwrap();
    let inbox = mailbox(&bob, "INBOX").await.id;
    let flagged = FlagChange::Add(flags(&["\\Flagged"]));
    bob.store_flags(inbox, &UidSet::all(), flagged, None).await.unwrap();
    let cur = world.folder.path().join("mail/8/cur");
    let names = || fs::read_dir(&cur).unwrap().map(|one| one.unwrap().file_name());
    let named = || names().any(|name| name.to_str().unwrap().ends_with(":2,F"));
    until("his names follow", async || named()).await;
    bob.remove(inbox, &UidSet::all()).await.unwrap();
    until("his files go", async || names().next().is_none()).await;

    gate.open();
    until("all is taken over", async || count(&alice).await == MANY).await;
    store.close().await;
}

#[tokio::test]
async fn who_wants_what_somebody_is_at_waits_and_holds_nothing() {
    let world = with_many().await;
    let gate = Arc::new(Gate::default());
    let options = StoreOptions {
        follow_after: Duration::from_secs(3600),
        open_accounts_max: 2,
        ..world.options()
    };
    let store = MailStore::open(options, Files::watched(gate.clone())).await.unwrap();
    let alice = store.account(ALICE);
    let inbox = mailbox(&alice, "INBOX").await.id;
    let refresh = || {
        let alice = alice.clone();
        tokio::spawn(async move { alice.refresh(inbox).await.unwrap() })
    };
    let first = refresh();
    gate.reached.notified().await;
    let others: Vec<_> = (0..5).map(|_| refresh()).collect();
    // More of them than may have an account open.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let bob = store.account(BOB);
    let delivered = tokio::time::timeout(Duration::from_secs(60), deliver(&bob, 1, "one"));
    delivered.await.expect("there is room for somebody else").unwrap();
    assert!(others.iter().all(|other| !other.is_finished()), "they wait");
    gate.open();
    assert!(first.await.unwrap());
    for other in others {
        assert!(!other.await.unwrap(), "it was done already");
    }
    assert_eq!(count(&alice).await, MANY);
    store.close().await;
}

#[tokio::test]
async fn what_is_left_when_the_store_is_closed_stays_due() {
    let world = with_many().await;
    let gate = Arc::new(Gate::default());
    let store = MailStore::open(world.options(), Files::watched(gate.clone())).await.unwrap();
    let alice = store.account(ALICE);
    let inbox = mailbox(&alice, "INBOX").await.id;
    let closing = async {
        gate.reached.notified().await;
        let (closed, ()) = tokio::join!(store.close(), async {
            tokio::task::yield_now().await;
            gate.open();
        });
        closed
    };
    let (refreshed, ()) = tokio::join!(alice.refresh(inbox), closing);
    assert!(matches!(refreshed, Err(StoreError::Closing)), "{refreshed:?}");
    let index = world.maildir().join("postrider-index.db");
    let index = rusqlite::Connection::open(index).unwrap();
    let sql =
        "select compared, (select count(*) from messages) from mailboxes where name = 'INBOX'";
    let (compared, messages): (i64, u32) =
        index.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(compared == 0 && 0 < messages && messages < MANY, "{compared} {messages}");
    drop(index);

    let options = StoreOptions { follow_after: Duration::from_millis(1), ..world.options() };
    let store = MailStore::open(options, Files::real()).await.unwrap();
    let alice = store.account(ALICE);
    until("the next one goes on", async || count(&alice).await == MANY).await;
    alice.refresh(inbox).await.unwrap();
    let all = see(&world, &alice).await;
    assert!(subjects(&all, "INBOX").into_iter().eq((0..MANY).map(|number| number.to_string())));
    store.close().await;

    // An index that is lost is made anew by parts of them.
    fs::remove_file(world.maildir().join("postrider-index.db")).unwrap();
    let store = world.open().await;
    let again = see(&world, &store.account(ALICE)).await;
    let numbers = |all: &[crate::world::Seen]| {
        all.iter().map(|seen| (seen.uid, seen.subject.clone())).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&again["INBOX"]), numbers(&all["INBOX"]));
    store.close().await;
}

#[tokio::test]
async fn files_that_are_no_messages_are_in_no_ones_way() {
    for large_folder in [1000, 0] {
        let world = World::new();
        let options = StoreOptions { large_folder, ..world.options() };
        let store = MailStore::open(options, Files::real()).await.unwrap();
        let account = store.account(ALICE);
        let inbox = mailbox(&account, "INBOX").await;
        let cur: PathBuf = world.maildir().join("cur");
        // As a person may save it: what stands behind a colon is no letters, and all too long.
        let long = format!("2026-01-01 10:30 {}.eml", "o".repeat(230));
        fs::write(cur.join(long), "Subject: long\n\n").unwrap();
        fs::write(cur.join("9.M1P2.other:2,S"), "Subject: last\n\n").unwrap();
        fs::create_dir(cur.join("1.folder")).unwrap();
        std::os::unix::fs::symlink("3.loop", cur.join("3.loop")).unwrap();
        let socket = UnixListener::bind(cur.join("4.socket")).unwrap();
        assert!(account.refresh(inbox.id).await.unwrap());
        let rows = account.fetch(inbox.id, &UidSet::all(), mail_store::Want::Details).await;
        let subject = |row: &mail_store::MessageRow| {
            let details = row.details.as_ref().unwrap();
            String::from_utf8_lossy(details.envelope.subject.as_ref().unwrap()).trim().to_owned()
        };
        let found: Vec<String> = rows.unwrap().iter().map(subject).collect();
        assert_eq!(found, ["long", "last"]);
        // However often they are tried, they cost nothing.
        let before = account.state(inbox.id).await.unwrap();
        fs::create_dir(cur.join("2.folder")).unwrap();
        account.refresh(inbox.id).await.unwrap();
        let after = account.state(inbox.id).await.unwrap();
        assert_eq!(
            (after.uid_next, after.highest_modseq),
            (before.uid_next, before.highest_modseq)
        );
        store.close().await;
        drop(socket);
    }
}

/// Lets nothing be renamed in one folder.
#[derive(Debug)]
struct Fixed(&'static str);

impl Watch for Fixed {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        match operation {
            Operation::Rename { to, .. } if to.to_str().is_some_and(|to| to.contains(self.0)) => {
                Err(io::ErrorKind::ReadOnlyFilesystem.into())
            }
            _ => Ok(()),
        }
    }

    fn after(&self, _operation: &Operation<'_>) {}
}

#[tokio::test]
async fn a_folder_that_cant_be_compared_is_in_no_other_ones_way() {
    let world = World::new();
    world.open().await.account(ALICE).states().await.unwrap();
    let files = Files::watched(Arc::new(Fixed(".Archive/cur/1.M")));
    let store = MailStore::open(world.options(), files).await.unwrap();
    let account = store.account(ALICE);
    let (inbox, archive) = (mailbox(&account, "INBOX").await, mailbox(&account, "Archive").await);
    for folder in ["cur", ".Archive/cur", ".Sent/cur"] {
        let path = world.maildir().join(folder).join("1.M1P2.other:2,S");
        fs::write(path, format!("Subject: {folder}\n\n")).unwrap();
    }
    assert!(account.refresh(inbox.id).await.unwrap());
    let shown = async |name| mailbox(&account, name).await.messages;
    assert_eq!((shown("INBOX").await, shown("Archive").await, shown("Sent").await), (1, 0, 1));
    assert!(matches!(account.refresh(archive.id).await, Err(StoreError::File { .. })));
    store.close().await;
    let store = world.open().await;
    let account = store.account(ALICE);
    assert!(account.refresh(archive.id).await.unwrap());
    assert_eq!(subjects(&see(&world, &account).await, "Archive"), [".Archive/cur"]);
    store.close().await;
}
