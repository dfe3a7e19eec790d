//! To whom mailboxes are open (RFC 4314).

use std::path::Path;

use mail_types::{AccountId, MailboxId};
use stable_storage::{Files, on_blocking_thread};

use super::{AccountMailboxes, NAMES, Pending};
use crate::{
    AccessList, Grantee, MailStore, RightsChange, StoreError, Watch,
    index::mailboxes,
    open_account::OpenAccount,
    records::access_file,
    shares::{Changing, Shares},
    watch::ANY,
};

impl MailStore {
    /// The mailboxes of others that may be shared with an account. Their lists say whether, and
    /// some may be gone.
    pub fn shared_with(&self, account: AccountId) -> Pending<'_, Vec<(AccountId, MailboxId)>> {
        Box::pin(async move {
            let shares = self.shared.shares();
            let (found, complete) = {
                let shares = shares.clone();
                on_blocking_thread(move || {
                    Ok::<_, StoreError>((shares.with(account)?, shares.are_complete()))
                })
                .await?
            };
            if complete {
                return Ok(found);
            }
            let changing = shares.change().await?;
            on_blocking_thread(move || {
                changing.complete()?;
                shares.with(account)
            })
            .await
        })
    }
}

impl AccountMailboxes {
    /// A mailbox's access control list.
    pub fn access(&self, mailbox: MailboxId) -> Pending<'_, AccessList> {
        Box::pin(
            async move { Ok(self.beside(mailbox, access_file::read).await?.unwrap_or_default()) },
        )
    }

    /// Changes a line of a mailbox's access control list; durable when this returns.
    pub fn change_access(
        &self,
        mailbox: MailboxId,
        to: Grantee,
        negative: bool,
        rights: RightsChange,
    ) -> Pending<'_, ()> {
        let change = move |list: &mut AccessList| list.change(to, negative, rights);
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let shares = handle.store.shared.shares().change().await?;
            set(borrowed.account()?, shares, (handle.id, mailbox), change).await?;
            if let Grantee::Account(other) = to {
                // What it may see is something else now.
                handle.store.shared.changed(other, NAMES);
            }
            Ok(((), vec![mailbox, NAMES]))
        }))
    }

    /// A new mailbox is open to whom another one is: its list becomes the same.
    pub fn inherit_access(&self, mailbox: MailboxId, from: MailboxId) -> Pending<'_, ()> {
        Box::pin(async move {
            let inherited = self.access(from).await?;
            if inherited.is_empty() {
                return Ok(());
            }
            self.to_the_end(move |handle, borrowed| async move {
                let shares = handle.store.shared.shares().change().await?;
                let change = move |list: &mut AccessList| *list = inherited;
                set(borrowed.account()?, shares, (handle.id, mailbox), change).await?;
                Ok(((), vec![mailbox, NAMES]))
            })
            .await
        })
    }

    /// A mailbox is gone that had this list.
    pub(super) async fn forget_shares(
        &self,
        mailbox: MailboxId,
        list: &AccessList,
    ) -> Result<(), StoreError> {
        if list.is_empty() {
            return Ok(());
        }
        let (shares, id) = (self.store.shared.shares().change().await?, self.id);
        let grantees: Vec<Grantee> = list.grantees().collect();
        on_blocking_thread(move || shares.remove(&grantees, (id, mailbox))).await
    }

    /// Wakes when anything changes in the account, in whichever process: any of its mailboxes, or
    /// which there are. It may wake for nothing.
    pub fn watch_any(&self) -> Watch {
        self.store.shared.watchers.watch(self.id, ANY)
    }

    /// Reads a small file in a mailbox's folder; none if there is none.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        mailbox: MailboxId,
        read: fn(&Files, &Path) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let dir = || self.ask_here(move |here| Ok(here.mailbox_with(mailbox)?.dir));
        let mut at = dir().await?;
        loop {
            let (maildir, folder) = (self.store.shared.maildir(self.id), at.clone());
            let found =
                on_blocking_thread(move || read(&maildir.files, &maildir.dir(&folder))).await?;
            if found.is_some() {
                return Ok(found);
            }
            // It may have got another name meanwhile.
            let now = dir().await?;
            if now == at {
                return Ok(None);
            }
            at = now;
        }
    }
}

/// Changes a list, under the account's lock and that of the shares: who is named stands there before
/// the list says so.
async fn set(
    account: &OpenAccount,
    shares: Changing,
    shared: (AccountId, MailboxId),
    work: impl FnOnce(&mut AccessList) + Send + 'static,
) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    let row = mailboxes::by_id(&mut change, shared.1).await?;
    let maildir = account.maildir.clone();
    on_blocking_thread(move || {
        let folder = maildir.dir(&row.dir);
        let before = access_file::read(&maildir.files, &folder)?.unwrap_or_default();
        let mut list = before.clone();
        work(&mut list);
        if list.grants().len() > AccessList::GRANTS_MAX {
            let reason = "too many have rights to this mailbox";
            return Err(StoreError::NotPossible { name: row.name, reason });
        }
        shares.add(&list.grantees().collect::<Vec<_>>(), shared)?;
        access_file::write(&maildir.files, &folder, &list)?;
        let gone: Vec<Grantee> =
            before.grantees().filter(|to| list.grantees().all(|kept| kept != *to)).collect();
        shares.remove(&gone, shared)
    })
    .await?;
    change.undo().await
}

impl crate::store::Shared {
    /// Who shares with whom.
    pub(super) fn shares(&self) -> Shares {
        Shares::of(self.files(), &self.options.folder)
    }
}
