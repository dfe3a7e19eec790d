//! A crash at every file operation and at every transaction boundary, compared with the tables of
//! docs/queue.md.
//!
//! One story is told again and again. In the first test its file layer stops at the n-th
//! operation, for every n, and what was not synced is lost or not. In the second one a picture of
//! the folder is taken after every operation, before every flush of the database's log, and after
//! every commit (before the caller hears of it): what would be found there if the processes had
//! stopped, and what if the power had failed, so that the log ends where it was flushed last.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use mail_types::{QueueId, RecipientNumber, ReversePath};
use message_queue::{
    Consumer, Consumes, Lease, NewEntry, Notification, Queue, QueueError, Settlement,
    operator::Filter,
};
use stable_storage::{Files, Operation, Watch};
use testkit::BreakingFiles;

use crate::story::*;

/// What somebody outside knows: what was begun, and what was promised.
#[derive(Debug, Clone, Default)]
struct Ledger {
    /// Everything that was handed in, with its content.
    begun: BTreeMap<QueueId, Vec<u8>>,
    /// What was acknowledged.
    queued: Vec<QueueId>,
    /// Recipients whose settlement was begun, and acknowledged.
    settling: Vec<(QueueId, RecipientNumber)>,
    settled: Vec<(QueueId, RecipientNumber)>,
    /// The cause and the id of notifications.
    notifications: Vec<((QueueId, RecipientNumber), QueueId)>,
}

/// Told after each commit, before its promise is written into the ledger.
type AtCommit<'a> = &'a (dyn Fn() + Sync);

struct Teller<'a> {
    queue: Queue,
    ledger: &'a Mutex<Ledger>,
    at_commit: AtCommit<'a>,
}

impl Teller<'_> {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    async fn enqueue(&self, to: &[&str], size: usize) -> Result<(), QueueError> {
        let id = self.queue.new_id(START);
        let content = vec![b'a'; size];
        self.ledger().begun.insert(id, content.clone());
        let new = NewEntry { id: Some(id), ..entry(to) };
        enqueue(&self.queue, new, &content, START).await?;
        (self.at_commit)();
        self.ledger().queued.push(id);
        Ok(())
    }

    async fn lease(&self, consumer: &Consumer) -> Result<Vec<Lease>, QueueError> {
        let leased = consumer.lease(&room(100), START).await?;
        (self.at_commit)();
        Ok(leased.leases)
    }

    async fn settle(
        &self,
        consumer: &Consumer,
        settlements: Vec<Settlement>,
    ) -> Result<(), QueueError> {
        let mut settlements = settlements;
        let of: Vec<_> = settlements.iter().flat_map(|s| numbers(s.lease())).collect();
        self.ledger().settling.extend(&of);
        consumer.settle(&mut settlements, START).await?;
        (self.at_commit)();
        self.ledger().settled.extend(&of);
        Ok(())
    }

    async fn failed_with_notification(&self, lease: Lease) -> Result<Settlement, QueueError> {
        let id = self.queue.new_id(START);
        let content = vec![b'n'; 4000];
        self.ledger().notifications.push((numbers(&lease)[0], id));
        self.ledger().begun.insert(id, content.clone());
        let mut draft = self.queue.draft();
        draft.write(&content).await?;
        let entry = NewEntry {
            id: Some(id),
            reverse_path: ReversePath::Null,
            ..entry(&["sender@here.test"])
        };
        let content = draft.seal().await?;
        let mut settlement = all(lease, &failed("no such mailbox"), None);
        settlement.notify(Notification { entry, content });
        Ok(settlement)
    }

    /// The story: small and large contents, both lanes, outcomes, a notification.
    async fn tell(&self) -> Result<(), QueueError> {
        self.enqueue(&["a@here.test", "b@x.test"], 10).await?;
        self.enqueue(&["c@here.test", "fails@x.test"], 3000).await?;
        self.enqueue(&["d@x.test"], 2000).await?;
        let local = self.queue.consumer(Consumes::Local).await?;
        let leases = self.lease(&local).await?;
        let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
        self.settle(&local, ends).await?;
        let remote = self.queue.consumer(Consumes::Remote).await?;
        let mut ends = Vec::new();
        for lease in self.lease(&remote).await? {
            ends.push(match to(&lease)[0].as_str() {
                "fails@x.test" => self.failed_with_notification(lease).await?,
                _ => all(lease, &delivered(), None),
            });
        }
        self.settle(&remote, ends).await?;
        let leases = self.lease(&local).await?;
        let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
        self.settle(&local, ends).await
    }
}

