//! New messages: a head, text in plain and HTML, attachments.
//!
//! Values in, octets out: the same values give the same octets. Times, message ids and the boundary
//! are the caller's, who has a clock and randomness. Everything is 7-bit; only an address that is
//! not ASCII needs SMTPUTF8, and the caller is told. Reports are built in [`crate::report`].

mod auto_reply;
pub(crate) mod part;

use mail_types::Address;

use crate::header::{
    date::DateTime,
    write::{put_addresses, put_ids, put_line, put_text},
};

use part::{NewPart, multipart};

pub use auto_reply::{AutoReply, NoReply, may_reply};

/// Someone in an address field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Person<'a> {
    /// The name that is shown; may be empty.
    pub name: &'a str,
    /// The address.
    pub address: &'a Address,
}

/// The header fields of a new message that are not about its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    /// From.
    pub from: Person<'a>,
    /// Reply-To; may be empty, as may all lists here.
    pub reply_to: &'a [Person<'a>],
    /// To.
    pub to: &'a [Person<'a>],
    /// Cc.
    pub cc: &'a [Person<'a>],
    /// Subject.
    pub subject: &'a str,
    /// Date.
    pub date: DateTime,
    /// Message-ID, without angle brackets.
    pub message_id: &'a str,
    /// In-Reply-To, without angle brackets.
    pub in_reply_to: &'a [&'a str],
    /// References, the oldest first, without angle brackets.
    pub references: &'a [&'a str],
    /// Auto-Submitted (RFC 3834 §5), for what no person wrote.
    pub auto_submitted: Option<&'static str>,
}

/// A new message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMessage<'a> {
    /// Its header.
    pub head: Head<'a>,
    /// The label of the charset of its text; UTF-8 if it is `None`, unknown, or lacks a character.
    pub charset: Option<&'a str>,
    /// The text in plain. A message with neither text nor HTML has an empty text.
    pub text: Option<&'a str>,
    /// The text in HTML.
    pub html: Option<&'a str>,
    /// What is attached.
    pub attachments: &'a [NewAttachment<'a>],
    /// A boundary that stands in no content: 1 to 60 letters and digits, random.
    pub boundary: &'a str,
}

/// Something attached to a new message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewAttachment<'a> {
    /// Its file name.
    pub name: &'a str,
    /// `image/png`; what is no media type counts as `application/octet-stream`.
    pub media_type: &'a str,
    /// What it holds.
    pub content: &'a [u8],
    /// The id by which the HTML shows it, without angle brackets (RFC 2392): then it is not
    /// attached but inline.
    pub content_id: Option<&'a str>,
}

/// A message that was built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuiltMessage {
    /// Its octets; lines end in CRLF.
    pub octets: Vec<u8>,
    /// Whether it needs SMTPUTF8.
    pub smtputf8: bool,
}

impl NewMessage<'_> {
    /// Builds it: `mixed(alternative(text, related(html, inline..)), attached..)`, of which what
    /// would hold one part only is left out.
    pub fn build(&self) -> BuiltMessage {
        let mut boundaries = (0_u8..).map(|number| format!("{}{number:02}", self.boundary));
        let mut boundary = || boundaries.next().unwrap_or_default();
        let is_inline = |it: &&NewAttachment<'_>| it.content_id.is_some() && self.html.is_some();
        let inline = self.attachments.iter().filter(is_inline);
        let attached = self.attachments.iter().filter(|it| !is_inline(it));

        let html = self.html.map(|html| {
            let first = NewPart::text("html", html, self.charset);
            let parts = std::iter::once(first).chain(inline.map(NewPart::attachment)).collect();
            multipart("related", parts, &mut boundary)
        });
        let text = match self.text {
            None if html.is_some() => None,
            text => Some(NewPart::text("plain", text.unwrap_or_default(), self.charset)),
        };
        let body = multipart("alternative", text.into_iter().chain(html).collect(), &mut boundary);
        let parts = std::iter::once(body).chain(attached.map(NewPart::attachment)).collect();
        self.head.built(multipart("mixed", parts, &mut boundary))
    }
}

impl Head<'_> {
    /// The message with this head and content.
    pub(crate) fn built(&self, content: NewPart) -> BuiltMessage {
        let mut head = String::new();
        self.put(&mut head);
        let smtputf8 = !head.is_ascii() || content.needs_smtputf8();
        put_line(&mut head, "MIME-Version", "1.0");
        let mut octets = head.into_bytes();
        content.put(&mut octets);
        BuiltMessage { octets, smtputf8 }
    }

    fn put(&self, out: &mut String) {
        let list = |people: &[Person<'_>], out: &mut String, name: &str| {
            put_addresses(out, name, people.iter().map(|it| (it.name, it.address)));
        };
        list(&[self.from], out, "From");
        list(self.reply_to, out, "Reply-To");
        list(self.to, out, "To");
        list(self.cc, out, "Cc");
        put_text(out, "Subject", self.subject);
        put_line(out, "Date", &self.date.render());
        put_ids(out, "Message-ID", [self.message_id]);
        put_ids(out, "In-Reply-To", self.in_reply_to.iter().copied());
        put_ids(out, "References", self.references.iter().copied());
        if let Some(how) = self.auto_submitted {
            put_line(out, "Auto-Submitted", how);
        }
    }
}
