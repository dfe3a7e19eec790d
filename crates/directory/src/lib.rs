//! Domains, accounts, addresses, what passwords are verified against, and the route of an address.
//!
//! `directory.db` and `credentials.db` are published databases ([`stable_storage::Published`]): the
//! [`Editor`] writes them anew at each change; agents keep what they hold in memory
//! ([`Directory`], [`Credentials`]) and read it again when the file is another one.
//!
//! Invariants: only [`Directory::route`] expands addresses and decides lanes. An [`AccountId`] is
//! never given to a second account. An account's generation number grows whenever a proof of its
//! password must no longer count; agents learn of it at the next question they ask.
//!
//! This crate knows no protocol and no queue: a [`Refusal`] is not a reply yet. Of passwords it hashes nothing.
//!
//! [`AccountId`]: mail_types::AccountId

mod account;
mod credentials;
mod directory;
mod editor;
mod error;
mod expansion;
mod explanation;
mod hosted;
mod list;
mod roster;
mod route;
mod snapshot;
mod srs;
mod tables;

pub use account::{Account, Alias, AliasName, Forward, Sending};
pub use credentials::{AppPassword, Census, Certificate, Credentials, Kept, Password};
pub use directory::Directory;
pub use editor::{Editor, ListChange, NewAccount, NewAppPassword, Removal};
pub use error::DirectoryError;
pub use explanation::{Explanation, Rule, Step};
pub use hosted::{DomainKind, HostedDomain, RelayedTo, Separator, Subaddress};
pub use list::{MailingList, Posting};
pub use route::{Occasion, Refusal, Route, Target};
pub use snapshot::Stamp;
pub use srs::is_rewritten;
