//! Where mail for an address goes.

use mail_types::{AccountId, Address, Lane, MailboxName};

/// Where mail for an address goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The address is ours: these get it, each once; at least one.
    Ours(Vec<Target>),
    /// The address is another server's. Whoever takes mail from strangers must refuse it.
    Elsewhere(Target),
    /// Nobody gets it.
    Refused(Refusal),
}

impl Route {
    /// Everyone who gets it.
    pub fn targets(&self) -> &[Target] {
        match self {
            Self::Ours(targets) => targets,
            Self::Elsewhere(target) => std::slice::from_ref(target),
            Self::Refused(_) => &[],
        }
    }
}

/// One who gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address after all aliases, with its subaddress if it came with one.
    pub address: Address,
    /// The lane to wait in.
    pub lane: Lane,
    /// Whose mailbox it is, if it is one of ours.
    pub account: Option<AccountId>,
    /// The mailbox to file it into, if not the inbox.
    pub mailbox: Option<MailboxName>,
}

/// Why nobody gets mail for an address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has the address.
    #[error("there is no such mailbox")]
    UnknownMailbox,
    /// Its owner was disabled.
    #[error("the mailbox is disabled")]
    Disabled,
    /// Its aliases lead back to themselves.
    #[error("the aliases of the address lead back to themselves")]
    AliasLoop,
    /// Its aliases lead to more addresses than one message should.
    #[error("the address expands to too many addresses")]
    TooManyTargets,
}
