//! The agent with all that it stands on, in a temporary folder.

use std::{net::SocketAddr, time::Duration};

use account_usage::{Thresholds, Usage, UsagePublisher, UsageReader};
use agent_kit::{Agent, Place, Stop, StopSource, Surroundings};
use config::Config;
use directory::{Editor, NewAccount};
use mail_store::{AccountMailboxes, MailStore, NewMessage, StoreOptions, UidSet, Want};
use mail_types::{
    AccountId, Address, Domain, Flag, FlagSet, MailboxName, Quota, Secret, Timestamp, Uid,
};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::Files;

use crate::client::Client;

const CONFIG: &str = r#"
hostname = "mx.example.org"
data_dir = "."
submission.listen_tls = []
imap.listen_tls = []
pop3.listen_tls = []
pop3.listen = ["127.0.0.1:0"]
sign_in.without_tls_on_loopback = true
sign_in.max_delay = "0s"
"#;

pub(crate) struct House {
    address: SocketAddr,
    alice: AccountId,
    store: MailStore,
    config: Config,
    #[expect(dead_code, reason = "the agent stops when this is dropped")]
    stop: StopSource,
    folder: tempfile::TempDir,
}

impl House {
    /// With one account: `alice@example.org`, whose password is `secret`.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With these settings besides.
    pub(crate) async fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&format!("{CONFIG}{settings}"), folder.path()).unwrap();
        let alice = furnish(&config).await;
        let options = StoreOptions::new(config.folders().mail, agent_kit::now);
        let store = MailStore::open(options, Files::real()).await.unwrap();

        let (address, stop) = serve(&config);
        Self { address, alice, store, config, stop, folder }
    }

    /// The same accounts and mailboxes, served by a second agent with other settings.
    pub(crate) async fn restarted(self, settings: &str) -> Self {
        let config = Config::parse(&format!("{CONFIG}{settings}"), self.folder.path()).unwrap();
        let (address, stop) = serve(&config);
        Self { address, stop, config, ..self }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn sign_in(&self) -> Client {
        let mut client = self.connect().await;
        client.say("USER alice").await;
        let answer = client.say("PASS secret").await;
        assert!(answer.starts_with("+OK"), "{answer}");
        client
    }

    /// Tries until the last session's lock is gone.
    pub(crate) async fn sign_in_when_free(&self) -> Client {
        loop {
            let mut client = self.connect().await;
            client.say("USER alice").await;
            let answer = client.say("PASS secret").await;
            if answer.starts_with("+OK") {
                return client;
            }
            assert!(answer.starts_with("-ERR [IN-USE]"), "{answer}");
        }
    }

    /// Puts messages that came so long ago into a mailbox, which is made if it is missing.
    pub(crate) async fn put_old(&self, mailbox: &str, days: u64, message: &[u8]) {
        let mailboxes = self.mailboxes();
        let name = MailboxName::parse(mailbox).unwrap();
        let state = match mailboxes.mailbox(&name).await {
            Ok(state) => state,
            Err(_) => mailboxes.create(&name, None).await.unwrap(),
        };
        let date = agent_kit::now().minus(Duration::from_secs(days * 24 * 60 * 60));
        let mut incoming = mailboxes.incoming(date).unwrap();
        incoming.write(message).await.unwrap();
        let written = incoming.finish().await.unwrap();
        let new = NewMessage { written, flags: FlagSet::default() };
        mailboxes.append(state.id, vec![new]).await.unwrap();
    }

    /// The messages of a mailbox: which of them are seen.
    pub(crate) async fn seen(&self, mailbox: &str) -> Vec<bool> {
        let mailboxes = self.mailboxes();
        let name = MailboxName::parse(mailbox).unwrap();
        let state = mailboxes.mailbox(&name).await.unwrap();
        let rows = mailboxes.fetch(state.id, &UidSet::all(), Want::Facts).await.unwrap();
        rows.iter().map(|row| row.flags.contains(&Flag::Seen)).collect()
    }

    /// Puts a message into the inbox.
    pub(crate) async fn put(&self, message: &[u8]) {
        self.put_all(&[message]).await;
    }

    /// Puts messages into the inbox.
    pub(crate) async fn put_all(&self, messages: &[impl AsRef<[u8]>]) {
        let mailboxes = self.mailboxes();
        let inbox = mailboxes.mailbox(&MailboxName::inbox()).await.unwrap();
        let mut all = Vec::new();
        for message in messages {
            let mut incoming = mailboxes.incoming(Timestamp::from_secs(1_700_000_000)).unwrap();
            incoming.write(message.as_ref()).await.unwrap();
            let written = incoming.finish().await.unwrap();
            all.push(NewMessage { written, flags: FlagSet::default() });
        }
        mailboxes.append(inbox.id, all).await.unwrap();
    }

    /// Keeps what another server called messages of the inbox, the first of which has UID 1.
    pub(crate) async fn keep_unique_ids(&self, ids: &[&str]) {
        let mailboxes = self.mailboxes();
        let inbox = mailboxes.mailbox(&MailboxName::inbox()).await.unwrap();
        let ids = (1..).zip(ids).map(|(uid, id)| (Uid::new(uid).unwrap(), id.parse().unwrap()));
        mailboxes.keep_unique_ids(inbox.id, ids.collect()).await.unwrap();
    }

    /// Empties the inbox, as an IMAP session might.
    pub(crate) async fn remove_all(&self) {
        let mailboxes = self.mailboxes();
        let inbox = mailboxes.mailbox(&MailboxName::inbox()).await.unwrap();
        mailboxes.remove(inbox.id, &UidSet::all()).await.unwrap();
    }

    /// Publishes what an index said that is lost, and that was made when the clock was ahead.
    pub(crate) async fn publish_from_the_future(&self) {
        let path = self.config.folders().usage.join("usage.db");
        let publisher = UsagePublisher::open(&path, Thresholds::default()).await.unwrap();
        let usage = Usage { octets: 7_000_000, messages: 7000, version: i64::MAX / 2 };
        let now = Timestamp::from_secs(0);
        publisher.publish(self.alice, usage, &Quota::NONE, now).await.unwrap();
    }

    /// How many messages alice has, as published.
    pub(crate) async fn usage(&self) -> u64 {
        let reader = UsageReader::open(&self.config.folders().usage.join("usage.db")).await;
        reader.unwrap().usage(self.alice).await.unwrap().unwrap().messages
    }

    fn mailboxes(&self) -> AccountMailboxes {
        self.store.account(self.alice)
    }
}

