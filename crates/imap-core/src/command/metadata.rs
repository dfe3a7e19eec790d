//! What clients note of mailboxes and of the server (RFC 5464).

use mail_types::{AnnotationName, MailboxName};

/// GETMETADATA and SETMETADATA. Without a mailbox, it is about the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataCommand {
    /// GETMETADATA (RFC 5464 §4.2).
    Get {
        /// Of which mailbox.
        mailbox: Option<MailboxName>,
        /// Which entries.
        entries: Vec<AnnotationName>,
        /// Values of more octets are not told (RFC 5464 §4.2.1).
        max_size: Option<u32>,
        /// How far below them (RFC 5464 §4.2.2).
        depth: Depth,
    },
    /// SETMETADATA (RFC 5464 §4.3).
    Set {
        /// Of which mailbox.
        mailbox: Option<MailboxName>,
        /// Entries and their values; those without one are removed. If one can't be set, none is.
        values: Vec<(AnnotationName, Option<Vec<u8>>)>,
    },
}

/// How far below an entry others are meant too (RFC 5464 §4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Depth {
    /// Only itself.
    #[default]
    Itself,
    /// Those right below it too.
    Children,
    /// All below it too.
    All,
}

impl Depth {
    /// Whether an entry so many levels below is meant.
    pub fn reaches(self, levels: usize) -> bool {
        match self {
            Self::Itself => levels == 0,
            Self::Children => levels <= 1,
            Self::All => true,
        }
    }
}
