//! A small installation for the inbound half: accounts, aliases, a queue, what is published of
//! mailboxes.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use account_usage::{Thresholds, Usage, UsagePublisher};
use agent_kit::{
    Agent, Connection, DriveOptions, Half, Stop, StopSource, Surroundings, TlsRole, drive, now,
    tls::ClientPolicy,
};
use config::Config;
use directory::{
    AliasName, DomainKind, Editor, HostedDomain, MailingList, NewAccount, Posting, RelayedTo,
};
use mail_types::{Address, Domain, Secret, Timestamp};
use message_queue::{Consumes, Lease, LeaseRequest, Queue, QueueOptions};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;
use tempfile::TempDir;
use testkit::scripted_client::ScriptedClient;
use tokio::{net::TcpStream, task::JoinHandle};

/// The agent, running in a folder of its own.
pub(crate) struct House {
    folder: TempDir,
    address: SocketAddr,
    stop: StopSource,
    agent: JoinHandle<anyhow::Result<()>>,
}

/// A message as it waits in the queue.
pub(crate) struct Queued {
    pub(crate) lease: Lease,
    pub(crate) content: String,
}

impl House {
    /// Builds it, without a tarpit.
    pub(crate) async fn build() -> Self {
        Self::build_with("tarpit_max = \"0s\"\n").await
    }

    /// Builds it; `more` is appended to the relay's section.
    pub(crate) async fn build_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["mx.example.org".into()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let text = format!(
            "hostname = \"mx.example.org\"\n\
             data_dir = \"data\"\n\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
             [relay]\nlisten = [\"127.0.0.1:0\"]\nmax_message_size = \"1 MiB\"\n{more}"
        );
        let config = Config::parse(&text, folder.path()).unwrap();
        furnish(&config).await;
        let stop = Stop::source();
        let mut surroundings = Surroundings::within(Agent::SmtpRelay, config, stop.stop()).unwrap();
        surroundings.only = Some(Half::Inbound);
        let address = surroundings.listeners.addresses("smtp-relay")[0];
        let agent = tokio::spawn(smtp_relay::run(surroundings));
        Self { folder, address, stop, agent }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plays a client's script and returns what the server said.
    pub(crate) async fn play(&self, script: &str) -> String {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connection = Connection::tcp(stream).unwrap();
        let mut client = ScriptedClient::new(script).unwrap();
        let tls = ClientPolicy::opportunistic().unwrap().for_host("mx.example.org").unwrap();
        let never = Stop::source();
        let options = DriveOptions::new(never.stop()).with_tls(TlsRole::Client(tls));
        let end = drive(&mut client, &mut Nobody, connection, options).await;
        client.finish().unwrap_or_else(|stopped| panic!("{end:?}: {stopped}"))
    }

    /// All that waits in a part of the queue.
    pub(crate) async fn queued(&self, consumes: Consumes) -> Vec<Queued> {
        let queue = queue(&self.data()).await;
        let consumer = queue.consumer(consumes).await.unwrap();
        let request =
            LeaseRequest { leases_max: 100, again_max: 100, per_lane_max: 100, except: Vec::new() };
        let leased = consumer.lease(&request, now()).await.unwrap();
        let mut all = Vec::new();
        for lease in leased.leases {
            let length = usize::try_from(lease.entry.content.len()).unwrap();
            let content = lease.entry.content.read_at(0, length).await.unwrap();
            all.push(Queued { lease, content: String::from_utf8(content).unwrap() });
        }
        all
    }

    /// The refusals that were noted, once they are so many.
    pub(crate) async fn refusals(&self, count: usize) -> Vec<message_queue::Refusal> {
        let queue = queue(&self.data()).await;
        loop {
            let noted = queue.refusals(100).await.unwrap();
            if noted.len() >= count {
                return noted;
            }
            // They are written in passing, sometime soon.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
    for folder in [&folders.directory, &folders.credentials, &folders.usage] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
    editor.migrate().await.unwrap();
    for domain in ["example.org", "caught.example"] {
        editor.add_domain(&Domain::parse(domain).unwrap()).await.unwrap();
    }
    let usage_db = folders.usage.join("usage.db");
    account_usage::migrate(&usage_db).await.unwrap();
    let usage = UsagePublisher::open(&usage_db, Thresholds::default()).await.unwrap();
    let long_ago = now().minus(Duration::from_secs(4 * 24 * 3600));
    for (name, octets, at) in [
        ("alice", 10, now()),
        ("full", 1000, now()),
        ("stuffed", 1000, long_ago),
        ("gone", 10, now()),
    ] {
        let verifier = PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST);
        let address = Address::parse(&format!("{name}@example.org")).unwrap();
        let (verifier, now) = (verifier.unwrap(), Timestamp::from_secs(0));
        let new = NewAccount { address, verifier, quota_bytes: Some(1000), now };
        let account = editor.add_account(new).await.unwrap();
        let (held, quota) = (Usage { octets, messages: 1, version: 1 }, account.quota());
        usage.publish(account.id, held, &quota, at).await.unwrap();
    }
    let gone = Address::parse("gone@example.org").unwrap();
    editor.set_disabled(&gone, true).await.unwrap();
    for (alias, targets) in [
        ("postmaster@example.org", &["alice@example.org"][..]),
        ("@caught.example", &["alice@example.org"]),
        ("odd!name@caught.example", &["alice@example.org"]),
        ("out@example.org", &["out@elsewhere.example"]),
        ("list@example.org", &["alice@example.org", "full@example.org", "eve@example.net"]),
    ] {
        let targets: Vec<_> = targets.iter().map(|text| Address::parse(text).unwrap()).collect();
        editor.add_alias(&alias.parse::<AliasName>().unwrap(), &targets).await.unwrap();
    }
    furnish_ways(&editor).await;
    let many: Vec<_> = (0..900)
        .map(|number| Address::parse(&format!("m{number}@many.example")).unwrap())
        .collect();
    editor.add_alias(&"thousand@example.org".parse().unwrap(), &many).await.unwrap();
    queue(&config.data_dir).await;
}

/// A list, and domains that are taken for others.
async fn furnish_ways(editor: &Editor) {
    let address = |text: &str| Address::parse(text).unwrap();
    let own = Domain::parse("example.org").unwrap();
    for (name, kind) in [
        ("also.example", DomainKind::AliasOf(own)),
        ("backup.example", DomainKind::Relayed(RelayedTo::Listed)),
        ("asked.example", DomainKind::Relayed(RelayedTo::Asked)),
    ] {
        let hosted = HostedDomain { kind, ..HostedDomain::own(Domain::parse(name).unwrap()) };
        editor.add_hosted(&hosted).await.unwrap();
    }
    for listed in ["known@backup.example", "listed@asked.example"] {
        editor.add_listed(&address(listed)).await.unwrap();
    }
    let list = MailingList {
        name: address("team@example.org"),
        owner: address("owner@example.net"),
        posting: Posting::Members,
        description: None,
        members: vec![address("alice@example.org"), address("carol@example.net")],
    };
    editor.add_list(&list).await.unwrap();
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
