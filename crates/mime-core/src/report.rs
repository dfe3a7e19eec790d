//! Reports of machines as multipart/report (RFC 6522): delivery status notifications (RFC 3464),
//! and in submodules disposition notifications and abuse reports.
//!
//! Values in, octets out. Peers and senders control replies, addresses and the original: all of it
//! is made safe for a header line before it is put into one. The boundary and the message id are
//! the caller's, who has the randomness.

mod abuse;
mod disposition;
mod status;
mod words;

use mail_types::{Address, Domain, EnhancedStatus, OriginalRecipient, Reply, Timestamp};

use crate::{
    build::part::{NewPart, multipart},
    header::{
        self,
        date::DateTime,
        write::{put_line, put_text},
    },
};

pub use abuse::{AbuseReport, FeedbackType};
pub use disposition::{Disposed, DispositionReport};

/// A notification to the sender of a message about some of its recipients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryReport<'a> {
    /// The host that reports.
    pub reporting_mta: &'a Domain,
    /// Who gets the report: the reverse-path of the message.
    pub to: &'a Address,
    /// The moment of the report.
    pub date: Timestamp,
    /// The Message-ID of the report, without angle brackets.
    pub message_id: &'a str,
    /// A boundary that stands in no content: 1 to 70 letters and digits, random.
    pub boundary: &'a str,
    /// ENVID of the message (RFC 3461 §4.4), decoded.
    pub envelope_id: Option<&'a str>,
    /// When the message came in.
    pub arrival: Timestamp,
    /// By when its sender wanted it delivered (RFC 2852 §5).
    pub deliver_by: Option<Timestamp>,
    /// What its sender wanted it held for, as RFC 4865 §5.1.2 writes it.
    pub hold_request: Option<&'a str>,
    /// The languages of the explanation, at least one.
    pub languages: &'a [Language],
    /// Those it is about; at least one.
    pub recipients: &'a [RecipientReport<'a>],
}

/// A language of explanations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// The languages of a setting: `en`, `ko`, or `ko+en` for both; English for any other word.
    pub fn named(word: &str) -> &'static [Self] {
        match word {
            "ko" => &[Self::Korean],
            "ko+en" => &[Self::Korean, Self::English],
            _ => &[Self::English],
        }
    }
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
    /// All of it: to be streamed between the head and the tail of the report.
    Full {
        /// The header, for the subject.
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
    pub fn build(&self, returned: Returned<'_>) -> Built {
        let original = match returned {
            Returned::Headers(header) | Returned::Full { header, .. } => header,
        };
        let returned_eight_bit = match returned {
            Returned::Headers(header) => !header_only(header).is_ascii(),
            Returned::Full { eight_bit, .. } => eight_bit,
        };
        let global = self.is_global();
        let text = words::text(self, original);
        let status = status::fields(self, global);
        // RFC 6533 §4: the internationalized forms, where an address needs them.
        let kinds = match (returned, global) {
            (Returned::Full { .. }, false) => ("delivery-status", "message/rfc822"),
            (Returned::Full { .. }, true) => ("global-delivery-status", "message/global"),
            (Returned::Headers(_), false) => ("delivery-status", "text/rfc822-headers"),
            (Returned::Headers(_), true) => ("global-delivery-status", "message/global-headers"),
        };
        let mut lines = Vec::new();
        if let Returned::Headers(header) = returned {
            put_lines(&mut lines, header_only(header));
        }
        let parts = vec![
            NewPart::verbatim("text/plain; charset=utf-8", text.as_bytes()),
            NewPart::verbatim(&format!("message/{}", kinds.0), status.as_bytes()),
            NewPart::labelled(kinds.1, lines, returned_eight_bit),
        ];
        let subtype = "report; report-type=delivery-status";
        let content = multipart(subtype, parts, &mut || self.boundary.to_owned());
        let eight_bit = content.is_eight_bit();

        let mut head = self.header().into_bytes();
        content.put(&mut head);
        // The original goes before the delimiter that closes.
        let closing = format!("\r\n--{}--\r\n", self.boundary).len();
        let tail = head.split_off(head.len().saturating_sub(closing));
        Built { head, tail, eight_bit, smtputf8: global }
    }

    /// Whether an address in it can only be written in UTF-8.
    fn is_global(&self) -> bool {
        self.to.needs_smtputf8()
            || self.recipients.iter().any(|recipient| recipient.address.needs_smtputf8())
    }

    /// The header, but for what is about the content.
    fn header(&self) -> String {
        let date = DateTime { at: self.date, offset_minutes: 0 }.render();
        let mut out = String::new();
        let mailer = format!("Mail Delivery System <MAILER-DAEMON@{}>", self.reporting_mta);
        put_line(&mut out, "From", &mailer);
        put_line(&mut out, "To", &format!("<{}>", self.to));
        put_line(&mut out, "Date", &date);
        put_line(&mut out, "Message-ID", &format!("<{}>", self.message_id));
        put_text(&mut out, "Subject", &words::subject(self.recipients, self.languages));
        // RFC 3834 §5: nothing may answer a report by itself.
        put_line(&mut out, "Auto-Submitted", "auto-replied");
        put_line(&mut out, "MIME-Version", "1.0");
        out
    }
}

/// The header without its blank line.
fn header_only(message: &[u8]) -> &[u8] {
    let header = message.get(..header::header_length(message)).unwrap_or(message);
    header.strip_suffix(b"\r\n\r\n").or_else(|| header.strip_suffix(b"\n\n")).unwrap_or(header)
}

/// Lines with CRLF at the end of each but the last, which the delimiter's ends.
fn put_lines(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    for (number, line) in text.split(|octet| *octet == b'\n').enumerate() {
        if number > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    }
}
