//! Mailboxes: Maildir++ with an index beside it.
