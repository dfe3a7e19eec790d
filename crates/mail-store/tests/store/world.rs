//! A store in a temporary folder, and what can be asked of it at any time.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use mail_store::{
    AccountMailboxes, Delivery, MailStore, MailboxState, MessageRow, NewMessage, StoreOptions,
    UidSet, Want,
};
use mail_types::{
    AccountId, Flag, FlagSet, MailboxId, MailboxName, QueueId, RecipientNumber, Timestamp, Uid,
};
use stable_storage::Files;
use tempfile::TempDir;

/// The moment at which all tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(crate) const ALICE: AccountId = AccountId(7);

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

pub(crate) fn flags(list: &[&str]) -> FlagSet {
    list.iter().map(|flag| Flag::parse(flag).unwrap()).collect()
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn queue_id(number: u8) -> QueueId {
    QueueId::new(NOW, [0, 0, 0, number])
}

/// A message that is known by its text.
pub(crate) fn message(text: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {text}\r\n\r\nThis is {text}.\r\n").into_bytes()
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let options = StoreOptions::new(self.folder.path().join("mail"), || NOW);
        StoreOptions { open_accounts_max: 4, boot: "first".into(), ..options }
    }

    /// The account's folder on disk.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail").join(ALICE.to_string())
    }

    /// After a stop, of the machine if `rebooted`.
    pub(crate) async fn open_again(&self, rebooted: bool) -> MailStore {
        let boot = if rebooted { "second" } else { "first" };
        let options = StoreOptions { boot: boot.into(), ..self.options() };
        MailStore::open(options, Files::real()).await.unwrap()
    }

    pub(crate) async fn open(&self) -> MailStore {
        MailStore::open(self.options(), Files::real()).await.unwrap()
    }
}

/// Delivers one message for recipient 0 of a queue entry.
pub(crate) async fn deliver(
    account: &AccountMailboxes,
    entry: u8,
    text: &str,
) -> Result<Uid, mail_store::StoreError> {
    deliver_into(account, entry, text, None).await
}

pub(crate) async fn deliver_into(
    account: &AccountMailboxes,
    entry: u8,
    text: &str,
    file_into: Option<MailboxName>,
) -> Result<Uid, mail_store::StoreError> {
    let (queue_id, recipient) = (queue_id(entry), RecipientNumber(0));
    let mut incoming = account.incoming_delivery(queue_id, recipient, NOW);
    incoming.write(&message(text)).await?;
    let written = incoming.finish().await?;
    let delivery = Delivery {
        queue_id,
        recipient,
        written,
        file_into,
        or_inbox: false,
        flags: FlagSet::new(),
    };
    Ok(account.deliver(vec![delivery]).await?.delivered[0].uid)
}

pub(crate) async fn append(
    account: &AccountMailboxes,
    mailbox: MailboxId,
    text: &str,
    flags: FlagSet,
    date: Timestamp,
) -> Result<Uid, mail_store::StoreError> {
    let mut incoming = account.incoming(date)?;
    incoming.write(&message(text)).await?;
    let written = incoming.finish().await?;
    Ok(account.append(mailbox, vec![NewMessage { written, flags }]).await?.uids[0])
}

pub(crate) async fn mailbox(account: &AccountMailboxes, text: &str) -> MailboxState {
    account.mailbox(&name(text)).await.unwrap()
}

/// Everything of a message that must never change by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) uid: u32,
    pub(crate) subject: String,
    pub(crate) flags: String,
    pub(crate) internal_date: Timestamp,
    pub(crate) saved: Timestamp,
    pub(crate) size: u64,
    /// What it is, what it belongs to, and its first words.
    pub(crate) object: String,
}

