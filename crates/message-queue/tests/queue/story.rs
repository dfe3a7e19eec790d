//! What the tests of this executable speak in: a queue in a temporary folder, short messages,
//! outcomes.

use std::{path::Path, time::Duration};

use mail_types::{
    Address, EnhancedStatus, Lane, Outcome, Problem, QueueId, RecipientNumber, Reply, ReversePath,
    Scope, Timestamp,
};
use message_queue::{
    Consumer, Consumes, Content, Lease, LeaseRequest, NewEntry, NewRecipient, Origin, Queue,
    QueueError, QueueOptions, Settled, Settlement,
};
use stable_storage::Files;

/// The moment at which the stories begin.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_700_000_000);
/// Contents above this are files.
pub(crate) const INLINE_LIMIT: usize = 1000;

pub(crate) fn options(folder: &Path) -> QueueOptions {
    QueueOptions { inline_limit: INLINE_LIMIT, ..QueueOptions::at(folder) }
}

pub(crate) async fn queue(folder: &Path) -> Queue {
    Queue::create(options(folder), Files::real()).await.unwrap()
}

pub(crate) fn after(minutes: u64) -> Timestamp {
    START.plus(Duration::from_secs(minutes * 60))
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A recipient, local if it is at `here.test`.
pub(crate) fn recipient(text: &str) -> NewRecipient {
    let address = address(text);
    let lane = match address.domain().as_str() {
        "here.test" => Lane::Local,
        _ => Lane::Remote(address.domain().clone()),
    };
    NewRecipient::new(address, lane)
}

pub(crate) fn entry(recipients: &[&str]) -> NewEntry {
    NewEntry {
        id: None,
        reverse_path: ReversePath::Address(address("sender@there.test")),
        account: None,
        body: mail_types::BodyKind::SevenBit,
        smtputf8: false,
        ret: None,
        envid: None,
        handling: mail_types::Handling::default(),
        origin: Origin { agent: "a test".to_owned(), ..Origin::default() },
        message_id: None,
        recipients: recipients.iter().map(|text| recipient(text)).collect(),
    }
}

pub(crate) async fn enqueue(
    queue: &Queue,
    new: NewEntry,
    content: &[u8],
    now: Timestamp,
) -> Result<QueueId, QueueError> {
    let mut draft = queue.draft();
    for piece in content.chunks(700) {
        draft.write(piece).await?;
    }
    queue.enqueue(new, draft, now).await
}

pub(crate) async fn consumer(queue: &Queue, consumes: Consumes) -> Consumer {
    queue.consumer(consumes).await.unwrap()
}

pub(crate) fn room(leases_max: u32) -> LeaseRequest {
    LeaseRequest { leases_max, again_max: leases_max, per_lane_max: leases_max, except: Vec::new() }
}

pub(crate) async fn lease(consumer: &Consumer, now: Timestamp) -> Vec<Lease> {
    consumer.lease(&room(100), now).await.unwrap().leases
}

pub(crate) async fn octets(content: &Content) -> Vec<u8> {
    content.read_at(0, usize::MAX).await.unwrap()
}

/// The addresses of a lease.
pub(crate) fn to(lease: &Lease) -> Vec<String> {
    lease.recipients.iter().map(|recipient| recipient.address.to_string()).collect()
}

pub(crate) fn delivered() -> Outcome {
    Outcome::Delivered { by: "a test".to_owned(), reply: Reply::new(250, None, "ok") }
}

pub(crate) fn deferred(text: &str) -> Outcome {
    let status = EnhancedStatus::new(4, 4, 1);
    Outcome::Deferred(Problem::new(status, Scope::Recipient, text))
}

pub(crate) fn failed(text: &str) -> Outcome {
    let status = EnhancedStatus::new(5, 1, 1);
    Outcome::Failed(Problem::new(status, Scope::Recipient, text))
}

/// The same end for all recipients of a lease.
pub(crate) fn all(lease: Lease, outcome: &Outcome, next_at: Option<Timestamp>) -> Settlement {
    let numbers: Vec<RecipientNumber> = lease.recipients.iter().map(|r| r.number).collect();
    let mut settlement = Settlement::of(lease);
    for number in numbers {
        settlement.recipient(number, outcome.clone(), next_at);
    }
    settlement
}

pub(crate) async fn settle(
    consumer: &Consumer,
    settlements: Vec<Settlement>,
    now: Timestamp,
) -> Settled {
    let mut settlements = settlements;
    consumer.settle(&mut settlements, now).await.unwrap()
}

/// The names of the content files.
pub(crate) fn spool(folder: &Path) -> Vec<String> {
    let letters = std::fs::read_dir(folder.join("spool")).unwrap();
    let mut names: Vec<String> = letters
        .flat_map(|letter| std::fs::read_dir(letter.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
