//! How mailboxes and messages are called on disk.

pub(crate) mod file;
pub(crate) mod folder;
