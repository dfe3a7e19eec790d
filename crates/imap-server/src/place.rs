//! Where a mailbox is: in the account that is signed in, or in another one that shares it, and what
//! may be done with it there.
//!
//! Mailboxes of others are `Other Users/ADDRESS/NAME`. What somebody may not even know of is
//! answered as if it were not there (RFC 4314 §6).

use directory::DirectoryError;
use imap_core::response::{Completion, OTHERS};
use mail_store::{AccountMailboxes, MailboxState, StoreError};
use mail_types::{AccountId, Address, MailboxName, Right, Rights};

use crate::{
    handler::{Conversation, SignedIn, Talk},
    service::Service,
    trouble::{self, Failure},
};

/// A mailbox, or where one could be.
pub(crate) struct Place {
    /// Those of its account.
    pub(crate) mailboxes: AccountMailboxes,
    /// What it is called there.
    pub(crate) name: MailboxName,
    /// What is there.
    pub(crate) found: Option<MailboxState>,
    /// What may be done with it; nothing with what is not there, if it is another's.
    pub(crate) rights: Rights,
    /// It is in the account that is signed in.
    pub(crate) own: bool,
}

/// A mailbox of another account, as it is listed.
pub(crate) struct Lent {
    /// Its name here.
    pub(crate) shown: MailboxName,
    /// Those of its account.
    pub(crate) mailboxes: AccountMailboxes,
    /// The mailbox.
    pub(crate) state: MailboxState,
    /// What may be done with it.
    pub(crate) rights: Rights,
}

impl Conversation {
    /// Where a mailbox of this name is.
    pub(crate) async fn place(&self, name: &MailboxName) -> Result<Place, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let place = signed_in.place(&self.service, name).await;
        place.map_err(|failure| failure.completion())
    }
}

impl Conversation {
    /// Whether a name is one of another account's mailbox.
    pub(crate) fn is_others(&self, name: &MailboxName) -> bool {
        let below = name.as_str().strip_prefix(OTHERS).is_some_and(|rest| rest.starts_with('/'));
        below && self.service.shares()
    }

    /// Where messages are to go: the right for that is there, or how the command ends
    /// (RFC 3501 §6.3.11, RFC 4314 §4).
    pub(crate) async fn target(&self, name: &MailboxName) -> Result<Place, Completion> {
        let place = self.place(name).await?;
        if place.found.is_none() && (place.own || self.may_create(&place).await?) {
            return Err(trouble::try_create());
        }
        place.allows(Right::Insert)?;
        Ok(place)
    }

    /// Whether a mailbox may be made at a place in another account.
    async fn may_create(&self, place: &Place) -> Result<bool, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let above = place.above(&self.service, signed_in.account.id).await;
        let above = above.map_err(|error| trouble::completion(&error))?;
        Ok(above.is_some_and(|(_, rights)| rights.has(Right::Create)))
    }

    /// Before a command about the open mailbox, if that is another's: what may be done with it can
    /// change at any time (RFC 4314 §5.1.1). Who may no longer read it is dismissed.
    pub(crate) async fn look_at_rights(&mut self, talk: &mut Talk<'_>) {
        let (Some(signed_in), Some(selected)) = (&self.signed_in, &mut self.selected) else {
            return;
        };
        if selected.own {
            return;
        }
        match selected.mailboxes.access(selected.id).await {
            Ok(list) => selected.rights = self.service.rights(&list, signed_in.account.id),
            // Told with the news.
            Err(StoreError::MailboxGone(_)) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "rights can't be read");
                selected.rights = Rights::NONE;
            }
        }
        if !selected.rights.has(Right::Read) {
            self.selected = None;
            talk.parts().0.dismiss(None, "The selected mailbox is not shared any more");
        }
    }
}

