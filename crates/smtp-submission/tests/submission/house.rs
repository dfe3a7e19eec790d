//! A small installation for the agent under test: two accounts, an alias, a queue.

use std::path::PathBuf;

use agent_kit::{
    Agent, Connection, DriveOptions, Stop, StopSource, Surroundings, TlsRole, drive,
    tls::ClientPolicy,
};
use config::Config;
use directory::{AliasName, Directory, Editor, NewAccount};
use mail_types::{AccountId, Address, Domain, Secret, Timestamp};
use message_queue::{Consumes, Lease, LeaseRequest, Queue, QueueOptions, operator::Filter};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;
use tempfile::TempDir;
use testkit::scripted_client::ScriptedClient;
use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinHandle,
};

/// The agent, running in a folder of its own.
pub(crate) struct House {
    folder: TempDir,
    places: Vec<(&'static str, std::net::SocketAddr)>,
    stop: StopSource,
    agent: JoinHandle<anyhow::Result<()>>,
}

/// A message as it waits in the queue.
pub(crate) struct Queued {
    pub(crate) lease: Lease,
    pub(crate) content: String,
}

impl House {
    /// Builds it; `more` is appended to the configuration.
    pub(crate) async fn build(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["mail.example.org".into()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let text = format!(
            "hostname = \"mail.example.org\"\n\
             data_dir = \"data\"\n\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
             [submission]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n\
             max_message_size = \"1 MiB\"\n{more}"
        );
        let config = Config::parse(&text, folder.path()).unwrap();
        furnish(&config).await;
        let stop = Stop::source();
        let surroundings =
            Surroundings::within(Agent::SmtpSubmission, config, stop.stop()).unwrap();
        let mut places = Vec::new();
        for name in ["smtp-submission", "smtp-submission-tls"] {
            places.push((name, surroundings.listeners.addresses(name)[0]));
        }
        let agent = tokio::spawn(smtp_submission::run(surroundings));
        Self { folder, places, stop, agent }
    }

    /// Plays a client's script against a listener and returns what the server said.
    pub(crate) async fn play(&self, listener: &str, script: &str) -> String {
        let connection = match self.places.iter().find(|(name, _)| *name == listener) {
            Some((_, address)) => {
                Connection::tcp(TcpStream::connect(address).await.unwrap()).unwrap()
            }
            None => {
                let socket = self.data().join("run/submission.sock");
                Connection::unix(UnixStream::connect(socket).await.unwrap()).unwrap()
            }
        };
        let mut client = ScriptedClient::new(script).unwrap();
        let tls = ClientPolicy::opportunistic().unwrap().for_host("mail.example.org").unwrap();
        let never = Stop::source();
        let options = DriveOptions::new(never.stop()).with_tls(TlsRole::Client(tls));
        let end = drive(&mut client, &mut Nobody, connection, options).await;
        client.finish().unwrap_or_else(|stopped| panic!("{end:?}: {stopped}"))
    }

    /// All that waits in a part of the queue.
    pub(crate) async fn queued(&self, consumes: Consumes) -> Vec<Queued> {
        self.queued_at(consumes, agent_kit::now()).await
    }

    /// The same as it will be at this time.
    pub(crate) async fn queued_at(&self, consumes: Consumes, now: Timestamp) -> Vec<Queued> {
        let queue = queue(&self.data()).await;
        let consumer = queue.consumer(consumes).await.unwrap();
        let request =
            LeaseRequest { leases_max: 100, again_max: 100, per_lane_max: 100, except: Vec::new() };
        let leased = consumer.lease(&request, now).await.unwrap();
        let mut all = Vec::new();
        for lease in leased.leases {
            let length = usize::try_from(lease.entry.content.len()).unwrap();
            let content = lease.entry.content.read_at(0, length).await.unwrap();
            all.push(Queued { lease, content: String::from_utf8(content).unwrap() });
        }
        all
    }

    /// All rows of the queue, held ones too: the address, where it is filed, whether it is held.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let queue = queue(&self.data()).await;
        let all = queue.list(&Filter::default(), None, 100).await.unwrap();
        let rows = all.iter().flat_map(|entry| &entry.recipients).map(|row| {
            let problem = row.problem.as_deref().unwrap_or_default();
            format!("{} {}: {problem}", row.state.word(), row.address)
        });
        rows.collect()
    }

    /// For what the operator's commands do.
    pub(crate) fn editor(&self) -> Editor {
        let data = self.data();
        Editor::open(&data.join("directory"), &data.join("credentials"), Files::real())
    }

    /// An account's number.
    pub(crate) async fn account(&self, address: &str) -> AccountId {
        let directory = Directory::open(&self.data().join("directory"));
        let found = directory.account_at(&Address::parse(address).unwrap()).await.unwrap();
        found.unwrap().id
    }

    /// Stops the agent, which must end well.
    pub(crate) async fn close(self) {
        self.stop.ask();
        self.agent.await.unwrap().unwrap();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

async fn furnish(config: &Config) {
    let folders = config.folders();
    for folder in [&folders.directory, &folders.credentials, &folders.sign_ins, &folders.run] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
    editor.migrate().await.unwrap();
    editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
    for name in ["alice", "bob"] {
        let verifier = PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST);
        let address = Address::parse(&format!("{name}@example.org")).unwrap();
        let (verifier, now) = (verifier.unwrap(), Timestamp::from_secs(0));
        let account = NewAccount { address, verifier, quota_bytes: None, now };
        editor.add_account(account).await.unwrap();
    }
    let both = ["alice@example.org", "bob@example.org"].map(|text| Address::parse(text).unwrap());
    editor.add_alias(&"all@example.org".parse::<AliasName>().unwrap(), &both).await.unwrap();
    sign_in::migrate(&folders.sign_ins).await.unwrap();
    queue(&config.data_dir).await;
}

async fn queue(data: &std::path::Path) -> Queue {
    Queue::create(QueueOptions::at(data.join("queue")), Files::real()).await.unwrap()
}

/// The scripted client asks nothing.
struct Nobody;

impl agent_kit::Handler<ScriptedClient> for Nobody {
    async fn answer(
        &mut self,
        question: std::convert::Infallible,
        _talk: &mut agent_kit::Talk<'_, ScriptedClient>,
    ) -> Result<(), agent_kit::Gone> {
        match question {}
    }
}
