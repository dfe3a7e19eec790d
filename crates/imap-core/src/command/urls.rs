//! Leave to read messages, as URLs.

use mail_types::MailboxName;

/// GENURLAUTH, RESETKEY and URLFETCH (RFC 4467 §7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UrlCommand {
    /// GENURLAUTH: let these be read. At least one.
    Authorize(Vec<UrlToAuthorize>),
    /// RESETKEY: nothing that was authorized may be read any more.
    Reset {
        /// Of this mailbox; none: of all.
        mailbox: Option<MailboxName>,
        /// For these mechanisms; none: for the one that there is always.
        mechanisms: Vec<Box<str>>,
    },
    /// URLFETCH: what these mean. At least one.
    Fetch(Vec<Box<str>>),
}

/// A URL without its proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlToAuthorize {
    /// As the client wrote it.
    pub url: Box<str>,
    /// How it is to be proved.
    pub mechanism: Box<str>,
}
