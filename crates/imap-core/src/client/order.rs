//! What a client can be told to do, and what that comes to.

use mail_types::Timestamp;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Tell all mailboxes.
    List,
    /// Open a mailbox, by its name as [`Folder::wire`] has it, such that nothing in it changes
    /// (EXAMINE, RFC 9051 §6.3.3).
    Examine(String),
    /// Tell the UIDs of all its messages.
    Uids,
    /// Tell flags, dates and sizes of these messages.
    Facts(Vec<u32>),
    /// Hand over these messages, whole.
    Bodies(Vec<u32>),
    /// Say good-bye.
    Logout,
}

/// What an order came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server knows us; nothing was ordered yet.
    SignedIn,
    /// The mailboxes.
    Listed(Vec<Folder>),
    /// The mailbox is open.
    Examined(Selected),
    /// The UIDs, as the server named them.
    Uids(Vec<u32>),
    /// What is known of the messages that are still there.
    Facts(Vec<Facts>),
    /// The bodies were handed over; of those that were not, the message is gone.
    Fetched,
    /// The server refused, in its words.
    Refused(String),
}

/// A mailbox of the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name, readable.
    pub name: String,
    /// Its name as the server wrote it; none if no client can write it: it is in no charset, or has
    /// control characters.
    pub wire: Option<String>,
    /// What divides levels of the name; none if it has one level only.
    pub delimiter: Option<char>,
    /// Such as `\Sent` (RFC 6154 §2) or `\Noselect`.
    pub attributes: Vec<String>,
}

/// An open mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selected {
    /// Its UIDVALIDITY (RFC 9051 §2.3.1.1); 0 if the server has not said it.
    pub uid_validity: u64,
    /// How many messages it has.
    pub messages: u64,
}

/// What is known of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its UID; 0 if the server has not said it.
    pub uid: u32,
    /// Its flags and keywords, as the server wrote them.
    pub flags: Vec<String>,
    /// When it was received there.
    pub internal_date: Option<Timestamp>,
    /// Its size in octets, as the server says.
    pub size: Option<u64>,
}
