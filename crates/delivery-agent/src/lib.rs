//! The MDA: from the queue into mailboxes.
