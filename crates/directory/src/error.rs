//! What can be wrong with a question to the directory, or with a change of it.

use mail_types::{Address, Domain};
use stable_storage::DatabaseError;

use crate::AliasName;

/// Why the directory gave no answer, or refused a change. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database could not be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row holds what no version of this program wrote.
    #[error("the {table} row {row:?} of the directory cannot be understood: {why}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What identifies the row.
        row: String,
        /// What is wrong with it.
        why: mail_types::Malformed,
    },
    /// The domain is not served here.
    #[error("{0} is not one of the domains here; `postrider domain add {0}` adds it")]
    NoSuchDomain(Domain),
    /// The domain is served here already.
    #[error("{0} is one of the domains here already")]
    DomainExists(Domain),
    /// An address literal cannot be a domain of ours.
    #[error("{0} is an address literal: a domain here has a name")]
    DomainIsLiteral(Domain),
    /// The domain still has accounts, aliases or lists.
    #[error(
        "{domain} still has {accounts} accounts, {aliases} aliases and {lists} lists: \
         remove them first"
    )]
    DomainInUse {
        /// The domain.
        domain: Domain,
        /// How many accounts it has.
        accounts: usize,
        /// How many aliases it has.
        aliases: usize,
        /// How many lists it has.
        lists: usize,
    },
    /// Another domain is its alias.
    #[error("{alias} is an alias of {domain}: remove it first")]
    DomainHasAlias {
        /// The domain.
        domain: Domain,
        /// The one that stands for it.
        alias: Domain,
    },
    /// The domain's mail is taken for others: it has no addresses of its own here.
    #[error("{0} has no mailboxes of its own here: it is an alias of a domain, or relayed")]
    NoMailboxesThere(Domain),
    /// The domain is not relayed for listed recipients.
    #[error("{0} is no domain that is relayed for listed recipients")]
    NotListing(Domain),
    /// The address is no listed recipient.
    #[error("{0} is not listed as a recipient of a relayed domain")]
    NoSuchRecipient(Address),
    /// There is no list of this name.
    #[error("there is no list {0}")]
    NoSuchList(Address),
    /// The address is a list already.
    #[error("{0} is a list already")]
    ListExists(Address),
    /// The list has no such member.
    #[error("{member} is no member of {list}")]
    NoSuchMember {
        /// The list.
        list: Address,
        /// The address.
        member: Address,
    },
    /// The account owns a list, which needs somebody who hears of its failures.
    #[error("{account} owns the list {list}: give it another owner first")]
    OwnsList {
        /// The account.
        account: Address,
        /// The list.
        list: Address,
    },
    /// The account's mail would come back to it and stay nowhere.
    #[error("mail for {0} would go round in circles and reach nobody")]
    ForwardLoop(Address),
    /// The system gives no random octets.
    #[error("the system gives no random octets for the key of rewritten senders: {0}")]
    NoRandomness(getrandom::Error),
    /// Nobody has this address as account.
    #[error("there is no account {0}")]
    NoSuchAccount(Address),
    /// The address is an account's already.
    #[error("{0} is an account already")]
    AccountExists(Address),
    /// What an app password or a certificate is called has another form.
    #[error("{0:?} is no label: letters, digits, -, _ and ., up to 40 of them")]
    BadLabel(String),
    /// The account has an app password or a certificate of this label already.
    #[error("the account has an app password or a certificate called {0} already")]
    SecretExists(String),
    /// The account has no app password and no certificate of this label.
    #[error("the account has no app password and no certificate called {0}")]
    NoSuchSecret(String),
    /// The certificate is an account's already.
    #[error("the certificate is an account's already")]
    CertificateKnown,
    /// The address is an alias already.
    #[error("{0} is an alias already: remove it first, or add to it")]
    AliasExists(AliasName),
    /// There is no alias of this name.
    #[error("there is no alias {0}")]
    NoSuchAlias(AliasName),
    /// The alias does not lead to this address.
    #[error("the alias {alias} does not lead to {target}")]
    NoSuchTarget {
        /// The alias.
        alias: AliasName,
        /// The address.
        target: Address,
    },
    /// The account has this grant already.
    #[error("{account} may send as {name} already")]
    GrantExists {
        /// The account.
        account: Address,
        /// What it may send as.
        name: AliasName,
    },
    /// The account has no such grant.
    #[error("{account} has no grant for {name}")]
    NoSuchGrant {
        /// The account.
        account: Address,
        /// What it may not send as.
        name: AliasName,
    },
    /// An alias needs somewhere to lead to.
    #[error("an alias needs at least one address to lead to")]
    NoTargets,
    /// A target in a domain of ours that nobody has.
    #[error("{0} would get the mail, but nobody here has that address")]
    TargetUnknown(Address),
    /// The alias would lead back to itself.
    #[error("{0} would lead back to itself")]
    AliasLoop(AliasName),
}

impl From<sqlx::Error> for DirectoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
