//! `postrider-account`: what is true of the account and of no single mailbox.

use std::{collections::BTreeSet, path::Path};

use mail_types::MailboxName;
use stable_storage::Files;

use super::lines;
use crate::StoreError;

const FORMAT: &str = "postrider-account";

/// The facts of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct AccountFile {
    /// The last mailbox id ever given.
    pub(crate) last_mailbox: i64,
    /// The last UIDVALIDITY ever given.
    pub(crate) last_uid_validity: u32,
    /// The names that are subscribed.
    pub(crate) subscribed: BTreeSet<MailboxName>,
}

impl AccountFile {
    /// Reads the file in the account's folder, if it is there.
    pub(crate) fn read(files: &Files, folder: &Path) -> Result<Option<Self>, StoreError> {
        let mut facts = Self::default();
        let found = lines::read(files, &folder.join(FORMAT), FORMAT, |key, value| {
            match key {
                "last-mailbox" => facts.last_mailbox = value.parse().ok()?,
                "last-uidvalidity" => facts.last_uid_validity = value.parse().ok()?,
                "subscribed" => {
                    facts.subscribed.insert(MailboxName::parse(value).ok()?);
                }
                _ => return None,
            }
            Some(())
        })?;
        Ok(found.then_some(facts))
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, folder: &Path) -> Result<(), StoreError> {
        let facts = [
            ("last-mailbox", self.last_mailbox.to_string()),
            ("last-uidvalidity", self.last_uid_validity.to_string()),
        ];
        let subscribed = self.subscribed.iter().map(|name| ("subscribed", name.to_string()));
        lines::write(files, &folder.join(FORMAT), FORMAT, facts.into_iter().chain(subscribed))
    }
}
