//! A file of `shared/`: the mailboxes that somebody may be given rights to.

use std::{collections::BTreeSet, path::Path};

use mail_types::{AccountId, MailboxId};
use stable_storage::Files;

use super::lines;
use crate::StoreError;

const FORMAT: &str = "postrider-shares";

/// Reads a file; empty if it is not there.
pub(crate) fn read(
    files: &Files,
    path: &Path,
) -> Result<BTreeSet<(AccountId, MailboxId)>, StoreError> {
    let mut pairs = BTreeSet::new();
    lines::read(files, path, FORMAT, |key, value| {
        let (owner, mailbox) = value.split_once(' ')?;
        pairs.insert((AccountId(owner.parse().ok()?), MailboxId(mailbox.parse().ok()?)));
        (key == "mailbox").then_some(())
    })?;
    Ok(pairs)
}

/// Writes it; durable when this returns.
pub(crate) fn write(
    files: &Files,
    path: &Path,
    pairs: &BTreeSet<(AccountId, MailboxId)>,
) -> Result<(), StoreError> {
    let lines = pairs.iter().map(|(owner, mailbox)| ("mailbox", format!("{owner} {mailbox}")));
    lines::write(files, path, FORMAT, lines)
}
