//! A task that breaks takes no mail with it.

use agent_kit::{Agent, Stop, Surroundings};
use config::Config;
use mail_types::{Address, BodyKind, Handling, Lane, QueueId, ReversePath};
use message_queue::{
    NewEntry, NewRecipient, Origin, QueueOptions,
    operator::{Filter, Trace},
};
use stable_storage::Files;

use super::*;

/// A desk over a queue in this folder; every other server is unreachable.
async fn desk(folder: &std::path::Path) -> Desk {
    let text = "hostname = \"mail.example.org\"\ndata_dir = \"data\"\n\
                [submission]\nlisten_tls = []\n[imap]\nlisten_tls = []\n[pop3]\nlisten_tls = []\n\
                [dns]\nservers = [\"127.0.0.1:9\"]\n[relay]\nlisten = []\n\
                [relay.outbound.tls]\nmta_sts = false\n";
    let config = Config::parse(text, folder).unwrap();
    let stop = Stop::source();
    let own = Surroundings::within(Agent::SmtpRelay, config, stop.stop()).unwrap();
    let options = QueueOptions::at(own.config.folders().queue);
    let queue = Queue::create(options, Files::real()).await.unwrap();
    let (shared, consumer, done) =
        super::super::open(own.config, queue, own.reload, own.stop).await.unwrap();
    Desk::new(shared, consumer, done)
}

async fn send(queue: &Queue) -> QueueId {
    let to = Address::parse("b@x.test").unwrap();
    let lane = Lane::Remote(to.domain().clone());
    let entry = NewEntry {
        id: None,
        reverse_path: ReversePath::Null,
        account: None,
        body: BodyKind::SevenBit,
        smtputf8: false,
        ret: None,
        envid: None,
        handling: Handling::default(),
        origin: Origin::default(),
        message_id: None,
        recipients: vec![NewRecipient::new(to, lane)],
    };
    queue.enqueue(entry, queue.draft(), now()).await.unwrap()
}

async fn leased(desk: &Desk) -> Vec<Lease> {
    let request = LeaseRequest { leases_max: 9, again_max: 9, per_lane_max: 9, except: Vec::new() };
    desk.consumer.lease(&request, now()).await.unwrap().leases
}

/// Has a task panic with what is leased, and lets the desk go on until it is settled.
async fn break_off(desk: &mut Desk, leases: Vec<Lease>) {
    desk.tasks.spawn(async move {
        let _held = leases;
        tokio::task::yield_now().await;
        panic!("as the test wants it");
    });
    while desk.settlements.is_empty() {
        desk.start();
        desk.wait(Duration::from_secs(20)).await;
    }
    desk.consumer.settle(&mut desk.settlements, now()).await.unwrap();
}

#[tokio::test]
async fn what_a_task_had_that_breaks_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = desk(folder.path()).await;
    let queue = desk.shared.queue.clone();
    let id = send(&queue).await;
    let leases = leased(&desk).await;
    break_off(&mut desk, leases).await;
    let filter = Filter { id: Some(id), ..Filter::default() };
    let summary = queue.list(&filter, None, 1).await.unwrap().remove(0);
    let recipient = &summary.recipients[0];
    assert!(recipient.next_at > now() && recipient.attempts == 1, "{recipient:?}");
    let told = format!("{:?}", queue.trace(&Trace::Id(id), 1).await.unwrap());
    assert!(told.contains("by an error of this server; the message may arrive twice"), "{told}");
}

#[tokio::test]
async fn what_breaks_again_and_again_waits_each_time() {
    // The second time in a row it may be the settlement itself: no notification is written.
    let folder = tempfile::tempdir().unwrap();
    let mut desk = desk(folder.path()).await;
    let queue = desk.shared.queue.clone();
    let id = send(&queue).await;
    let leases = leased(&desk).await;
    let torn = tokio::spawn(async move {
        let _held = leases;
        panic!("as the test wants it");
    });
    assert!(torn.await.is_err());
    let again = desk.consumer.broken();
    break_off(&mut desk, again).await;
    let filter = Filter { id: Some(id), ..Filter::default() };
    let summary = queue.list(&filter, None, 1).await.unwrap().remove(0);
    let recipient = &summary.recipients[0];
    assert!(recipient.next_at > now() && recipient.attempts == 0, "{recipient:?}");
}
