//! IMAP access to the mail store.
