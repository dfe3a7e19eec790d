//! Message disposition notifications (RFC 8098): that a message was displayed, or what else became
//! of it in its recipient's hands.
//!
//! Whether one may be sent is not decided here: the recipient must have agreed, and nothing that
//! came with a null reverse-path is answered (RFC 8098 §2.1).

use mail_types::{Address, OriginalRecipient};

use super::{
    header_only, put_lines,
    status::{address, original_recipient, printable, put},
};
use crate::build::{
    BuiltMessage, Head,
    part::{NewPart, multipart},
};

/// What became of a message (RFC 8098 §3.2.6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposed {
    /// It was shown to someone.
    Displayed,
    /// It was deleted without being shown.
    Deleted,
    /// It was sent on somewhere.
    Dispatched,
    /// A machine dealt with it.
    Processed,
}

/// A notification to the sender of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DispositionReport<'a> {
    /// Its header; Auto-Submitted is added where a machine sends it.
    pub head: Head<'a>,
    /// What is said to the person.
    pub text: &'a str,
    /// The software that reports.
    pub reporting_ua: Option<&'a str>,
    /// The recipient as the sender wrote it, if that is known.
    pub original_recipient: Option<&'a OriginalRecipient>,
    /// The recipient.
    pub final_recipient: &'a Address,
    /// Message-ID of the message, without angle brackets.
    pub original_message_id: Option<&'a str>,
    /// What became of it.
    pub disposed: Disposed,
    /// A person did that, not a rule.
    pub by_person: bool,
    /// A person agreed to send this, at this message.
    pub sent_by_person: bool,
    /// The header of the message, if it is returned.
    pub original_header: Option<&'a [u8]>,
    /// A boundary that stands in no content: 1 to 60 letters and digits, random.
    pub boundary: &'a str,
}

impl DispositionReport<'_> {
    /// Builds it. Its reverse-path must be null (RFC 8098 §3).
    pub fn build(&self) -> BuiltMessage {
        // RFC 6533 §5: the internationalized form, where the address needs it.
        let global = self.final_recipient.needs_smtputf8();
        let kind =
            if global { "global-disposition-notification" } else { "disposition-notification" };
        let fields = self.fields(global);
        let mut parts = vec![
            NewPart::text("plain", self.text, None),
            NewPart::verbatim(&format!("message/{kind}"), fields.as_bytes()),
        ];
        if let Some(header) = self.original_header {
            let mut lines = Vec::new();
            put_lines(&mut lines, header_only(header));
            let kind = if global { "message/global-headers" } else { "text/rfc822-headers" };
            parts.push(NewPart::verbatim(kind, &lines));
        }
        let mut head = self.head.clone();
        if !self.sent_by_person {
            head.auto_submitted = Some("auto-replied");
        }
        let subtype = "report; report-type=disposition-notification";
        let mut built = head.built(multipart(subtype, parts, &mut || self.boundary.to_owned()));
        built.smtputf8 |= global;
        built
    }

    /// RFC 8098 §3.1.
    fn fields(&self, global: bool) -> String {
        let mut out = String::new();
        if let Some(agent) = self.reporting_ua {
            put(&mut out, "Reporting-UA", &printable(agent, global));
        }
        if let Some(original) = self.original_recipient {
            put(&mut out, "Original-Recipient", &original_recipient(original, global));
        }
        put(&mut out, "Final-Recipient", &address(self.final_recipient, global));
        if let Some(id) = self.original_message_id {
            put(&mut out, "Original-Message-ID", &format!("<{}>", printable(id, global)));
        }
        let action = if self.by_person { "manual-action" } else { "automatic-action" };
        let sent = if self.sent_by_person { "MDN-sent-manually" } else { "MDN-sent-automatically" };
        let disposed = match self.disposed {
            Disposed::Displayed => "displayed",
            Disposed::Deleted => "deleted",
            Disposed::Dispatched => "dispatched",
            Disposed::Processed => "processed",
        };
        put(&mut out, "Disposition", &format!("{action}/{sent}; {disposed}"));
        out
    }
}
