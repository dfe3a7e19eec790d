//! Questions to the directory.

use std::{path::Path, sync::Arc};

use mail_types::{AccountId, Address, Allotment, Domain, Timestamp};

use crate::{
    Account, Alias, DirectoryError, Explanation, Forward, HostedDomain, MailingList, Occasion,
    Route, Sending,
    roster::Roster,
    snapshot::{Snapshot, Stamp},
    tables,
};

/// Domains, accounts and addresses, read only. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Snapshot<Roster>>);

impl Directory {
    /// The directory in this folder. Nothing is read yet; that it is missing is the first
    /// question's error.
    pub fn open(folder: &Path) -> Self {
        let file = tables::directory_file(folder);
        Self(Arc::new(Snapshot::new(file, tables::DIRECTORY, |connection| {
            Box::pin(tables::read(connection))
        })))
    }

    /// What stands for the directory that is published now: another one has another stamp. For
    /// those who hold on to an answer and must learn that it may not be true any more.
    pub fn stamp(&self) -> Result<Stamp, DirectoryError> {
        Ok(self.0.stamp()?)
    }

    pub(crate) async fn roster(&self) -> Result<Arc<Roster>, DirectoryError> {
        self.0.now().await
    }

    /// Where mail for an address goes: the only place that expands addresses and decides lanes.
    pub async fn route(
        &self,
        address: &Address,
        occasion: Occasion<'_>,
    ) -> Result<Route, DirectoryError> {
        Ok(self.roster().await?.route(address, occasion))
    }

    /// The same, and why.
    pub async fn explain(
        &self,
        address: &Address,
        occasion: Occasion<'_>,
    ) -> Result<Explanation, DirectoryError> {
        Ok(self.roster().await?.explain(address, occasion))
    }

    /// Where mail for the bare `<postmaster>` goes (RFC 5321 §4.1.1.3).
    pub async fn route_postmaster(&self, occasion: Occasion<'_>) -> Result<Route, DirectoryError> {
        Ok(self.roster().await?.route_postmaster(occasion))
    }

    /// Whether a domain's addresses are people's here, under its own name or as an alias of
    /// another domain. Relayed domains are not.
    pub async fn is_ours(&self, domain: &Domain) -> Result<bool, DirectoryError> {
        Ok(self.roster().await?.is_ours(domain))
    }

    /// An account, if it still exists.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok(self.roster().await?.account(id).cloned())
    }

    /// How much mail an account may have, by itself and with the others of its domain.
    pub async fn allotment(&self, id: AccountId) -> Result<Option<Allotment>, DirectoryError> {
        Ok(self.roster().await?.allotment(id))
    }

    /// The account of an address, case apart; aliases are not looked at.
    pub async fn account_at(&self, address: &Address) -> Result<Option<Account>, DirectoryError> {
        Ok(self.roster().await?.account_at(address).cloned())
    }

    /// The account that a name typed into a mail client means: its whole address, or the local
    /// part alone if only one account has it.
    pub async fn account_by_sign_in(&self, name: &str) -> Result<Option<Account>, DirectoryError> {
        Ok(self.roster().await?.account_by_sign_in(name).cloned())
    }

    /// The address that all spellings of such a name mean, whether an account has it or not. A
    /// local part that no account has alone is put into one of our domains, by `choice`.
    pub async fn address_by_sign_in(
        &self,
        name: &str,
        choice: u16,
    ) -> Result<Option<Address>, DirectoryError> {
        Ok(self.roster().await?.address_by_sign_in(name, choice))
    }

    /// Whether an account or an alias has an address by name, with a subaddress or without: more than
    /// that a catch-all takes it.
    pub async fn is_named(&self, address: &Address) -> Result<bool, DirectoryError> {
        Ok(self.roster().await?.is_named(address))
    }

    /// Whether an account may use an address as its own: if mail for the address reaches it (its
    /// own address, with a subaddress or without, its aliases), or if it was granted. That a list
    /// reaches it does not make the list's address its own.
    pub async fn may_send_as(
        &self,
        account: AccountId,
        address: &Address,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let roster = self.roster().await?;
        if roster.sending(account).is_some_and(|sending| sending.grants(address)) {
            return Ok(true);
        }
        Ok(roster.is_own(account, address, now))
    }

    /// What an account may, and wants, when it sends.
    pub async fn sending(&self, account: AccountId) -> Result<Sending, DirectoryError> {
        Ok(self.roster().await?.sending(account).cloned().unwrap_or_default())
    }

    /// The domains that have mailboxes here, in the order in which they were added.
    pub async fn domains(&self) -> Result<Vec<Domain>, DirectoryError> {
        Ok(self.roster().await?.own_domains().cloned().collect())
    }

    /// All domains whose mail is taken here, in the order in which they were added.
    pub async fn hosted_domains(&self) -> Result<Vec<HostedDomain>, DirectoryError> {
        Ok(self.roster().await?.domains().to_vec())
    }

    /// The listed recipients of a relayed domain, sorted.
    pub async fn listed_recipients(&self, of: &Domain) -> Result<Vec<Address>, DirectoryError> {
        let roster = self.roster().await?;
        let mut listed: Vec<_> = roster.listed().filter(|a| a.domain() == of).cloned().collect();
        listed.sort_by_cached_key(Address::folded);
        Ok(listed)
    }

    /// All lists by name.
    pub async fn lists(&self) -> Result<Vec<MailingList>, DirectoryError> {
        Ok(self.roster().await?.lists().cloned().collect())
    }

    /// Where else an account's mail goes.
    pub async fn forward(&self, id: AccountId) -> Result<Option<Forward>, DirectoryError> {
        Ok(self.roster().await?.forward(id).cloned())
    }

    /// All accounts, the oldest first.
    pub async fn accounts(&self) -> Result<Vec<Account>, DirectoryError> {
        Ok(self.roster().await?.accounts().cloned().collect())
    }

    /// All aliases by name.
    pub async fn aliases(&self) -> Result<Vec<Alias>, DirectoryError> {
        Ok(self.roster().await?.aliases().cloned().collect())
    }
}
