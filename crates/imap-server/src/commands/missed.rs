//! What went while a client was away (RFC 7162 §3.2.5.1, §3.2.6).

use imap_core::{UidRuns, server::Missed};
use mail_store::{AccountMailboxes, StoreError};
use mail_types::MailboxId;

use crate::selected::uid_runs;

/// The UIDs to tell of as vanished. What the expunge log does not reach any more is told as a whole:
/// every UID in question that has no message.
pub(super) async fn vanished(
    mailboxes: &AccountMailboxes,
    mailbox: MailboxId,
    missed: &Missed,
) -> Result<UidRuns, StoreError> {
    if missed.without_message.is_empty() {
        return Ok(UidRuns::new());
    }
    Ok(match mailboxes.expunged_since(mailbox, missed.since).await? {
        Some(gone) => missed.without_message.intersection(&uid_runs(&gone)),
        None => missed.without_message.clone(),
    })
}
