//! What changes an account, each inside one write transaction of its index.
//!
//! The order of steps is that of docs/mail-store.md; each module repeats its part.

pub(crate) mod adopt;
pub(crate) mod arrive;
pub(crate) mod create;
pub(crate) mod deliver;
pub(crate) mod doomed;
pub(crate) mod expunge;
mod filed;
pub(crate) mod flags;
pub(crate) mod follow;
pub(crate) mod glance;
pub(crate) mod keys;
pub(crate) mod merge;
pub(crate) mod objects;
pub(crate) mod populate;
pub(crate) mod portions;
pub(crate) mod reindex;
pub(crate) mod relocate;
pub(crate) mod removed;
pub(crate) mod rename;
pub(crate) mod replace;
pub(crate) mod restored;
mod room;
pub(crate) mod special_use;

pub use restored::PlainUniqueId;
