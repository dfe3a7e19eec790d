//! Backups: a repository of contents by their hashes, and a list for each backup that says which
//! content is which file of the installation.
//!
//! While agents work, a backup is of one moment: databases are copied as they are then, and after
//! that exactly the files that their rows name, which nobody removes meanwhile. What was copied
//! once is neither read nor kept again. A list is complete in itself, and it gets its name last:
//! before that, nothing of the backup is there, and earlier ones are never touched.
//!
//! The format stands in docs/backup.md, so that a person can restore by hand.

mod abroad;
mod before;
mod contents;
mod copied;
mod create;
mod files;
mod hash;
mod install;
mod keep;
mod lists;
mod mail;
mod manifest;
mod message;
mod repository;
mod secrets;
mod turns;
mod verify;

pub(crate) use abroad::Bounds;
pub(crate) use create::{Order, Report, create};
pub(crate) use install::{Installed, Orders, install};
pub(crate) use keep::Keep;
pub(crate) use lists::{Collected, remove};
pub(crate) use mail::{Restored, Wanted, restore};
pub(crate) use manifest::{BackupId, Scope};
pub(crate) use repository::{Repository, Use};
pub(crate) use secrets::{Elsewhere, Given, Secrets};
pub(crate) use turns::{begin_work, refuse_while_restoring};
pub(crate) use verify::{Verified, verify};
