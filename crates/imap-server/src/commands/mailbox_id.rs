//! What a mailbox is called for ever: MAILBOXID (RFC 8474 §4), and what its key for URLs is kept by.

use imap_core::ObjectId;
use mail_store::{AccountMailboxes, KeyedMailbox, MailboxState};

/// What the mailbox is called for ever, whatever its name. UIDVALIDITY is part of it: where that
/// changes, nothing of what was known of the mailbox holds (RFC 8474 §4).
pub(super) fn mailbox_id(mailboxes: &AccountMailboxes, state: &MailboxState) -> ObjectId {
    let (account, mailbox) = (mailboxes.id().0.unsigned_abs(), state.id.0.unsigned_abs());
    ObjectId::of_mailbox([account, mailbox, state.uid_validity.number().into()])
}

/// The same for its key (RFC 4467 §2.2).
pub(super) fn keyed(mailboxes: &AccountMailboxes, state: &MailboxState) -> KeyedMailbox {
    let (mailbox, uid_validity) = (state.id, state.uid_validity);
    KeyedMailbox { owner: mailboxes.id(), mailbox, uid_validity }
}
