//! The lock of a maildrop.

/// The maildrop belongs to one session for as long as this lives.
#[derive(Debug)]
pub struct MaildropLock {}
