//! What is taken from strangers.

use std::{sync::Arc, time::Duration};

use account_usage::UsageReader;
use agent_kit::now;
use config::Config;
use conversation::Peer;
use directory::{Directory, DirectoryError, Occasion, Route, Target, is_rewritten};
use mail_types::{AccountId, Address, ForwardPath, ReversePath};
use message_queue::{NewRecipient, Queue};
use mime_core::fixup::Seen;
use smtp_core::{
    command::{MailFrom, Node, RcptTo},
    reply::Refusal,
    server::{LastWord, Session, SignIn, Started},
};
use smtp_server::{Decide, Fixups, find_room, goes_round, no_route, recipient};

use crate::call_forward::CallForward;

use super::{
    etrn,
    own_host::{Meant, OwnHost, names_a_way},
};

/// The decisions about one client.
pub(super) struct Receiver {
    pub(super) directory: Directory,
    pub(super) usage: UsageReader,
    pub(super) config: Arc<Config>,
    pub(super) queue: Queue,
    pub(super) call_forward: CallForward,
    pub(super) host: OwnHost,
    pub(super) client: Peer,
    /// Who sends the message at hand.
    pub(super) reverse_path: ReversePath,
    /// What the client says the message will have, in octets.
    pub(super) declared_octets: u64,
}

impl Receiver {
    /// Where mail for an address goes. A source route before it was dropped when it was read
    /// (RFC 5321 §3.3, appendix C).
    async fn route(&self, path: &ForwardPath) -> Result<Route, DirectoryError> {
        let occasion = Occasion::message(&self.reverse_path, now());
        let ForwardPath::Address(address) = path else {
            return self.directory.route_postmaster(occasion).await;
        };
        let of_domain = self.directory.route(address, occasion).await?;
        if !matches!(of_domain, Route::Elsewhere(_)) {
            return Ok(of_domain);
        }
        match self.host.meant(address) {
            Meant::AsWritten => Ok(of_domain),
            Meant::Postmaster => self.directory.route_postmaster(occasion).await,
            Meant::OfFirstDomain => match self.directory.domains().await?.first() {
                Some(first) => {
                    let address = Address::new(address.local().clone(), first.clone());
                    self.directory.route(&address, occasion).await
                }
                None => Ok(of_domain),
            },
        }
    }

    /// Whether a catch-all would take what reads like a way onwards.
    async fn is_caught_way(&self, path: &ForwardPath) -> Result<bool, DirectoryError> {
        match path {
            ForwardPath::Address(address)
                if names_a_way(address) && !is_rewritten(address.local()) =>
            {
                Ok(!self.directory.is_named(address).await?)
            }
            _ => Ok(false),
        }
    }

    async fn targets(&self, path: &ForwardPath) -> Result<Vec<Target>, Refusal> {
        let route = self.route(path).await.map_err(|error| failure(&error))?;
        let caught = matches!(route, Route::Ours(_)) && {
            self.is_caught_way(path).await.map_err(|error| failure(&error))?
        };
        match route {
            Route::Ours(_) if caught => Err(Refusal::RelayDenied),
            Route::Ours(targets) => Ok(targets),
            // Whatever the sender: no open relay.
            Route::Elsewhere(_) => Err(Refusal::RelayDenied),
            Route::Refused(why) => Err(no_route(why, path)),
        }
    }
}

impl Decide for Receiver {
    /// A proxy has said whom it speaks for, and where that one has reached us.
    async fn client(&mut self, session: &Session) -> Result<(), Refusal> {
        if let Some(peer) = session.peer() {
            self.host = OwnHost::at(&self.config, peer);
            self.client = peer;
        }
        Ok(())
    }

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
        let targets = self.targets(&rcpt.forward_path).await?;
        if let [Target { address, asked: true, .. }] = targets.as_slice() {
            let client = match self.client {
                Peer::Tcp { remote, .. } => Some(remote.ip()),
                Peer::Unix { .. } => None,
            };
            let notice = self.reverse_path == ReversePath::Null;
            self.call_forward.check(address, client, notice).await?;
        }
        let grace = self.config.storage.full_grace;
        find_room(&self.directory, &self.usage, &targets, self.declared_octets, grace).await?;
        Ok(targets.into_iter().map(recipient).collect())
    }

    async fn etrn(&mut self, node: &Node, session: &Session) -> Result<Started, Refusal> {
        match session.peer() {
            Some(Peer::Tcp { remote, .. }) => {
                etrn::start(&self.queue, &self.config, remote.ip(), node).await
            }
            _ => Err(Refusal::NodeNotAllowed),
        }
    }

    fn fixups(&self) -> Fixups {
        Fixups::default()
    }

    fn tarpit(&self, faults: u32) -> Duration {
        let relay = &self.config.relay;
        let beyond = faults.saturating_add(1).saturating_sub(relay.tarpit_after);
        Duration::from_secs(beyond.into()).min(relay.tarpit_max)
    }

    /// A message that has been delivered to all of its recipients before goes round in circles: it
    /// is refused here, where that is a refusal and no bounce of ours. One that has been delivered
    /// to some of them is delivery's, which knows them apart.
    async fn header(
        &mut self,
        seen: &Seen,
        recipients: &[NewRecipient],
    ) -> Result<Option<Address>, Refusal> {
        if goes_round(seen, recipients) {
            return Err(Refusal::Loop);
        }
        Ok(None)
    }
}

fn failure(error: &DirectoryError) -> Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "the directory cannot be asked");
    Refusal::Failure
}
