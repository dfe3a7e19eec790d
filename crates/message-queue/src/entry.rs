//! A message as it is handed to the queue.

use mail_types::{
    AccountId, Address, BodyKind, DsnReturn, FlagSet, Handling, Lane, MailboxName, Notify,
    OriginalRecipient, QueueId, ReversePath, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The envelope of a new entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id if one was given beforehand ([`crate::Queue::new_id`]), so that the Received field
    /// could name it.
    pub id: Option<QueueId>,
    /// Where notifications go.
    pub reverse_path: ReversePath,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// What MAIL FROM declared (RFC 6152 §2).
    pub body: BodyKind,
    /// Whether it needs SMTPUTF8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<DsnReturn>,
    /// ENVID, decoded (RFC 3461 §4.4).
    pub envid: Option<String>,
    /// How it is to be treated on its way.
    pub handling: Handling,
    /// Where it came from.
    pub origin: Origin,
    /// The Message-ID field's content, for whoever traces by it; without angle brackets.
    pub message_id: Option<String>,
    /// To whom, at least one.
    pub recipients: Vec<NewRecipient>,
}

impl NewEntry {
    /// A notice that an agent writes by itself: from nobody, so that nothing answers it (RFC 5321
    /// §4.5.5). One that needs SMTPUTF8 has an address with more than ASCII in its header.
    pub fn notice(
        agent: &str,
        smtputf8: bool,
        message_id: String,
        recipients: Vec<NewRecipient>,
    ) -> Self {
        Self {
            id: None,
            reverse_path: ReversePath::Null,
            account: None,
            body: if smtputf8 { BodyKind::EightBitMime } else { BodyKind::SevenBit },
            smtputf8,
            ret: None,
            envid: None,
            handling: Handling::default(),
            origin: Origin { agent: agent.to_owned(), ..Origin::default() },
            message_id: Some(message_id),
            recipients,
        }
    }
}

/// Where an entry came from, in words for the journey.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The agent that took it, such as `smtp-relay`.
    pub agent: String,
    /// Who handed it over: `mx.example.org [192.0.2.1]`, `uid 1000`, or nothing if it was made here.
    pub peer: Option<String>,
    /// How, such as `ESMTPSA`.
    pub protocol: Option<String>,
    /// The TLS version and cipher, if any.
    pub tls: Option<String>,
}

/// One recipient of a new entry. Its number is its place in the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// Where it goes.
    pub address: Address,
    /// ORCPT (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
    /// The reverse-path towards this recipient, when it is another than the entry's.
    pub reverse_path: Option<ReversePath>,
    /// Which notifications the sender wants.
    pub notify: Notify,
    /// The part of the queue that it waits in.
    pub lane: Lane,
    /// The account whose mailbox it is, for the local lane.
    pub account: Option<AccountId>,
    /// Where to put it, when elsewhere than in the inbox.
    pub file_into: Option<FileInto>,
    /// The list whose member it is, if one led to it: what the author asked for is not its matter.
    pub list: Option<Address>,
    /// Header lines put before the content at hand-over, each with its CRLF.
    pub head: Vec<u8>,
    /// Not to be tried before this time.
    pub not_before: Option<Timestamp>,
    /// Held until the operator releases it, for this reason.
    pub held: Option<String>,
    /// What its sender named, and what has become others, about which he wants to hear: nothing is
    /// delivered to it, it ends with its report.
    pub expanded: Option<Expanded>,
}

/// What a recipient was that has become others (RFC 3461 §5.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    /// An alias of several: an "expanded" report, and none of their deliveries (§5.2.7.3 c).
    Alias,
    /// A list: to reach it is to be delivered (§5.2.7.1).
    List,
}

impl NewRecipient {
    /// A recipient about whom nothing particular was said.
    pub fn new(address: Address, lane: Lane) -> Self {
        Self {
            address,
            original: None,
            reverse_path: None,
            notify: Notify::DEFAULT,
            lane,
            account: None,
            file_into: None,
            list: None,
            head: Vec::new(),
            not_before: None,
            held: None,
            expanded: None,
        }
    }
}

/// A mailbox of the recipient's, and the flags that the message gets there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInto {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// What is done if it is not there: the inbox takes its place, or it is made.
    pub or_inbox: bool,
    /// Such as `\Seen` on what the account itself sent.
    pub flags: FlagSet,
}
