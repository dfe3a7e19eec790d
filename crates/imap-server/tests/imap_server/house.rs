//! The agent with all that it stands on, in a temporary folder.

use std::{net::SocketAddr, path::PathBuf};

use account_usage::UsageReader;
use agent_kit::{Agent, Place, Stop, StopSource, Surroundings};
use config::Config;
use directory::{Editor, NewAccount};
use mail_store::{AccountMailboxes, MailStore, NewMessage, StoreOptions};
use mail_types::{AccountId, Address, Domain, FlagSet, MailboxName, Quota, Secret, Timestamp};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;

use crate::client::Client;

const CONFIG: &str = r#"
hostname = "mx.example.org"
data_dir = "."
submission.listen_tls = []
imap.listen_tls = []
pop3.listen_tls = []
imap.listen = ["127.0.0.1:0"]
sign_in.without_tls_on_loopback = true
sign_in.max_delay = "0s"
"#;

/// Where messages come from; the same at each run.
pub(crate) const RECEIVED: Timestamp = Timestamp::from_secs(1_700_000_000);

pub(crate) struct House {
    address: SocketAddr,
    alice: AccountId,
    /// The store as another process has it: the delivery agent, say.
    store: MailStore,
    config: Config,
    stop: StopSource,
    _folder: tempfile::TempDir,
}

impl House {
    /// With one account: `alice@example.org`, whose password is `secret`.
    pub(crate) async fn new() -> Self {
        Self::with_quota(None).await
    }

    pub(crate) async fn with_quota(octets: Option<u64>) -> Self {
        Self::with("", octets).await
    }

    /// With more in its configuration.
    pub(crate) async fn with(more: &str, octets: Option<u64>) -> Self {
        Self::with_values(more, octets, |_| {}).await
    }

    /// With values in its configuration that no file may have.
    pub(crate) async fn with_values(
        more: &str,
        octets: Option<u64>,
        set: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::parse(&format!("{CONFIG}{more}"), folder.path()).unwrap();
        set(&mut config);
        let alice = furnish(&config, octets).await;
        let options = StoreOptions::new(config.folders().mail, agent_kit::now);
        let store = MailStore::open(options, Files::real()).await.unwrap();

        let stop = Stop::source();
        let address = begin_agent(&config, &stop);
        Self { address, alice, store, config, stop, _folder: folder }
    }

    /// Begins a second agent on the same folders, as in another process; answers where it listens.
    pub(crate) fn second_agent(&self) -> SocketAddr {
        begin_agent(&self.config, &self.stop)
    }

