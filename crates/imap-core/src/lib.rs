//! IMAP as a machine: parser, encoder, session, sequence numbers.
