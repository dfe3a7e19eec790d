//! Who may do what with a mailbox (RFC 4314).

use mail_types::{MailboxName, Rights};

/// The commands about access control lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AclCommand {
    /// SETACL (RFC 4314 §3.1).
    Set {
        /// Of which mailbox.
        mailbox: MailboxName,
        /// For whom.
        identifier: Identifier,
        /// What becomes of the rights.
        change: RightsChange,
    },
    /// DELETEACL (RFC 4314 §3.2).
    Delete {
        /// Of which mailbox.
        mailbox: MailboxName,
        /// Whose line.
        identifier: Identifier,
    },
    /// GETACL (RFC 4314 §3.3).
    Get(MailboxName),
    /// LISTRIGHTS (RFC 4314 §3.4).
    ListRights {
        /// Of which mailbox.
        mailbox: MailboxName,
        /// For whom.
        identifier: Identifier,
    },
    /// MYRIGHTS (RFC 4314 §3.5).
    MyRights(MailboxName),
}

impl AclCommand {
    /// The mailbox that it is about.
    pub fn mailbox(&self) -> &MailboxName {
        match self {
            Self::Set { mailbox, .. }
            | Self::Delete { mailbox, .. }
            | Self::Get(mailbox)
            | Self::ListRights { mailbox, .. }
            | Self::MyRights(mailbox) => mailbox,
        }
    }
}

/// Somebody, as a client names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identifier {
    /// As it came: LISTRIGHTS tells it so again (RFC 4314 §3.4).
    pub written: String,
    /// The name, prepared (RFC 4314 §3), without the dash.
    pub name: String,
    /// It began with a dash: the rights are taken away (RFC 4314 §2).
    pub negative: bool,
}

/// What SETACL does with the rights that there are (RFC 4314 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RightsChange {
    /// `+`: these are added.
    Add(Rights),
    /// `-`: these are removed.
    Remove(Rights),
    /// These are all there will be.
    Replace(Rights),
}