fn numbers(lease: &Lease) -> Vec<(QueueId, RecipientNumber)> {
    lease.recipients.iter().map(|recipient| (lease.entry.id, recipient.number)).collect()
}

/// Opens what is left and compares it with what is known.
async fn examine(folder: &Path, ledger: &Ledger, at: &str) {
    let queue = Queue::open(options(folder), Files::real()).await.unwrap();
    queue.maintain(START).await.unwrap();
    let mut found = Vec::new();
    queue.check(None, &mut |finding| found.push(finding.clone())).await.unwrap();
    assert_eq!(found, [], "{at}: the check finds nothing more");
    let (local, remote) =
        (consumer(&queue, Consumes::Local).await, consumer(&queue, Consumes::Remote).await);

    // Nothing but the contents of entries is in the spool.
    let mut large = 0;
    for summary in queue.list(&Filter::default(), None, 100).await.unwrap() {
        large += usize::from(summary.size > INLINE_LIMIT as u64);
    }
    assert_eq!(spool(folder).len(), large, "{at}: orphans");

    let mut open = Vec::new();
    let mut leases = lease(&local, START).await;
    leases.extend(lease(&remote, START).await);
    for lease in &leases {
        let id = lease.entry.id;
        let expected = ledger.begun.get(&id).unwrap_or_else(|| panic!("{at}: {id} is unknown"));
        assert_eq!(&octets(&lease.entry.content).await, expected, "{at}: the content of {id}");
        open.extend(numbers(lease));
    }

    // Every recipient whose message was acknowledged is waiting or was settled, not both.
    let notified: Vec<_> = ledger.notifications.iter().map(|(_, id)| *id).collect();
    for id in &ledger.queued {
        let count = if ledger.begun[id].len() == 2000 { 1 } else { 2 };
        for number in (0..count).map(RecipientNumber) {
            let of = (*id, number);
            let (is_open, is_settling) = (open.contains(&of), ledger.settling.contains(&of));
            assert!(is_open || is_settling, "{at}: {of:?} is lost");
            assert!(!is_open || !ledger.settled.contains(&of), "{at}: {of:?} is there again");
        }
    }
    // A message that was not acknowledged is there as a whole, or not at all; a notification is
    // there if and only if its cause is settled.
    for (cause, id) in &ledger.notifications {
        let own = (*id, RecipientNumber(0));
        let there = open.contains(&own) || ledger.settling.contains(&own);
        assert_eq!(there, !open.contains(cause), "{at}: the notification about {cause:?}");
    }
    for id in ledger.begun.keys().filter(|id| !notified.contains(id)) {
        if !ledger.queued.contains(id) && open.iter().any(|(of, _)| of == id) {
            let count = if ledger.begun[id].len() == 2000 { 1 } else { 2 };
            assert_eq!(open.iter().filter(|(of, _)| of == id).count(), count, "{at}: {id}");
        }
    }

    // And the rest goes its way.
    let (mut for_local, mut for_remote) = (Vec::new(), Vec::new());
    for lease in leases {
        let local = lease.lane == mail_types::Lane::Local;
        let end = all(lease, &delivered(), None);
        if local { for_local.push(end) } else { for_remote.push(end) }
    }
    let superseded = settle(&local, for_local, START).await.superseded
        + settle(&remote, for_remote, START).await.superseded;
    assert_eq!(superseded, 0, "{at}");
    assert!(queue.list(&Filter::default(), None, 100).await.unwrap().is_empty(), "{at}");
    assert!(spool(folder).is_empty(), "{at}");
}

#[tokio::test]
async fn it_stops_at_every_file_operation() {
    let (mut n, mut finished) = (0, false);
    while !finished {
        for power_fails in [false, true] {
            let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            drop(queue(folder.path()).await);
            let breaking = BreakingFiles::stopping_at(n, kept.path());
            let ledger = Mutex::default();
            let queue = Queue::open(options(folder.path()), breaking.files()).await.unwrap();
            let told = Teller { queue, ledger: &ledger, at_commit: &|| {} }.tell().await;
            // The last operations are unlinks, whose failure is nobody's trouble.
            finished = !breaking.stopped();
            assert!(told.is_ok() || breaking.stopped(), "{told:?}");
            breaking.stop();
            if power_fails {
                breaking.lose_unsynced().unwrap();
            }
            let at = format!("stopped at operation {n}, power fails: {power_fails}");
            examine(folder.path(), &ledger.into_inner().unwrap(), &at).await;
        }
        n += 1;
    }
    assert!(n > 15, "only {n} operations");
}

