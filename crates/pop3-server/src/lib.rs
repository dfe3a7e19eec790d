//! POP3 access to the mail store.
