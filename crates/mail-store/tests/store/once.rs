//! Messages that are filed once, however often they come.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use mail_store::{
    AccountMailboxes, Coming, Delivered, Delivery, MailStore, Once, StoreError, StoreOptions,
};
use mail_types::{FlagSet, Quota, RecipientNumber, Timestamp};
use sqlx::{Connection, SqliteConnection};
use stable_storage::Files;
use testkit::BreakingFiles;

use crate::crash::Stop;
use crate::world::{ALICE, NOW, World, mailbox, name, queue_id, see, subjects};

const DAY: Duration = Duration::from_secs(24 * 3600);
static LATER: AtomicI64 = AtomicI64::new(0);

/// A clock that can be put forward.
fn clock() -> Timestamp {
    NOW.plus(Duration::from_secs(LATER.load(Ordering::SeqCst).unsigned_abs()))
}

/// A message of this id for each queue entry.
pub(crate) async fn deliver(
    account: &AccountMailboxes,
    entries: &[(u8, &str)],
    into: Option<&str>,
) -> Result<Vec<Delivered>, StoreError> {
    let mut deliveries = Vec::new();
    for (entry, id) in entries {
        let (queue_id, recipient) = (queue_id(*entry), RecipientNumber(0));
        let text = format!("Subject: m{entry}\r\nMessage-ID: <{id}@example.org>\r\n\r\ntext\r\n");
        let mut incoming = account.incoming_delivery(queue_id, recipient, NOW);
        incoming.file_once(Once::of_header(text.as_bytes(), DAY));
        incoming.write(text.as_bytes()).await?;
        let (written, file_into) = (incoming.finish().await?, into.map(name));
        let (or_inbox, flags) = (false, FlagSet::new());
        deliveries.push(Delivery { queue_id, recipient, written, file_into, or_inbox, flags });
    }
    Ok(account.deliver(deliveries).await?.delivered)
}

#[tokio::test]
async fn one_of_each_id_is_filed_in_a_mailbox_for_a_while() {
    let world = World::new();
    let options = StoreOptions { clock, ..world.options() };
    let store = MailStore::open(options, Files::real()).await.unwrap();
    let account = store.account(ALICE);
    let duplicates = async |entries: &[(u8, &str)], into| {
        let delivered = deliver(&account, entries, into).await.unwrap();
        delivered.iter().map(|one| (one.uid.number(), one.duplicate)).collect::<Vec<_>>()
    };
    assert_eq!(duplicates(&[(1, "a")], None).await, [(1, false)]);
    let state = account.state(mailbox(&account, "INBOX").await.id).await.unwrap();
    assert_eq!(duplicates(&[(2, "a")], None).await, [(1, true)]);
    let after = account.state(state.id).await.unwrap();
    assert_eq!(after.highest_modseq, state.highest_modseq, "nothing has happened");
    // Among others, and twice at once.
    let batch = [(3, "b"), (4, "a"), (5, "b"), (6, "c")];
    assert_eq!(duplicates(&batch, None).await, [(2, false), (1, true), (2, true), (3, false)]);
    assert_eq!(duplicates(&[(7, "a")], Some("Work")).await, [(1, false)], "another mailbox");
    LATER.store(24 * 3600 - 1, Ordering::SeqCst);
    assert_eq!(duplicates(&[(8, "a")], None).await, [(1, true)]);
    LATER.store(24 * 3600, Ordering::SeqCst);
    assert_eq!(duplicates(&[(9, "a")], None).await, [(4, false)], "long ago");
    assert_eq!(duplicates(&[(10, "a")], None).await, [(4, true)]);
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["m1", "m3", "m6", "m9"]);
    store.close().await;
}

#[tokio::test]
async fn what_is_not_filed_needs_no_room() {
    let world = World::new();
    let store = MailStore::open(world.options(), Files::real()).await.unwrap();
    let account = store.account(ALICE).within(Quota { octets: None, messages: Some(1) });
    let twice = deliver(&account, &[(1, "a"), (2, "a")], Some("Work")).await.unwrap();
    let duplicates: Vec<_> = twice.iter().map(|one| one.duplicate).collect();
    assert_eq!(duplicates, [false, true]);
    assert!(deliver(&account, &[(3, "a")], Some("Work")).await.unwrap().remove(0).duplicate);
    let error = deliver(&account, &[(4, "b")], Some("Work")).await.unwrap_err();
    assert!(matches!(error, StoreError::OverQuota(_)), "{error}");
    store.close().await;
}

