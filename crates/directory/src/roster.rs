//! The whole directory in memory: what is asked at every recipient is answered without I/O.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use mail_types::{AccountId, Address, Allotment, Domain, LocalPart, Quota, Timestamp};

use crate::{Account, Alias, DomainKind, Forward, HostedDomain, MailingList, Sending, srs::SrsKey};

/// Everything of one published copy.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// In the order in which they were added.
    domains: Vec<HostedDomain>,
    /// The place of each in `domains`.
    domain_keys: HashMap<Domain, usize>,
    accounts: BTreeMap<AccountId, Account>,
    account_keys: HashMap<Box<str>, AccountId>,
    aliases: BTreeMap<Box<str>, Alias>,
    lists: BTreeMap<Box<str>, MailingList>,
    /// Of those who forward.
    forwards: HashMap<AccountId, Forward>,
    /// Recipients of relayed domains.
    listed: HashMap<Box<str>, Address>,
    /// Of those about whom there is something to say.
    sending: HashMap<AccountId, Sending>,
    srs: Option<SrsKey>,
}

impl Roster {
    pub(crate) fn new(
        domains: Vec<HostedDomain>,
        accounts: Vec<Account>,
        aliases: impl IntoIterator<Item = Alias>,
    ) -> Self {
        let key = |account: &Account| (account.address.folded().into(), account.id);
        let place = |(place, domain): (usize, &HostedDomain)| (domain.name.clone(), place);
        Self {
            domain_keys: domains.iter().enumerate().map(place).collect(),
            domains,
            account_keys: accounts.iter().map(key).collect(),
            accounts: accounts.into_iter().map(|account| (account.id, account)).collect(),
            aliases: aliases.into_iter().map(|alias| (alias.name.folded().into(), alias)).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn with_sending(self, sending: HashMap<AccountId, Sending>) -> Self {
        Self { sending, ..self }
    }

    pub(crate) fn with_lists(self, lists: impl IntoIterator<Item = MailingList>) -> Self {
        let key = |list: MailingList| (list.name.folded().into(), list);
        Self { lists: lists.into_iter().map(key).collect(), ..self }
    }

    pub(crate) fn with_forwards(self, forwards: HashMap<AccountId, Forward>) -> Self {
        Self { forwards, ..self }
    }

    pub(crate) fn with_listed(self, listed: impl IntoIterator<Item = Address>) -> Self {
        let key = |address: Address| (address.folded().into(), address);
        Self { listed: listed.into_iter().map(key).collect(), ..self }
    }

    pub(crate) fn with_srs(self, srs: Option<SrsKey>) -> Self {
        Self { srs, ..self }
    }

    /// What an account may, and wants, when it sends.
    pub(crate) fn sending(&self, id: AccountId) -> Option<&Sending> {
        self.sending.get(&id)
    }

    /// All domains whose mail is taken here, in the order in which they were added.
    pub(crate) fn domains(&self) -> &[HostedDomain] {
        &self.domains
    }

    /// Those that have mailboxes of their own.
    pub(crate) fn own_domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.iter().filter(|d| d.kind == DomainKind::Own).map(|domain| &domain.name)
    }

    pub(crate) fn hosted(&self, domain: &Domain) -> Option<&HostedDomain> {
        self.domains.get(*self.domain_keys.get(domain)?)
    }

    /// Whether its addresses are people's here, under its own name or another one.
    pub(crate) fn is_ours(&self, domain: &Domain) -> bool {
        self.hosted(domain).is_some_and(|d| !matches!(d.kind, DomainKind::Relayed(_)))
    }

    /// The address in the domain that its own is an alias of.
    pub(crate) fn in_own_domain<'a>(&self, address: &'a Address) -> Cow<'a, Address> {
        match self.hosted(address.domain()).map(|domain| &domain.kind) {
            Some(DomainKind::AliasOf(other)) => {
                Cow::Owned(Address::new(address.local().clone(), other.clone()))
            }
            _ => Cow::Borrowed(address),
        }
    }

    /// The list of this folded address.
    pub(crate) fn list(&self, key: &str) -> Option<&MailingList> {
        self.lists.get(key)
    }

    pub(crate) fn lists(&self) -> impl Iterator<Item = &MailingList> {
        self.lists.values()
    }

    /// Where else an account's mail goes, if anywhere.
    pub(crate) fn forward(&self, id: AccountId) -> Option<&Forward> {
        self.forwards.get(&id)
    }

    /// Each account that forwards, with each of its targets.
    pub(crate) fn forward_targets(&self) -> impl Iterator<Item = (AccountId, &Address)> {
        self.forwards.iter().flat_map(|(id, to)| to.targets.iter().map(|target| (*id, target)))
    }

    /// Whether a recipient of a relayed domain is listed, by its folded address.
    pub(crate) fn is_listed(&self, key: &str) -> bool {
        self.listed.contains_key(key)
    }

    /// The listed recipients of relayed domains, in no order.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Address> {
        self.listed.values()
    }

    /// The address in a domain of ours that stands for a sender.
    pub(crate) fn rewrite(&self, from: &Address, ours: &Domain, now: Timestamp) -> Option<Address> {
        self.srs.as_ref()?.rewrite(from, ours, now)
    }

    /// The sender that such an address stands for.
    pub(crate) fn restore(&self, local: &LocalPart, now: Timestamp) -> Option<Address> {
        self.srs.as_ref()?.restore(local, now)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The limits that count for an account.
    pub(crate) fn allotment(&self, id: AccountId) -> Option<Allotment> {
        let account = self.account(id)?;
        let domain = account.address.domain();
        let quota = self.hosted(domain).map_or(Quota::NONE, |hosted| hosted.quota);
        let mut allotment = Allotment::alone(id, account.quota());
        if quota.is_some() {
            let sharing = self.accounts().filter(|other| other.address.domain() == domain);
            allotment.sharing = sharing.map(|other| other.id).collect();
            allotment.domain = quota;
        }
        Some(allotment)
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
            return self.account_at(&self.in_own_domain(&address));
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

    /// The address that all spellings of such a name mean, whether an account has it or not. A
    /// local part that no account has alone is put into one of our domains, by `choice`.
    pub(crate) fn address_by_sign_in(&self, name: &str, choice: u16) -> Option<Address> {
        if let Some(account) = self.account_by_sign_in(name) {
            return Some(account.address.clone());
        }
        let name = name.trim();
        if let Ok(address) = Address::parse(name) {
            return Some(self.in_own_domain(&address).into_owned());
        }
        let domains = self.own_domains().count();
        let domain =
            usize::from(choice).checked_rem(domains).and_then(|n| self.own_domains().nth(n));
        Some(Address::new(LocalPart::from_content(name).ok()?, domain?.clone()))
    }
}
