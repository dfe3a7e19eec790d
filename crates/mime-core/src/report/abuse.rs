//! Abuse reports (RFC 5965): a complaint about a message, to those it came from.

use std::net::IpAddr;

use mail_types::{Address, Domain, ReversePath, Timestamp};

use super::{header_only, put_lines, status::put};
use crate::{
    build::{
        BuiltMessage, Head,
        part::{NewPart, multipart},
    },
    header::date::DateTime,
};

/// What the complaint is (RFC 5965 §7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedbackType {
    /// Unsolicited mail, or other abuse.
    Abuse,
    /// Fraud or phishing.
    Fraud,
    /// A virus.
    Virus,
    /// Anything else.
    Other,
}

/// A complaint about one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AbuseReport<'a> {
    /// Its header.
    pub head: Head<'a>,
    /// What is said to the person.
    pub text: &'a str,
    /// What it is about.
    pub feedback_type: FeedbackType,
    /// The software that reports, as `name/version`.
    pub user_agent: &'a str,
    /// The reverse-path of the message.
    pub mail_from: Option<&'a ReversePath>,
    /// The recipients of the message.
    pub rcpt_to: &'a [&'a Address],
    /// When it came.
    pub arrival: Option<Timestamp>,
    /// The host from which it came.
    pub source_ip: Option<IpAddr>,
    /// The domain it is blamed on.
    pub reported_domain: Option<&'a Domain>,
    /// The message, or its header.
    pub original: &'a [u8],
    /// Only the header of it is returned.
    pub header_only: bool,
    /// A boundary that stands in no content: 1 to 60 letters and digits, random.
    pub boundary: &'a str,
}

impl AbuseReport<'_> {
    /// Builds it.
    pub fn build(&self) -> BuiltMessage {
        let (kind, original) = match self.header_only {
            true => ("text/rfc822-headers", header_only(self.original)),
            false => ("message/rfc822", self.original),
        };
        let mut lines = Vec::new();
        put_lines(&mut lines, original);
        let fields = self.fields();
        let parts = vec![
            NewPart::text("plain", self.text, None),
            NewPart::verbatim("message/feedback-report", fields.as_bytes()),
            NewPart::verbatim(kind, &lines),
        ];
        let subtype = "report; report-type=feedback-report";
        let mut built =
            self.head.built(multipart(subtype, parts, &mut || self.boundary.to_owned()));
        built.smtputf8 |= !fields.is_ascii();
        built
    }

    /// RFC 5965 §3.1 and §3.2.
    fn fields(&self) -> String {
        let mut out = String::new();
        let kind = match self.feedback_type {
            FeedbackType::Abuse => "abuse",
            FeedbackType::Fraud => "fraud",
            FeedbackType::Virus => "virus",
            FeedbackType::Other => "other",
        };
        put(&mut out, "Feedback-Type", kind);
        put(&mut out, "User-Agent", self.user_agent);
        put(&mut out, "Version", "1");
        if let Some(path) = self.mail_from {
            let address = path.address().map(Address::to_string).unwrap_or_default();
            put(&mut out, "Original-Mail-From", &format!("<{address}>"));
        }
        for address in self.rcpt_to {
            put(&mut out, "Original-Rcpt-To", &format!("<{address}>"));
        }
        if let Some(at) = self.arrival {
            put(&mut out, "Arrival-Date", &DateTime { at, offset_minutes: 0 }.render());
        }
        if let Some(address) = self.source_ip {
            put(&mut out, "Source-IP", &address.to_string());
        }
        if let Some(domain) = self.reported_domain {
            put(&mut out, "Reported-Domain", &domain.to_string());
        }
        out
    }
}