/// What a delivery asks before it writes: it is known then already that no room is needed.
#[tokio::test]
async fn what_is_not_to_be_filed_is_known_before_it_is_written() {
    let world = World::new();
    let store = MailStore::open(world.options(), Files::real()).await.unwrap();
    let account = store.account(ALICE);
    deliver(&account, &[(1, "a")], Some("Work")).await.unwrap();
    let coming = |entry: u8, id: &str, into: Option<&str>, or_inbox| {
        let header = format!("Message-ID: <{id}@example.org>\r\n\r\n");
        Coming {
            queue_id: queue_id(entry),
            recipient: RecipientNumber(0),
            file_into: into.map(name),
            or_inbox,
            once: Once::of_header(header.as_bytes(), DAY),
        }
    };
    let all = vec![
        coming(1, "another", Some("Work"), false),
        coming(2, "a", Some("Work"), false),
        coming(3, "a", Some("work"), true),
        coming(4, "a", Some("Missing"), false),
        coming(5, "a", Some("Missing"), true),
        coming(6, "a", None, false),
        coming(7, "b", Some("Work"), false),
    ];
    let (without, totals) = account.room_for(all).await.unwrap();
    let mut without: Vec<_> = without.into_iter().map(|(id, _)| id).collect();
    without.sort();
    assert_eq!(without, [queue_id(1), queue_id(2), queue_id(3)]);
    assert_eq!(totals.messages, 1);
    store.close().await;
}

/// However many come, and however long ago: what is remembered is bounded, and goes with its mailbox.
#[tokio::test]
async fn what_was_filed_is_forgotten_little_by_little() {
    let world = World::new();
    let store = MailStore::open(world.options(), Files::real()).await.unwrap();
    let account = store.account(ALICE);
    deliver(&account, &[(1, "a")], None).await.unwrap();
    deliver(&account, &[(2, "a"), (3, "b")], Some("Work")).await.unwrap();
    let path = world.maildir().join("postrider-index.db");
    let mut index = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    let sql = "with recursive n(x) as (select 10 union all select x + 1 from n where x < 50009)
               insert into filed select x, $1, cast(x as blob), x, $2 from n";
    let query = sqlx::query(sql).bind(inbox.0).bind(NOW.millis());
    query.execute(&mut index).await.unwrap();
    let kept = async |index: &mut SqliteConnection| -> (i64, i64) {
        let sql = "select count(*), min(number) from filed";
        sqlx::query_as(sql).fetch_one(index).await.unwrap()
    };
    assert_eq!(kept(&mut index).await, (50_003, 1));
    // Two go for each that comes, for as long as there are too many.
    deliver(&account, &[(4, "c")], None).await.unwrap();
    assert_eq!(kept(&mut index).await, (50_002, 3));
    deliver(&account, &[(5, "d"), (6, "e"), (7, "f")], None).await.unwrap();
    assert_eq!(kept(&mut index).await, (50_000, 14));
    // Or for as long as they are too old.
    let query = sqlx::query("update filed set filed_at = $1 where number < 18");
    query.bind(NOW.minus(DAY * 2).millis()).execute(&mut index).await.unwrap();
    for (entry, id, expected) in [(8, "g", 16), (9, "h", 18), (10, "i", 18)] {
        deliver(&account, &[(entry, id)], None).await.unwrap();
        assert_eq!(kept(&mut index).await.1, expected);
    }
    let again = deliver(&account, &[(11, "a")], None).await.unwrap().remove(0);
    assert!(!again.duplicate, "it is forgotten");
    store.close().await;
}

#[tokio::test]
async fn what_was_filed_goes_with_its_mailbox() {
    let world = World::new();
    let store = MailStore::open(world.options(), Files::real()).await.unwrap();
    let account = store.account(ALICE);
    deliver(&account, &[(1, "a")], Some("Work")).await.unwrap();
    account.delete(&name("Work")).await.unwrap();
    // The next mailbox may get its number.
    let again = deliver(&account, &[(2, "a")], Some("Other")).await.unwrap().remove(0);
    assert!(!again.duplicate);
    store.close().await;
}