/// Takes pictures of a folder.
struct Camera {
    folder: PathBuf,
    album: PathBuf,
    ledger: Arc<Mutex<Ledger>>,
    taken: Mutex<Vec<(PathBuf, Ledger)>>,
    log: Mutex<LogLength>,
}

/// Of the database's log, in octets.
#[derive(Default)]
struct LogLength {
    when_flush_began: u64,
    flushed: u64,
    /// How many pictures it cut something off.
    lost: usize,
}

const LOG: &str = "queue.db-wal";

impl Camera {
    fn shoot(&self) {
        self.take(None);
        let mut log = self.log.lock().unwrap();
        if std::fs::metadata(self.folder.join(LOG)).unwrap().len() > log.flushed {
            log.lost += 1;
            self.take(Some(log.flushed));
        }
    }

    fn take(&self, log_length: Option<u64>) {
        let mut taken = self.taken.lock().unwrap();
        let picture = self.album.join(taken.len().to_string());
        copy(&self.folder, &picture);
        if let Some(length) = log_length {
            // Whoever opens it makes it anew from the log.
            std::fs::remove_file(picture.join("queue.db-shm")).unwrap();
            let log = std::fs::OpenOptions::new().write(true).open(picture.join(LOG)).unwrap();
            log.set_len(length).unwrap();
        }
        taken.push((picture, self.ledger.lock().unwrap().clone()));
    }
}

impl Watch for Camera {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        if matches!(operation, Operation::Sync(path) if path.ends_with(LOG)) {
            let length = std::fs::metadata(self.folder.join(LOG))?.len();
            self.log.lock().unwrap().when_flush_began = length;
            self.shoot();
        }
        Ok(())
    }

    fn after(&self, operation: &Operation<'_>) {
        if matches!(operation, Operation::Sync(path) if path.ends_with(LOG)) {
            let mut log = self.log.lock().unwrap();
            log.flushed = log.when_flush_began;
        }
        self.shoot();
    }
}

/// Copies a folder; sockets are nothing that survives.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn it_stops_at_every_transaction_boundary() {
    let (folder, album) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(queue(folder.path()).await);
    // The log begins with the story.
    let database = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    let emptied = database.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0));
    assert_eq!(emptied, Ok(0));
    drop(database);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let camera = Arc::new(Camera {
        folder: folder.path().to_owned(),
        album: album.path().to_owned(),
        ledger: ledger.clone(),
        taken: Mutex::default(),
        log: Mutex::default(),
    });
    let files = Files::watched(camera.clone());
    let queue = Queue::open(options(folder.path()), files).await.unwrap();
    let at_commit = || camera.shoot();
    Teller { queue, ledger: &ledger, at_commit: &at_commit }.tell().await.unwrap();
    let taken = std::mem::take(&mut *camera.taken.lock().unwrap());
    let lost = camera.log.lock().unwrap().lost;
    assert!(taken.len() > 20 && lost > 5, "{} pictures, {lost} with a shorter log", taken.len());
    for (number, (picture, ledger)) in taken.iter().enumerate() {
        examine(picture, ledger, &format!("picture {number}")).await;
    }
}

#[tokio::test]
async fn the_check_knows_drafts_from_orphans() {
    let folder = tempfile::tempdir().unwrap();
    let living = queue(folder.path()).await;
    let mut draft = living.draft();
    draft.write(&[b'x'; 500_000]).await.unwrap();
    let orphan = folder.path().join("spool/o/orphanorphanorphanor");
    std::fs::write(&orphan, "left by somebody who died").unwrap();
    let foreign = folder.path().join("spool/o/README");
    std::fs::write(&foreign, "left by the operator").unwrap();
    std::fs::write(folder.path().join("holders/1-1-1"), "").unwrap();

    let other = Queue::open(options(folder.path()), Files::real()).await.unwrap();
    let _consumer = consumer(&other, Consumes::Local).await;
    other.maintain(START).await.unwrap();
    assert!(!orphan.exists() && foreign.exists());
    assert!(!folder.path().join("holders/1-1-1").exists());
    let id = living.enqueue(entry(&["a@here.test"]), draft, START).await.unwrap();
    let content = other.content(id).await.unwrap().unwrap();
    assert_eq!(content.len(), 500_000);
}
