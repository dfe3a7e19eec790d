//! The whole directory in memory: what is asked at every recipient is answered without I/O.

use std::collections::{BTreeMap, HashMap};

use mail_types::{AccountId, Address, Domain};

use crate::{Account, Alias, Sending};

/// All domains, accounts and aliases of one published copy.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// In the order in which they were added.
    domains: Vec<Domain>,
    accounts: BTreeMap<AccountId, Account>,
    account_keys: HashMap<Box<str>, AccountId>,
    aliases: BTreeMap<Box<str>, Alias>,
    /// Of those about whom there is something to say.
    sending: HashMap<AccountId, Sending>,
}

impl Roster {
    pub(crate) fn new(
        domains: Vec<Domain>,
        accounts: Vec<Account>,
        aliases: impl IntoIterator<Item = Alias>,
    ) -> Self {
        let key = |account: &Account| (account.address.folded().into(), account.id);
        Self {
            domains,
            account_keys: accounts.iter().map(key).collect(),
            accounts: accounts.into_iter().map(|account| (account.id, account)).collect(),
            aliases: aliases.into_iter().map(|alias| (alias.name.folded().into(), alias)).collect(),
            sending: HashMap::new(),
        }
    }

    pub(crate) fn with_sending(self, sending: HashMap<AccountId, Sending>) -> Self {
        Self { sending, ..self }
    }

    /// What an account may, and wants, when it sends.
    pub(crate) fn sending(&self, id: AccountId) -> Option<&Sending> {
        self.sending.get(&id)
    }

    pub(crate) fn domains(&self) -> &[Domain] {
        &self.domains
    }

    pub(crate) fn is_ours(&self, domain: &Domain) -> bool {
        self.domains.contains(domain)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The account with exactly this address, case apart.
    pub(crate) fn account_at(&self, address: &Address) -> Option<&Account> {
        self.accounts.get(self.account_keys.get(&*address.folded())?)
    }

    pub(crate) fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.values()
    }

    /// The alias of this folded name.
    pub(crate) fn alias(&self, key: &str) -> Option<&Alias> {
        self.aliases.get(key)
    }

    /// The account that a name typed into a mail client means: a whole address, or the local part
    /// alone if only one account has it. Mail clients try the local part first.
    pub(crate) fn account_by_sign_in(&self, name: &str) -> Option<&Account> {
        let name = name.trim();
        if let Ok(address) = Address::parse(name) {
            return self.account_at(&address);
        }
        let local = name.to_lowercase();
        let mut named = self
            .accounts
            .values()
            .filter(|account| account.address.local().as_str().to_lowercase() == local);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }
}