impl SignedIn {
    /// Where a mailbox of this name is, for this account.
    pub(crate) async fn place(
        &self,
        service: &Service,
        name: &MailboxName,
    ) -> Result<Place, Failure> {
        let (mailboxes, name, own) = match self.elsewhere(service, name).await? {
            Some((mailboxes, name)) => (mailboxes, name, false),
            None => (self.mailboxes.clone(), name.clone(), true),
        };
        let found = match mailboxes.mailbox(&name).await {
            Ok(found) => Some(found),
            Err(StoreError::NoSuchMailbox(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let rights = match &found {
            _ if own => Rights::ALL,
            Some(found) => service.rights(&mailboxes.access(found.id).await?, self.account.id),
            None => Rights::NONE,
        };
        Ok(Place { mailboxes, name, found, rights, own })
    }

    /// The other account that a name leads to, and what the mailbox is called there.
    async fn elsewhere(
        &self,
        service: &Service,
        name: &MailboxName,
    ) -> Result<Option<(AccountMailboxes, MailboxName)>, Failure> {
        let levels = name.as_str().strip_prefix(OTHERS).and_then(|rest| rest.strip_prefix('/'));
        let Some(levels) = levels.filter(|_| service.shares()) else { return Ok(None) };
        let missing = || StoreError::NoSuchMailbox(name.clone());
        let (address, rest) = levels.split_once('/').ok_or_else(missing)?;
        let address = Address::parse(address).map_err(|_| missing())?;
        let owner = service.directory.account_at(&address).await?;
        let owner = owner.filter(|owner| owner.id != self.account.id).ok_or_else(missing)?;
        let rest = MailboxName::parse(rest).map_err(|_| missing())?;
        Ok(Some((service.store.account(owner.id), rest)))
    }

    /// The mailboxes of others that this account may know of, by name.
    pub(crate) async fn lent(&self, service: &Service) -> Result<Vec<Lent>, Failure> {
        if !service.shares() {
            return Ok(Vec::new());
        }
        let mut lent = Vec::new();
        for (owner, mailbox) in service.store.shared_with(self.account.id).await? {
            let Some(address) = address_of(service, owner).await? else { continue };
            let mailboxes = service.store.account(owner);
            let found = async {
                let list = mailboxes.access(mailbox).await?;
                let rights = service.rights(&list, self.account.id);
                Ok((rights, mailboxes.state(mailbox).await?))
            };
            let (rights, state) = match found.await {
                Ok(found) => found,
                // What stands in the list of shares is a hint.
                Err(StoreError::MailboxGone(_)) => continue,
                // One owner's trouble is not that of all who share with this account.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(%owner, %mailbox, error, "a shared mailbox can't be looked at");
                    continue;
                }
            };
            let shown = MailboxName::parse(&format!("{OTHERS}/{address}/{}", state.name));
            if let (true, Ok(shown)) = (rights.has(Right::Lookup), shown) {
                lent.push(Lent { shown, mailboxes, state, rights });
            }
        }
        Ok(lent)
    }
}

/// What an account is called by others; none if it is gone.
pub(crate) async fn address_of(
    service: &Service,
    account: AccountId,
) -> Result<Option<Address>, DirectoryError> {
    Ok(service.directory.account(account).await?.map(|account| account.address))
}

impl Place {
    /// The mailbox that is there.
    pub(crate) fn state(&self) -> Result<&MailboxState, Completion> {
        self.found.as_ref().ok_or_else(trouble::no_such_mailbox)
    }

    /// The mailbox, if this right is there.
    pub(crate) fn allows(&self, right: Right) -> Result<&MailboxState, Completion> {
        self.allows_any(&[right])
    }

    /// The mailbox, if one at least of these rights is there.
    pub(crate) fn allows_any(&self, rights: &[Right]) -> Result<&MailboxState, Completion> {
        let state = self.state()?;
        if self.rights.has_any(rights) { Ok(state) } else { Err(self.refusal()) }
    }

    /// Why something may not be done.
    pub(crate) fn refusal(&self) -> Completion {
        trouble::refusal(self.rights)
    }

    /// The nearest mailbox above (RFC 4314 §4), and what may be done with it.
    pub(crate) async fn above(
        &self,
        service: &Service,
        reader: AccountId,
    ) -> Result<Option<(MailboxState, Rights)>, StoreError> {
        let mut name = self.name.clone();
        while let Some(above) = name.parent() {
            match self.mailboxes.mailbox(&above).await {
                Ok(found) if self.own => return Ok(Some((found, Rights::ALL))),
                Ok(found) => {
                    let list = self.mailboxes.access(found.id).await?;
                    return Ok(Some((found, service.rights(&list, reader))));
                }
                Err(StoreError::NoSuchMailbox(_)) => name = above,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Place {
    /// What was just made here, and above it, is open to whom the mailbox above was open
    /// (RFC 4314 §4).
    pub(crate) async fn inherit(&self, above: &MailboxState) -> Result<(), StoreError> {
        if self.mailboxes.access(above.id).await?.is_empty() {
            return Ok(());
        }
        let mut made = Some(self.name.clone());
        while let Some(name) = made.filter(|name| *name != above.name) {
            let mailbox = self.mailboxes.mailbox(&name).await?.id;
            self.mailboxes.inherit_access(mailbox, above.id).await?;
            made = name.parent();
        }
        Ok(())
    }
}
