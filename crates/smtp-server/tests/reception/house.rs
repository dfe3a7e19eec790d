//! The house: whoever asks may send to anyone; what was queued can be looked at.

use std::{path::Path, sync::Arc};

use agent_kit::{Connection, DriveOptions, Stop, drive};
use conversation::Peer;
use mail_types::{AccountId, Domain, ForwardPath, Lane, Timestamp};
use message_queue::{Consumes, Lease, LeaseRequest, NewRecipient, Queue, QueueOptions};
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{LastWord, Options, Session, SignIn},
};
use smtp_server::{Decide, Fixups, Intake, Reception};
use stable_storage::Files;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One reception.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) queue: Queue,
    pub(crate) options: Options,
    pub(crate) trusted: bool,
    pub(crate) fixups: Fixups,
}

/// A message as it waits in the queue.
pub(crate) struct Queued {
    pub(crate) lease: Lease,
    pub(crate) content: Vec<u8>,
}

struct Anyone(Fixups);

impl Decide for Anyone {
    async fn sign_in(&mut self, _: &SignIn, _: &Session) -> Result<Option<LastWord>, Refusal> {
        Err(Refusal::Failure)
    }

    async fn sender(&mut self, _: &MailFrom, _: &Session) -> Result<Option<AccountId>, Refusal> {
        Ok(None)
    }

    async fn recipient(&mut self, rcpt: &RcptTo) -> Result<Vec<NewRecipient>, Refusal> {
        let ForwardPath::Address(address) = &rcpt.forward_path else {
            return Err(Refusal::UnknownMailbox);
        };
        if address.local().as_str() == "nobody" {
            return Err(Refusal::UnknownMailbox);
        }
        let lane = match address.domain().as_str() {
            "example.org" => Lane::Local,
            _ => Lane::Remote(address.domain().clone()),
        };
        Ok(vec![NewRecipient::new(address.clone(), lane)])
    }

    fn fixups(&self) -> Fixups {
        self.0.clone()
    }
}

impl House {
    pub(crate) async fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::create(options(folder.path()), Files::real()).await.unwrap();
        let options = Options::new(Domain::parse("mx.example.org").unwrap());
        Self { folder, queue, options, trusted: false, fixups: Fixups::default() }
    }

    /// Sends all at once and says what came back.
    pub(crate) async fn say(&self, input: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let peer = Peer::Tcp {
            local: "192.0.2.1:25".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
        };
        let hostname = self.options.hostname.clone();
        let intake = Intake { queue: self.queue.clone(), agent: "a test", hostname };
        let session = Session::new(Arc::new(self.options.clone()), 1).opened_at(agent_kit::now());
        let mut session = if self.trusted { session.trusting() } else { session };
        let mut reception = Reception::new(intake, Anyone(self.fixups.clone()));
        let never = Stop::source();
        let options = DriveOptions::new(never.stop());
        let connection = Connection::over(server, peer);
        let conversation = drive(&mut session, &mut reception, connection, options);
        let talk = async {
            client.write_all(input).await.unwrap();
            client.shutdown().await.unwrap();
            let mut output = Vec::new();
            client.read_to_end(&mut output).await.unwrap();
            String::from_utf8(output).unwrap()
        };
        let (output, _) = tokio::join!(talk, conversation);
        output
    }

    /// What waits at this time for the local lane, or for others.
    pub(crate) async fn queued(&self, consumes: Consumes, now: Timestamp) -> Vec<Queued> {
        let queue = Queue::open(options(self.folder.path()), Files::real()).await.unwrap();
        let consumer = queue.consumer(consumes).await.unwrap();
        let request =
            LeaseRequest { leases_max: 100, again_max: 100, per_lane_max: 100, except: Vec::new() };
        let mut all = Vec::new();
        for lease in consumer.lease(&request, now).await.unwrap().leases {
            let content = lease.entry.content.read_at(0, 1 << 20).await.unwrap();
            all.push(Queued { lease, content });
        }
        all
    }
}

impl Queued {
    /// The content behind the Received field.
    pub(crate) fn message(&self) -> String {
        let text = String::from_utf8_lossy(&self.content).into_owned();
        let end = text
            .match_indices("\r\n")
            .find(|(place, _)| !text[place + 2..].starts_with('\t'))
            .map(|(place, _)| place + 2);
        text[end.unwrap()..].to_owned()
    }

    /// The Received field.
    pub(crate) fn received(&self) -> String {
        let whole = String::from_utf8_lossy(&self.content).into_owned();
        let message = self.message();
        whole.strip_suffix(&message).unwrap().replace("\r\n\t", " ")
    }
}

fn options(folder: &Path) -> QueueOptions {
    QueueOptions { room_min: 0, ..QueueOptions::at(folder) }
}
