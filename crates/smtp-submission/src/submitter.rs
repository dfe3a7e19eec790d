//! Who is at the other end, and what that one may do.

use std::{net::IpAddr, sync::Arc};

use agent_kit::now;
use config::Config;
use conversation::Peer;
use directory::{Account, Directory, Occasion};
use mail_types::{AccountId, Address, Domain, Priority, QueueId, ReversePath};
use message_queue::{NewEntry, NewRecipient, Queue};
use mime_core::fixup::{DROPPED_AT_SUBMISSION, Seen};
use sign_in::{Origin, Presence, Protocol, SignIn, SignInResult};
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{LastWord, Preparation, Prepared, Session, SignIn as AskSignIn, Verify},
};
use smtp_server::{Decide, Fixups, Missing};

use crate::{
    author::Authors,
    failure, inquiry, local_user,
    notice::{self, Held, Told},
    outgoing, recipients, verp,
};

/// What all clients have in common.
pub(crate) struct Shared {
    pub(crate) directory: Directory,
    pub(crate) sign_in: SignIn,
    pub(crate) queue: Queue,
    pub(crate) hostname: Domain,
    pub(crate) told: Told,
}

/// The decisions about one client.
pub(crate) struct Submitter {
    shared: Arc<Shared>,
    config: Arc<Config>,
    peer: Peer,
    /// Whether it came where devices may submit without a sign-in.
    for_devices: bool,
    /// Whoever signed in.
    account: Option<Account>,
    /// Whether that one may stay.
    presence: Option<Box<Presence>>,
    /// The author of messages that name none.
    author: Option<Address>,
    /// Who sends the message at hand.
    reverse_path: ReversePath,
    /// What is to be told once the message is queued.
    held: Option<Held>,
}

impl Submitter {
    pub(crate) fn new(
        shared: Arc<Shared>,
        config: Arc<Config>,
        peer: Peer,
        for_devices: bool,
    ) -> Self {
        Self {
            shared,
            config,
            peer,
            for_devices,
            account: None,
            presence: None,
            author: None,
            reverse_path: ReversePath::Null,
            held: None,
        }
    }

    /// RFC 6409 §6.1: an account writes as its own addresses, and as what it was granted. The null
    /// path is for notifications that mail clients send, such as RFC 8098 §2.1 asks for; whose it is
    /// stays known by the account.
    async fn account_sender(
        &mut self,
        account: Account,
        path: &ReversePath,
    ) -> Result<Option<AccountId>, Refusal> {
        // Disabled or removed since it signed in: the session is over at the next message.
        let directory = &self.shared.directory;
        let known = directory.account(account.id).await.map_err(|error| failure(&error))?;
        if known.is_none_or(|known| known.is_shut(now()) || known.generation != account.generation)
        {
            return Err(Refusal::SignInAgain);
        }
        self.author = Some(account.address.clone());
        let Some(address) = path.address() else { return Ok(Some(account.id)) };
        let own = directory.may_send_as(account.id, address, now()).await;
        if own.map_err(|error| failure(&error))? {
            self.author = Some(address.clone());
            Ok(Some(account.id))
        } else {
            Err(Refusal::SenderNotYours(Some(account.address)))
        }
    }

    /// A program of this machine writes as its user; as root, as anybody.
    async fn local_sender(
        &mut self,
        uid: u32,
        path: &ReversePath,
    ) -> Result<Option<AccountId>, Refusal> {
        let own = local_user::address(uid, &self.config);
        let own = own.ok_or(Refusal::SenderNotYours(None))?;
        let account = self.shared.directory.account_at(&own).await;
        let account = account.map_err(|error| failure(&error))?;
        self.author = Some(path.address().unwrap_or(&own).clone());
        let Some(address) = path.address() else { return Ok(account.map(|a| a.id)) };
        if uid == 0 || address.folded() == own.folded() {
            let own = account.filter(|account| account.address.folded() == address.folded());
            return Ok(own.map(|account| account.id));
        }
        match account {
            Some(account) => self.account_sender(account, path).await,
            None => Err(Refusal::SenderNotYours(Some(own))),
        }
    }

    /// A device that cannot sign in writes as one of a few senders. Whose mailbox that is answers
    /// for how much it sends.
    async fn device_sender(
        &mut self,
        remote: IpAddr,
        path: &ReversePath,
    ) -> Result<Option<AccountId>, Refusal> {
        let devices = &self.config.submission.without_sign_in;
        let is_device = devices.networks.iter().any(|network| network.contains(remote));
        let known = |address: &&Address| devices.senders.iter().any(|sender| sender.is(address));
        let address = path.address().filter(|_| self.for_devices && is_device).filter(known);
        let address = address.ok_or(Refusal::SenderNeedsAuth)?;
        self.author = Some(address.clone());
        let route = self.shared.directory.route(address, Occasion::inquiry(now())).await;
        let route = route.map_err(|error| failure(&error))?;
        Ok(route.targets().iter().find_map(|target| target.account))
    }

    /// Whether the client may be this author.
    async fn may_write_as(&self, author: &Address) -> Result<bool, Refusal> {
        match (self.peer, &self.account) {
            (Peer::Unix { .. }, _) => Ok(true),
            (_, Some(account)) => {
                let own = self.shared.directory.may_send_as(account.id, author, now()).await;
                own.map_err(|error| failure(&error))
            }
            (_, None) => {
                let senders = &self.config.submission.without_sign_in.senders;
                Ok(senders.iter().any(|sender| sender.is(author)))
            }
        }
    }
}

