//! Where mail for an address goes.

use mail_types::{AccountId, Address, Lane, MailboxName, ReversePath, Timestamp};

/// What an address is asked about for.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The reverse-path of the message that is to go there; none if there is no message, and one
    /// only wants to know: nothing is refused because of who writes then.
    pub from: Option<&'a ReversePath>,
    /// The time: accounts expire, and so do the addresses that returned mail comes to.
    pub now: Timestamp,
}

impl<'a> Occasion<'a> {
    /// A message with this reverse-path.
    pub const fn message(from: &'a ReversePath, now: Timestamp) -> Self {
        Self { from: Some(from), now }
    }

    /// No message.
    pub const fn inquiry(now: Timestamp) -> Self {
        Self { from: None, now }
    }
}

/// Where mail for an address goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// We take its mail, from whoever it comes: these get it, each once; at least one.
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
    /// The mailbox to file it into if the account has it; otherwise the inbox.
    pub mailbox: Option<MailboxName>,
    /// The reverse-path towards this one, if another than the message's: a list's owner, or ours in
    /// the sender's place where we pass its mail on.
    pub reverse_path: Option<ReversePath>,
    /// Whether its own server is to be asked for it before mail of a stranger is taken: it is what
    /// was asked about, in a domain that is relayed like that, and not listed.
    pub asked: bool,
    /// The list whose member it is, if one leads to it.
    pub list: Option<Address>,
    /// The header fields that stand before the content, each with its CRLF.
    pub head: Vec<u8>,
}

impl Target {
    pub(crate) fn new(address: Address, lane: Lane) -> Self {
        let (account, mailbox, reverse_path, list) = (None, None, None, None);
        let asked = false;
        Self { address, lane, account, mailbox, reverse_path, asked, list, head: Vec::new() }
    }

    pub(crate) fn elsewhere(address: &Address) -> Self {
        Self::new(address.clone(), Lane::Remote(address.domain().clone()))
    }
}

/// Why nobody gets mail for an address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has the address.
    #[error("there is no such mailbox")]
    UnknownMailbox,
    /// Its owner was disabled, or has expired.
    #[error("the mailbox is disabled")]
    Disabled,
    /// It is a list, and the sender is none of those who may post.
    #[error("the sender may not post to the list")]
    MayNotPost,
    /// Its aliases lead back to themselves.
    #[error("the aliases of the address lead back to themselves")]
    AliasLoop,
    /// Its aliases lead to more addresses than one message should.
    #[error("the address expands to too many addresses")]
    TooManyTargets,
}
