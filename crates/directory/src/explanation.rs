//! Why mail for an address goes where it goes: each step of the expansion, in words.

use std::fmt;

use mail_types::{Address, Domain, MailboxName};

use crate::{Posting, Route};

/// The way from an address to those who get its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What was found on the way, in the order in which it was looked at.
    pub steps: Vec<Step>,
    /// Where it led to.
    pub route: Route,
}

/// One address that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How many aliases, lists and forwards lead here from the address that was asked about.
    pub depth: usize,
    /// The address.
    pub address: Address,
    /// The rule that applies to it.
    pub rule: Rule,
}

/// What decides about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Its domain is another server's.
    Elsewhere,
    /// We take the domain's mail for another server.
    Relayed,
    /// The same, if the other server takes mail for the address.
    RelayedIfTaken,
    /// The domain is relayed, and the address is none of those that are listed.
    NotListed,
    /// The domain stands for another one.
    DomainAlias(Domain),
    /// An account has it; the mailbox that the subaddress names.
    Account(Option<MailboxName>),
    /// An account has it, and is disabled or has expired.
    Shut,
    /// The account's mail goes on to others; whether it keeps its own copy.
    Forward {
        /// To whom.
        to: Vec<Address>,
        /// Whether its own mailbox gets it too.
        keep: bool,
    },
    /// An alias of this address.
    Alias(Vec<Address>),
    /// A list, and how many members it has.
    List(usize),
    /// A list to which the sender may not post; who may.
    MayNotPost(Posting),
    /// It stands for a sender whose mail was passed on here.
    Returned(Address),
    /// It looks as if it did, but it was not made here, or too long ago.
    NotReturned,
    /// `postmaster` or `abuse`, for which nobody is named: this account answers.
    Responsible(Address),
    /// The domain's catch-all takes it.
    CatchAll(Vec<Address>),
    /// Nobody has it.
    Unknown,
    /// It was looked at before: nobody gets mail twice, and nothing goes round in circles.
    Again,
    /// More addresses than one message should go to.
    TooMany,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |all: &[Address]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        match self {
            Self::Elsewhere => f.write_str("another server's domain"),
            Self::Relayed => f.write_str("relayed: we take this domain's mail for another server"),
            Self::RelayedIfTaken => {
                f.write_str("relayed: the other server is asked for it while the sender waits")
            }
            Self::NotListed => f.write_str("the domain is relayed for listed recipients only"),
            Self::DomainAlias(to) => write!(f, "its domain is an alias of {to}"),
            Self::Account(None) => f.write_str("an account"),
            Self::Account(Some(mailbox)) => {
                write!(f, "an account; filed into {mailbox} if there is such a mailbox")
            }
            Self::Shut => f.write_str("an account, disabled or expired"),
            Self::Forward { to, keep: true } => {
                write!(f, "an account that keeps its mail, and forwards to {}", join(to))
            }
            Self::Forward { to, keep: false } => {
                write!(f, "an account that forwards to {} and keeps nothing", join(to))
            }
            Self::Alias(to) => write!(f, "an alias of {}", join(to)),
            Self::List(1) => f.write_str("a list with one member"),
            Self::List(members) => write!(f, "a list with {members} members"),
            Self::MayNotPost(who) => {
                write!(f, "a list to which the sender may not post; who may: {who}")
            }
            Self::Returned(to) => write!(f, "stands for {to}, whose mail was passed on here"),
            Self::NotReturned => f.write_str(
                "looks like a sender whose mail was passed on; not made here, or too old",
            ),
            Self::Responsible(account) => {
                write!(f, "must reach somebody: {account} answers, since nobody was named")
            }
            Self::CatchAll(to) => {
                write!(f, "nobody's own; the domain's catch-all leads to {}", join(to))
            }
            Self::Unknown => f.write_str("nobody has this address"),
            Self::Again => f.write_str("looked at before"),
            Self::TooMany => f.write_str("too many addresses: the rest is not looked at"),
        }
    }
}