impl Decide for Submitter {
    async fn prepare(
        &mut self,
        wanted: &Preparation,
        _session: &Session,
    ) -> Result<Prepared, Refusal> {
        self.shared.sign_in.prepare(wanted).await.ok_or(Refusal::SignInLater)
    }

    async fn signed_out(&mut self) {
        match &mut self.presence {
            Some(presence) => presence.ended().await,
            None => std::future::pending().await,
        }
    }

    async fn sign_in(
        &mut self,
        ask: &AskSignIn,
        session: &Session,
    ) -> Result<Option<LastWord>, Refusal> {
        let Some(Peer::Tcp { remote, .. }) = session.peer() else { return Err(Refusal::Failure) };
        let origin = Origin {
            protocol: Protocol::Submission,
            address: remote.ip(),
            tls: session.tls().is_some(),
        };
        match self.shared.sign_in.verify(ask.claim().clone(), origin).await {
            SignInResult::Welcome { account, last_word } => {
                self.presence = Some(Box::new(self.shared.sign_in.presence(&account)));
                self.account = Some(account);
                Ok(last_word)
            }
            SignInResult::Blocked { minutes } => Err(Refusal::SignInBlocked(minutes)),
            SignInResult::Rejected => Err(Refusal::BadCredentials),
            SignInResult::Unavailable => Err(Refusal::SignInLater),
        }
    }

    async fn client(&mut self, _session: &Session) -> Result<(), Refusal> {
        // Whoever signed in before was another client of the proxy, or the proxy itself.
        self.account = None;
        self.presence = None;
        self.author = None;
        Ok(())
    }

    async fn sender(
        &mut self,
        mail: &MailFrom,
        session: &Session,
    ) -> Result<Option<AccountId>, Refusal> {
        self.held = None;
        self.reverse_path = mail.reverse_path.clone();
        if !session.is_signed_in() {
            // RFC 3207 §4.2: a sign-in from before TLS counts no more.
            self.account = None;
            self.presence = None;
        }
        match (session.peer(), self.account.clone()) {
            (Some(Peer::Unix { uid }), _) => self.local_sender(uid, &mail.reverse_path).await,
            (_, Some(account)) => self.account_sender(account, &mail.reverse_path).await,
            (Some(Peer::Tcp { remote, .. }), None) => {
                self.device_sender(remote.ip(), &mail.reverse_path).await
            }
            (None, None) => Err(Refusal::Failure),
        }
    }

    async fn recipient(&mut self, rcpt: &RcptTo) -> Result<Vec<NewRecipient>, Refusal> {
        recipients::route(&self.shared.directory, rcpt, &self.reverse_path).await
    }

    async fn verify(
        &mut self,
        ask: &Verify,
        session: &Session,
    ) -> Result<Option<Vec<Address>>, Refusal> {
        let own = session.is_signed_in() || matches!(self.peer, Peer::Unix { .. });
        if !own {
            return Ok(None);
        }
        inquiry::answer(&self.shared.directory, ask.text(), ask.is_list()).await
    }

    fn fixups(&self) -> Fixups {
        let local = matches!(self.peer, Peer::Unix { .. });
        Fixups {
            dropped: DROPPED_AT_SUBMISSION,
            missing: Missing::Added { from: self.author.clone() },
            hide_client: self.config.submission.hide_client_address && !local,
            seven_bit: true,
        }
    }

    async fn header(
        &mut self,
        seen: &Seen,
        _recipients: &[NewRecipient],
    ) -> Result<Option<Address>, Refusal> {
        if matches!(self.peer, Peer::Unix { .. }) {
            // Programs write names without a domain, and the envelope says whose they are.
            return Ok(None);
        }
        let authors = Authors::of(seen).ok_or(Refusal::AuthorUnreadable)?;
        let (mut strange, mut sent_on) = (!authors.readable, !authors.sent_on_by.is_empty());
        for author in &authors.named {
            if self.may_write_as(author).await? {
                continue;
            }
            let ours = self.shared.directory.is_ours(author.domain()).await;
            if self.account.is_none() || ours.map_err(|error| failure(&error))? {
                return Err(Refusal::AuthorNotYours(author.clone()));
            }
            strange = true;
        }
        for domain in &authors.nearly {
            let ours = self.shared.directory.is_ours(domain).await;
            if ours.map_err(|error| failure(&error))? {
                return Err(Refusal::AuthorUnreadable);
            }
        }
        for resender in &authors.sent_on_by {
            sent_on &= self.may_write_as(resender).await?;
        }
        let named = authors.has_sender || sent_on;
        let own = self.account.as_ref().map(|account| &account.address).or(self.author.as_ref());
        Ok(own.filter(|_| strange && !named).cloned())
    }

    fn priority_max(&self) -> Priority {
        let most = i8::try_from(self.config.submission.max_priority).unwrap_or(0);
        Priority::new(most).unwrap_or_default()
    }

    async fn complete(&mut self, entry: &mut NewEntry) -> Result<(), Refusal> {
        verp::apply(&self.config.submission.verp, entry);
        if let Some(account) = entry.account {
            let limits = &self.config.submission.sending;
            self.held = outgoing::limit(&self.shared.queue, limits, account, entry).await?;
        }
        match &self.account {
            Some(account) => outgoing::copy_to_sent(&self.shared.directory, account, entry).await,
            None => Ok(()),
        }
    }

    async fn queued(&mut self, id: QueueId) {
        if let Some(held) = self.held.take() {
            let Shared { directory, queue, hostname, told, .. } = &*self.shared;
            notice::tell((directory, queue, hostname), told, (&held, id), now()).await;
        }
    }
}