    /// Where the agent listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn sign_in(&self) -> Client {
        let mut client = self.connect().await;
        client.run("LOGIN alice secret").await.is("OK [CAPABILITY IMAP4rev1");
        client
    }

    /// Signed in as another account, whose password is `secret` too.
    pub(crate) async fn sign_in_as(&self, name: &str) -> Client {
        let mut client = self.connect().await;
        client.run(format!("LOGIN {name} secret")).await.is("OK [CAPABILITY IMAP4rev1");
        client
    }

    /// Adds an account.
    pub(crate) async fn add_account(&self, address: &str) -> AccountId {
        let account = NewAccount {
            address: Address::parse(address).unwrap(),
            verifier: PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST).unwrap(),
            quota_bytes: None,
            now: RECEIVED,
        };
        self.editor().add_account(account).await.unwrap().id
    }

    /// Signed in, with the inbox open.
    pub(crate) async fn open(&self) -> Client {
        let mut client = self.sign_in().await;
        client.run("SELECT INBOX").await.is("OK [READ-WRITE]");
        client
    }

    /// Puts a message into the inbox, as another process does.
    pub(crate) async fn put(&self, message: &[u8]) {
        self.put_all(&[message]).await;
    }

    /// Puts messages into the inbox.
    pub(crate) async fn put_all(&self, messages: &[impl AsRef<[u8]>]) {
        let mailboxes = self.mailboxes();
        let inbox = mailboxes.mailbox(&MailboxName::inbox()).await.unwrap();
        for some in messages.chunks(1000) {
            let mut all = Vec::new();
            for message in some {
                let mut incoming = mailboxes.incoming(RECEIVED).unwrap();
                incoming.write(message.as_ref()).await.unwrap();
                let written = incoming.finish().await.unwrap();
                all.push(NewMessage { written, flags: FlagSet::default() });
            }
            mailboxes.append(inbox.id, all).await.unwrap();
        }
    }

    /// Fills the inbox of an account that was never used, as a restore would: with files.
    pub(crate) fn fill_inbox(&self, count: u32) {
        let cur = self.maildir().join("cur");
        std::fs::create_dir_all(&cur).unwrap();
        for number in 0..count {
            let name = format!("{}.{number}.restored:2,S", 1_700_000_000 + number);
            std::fs::write(cur.join(name), small(&number.to_string())).unwrap();
        }
    }

    /// Whether this process has a message of alice's open.
    pub(crate) fn has_message_open(&self) -> bool {
        let cur = self.maildir().join("cur");
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let mut files = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        files.any(|file| file.starts_with(&cur))
    }

    pub(crate) fn maildir(&self) -> PathBuf {
        self.config.folders().mail.join(self.alice.to_string())
    }

    /// Changes alice's password.
    pub(crate) async fn change_password(&self) {
        let verifier = PasswordVerifier::new(&Secret::new("other"), [8; 16], Cost::LOWEST).unwrap();
        let alice = Address::parse("alice@example.org").unwrap();
        self.editor().set_password(&alice, &verifier, agent_kit::now()).await.unwrap();
    }

    /// Disables an account or enables it again.
    pub(crate) async fn set_disabled(&self, address: &str, disabled: bool) {
        let address = Address::parse(address).unwrap();
        self.editor().set_disabled(&address, disabled).await.unwrap();
    }

    /// Removes an account.
    pub(crate) async fn remove_account(&self, address: &str) {
        self.editor().remove_account(&Address::parse(address).unwrap()).await.unwrap();
    }

    /// Where the directory stands.
    pub(crate) fn directory(&self) -> PathBuf {
        self.config.folders().directory.join("directory.db")
    }

    /// Limits what alice may have, from now on.
    pub(crate) async fn limit(&self, quota: Quota) {
        let alice = Address::parse("alice@example.org").unwrap();
        self.editor().set_quota(&alice, quota).await.unwrap();
    }

    /// Limits what all accounts of the domain may have together.
    pub(crate) async fn limit_domain(&self, quota: Quota) {
        let domain = Domain::parse("example.org").unwrap();
        self.editor().set_domain_quota(&domain, quota).await.unwrap();
    }

    /// How many messages alice has, as published.
    pub(crate) async fn usage(&self) -> u64 {
        let reader = UsageReader::open(&self.config.folders().usage.join("usage.db")).await;
        reader.unwrap().usage(self.alice).await.unwrap().unwrap().messages
    }

    pub(crate) fn mailboxes(&self) -> AccountMailboxes {
        self.store.account(self.alice)
    }

    fn editor(&self) -> Editor {
        let folders = self.config.folders();
        Editor::open(&folders.directory, &folders.credentials, Files::real())
    }
}

/// A small message with this subject.
pub(crate) fn small(subject: &str) -> Vec<u8> {
    format!("From: bob@example.net\r\nSubject: {subject}\r\n\r\nbody of {subject}\r\n").into_bytes()
}

/// Begins an agent; answers where it listens.
fn begin_agent(config: &Config, stop: &StopSource) -> SocketAddr {
    let agent = Agent::ImapServer;
    let surroundings = Surroundings::within(agent, config.clone(), stop.stop()).unwrap();
    let address = match surroundings.listeners.places().next().unwrap() {
        (_, Place::Tcp(address)) => address,
        (_, place) => unreachable!("{place}"),
    };
    tokio::spawn(async move { imap_server::run(surroundings).await.unwrap() });
    address
}

/// Makes all databases, a domain and an account.
async fn furnish(config: &Config, quota_bytes: Option<u64>) -> AccountId {
    let folders = config.folders();
    for folder in [&folders.directory, &folders.credentials, &folders.sign_ins, &folders.usage] {
        Files::real().make_folders(folder).unwrap();
    }
    let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
    editor.migrate().await.unwrap();
    sign_in::migrate(&folders.sign_ins).await.unwrap();
    account_usage::migrate(&folders.usage.join("usage.db")).await.unwrap();
    editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
    let account = NewAccount {
        address: Address::parse("alice@example.org").unwrap(),
        verifier: PasswordVerifier::new(&Secret::new("secret"), [7; 16], Cost::LOWEST).unwrap(),
        quota_bytes,
        now: Timestamp::from_secs(1_700_000_000),
    };
    editor.add_account(account).await.unwrap().id
}