/// Starts the agent.
fn serve(config: &Config) -> (SocketAddr, StopSource) {
    let stop = Stop::source();
    let agent = Agent::Pop3Server;
    let surroundings = Surroundings::within(agent, config.clone(), stop.stop()).unwrap();
    let address = match surroundings.listeners.places().next().unwrap() {
        (_, Place::Tcp(address)) => address,
        (_, place) => unreachable!("{place}"),
    };
    tokio::spawn(async move { pop3_server::run(surroundings).await.unwrap() });
    (address, stop)
}

/// Makes all databases, a domain and an account.
async fn furnish(config: &Config) -> AccountId {
    let folders = config.folders();
    for folder in [&folders.directory, &folders.credentials, &folders.sign_ins, &folders.usage] {
        Files::real().make_folders(folder).unwrap();
    }
    let editor = Editor::open(&folders.directory, &folders.credentials, Files::real());
    editor.migrate().await.unwrap();
    sign_in::migrate(&folders.sign_ins).await.unwrap();
    account_usage::migrate(&folders.usage.join("usage.db")).await.unwrap();
    editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
    let password = Secret::new("secret");
    let account = NewAccount {
        address: Address::parse("alice@example.org").unwrap(),
        verifier: PasswordVerifier::new(&password, [7; 16], Cost::LOWEST).unwrap(),
        quota_bytes: None,
        now: Timestamp::from_secs(1_700_000_000),
    };
    editor.add_account(account).await.unwrap().id
}
