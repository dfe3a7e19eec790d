//! Who is at the other end, and what that one may do.

use std::sync::Arc;

use config::Config;
use conversation::Peer;
use directory::{Account, Directory, DirectoryError};
use mail_types::{AccountId, Address, ReversePath};
use message_queue::NewRecipient;
use mime_core::fixup::DROPPED_AT_SUBMISSION;
use sign_in::{Origin, Protocol, SignIn, SignInResult};
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{Session, SignIn as AskSignIn},
};
use smtp_server::{Decide, Fixups, Missing};

use crate::{local_user, recipients};

/// The decisions about one client.
pub(crate) struct Submitter {
    config: Arc<Config>,
    directory: Directory,
    sign_in: SignIn,
    peer: Peer,
    /// Whoever signed in.
    account: Option<Account>,
    /// The author of messages that name none.
    author: Option<Address>,
}

impl Submitter {
    pub(crate) fn new(
        config: Arc<Config>,
        directory: Directory,
        sign_in: SignIn,
        peer: Peer,
    ) -> Self {
        Self { config, directory, sign_in, peer, account: None, author: None }
    }

    /// RFC 6409 §6.1: an account writes as its own addresses. The null path is for notifications
    /// that mail clients send, such as RFC 8098 §2.1 asks for; whose it is stays known by the
    /// account. Which address the From field names is not looked at.
    async fn account_sender(
        &mut self,
        account: Account,
        path: &ReversePath,
    ) -> Result<Option<AccountId>, Refusal> {
        // Disabled or removed since it signed in: the session is over at the next message.
        let known = self.directory.account(account.id).await.map_err(|error| failure(&error))?;
        if known.is_none_or(|known| known.disabled || known.generation != account.generation) {
            return Err(Refusal::SignInAgain);
        }
        self.author = Some(account.address.clone());
        let Some(address) = path.address() else { return Ok(Some(account.id)) };
        let own = self.directory.may_send_as(account.id, address).await;
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
        let account = self.directory.account_at(&own).await.map_err(|error| failure(&error))?;
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
}

impl Decide for Submitter {
    async fn sign_in(&mut self, ask: &AskSignIn, session: &Session) -> Result<(), Refusal> {
        let Peer::Tcp { remote, .. } = self.peer else { return Err(Refusal::Failure) };
        let origin = Origin {
            protocol: Protocol::Submission,
            address: remote.ip(),
            tls: session.tls().is_some(),
        };
        match self.sign_in.verify(ask.claim().clone(), origin).await {
            SignInResult::Welcome(account) => {
                self.account = Some(account);
                Ok(())
            }
            SignInResult::Rejected => Err(Refusal::BadCredentials),
            SignInResult::Unavailable => Err(Refusal::SignInLater),
        }
    }

    async fn sender(
        &mut self,
        mail: &MailFrom,
        _session: &Session,
    ) -> Result<Option<AccountId>, Refusal> {
        match (self.peer, self.account.clone()) {
            (Peer::Unix { uid }, _) => self.local_sender(uid, &mail.reverse_path).await,
            (_, Some(account)) => self.account_sender(account, &mail.reverse_path).await,
            // The session lets nobody come here without having signed in.
            (_, None) => Err(Refusal::Failure),
        }
    }

    async fn recipient(&mut self, rcpt: &RcptTo) -> Result<Vec<NewRecipient>, Refusal> {
        recipients::route(&self.directory, rcpt).await
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
}

fn failure(error: &DirectoryError) -> Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "the directory cannot be asked");
    Refusal::Failure
}
