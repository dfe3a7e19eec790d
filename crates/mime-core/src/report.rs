//! Delivery status notifications (RFC 3464) as multipart/report (RFC 6522).

use mail_types::{Address, Domain, EnhancedStatus, OriginalRecipient, Reply, Timestamp};

/// A notification to the sender of a message about some of its recipients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryReport<'a> {
    /// The host that reports.
    pub reporting_mta: &'a Domain,
    /// Who gets the report: the reverse-path of the message.
    pub to: &'a Address,
    /// The moment of the report, in UTC.
    pub date: Timestamp,
    /// The Message-ID of the report, without angle brackets.
    pub message_id: &'a str,
    /// A boundary that stands in no content: 1 to 70 letters and digits, random.
    pub boundary: &'a str,
    /// ENVID of the message (RFC 3461 §4.4), decoded.
    pub envelope_id: Option<&'a str>,
    /// When the message came in.
    pub arrival: Timestamp,
    /// The subject and Message-ID of the original come from its header, given at [`Self::build`].
    pub recipients: &'a [RecipientReport<'a>],
}

/// What happened to one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecipientReport<'a> {
    /// The address it was sent to.
    pub address: &'a Address,
    /// ORCPT, if the sender gave it.
    pub original: Option<&'a OriginalRecipient>,
    /// What happened.
    pub action: Action,
    /// Its status.
    pub status: EnhancedStatus,
    /// In words.
    pub text: &'a str,
    /// The host that was asked.
    pub remote_mta: Option<&'a str>,
    /// What that host replied.
    pub reply: Option<&'a Reply>,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
}

/// What happened to a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Given up.
    Failed,
    /// Still being tried, until the time given if one is.
    Delayed(Option<Timestamp>),
    /// In the mailbox.
    Delivered,
    /// Passed to a host that makes no such reports.
    Relayed,
    /// Passed to several.
    Expanded,
}

/// What of the original is returned (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returned<'a> {
    /// Its header, given here with or without the blank line.
    Headers(&'a [u8]),
    /// All of it: to be streamed between the head and the tail of the report. The header is given
    /// for the subject; `eight_bit` says whether any octet of the content is above 127.
    Full {
        /// The header.
        header: &'a [u8],
        /// Whether the content has octets above 127.
        eight_bit: bool,
    },
}

/// A built report: the head, then (for [`Returned::Full`]) the original, then the tail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Built {
    /// Up to where the original goes.
    pub head: Vec<u8>,
    /// What follows it.
    pub tail: Vec<u8>,
    /// Whether it needs 8BITMIME.
    pub eight_bit: bool,
    /// Whether it needs SMTPUTF8: an address in it does (RFC 6533 §3).
    pub smtputf8: bool,
}

impl DeliveryReport<'_> {
    /// Builds it.
    pub fn build(&self, _returned: Returned<'_>) -> Built {
        todo!()
    }
}
