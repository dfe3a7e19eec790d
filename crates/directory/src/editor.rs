//! Changes of the directory, made by the operator's commands.
//!
//! Each change is one new published copy: it happens as a whole or not at all, and two commands at
//! once take turns. What concerns both databases writes the one first whose half alone does no
//! harm: an account without a password cannot sign in; a new password counts at once, and the
//! generation number that ends older proofs follows.

mod accounts;
mod aliases;
mod domains;
mod forwards;
mod lists;
mod names;
mod secrets;
mod sending;

use std::path::Path;

pub use lists::ListChange;
pub use secrets::NewAppPassword;

use mail_types::{Address, Timestamp};
use sasl_core::PasswordVerifier;
use sqlx::SqliteConnection;
use stable_storage::{Files, Published, Work};

use crate::{Account, AliasName, Directory, DirectoryError, tables};

/// Changes the directory and the credentials.
#[derive(Debug, Clone)]
pub struct Editor {
    /// For looks that change nothing.
    reader: Directory,
    directory: Published,
    credentials: Published,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its address, in a domain that is served here.
    pub address: Address,
    /// What its password will be verified against.
    pub verifier: PasswordVerifier,
    /// The most bytes of all its mail.
    pub quota_bytes: Option<u64>,
    /// The time.
    pub now: Timestamp,
}

/// What the removal of an account does, or did, to the directory. The mail folder, named by the
/// account's id, is not touched: what becomes of it is the caller's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The account.
    pub account: Account,
    /// Aliases that lead to it and to others: they stay, without it.
    pub aliases_without_it: Vec<AliasName>,
    /// Aliases that lead to nobody else: they go as well.
    pub aliases_removed: Vec<AliasName>,
    /// Accounts that forward to it, and do so no longer.
    pub forwards_ended: Vec<Address>,
    /// Lists that it is a member of: they stay, without it.
    pub lists_without_it: Vec<Address>,
}

impl Editor {
    /// For the databases in these folders, which have to exist.
    pub fn open(directory: &Path, credentials: &Path, files: Files) -> Self {
        let reader = Directory::open(directory);
        let directory = tables::directory_file(directory);
        let credentials = tables::credentials_file(credentials);
        Self {
            reader,
            directory: Published::at(directory, tables::DIRECTORY, files.clone()),
            credentials: Published::at(credentials, tables::CREDENTIALS, files),
        }
    }

    /// Makes the databases, or brings their tables up to date.
    pub async fn migrate(&self) -> Result<(), DirectoryError> {
        self.credentials.edit(|_| Box::pin(async { Ok::<_, DirectoryError>(()) })).await?;
        self.edit(|connection| Box::pin(make_srs_secret(connection))).await
    }

    /// One change of the directory.
    async fn edit<T>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T, DirectoryError> + Send,
    ) -> Result<T, DirectoryError> {
        self.directory.edit(work).await
    }
}

/// What stands for senders abroad is signed with; made once, since mail may come back for weeks.
async fn make_srs_secret(connection: &mut SqliteConnection) -> Result<(), DirectoryError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(DirectoryError::NoRandomness)?;
    sqlx::query("insert or ignore into secret (name, octets) values (?, ?)")
        .bind(tables::SRS_SECRET)
        .bind(octets.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
