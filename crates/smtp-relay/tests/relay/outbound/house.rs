//! A small installation for the outbound half: one account, a queue, a name server.

use std::{net::SocketAddr, path::Path, time::Duration};

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

/// The agent.
type Running = JoinHandle<anyhow::Result<()>>;

pub(crate) struct House {
    folder: TempDir,
    config: String,
    kind: Kind,
    pub(crate) queue: Queue,
    stop: StopSource,
    agent: Running,
    /// Where the inbound half listens, if it runs.
    pub(crate) inbound: Option<SocketAddr>,
}

/// What a house is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Outbound,
    Demo,
    /// Both halves.
    Whole,
}

impl House {
    /// Runs the agent, with `dns` to ask, `port` for other servers, and more lines of `config`.
    pub(crate) async fn build(dns: SocketAddr, port: u16, more: &str) -> Self {
        Self::build_as(Kind::Outbound, dns, port, more).await
    }

    /// The same as the demo.
    pub(crate) async fn build_demo(dns: SocketAddr, port: u16, more: &str) -> Self {
        Self::build_as(Kind::Demo, dns, port, more).await
    }

    /// With the inbound half.
    pub(crate) async fn build_whole(dns: SocketAddr, port: u16, more: &str) -> Self {
        Self::build_as(Kind::Whole, dns, port, more).await
    }

    async fn build_as(kind: Kind, dns: SocketAddr, port: u16, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = kind == Kind::Demo;
        let listen = if kind == Kind::Whole { "\"127.0.0.1:0\"" } else { "" };
        let text = format!(
            "hostname = \"mail.example.org\"\ndata_dir = \"data\"\ndemo = {demo}\n\
             [submission]\nlisten_tls = []\n[imap]\nlisten_tls = []\n[pop3]\nlisten_tls = []\n\
             [dns]\nservers = [\"{dns}\"]\n\
             [relay]\nlisten = [{listen}]\n[relay.outbound]\nport = {port}\n{more}"
        );
        let config = Config::parse(&text, folder.path()).unwrap();
        let queue = furnish(&config).await;
        let (stop, agent, inbound) = start(config, kind);
        Self { folder, config: text, kind, queue, stop, agent, inbound }
    }

    /// Stops the agent and starts it again.
    pub(crate) async fn again(self) -> Self {
        self.again_after(|_| {}).await
    }

    /// The same, with something done in between.
    pub(crate) async fn again_after(self, between: impl FnOnce(&Self)) -> Self {
        self.again_with(async |house: &Self| between(house)).await
    }

    /// The same, with something done in between that takes a while.
    pub(crate) async fn again_with(mut self, between: impl AsyncFnOnce(&Self)) -> Self {
        self.stop.ask();
        tokio::time::timeout(PATIENCE, &mut self.agent).await.unwrap().unwrap().unwrap();
        between(&self).await;
        let config = Config::parse(&self.config, self.folder()).unwrap();
        (self.stop, self.agent, self.inbound) = start(config, self.kind);
        self
    }

    /// Where all of it lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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
        self.either(id, &[what]).await
    }

    /// Waits until the journey of the entry has one of such events.
    pub(crate) async fn either(&self, id: QueueId, what: &[&str]) -> Event {
        let look = async {
            loop {
                let journeys = self.queue.trace(&Trace::Id(id), 1).await.unwrap();
                let mut events = journeys.into_iter().flat_map(|journey| journey.events);
                let wanted = |text: &str| what.iter().any(|what| text.contains(what));
                if let Some(event) = events.find(|event| wanted(&format!("{event:?}"))) {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("no event {what:?}"))
    }

    /// Waits for a notification in the local lane; returns its envelope's sender and its content.
    pub(crate) async fn notification(&self) -> (ReversePath, String) {
        let consumer = self.queue.consumer(Consumes::Local).await.unwrap();
        let request =
            LeaseRequest { leases_max: 1, again_max: 1, per_lane_max: 1, except: Vec::new() };
        let look = async {
            loop {
                let leased = consumer.lease(&request, now()).await.unwrap();
                if let Some(lease) = leased.leases.into_iter().next() {
                    let length = usize::try_from(lease.entry.content.len()).unwrap();
                    let content = lease.entry.content.read_at(0, length).await.unwrap();
                    return (lease.entry.reverse_path.clone(), String::from_utf8(content).unwrap());
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

/// Runs the agent.
fn start(config: Config, kind: Kind) -> (StopSource, Running, Option<SocketAddr>) {
    let stop = Stop::source();
    let mut surroundings = Surroundings::within(Agent::SmtpRelay, config, stop.stop()).unwrap();
    let mut inbound = None;
    match kind {
        Kind::Whole => {
            inbound = surroundings.listeners.addresses("smtp-relay").first().copied();
        }
        Kind::Outbound | Kind::Demo => surroundings.only = Some(Half::Outbound),
    }
    (stop, tokio::spawn(smtp_relay::run(surroundings)), inbound)
}

async fn furnish(config: &Config) -> Queue {
    let folders = config.folders();
    for folder in [&folders.directory, &folders.credentials, &folders.usage] {
        std::fs::create_dir_all(folder).unwrap();
    }
    account_usage::migrate(&folders.usage.join("usage.db")).await.unwrap();
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