/// A stop at every file operation of the first delivery, of the process or of the machine: whatever
/// became of it, the copy that comes next is left out only if the first one is there.
#[tokio::test]
async fn nothing_is_left_out_for_a_message_that_was_not_filed() {
    let machine = [Stop::Machine, Stop::MachineButNames, Stop::MachineButLengths];
    for stop in machine.into_iter().chain([Stop::Process]) {
        for n in 0.. {
            let world = World::new();
            let store = world.open().await;
            store.account(ALICE).states().await.unwrap();
            store.close().await;
            let kept = tempfile::tempdir_in(world.folder.path()).unwrap();
            let breaking = BreakingFiles::stopping_at(n, kept.path());
            let mut first = Err(StoreError::Closing);
            if let Ok(store) = MailStore::open(world.options(), breaking.files()).await {
                first = deliver(&store.account(ALICE), &[(1, "a")], None).await;
                store.close().await;
            }
            let finished = !breaking.stopped();
            stop.lose(&breaking);
            let store = world.open_again(stop != Stop::Process).await;
            let account = store.account(ALICE);
            let copy = deliver(&account, &[(2, "a")], None).await.unwrap().remove(0);
            // What a session does when it opens a mailbox.
            let inbox = mailbox(&account, "INBOX").await.id;
            account.refresh(inbox).await.unwrap();
            let before = subjects(&see(&world, &account).await, "INBOX");
            let again = deliver(&account, &[(1, "a")], None).await.unwrap().remove(0);
            let found = subjects(&see(&world, &account).await, "INBOX");
            store.close().await;
            let is_there = |all: &[String], subject: &str| all.iter().any(|one| one == subject);
            assert!(!copy.duplicate || is_there(&before, "m1"), "operation {n}: {before:?}");
            assert!(copy.duplicate || is_there(&found, "m2"), "operation {n}: {found:?}");
            assert!(is_there(&found, "m1") || again.duplicate, "operation {n}: {found:?}");
            assert!(first.is_err() || is_there(&found, "m1"), "operation {n}: {found:?}");
            if finished {
                assert!(copy.duplicate && found == ["m1"], "{found:?}");
                assert!(n > 5);
                break;
            }
        }
    }
}

/// How many messages of this account are noted as filed.
async fn noted(world: &World) -> i64 {
    let path = world.maildir().join("postrider-index.db");
    let mut index = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let count = sqlx::query_scalar("select count(*) from filed").fetch_one(&mut index).await;
    index.close().await.unwrap();
    count.unwrap()
}

/// The messages of entries 9 and 10 in INBOX.
async fn copies(world: &World, account: &AccountMailboxes) -> [usize; 2] {
    let inbox = subjects(&see(world, account).await, "INBOX");
    ["m9", "m10"].map(|wanted| inbox.iter().filter(|subject| *subject == wanted).count())
}

/// After a stop while entry 9 was filed (`done`: it was acknowledged): a copy comes, then the queue
/// brings entry 9 again.
pub(crate) async fn first_was_stopped(world: &World, account: &AccountMailboxes, done: bool) {
    let is_noted = noted(world).await == 1;
    let before = copies(world, account).await;
    assert!(is_noted || !done, "what is acknowledged is noted");
    assert!(before == [1, 0] || !is_noted && before == [0, 0], "{before:?}");
    let copy = deliver(account, &[(10, "a")], None).await.unwrap().remove(0);
    assert_eq!(copy.duplicate, is_noted, "left out where the note of the first is, and only there");
    deliver(account, &[(9, "a"), (10, "a")], None).await.unwrap();
    let expected = if is_noted { [1, 0] } else { [before[0], 1] };
    assert_eq!(copies(world, account).await, expected);
}

/// After a stop while entry 10 was not filed, because it is what entry 9 was: so it stays, however
/// often both come again.
pub(crate) async fn copy_was_stopped(world: &World, account: &AccountMailboxes) {
    assert_eq!((noted(world).await, copies(world, account).await), (1, [1, 0]));
    for _ in 0..2 {
        let again = deliver(account, &[(10, "a"), (9, "a")], None).await.unwrap();
        let became: Vec<_> = again.iter().map(|one| (one.before, one.duplicate)).collect();
        assert_eq!(became, [(false, true), (true, false)]);
        assert_eq!((noted(world).await, copies(world, account).await), (1, [1, 0]));
    }
}