/// All mailboxes with all messages, read through the store; checks on the way that rows, counters,
/// parsed values and files agree.
pub(crate) async fn see(world: &World, account: &AccountMailboxes) -> BTreeMap<String, Vec<Seen>> {
    let mut all = BTreeMap::new();
    let mut files = 0;
    for state in account.states().await.unwrap() {
        let mut messages = Vec::new();
        let rows = account.fetch(state.id, &UidSet::all(), Want::Details).await.unwrap();
        let ids = account.object_ids(state.id, &UidSet::all()).await.unwrap();
        let previews = account.previews(state.id, &UidSet::all(), true).await.unwrap();
        assert_eq!((ids.len(), previews.len()), (rows.len(), rows.len()));
        for (row, (ids, (_, words))) in rows.iter().zip(ids.iter().zip(&previews)) {
            let reader = account.read(&row.file).await.unwrap();
            let content = reader.read_at(0, 1 << 20).await.unwrap();
            assert_eq!(content.len() as u64, row.size);
            let details = row.details.clone().unwrap();
            let subject = details.envelope.subject.clone().unwrap_or_default();
            assert_eq!(details.structure.root.body.end, row.size);
            let flags: Vec<String> = row.flags.iter().map(|f| f.as_str().to_owned()).collect();
            messages.push(Seen {
                uid: row.uid.number(),
                subject: String::from_utf8_lossy(&subject).trim().to_owned(),
                flags: flags.join(" "),
                internal_date: row.internal_date,
                saved: row.saved,
                size: row.size,
                object: format!("{} {} {words:?}", ids.email, ids.thread),
            });
        }
        let facts = account.facts(state.id, rows.len()).await.unwrap().unwrap();
        let all_of_it = UidSet::all();
        assert!(facts.within(&all_of_it).eq(rows.iter().map(MessageRow::fact)));
        let envelopes = account.envelopes(state.id, &all_of_it).await.unwrap();
        let details = account.details(state.id, &all_of_it).await.unwrap();
        for row in &rows {
            let parsed = row.details.as_ref().unwrap();
            let envelope = parsed.envelope.encode();
            assert_eq!(envelopes.of(row.uid).unwrap().unwrap().encode(), envelope);
            let stored = details.of(row.uid).unwrap().unwrap();
            assert_eq!(stored.envelope.encode(), envelope);
            assert_eq!(stored.structure.encode(), parsed.structure.encode());
        }
        let count = |wanted: &dyn Fn(&FlagSet) -> bool| {
            u32::try_from(rows.iter().filter(|row| wanted(&row.flags)).count()).unwrap()
        };
        assert_eq!(state.messages, count(&|_| true), "{}", state.name);
        assert_eq!(state.unseen, count(&|flags| !flags.contains(&Flag::Seen)));
        assert_eq!(state.deleted, count(&|flags| flags.contains(&Flag::Deleted)));
        assert_eq!(state.octets, rows.iter().map(|row| row.size).sum::<u64>());
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        assert_eq!(account.uids(&state).await.unwrap(), uids);
        assert_eq!(account.numbering(&state).await.unwrap(), uids.iter().copied().collect());
        assert!(uids.iter().all(|uid| *uid < state.uid_next));
        files += messages.len();
        all.insert(state.name.to_string(), messages);
    }
    assert_eq!(files_on_disk(world).len(), files, "each file has a row and each row a file");
    all
}

/// The message files of the account, below its folder.
pub(crate) fn files_on_disk(world: &World) -> Vec<String> {
    let mut files = Vec::new();
    let root = world.maildir();
    for entry in std::fs::read_dir(&root).unwrap().map(Result::unwrap) {
        let folder = entry.file_name().into_string().unwrap();
        if folder.starts_with('.') {
            files.extend(["cur", "new"].map(|part| format!("{folder}/{part}")));
        }
    }
    files.extend(["cur".to_owned(), "new".to_owned()]);
    let mut names = Vec::new();
    for folder in files {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.map(Result::unwrap) {
            names.push(format!("{folder}/{}", entry.file_name().into_string().unwrap()));
        }
    }
    names.sort();
    names
}

/// Waits until something holds that happens beside the test; the clock only bounds how long.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The subjects of a mailbox's messages.
pub(crate) fn subjects(all: &BTreeMap<String, Vec<Seen>>, mailbox: &str) -> Vec<String> {
    all.get(mailbox).into_iter().flatten().map(|seen| seen.subject.clone()).collect()
}
