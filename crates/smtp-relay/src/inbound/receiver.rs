//! What is taken from strangers.

use account_usage::{Quota, UsageReader};
use directory::{Directory, Refusal as NoRoute, Route, Target};
use mail_types::{AccountId, FlagSet, ForwardPath};
use message_queue::{FileInto, NewRecipient};
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{Session, SignIn},
};
use smtp_server::{Decide, Fixups};

/// The decisions about one client.
pub(super) struct Receiver {
    directory: Directory,
    usage: UsageReader,
    /// What the client says the message will have, in octets.
    declared_octets: u64,
}

impl Receiver {
    pub(super) fn new(directory: Directory, usage: UsageReader) -> Self {
        Self { directory, usage, declared_octets: 0 }
    }

    async fn targets(&self, path: &ForwardPath) -> Result<Vec<Target>, Refusal> {
        let route = match path {
            ForwardPath::Postmaster => self.directory.route_postmaster().await,
            ForwardPath::Address(address) => self.directory.route(address).await,
        };
        match route.map_err(|error| failure(&error))? {
            Route::Ours(targets) => Ok(targets),
            // Whatever the sender: no open relay.
            Route::Elsewhere(_) => Err(Refusal::RelayDenied),
            Route::Refused(NoRoute::UnknownMailbox) => Err(Refusal::UnknownMailbox),
            Route::Refused(NoRoute::Disabled) => Err(Refusal::MailboxDisabled),
            Route::Refused(why) => {
                // The operator can mend it, the sender can't.
                tracing::error!(%why, to = %path, "an alias cannot be followed");
                Err(Refusal::Failure)
            }
        }
    }

    /// Whether the message as declared would fit. What cannot be told is no reason to refuse:
    /// delivery looks again.
    async fn has_room(&self, target: &Target) -> bool {
        let Some(id) = target.account else { return true };
        let Ok(Some(account)) = self.directory.account(id).await else { return true };
        let quota = Quota { octets: account.quota_bytes, messages: None };
        match self.usage.usage(id).await {
            Ok(Some(usage)) => quota.refuses(&usage, self.declared_octets).is_none(),
            Ok(None) => true,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, account = %id, "cannot tell how full a mailbox is");
                true
            }
        }
    }
}

impl Decide for Receiver {
    async fn sign_in(&mut self, _ask: &SignIn, _session: &Session) -> Result<(), Refusal> {
        // The session never asks: AUTH is not offered here.
        Err(Refusal::Failure)
    }

    async fn sender(
        &mut self,
        mail: &MailFrom,
        _session: &Session,
    ) -> Result<Option<AccountId>, Refusal> {
        self.declared_octets = mail.size.unwrap_or(0);
        Ok(None)
    }

    async fn recipient(&mut self, rcpt: &RcptTo) -> Result<Vec<NewRecipient>, Refusal> {
        let targets = self.targets(&rcpt.forward_path).await?;
        let mut room = false;
        for target in &targets {
            room |= self.has_room(target).await;
        }
        // Of several, one full mailbox does not keep the message from the others.
        if !room {
            return Err(Refusal::MailboxFull);
        }
        Ok(targets.into_iter().map(recipient).collect())
    }

    fn fixups(&self) -> Fixups {
        Fixups::default()
    }
}

fn recipient(target: Target) -> NewRecipient {
    let Target { address, lane, account, mailbox } = target;
    let file_into = mailbox.map(|mailbox| FileInto { mailbox, flags: FlagSet::new() });
    NewRecipient { account, file_into, ..NewRecipient::new(address, lane) }
}

fn failure(error: &directory::DirectoryError) -> Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "the directory cannot be asked");
    Refusal::Failure
}
