//! A house with a domain, two accounts, and the agent.

use std::{sync::Arc, time::Duration};

use account_usage::{Thresholds, Usage, UsagePublisher, UsageReader};
use agent_kit::{Agent, Stop, StopSource, Surroundings, now};
use config::Config;
use directory::{Directory, Editor, NewAccount};
use mail_store::{AccountMailboxes, MailStore, StoreOptions, UidSet, Want};
use mail_types::{
    AccountId, Address, DeliverBy, Domain, Lane, MailboxName, QueueId, Quota, ReversePath, Secret,
    Timestamp,
};
use message_queue::{
    NewEntry, NewRecipient, Origin, Queue, QueueOptions,
    operator::{RecipientSummary, State},
};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;
use tempfile::TempDir;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) config: Arc<Config>,
    pub(crate) queue: Queue,
    pub(crate) editor: Editor,
    pub(crate) store: MailStore,
    _folder: TempDir,
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

impl House {
    /// A house whose second account may hold 1,000 octets.
    pub(crate) async fn build() -> Self {
        Self::build_with("").await
    }

    /// The same with more in its configuration, from the section of deliveries on.
    pub(crate) async fn build_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "hostname = \"mail.example.org\"\ndata_dir = \".\"\n\
                    [submission]\nlisten_tls = []\n[imap]\nlisten_tls = []\n\
                    [pop3]\nlisten_tls = []\n\
                    [delivery.retry]\nfirst_retry = \"1s\"\nmax_retry = \"1s\"\n\
                    [delivery]\nlmtp_listen = [\"127.0.0.1:0\"]\n";
        let config = Arc::new(Config::parse(&format!("{text}{more}"), folder.path()).unwrap());
        let folders = config.folders();
        for made in [&folders.directory, &folders.credentials, &folders.usage] {
            std::fs::create_dir_all(made).unwrap();
        }
        account_usage::migrate(&folders.usage.join("usage.db")).await.unwrap();
        let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
        editor.migrate().await.unwrap();
        editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
        for (name, quota_bytes) in [("alice", None), ("bob", Some(1000))] {
            let verifier = PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST);
            let new = NewAccount {
                address: address(&format!("{name}@example.org")),
                verifier: verifier.unwrap(),
                quota_bytes,
                now: Timestamp::from_secs(0),
            };
            editor.add_account(new).await.unwrap();
        }
        let queue = Queue::create(QueueOptions::at(&folders.queue), Files::real()).await.unwrap();
        let options = StoreOptions::new(&folders.mail, now);
        let store = MailStore::open(options, Files::real()).await.unwrap();
        Self { config, queue, editor, store, _folder: folder }
    }

    pub(crate) fn start(&self) -> Running {
        let source = Stop::source();
        let mut surroundings =
            Surroundings::within(Agent::DeliveryAgent, (*self.config).clone(), source.stop())
                .unwrap();
        surroundings.config = self.config.clone();
        let lmtp = surroundings.listeners.addresses("lmtp")[0];
        let task = tokio::spawn(delivery_agent::run(surroundings));
        Running { source, task, lmtp }
    }

    pub(crate) async fn account(&self, text: &str) -> AccountId {
        let directory = Directory::open(&self.config.folders().directory);
        directory.account_at(&address(text)).await.unwrap().unwrap().id
    }

    pub(crate) async fn recipient(&self, text: &str) -> NewRecipient {
        let account = Some(self.account(text).await);
        NewRecipient { account, ..NewRecipient::new(address(text), Lane::Local) }
    }

    pub(crate) async fn enqueue(&self, from: &str, to: Vec<NewRecipient>, text: &str) -> QueueId {
        self.enqueue_by(from, to, text, None).await
    }

    /// The same with a time by which it is to be delivered.
    pub(crate) async fn enqueue_by(
        &self,
        from: &str,
        to: Vec<NewRecipient>,
        text: &str,
        deliver_by: Option<DeliverBy>,
    ) -> QueueId {
        let mut draft = self.queue.draft();
        draft.write(text.as_bytes()).await.unwrap();
        let entry = NewEntry {
            id: None,
            reverse_path: ReversePath::parse(from).unwrap(),
            account: None,
            body: mail_types::BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
            handling: mail_types::Handling { deliver_by, ..mail_types::Handling::default() },
            origin: Origin { agent: "test".into(), ..Origin::default() },
            message_id: None,
            recipients: to,
        };
        self.queue.enqueue(entry, draft, now()).await.unwrap()
    }

    /// Waits until nothing is in the queue.
    pub(crate) async fn empty(&self) {
        let emptied = async {
            loop {
                // One query: a list is several, and what is settled between them is missing.
                let waiting = self.queue.counts().await.unwrap().local;
                if waiting.waiting + waiting.leased == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, emptied).await.expect("the queue gets empty");
    }

    /// Waits until the first recipient of an entry is in this state.
    pub(crate) async fn until(&self, id: QueueId, state: State) -> RecipientSummary {
        let found = async {
            loop {
                let summary = self.queue.show(id).await.unwrap().expect("it is in the queue");
                if let Some(first) = summary.recipients.into_iter().find(|one| one.state == state) {
                    return first;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it gets there")
    }

    /// The problem that an entry waits with.
    pub(crate) async fn problem(&self, id: QueueId) -> String {
        let found = async {
            loop {
                let summary = self.queue.show(id).await.unwrap().expect("it is in the queue");
                if let Some(problem) = &summary.recipients[0].problem {
                    return problem.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is deferred")
    }

    /// The messages of a mailbox, as text.
    pub(crate) async fn messages(&self, account: &AccountMailboxes, mailbox: &str) -> Vec<String> {
        let name = MailboxName::parse(mailbox).unwrap();
        let Ok(state) = account.mailbox(&name).await else { return Vec::new() };
        let mut texts = Vec::new();
        for row in account.fetch(state.id, &UidSet::all(), Want::Facts).await.unwrap() {
            let reader = account.read(&row.file).await.unwrap();
            let octets = reader.read_at(0, 1 << 20).await.unwrap();
            texts.push(String::from_utf8(octets).unwrap());
        }
        texts
    }

    /// Publishes what an account has, as the process of a session does.
    pub(crate) async fn publish(&self, account: &AccountMailboxes, quota: Quota) {
        let path = self.config.folders().usage.join("usage.db");
        let publisher = UsagePublisher::open(&path, Thresholds::new([80, 95])).await.unwrap();
        let totals = account.totals().await.unwrap();
        let (octets, messages, version) = (totals.octets, totals.messages, totals.version);
        let usage = Usage { octets, messages, version };
        publisher.publish(account.id(), usage, &quota, now()).await.unwrap();
    }

    pub(crate) async fn usage(&self, account: AccountId) -> Usage {
        let path = self.config.folders().usage.join("usage.db");
        UsageReader::open(&path).await.unwrap().usage(account).await.unwrap().unwrap()
    }
}

pub(crate) struct Running {
    /// Where it takes mail by LMTP.
    pub(crate) lmtp: std::net::SocketAddr,
    source: StopSource,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.source.ask();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}
