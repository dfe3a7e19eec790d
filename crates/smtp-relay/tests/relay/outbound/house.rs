//! A small installation for the outbound half: one account, a queue, a name server.

use std::{net::SocketAddr, time::Duration};

use agent_kit::{Agent, Half, Stop, StopSource, Surroundings, now};
use config::Config;
use directory::{Editor, NewAccount};
use mail_types::{Address, BodyKind, Domain, Lane, Notify, QueueId, ReversePath, Secret};
use message_queue::{
    Consumes, LeaseRequest, NewEntry, NewRecipient, Origin, Queue, QueueOptions,
    operator::{Event, Filter, RecipientSummary, Trace},
};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct House {
    _folder: TempDir,
    pub(crate) queue: Queue,
    stop: StopSource,
    agent: JoinHandle<anyhow::Result<()>>,
}

impl House {
    /// Runs the agent, with `dns` to ask, `port` for other servers, and more lines of `config`.
    pub(crate) async fn build(dns: SocketAddr, port: u16, more: &str) -> Self {
        Self::build_as(false, dns, port, more).await
    }

    /// The same as the demo.
    pub(crate) async fn build_demo(dns: SocketAddr, port: u16, more: &str) -> Self {
        Self::build_as(true, dns, port, more).await
    }

    async fn build_as(demo: bool, dns: SocketAddr, port: u16, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "hostname = \"mail.example.org\"\ndata_dir = \"data\"\ndemo = {demo}\n\
             [submission]\nlisten_tls = []\n[imap]\nlisten_tls = []\n[pop3]\nlisten_tls = []\n\
             [dns]\nservers = [\"{dns}\"]\n\
             [relay]\nlisten = []\n[relay.outbound]\nport = {port}\n{more}"
        );
        let config = Config::parse(&text, folder.path()).unwrap();
        let queue = furnish(&config).await;
        let stop = Stop::source();
        let mut surroundings = Surroundings::within(Agent::SmtpRelay, config, stop.stop()).unwrap();
        surroundings.only = Some(Half::Outbound);
        let agent = tokio::spawn(smtp_relay::run(surroundings));
        Self { _folder: folder, queue, stop, agent }
    }

    /// Queues a message of alice's.
    pub(crate) async fn send(&self, to: &[&str], content: &str) -> QueueId {
        self.send_as("alice@example.org", to, content, |_| {}).await
    }

    /// Queues a message, after a change of its envelope.
    pub(crate) async fn send_as(
        &self,
        from: &str,
        to: &[&str],
        content: &str,
        change: impl FnOnce(&mut NewEntry),
    ) -> QueueId {
        let recipients = to.iter().map(|text| {
            let address: Address = text.parse().unwrap();
            let lane = Lane::Remote(address.domain().clone());
            NewRecipient::new(address, lane)
        });
        let mut entry = NewEntry {
            id: None,
            reverse_path: ReversePath::parse(from).unwrap(),
            account: None,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
            handling: mail_types::Handling::default(),
            origin: Origin::default(),
            message_id: None,
            recipients: recipients.collect(),
        };
        change(&mut entry);
        let mut draft = self.queue.draft();
        draft.write(content.as_bytes()).await.unwrap();
        self.queue.enqueue(entry, draft, now()).await.unwrap()
    }

    /// Waits until the first recipient of the entry is in such a state.
    pub(crate) async fn until(
        &self,
        id: QueueId,
        holds: impl Fn(&RecipientSummary) -> bool,
    ) -> RecipientSummary {
        let look = async {
            loop {
                let filter = Filter { id: Some(id), ..Filter::default() };
                let found = self.queue.list(&filter, None, 1).await.unwrap();
                let first = found.into_iter().next().and_then(|s| s.recipients.into_iter().next());
                if let Some(first) = first.filter(&holds) {
                    return first;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap()
    }

    /// Waits until the journey of the entry has such an event.
    pub(crate) async fn event(&self, id: QueueId, what: &str) -> Event {
        let look = async {
            loop {
                let journeys = self.queue.trace(&Trace::Id(id), 1).await.unwrap();
                let mut events = journeys.into_iter().flat_map(|journey| journey.events);
                if let Some(event) = events.find(|event| format!("{event:?}").contains(what)) {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("no event {what}"))
    }

    /// Waits for a notification in the local lane; returns its envelope's sender and its content.
    pub(crate) async fn notification(&self) -> (ReversePath, String) {
        let consumer = self.queue.consumer(Consumes::Local).await.unwrap();
        let request = LeaseRequest { leases_max: 1, per_lane_max: 1, except: Vec::new() };
        let look = async {
            loop {
                let leased = consumer.lease(&request, now()).await.unwrap();
                if let Some(lease) = leased.leases.into_iter().next() {
                    let length = usize::try_from(lease.entry.content.len()).unwrap();
                    let content = lease.entry.content.read_at(0, length).await.unwrap();
                    return (lease.entry.reverse_path, String::from_utf8(content).unwrap());
                }
                consumer.wait(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap()
    }

    /// Stops the agent, which must end well.
    pub(crate) async fn close(self) {
        self.stop.ask();
        tokio::time::timeout(PATIENCE, self.agent).await.unwrap().unwrap().unwrap();
    }
}

/// Wants to be told of success too.
pub(crate) fn notify_success(entry: &mut NewEntry) {
    for recipient in &mut entry.recipients {
        recipient.notify = Notify { success: true, failure: true, delay: false };
    }
}

async fn furnish(config: &Config) -> Queue {
    let folders = config.folders();
    for folder in [&folders.directory, &folders.credentials] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
    editor.migrate().await.unwrap();
    editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
    let verifier = PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST).unwrap();
    let address = Address::parse("alice@example.org").unwrap();
    editor
        .add_account(NewAccount { address, verifier, quota_bytes: None, now: now() })
        .await
        .unwrap();
    let options = QueueOptions::at(folders.queue);
    Queue::create(options, Files::real()).await.unwrap()
}
