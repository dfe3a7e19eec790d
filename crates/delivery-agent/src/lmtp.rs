//! Mail from another server on this machine or network, by LMTP (RFC 2033).
//!
//! It is an ingress like the others: what comes is put into the queue, and a 2xx to the content
//! means that it is on stable storage there, for each recipient alike. Whoever is not ours, or has
//! no room, is refused recipient by recipient while the other server waits, so that no bounce of
//! ours is needed. There is no sign-in: who may connect is who may deliver, which is why it listens
//! nowhere unless configured.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use agent_kit::{
    Agent, Connection, DriveOptions, Listener, Reload, ServeOptions, drive, now, serve,
};
use directory::{Occasion, Route};
use mail_types::{AccountId, Address, ForwardPath, ReversePath};
use message_queue::NewRecipient;
use mime_core::fixup::Seen;
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{Dialect, LastWord, Limits, Options, Session, SignIn},
};
use smtp_server::{Decide, Fixups, Intake, Reception, find_room, goes_round, no_route, recipient};

use crate::service::Shared;

/// Takes mail by LMTP until the stop; at once over where it listens nowhere.
pub(crate) async fn run(
    shared: Arc<Shared>,
    reload: Reload,
    (listeners, options, drive): (Vec<Listener>, ServeOptions, DriveOptions),
) {
    if listeners.is_empty() {
        return;
    }
    let hostname = shared.config.hostname.clone();
    let queue = shared.queue.clone();
    let intake = Intake { queue, agent: Agent::DeliveryAgent.name(), hostname };
    let service =
        Arc::new(Service { shared, intake, reload, drive, connections: AtomicU64::new(0) });
    let converse = move |connection| {
        let service = service.clone();
        async move { service.converse(connection).await }
    };
    serve(listeners, options, converse).await;
}

/// What all connections share.
struct Service {
    shared: Arc<Shared>,
    intake: Intake,
    reload: Reload,
    drive: DriveOptions,
    connections: AtomicU64,
}

impl Service {
    /// Holds one conversation to its end.
    async fn converse(&self, connection: Connection) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let config = self.reload.current();
        let options = Options {
            dialect: Dialect::Lmtp,
            message_octets_max: config.largest_message().bytes(),
            limits: Limits {
                recipients: config.relay.max_recipients,
                excess_recipients: config.relay.max_recipients,
                command_time: config.relay.idle_timeout,
                content_time: config.relay.idle_timeout,
                content_octets_per_second: config.limits.content_per_second.bytes(),
                // Another server keeps its connection, and passes on what strangers have sent it.
                messages: u32::MAX,
                refused_recipients: u32::MAX,
                ..Limits::default()
            },
            ..Options::new(self.intake.hostname.clone())
        };
        let mut session = Session::new(Arc::new(options), number);
        let receiver = Receiver::new(self.shared.clone());
        let mut reception = Reception::new(self.intake.clone(), receiver);
        let end = drive(&mut session, &mut reception, connection, self.drive.clone()).await;
        tracing::debug!(connection = number, ?end, "conversation ended");
    }
}

/// The decisions about one connection.
struct Receiver {
    shared: Arc<Shared>,
    /// Who sends the message at hand.
    reverse_path: ReversePath,
    /// What the client says the message will have, in octets.
    declared_octets: u64,
}

impl Receiver {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, reverse_path: ReversePath::Null, declared_octets: 0 }
    }
}

impl Decide for Receiver {
    async fn sign_in(
        &mut self,
        _ask: &SignIn,
        _session: &Session,
    ) -> Result<Option<LastWord>, Refusal> {
        // The session never asks: AUTH is not offered here.
        Err(Refusal::Failure)
    }

    async fn sender(
        &mut self,
        mail: &MailFrom,
        _session: &Session,
    ) -> Result<Option<AccountId>, Refusal> {
        self.declared_octets = mail.size.unwrap_or(0);
        self.reverse_path = mail.reverse_path.clone();
        Ok(None)
    }

    async fn recipient(&mut self, rcpt: &RcptTo) -> Result<Vec<NewRecipient>, Refusal> {
        let (directory, to) = (&self.shared.directory, &rcpt.forward_path);
        let occasion = Occasion::message(&self.reverse_path, now());
        let route = match to {
            ForwardPath::Postmaster => directory.route_postmaster(occasion).await,
            ForwardPath::Address(address) => directory.route(address, occasion).await,
        };
        let targets = match route {
            Ok(Route::Ours(targets)) => targets,
            Ok(Route::Elsewhere(_)) => return Err(Refusal::RelayDenied),
            Ok(Route::Refused(why)) => return Err(no_route(why, to)),
            Err(error) => {
                tracing::error!(%error, "the directory can't be read");
                return Err(Refusal::Failure);
            }
        };
        let (usage, grace) = (self.shared.usage.reader(), self.shared.config.storage.full_grace);
        find_room(directory, usage, &targets, self.declared_octets, grace).await?;
        Ok(targets.into_iter().map(recipient).collect())
    }

    fn fixups(&self) -> Fixups {
        Fixups::default()
    }

    async fn header(
        &mut self,
        seen: &Seen,
        recipients: &[NewRecipient],
    ) -> Result<Option<Address>, Refusal> {
        if goes_round(seen, recipients) { Err(Refusal::Loop) } else { Ok(None) }
    }
}
