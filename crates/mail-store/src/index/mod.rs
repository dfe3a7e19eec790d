//! The index of one account: all SQL of the crate stands below this module.
//!
//! One connection (each costs a thread), used by one operation at a time; beside it one without a
//! thread for what is asked or done often, or to many messages ([`Here`]), used while the other is not. A
//! [`Change`] is the account's lock: turnstile, then BEGIN IMMEDIATE; whatever changes the account's folders happens
//! while one is open. A change that is dropped is undone.
//!
//! Invariant: no connection outlives the file it was opened on. Another process may have set a
//! damaged index aside; so the file is looked at before each use.

mod changed;
mod connection;
pub(crate) mod copied;
pub(crate) mod counters;
mod counting;
pub(crate) mod deliveries;
pub(crate) mod filed;
mod filing;
mod here;
pub(crate) mod history;
pub(crate) mod inspection;
mod known;
pub(crate) mod listed;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub(crate) mod objects;
pub(crate) mod pending;
mod relocating;
pub(crate) mod rows;
mod schema;
pub(crate) mod sorting;
mod states;

pub(crate) use connection::{Change, Index, Look};
pub(crate) use counting::{Counted, Turned};
pub(crate) use here::Here;
pub(crate) use schema::{KEYWORDS_BEHIND, NAME_BEHIND};
