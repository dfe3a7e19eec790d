//! What is given to every session.

use std::time::Duration;

use sasl_core::Offers;

use super::MessageLimit;
use crate::{
    Language,
    response::{Code, Completion},
};

/// What a server is, the same for all its sessions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// In the greeting and the ID response.
    pub product: String,
    /// In the ID response; none: not told.
    pub version: Option<String>,
    /// Whether STARTTLS can be done.
    pub starttls: bool,
    /// The name of this host, in challenges.
    pub hostname: String,
    /// How one signs in.
    pub offers: Offers,
    /// Whether `UTF8=ACCEPT` is offered, which some clients break on (RFC 9755).
    pub utf8_accept: bool,
    /// Whether `UIDONLY` is offered, which some clients break on (RFC 9586).
    pub uid_only: bool,
    /// Whether mailboxes can be shared (RFC 4314), and single messages by URL (RFC 4467).
    pub sharing: bool,
    /// How many messages one command works on, which old clients know nothing of (RFC 9738 §4).
    pub message_limit: MessageLimit,
    /// What LANGUAGE means by its default (RFC 5255 §3.2); texts are in English before.
    pub preferred_language: Language,
    /// What the peer can make grow.
    pub limits: Limits,
}

/// Bounds on what the peer controls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Octets of a line; clients send long sets of UIDs.
    pub line_max: usize,
    /// Octets of one literal, APPEND's message apart.
    pub literal_max: u64,
    /// Octets of a whole command, its literals included.
    pub command_max: u64,
    /// Octets of a whole command before sign-in.
    pub command_before_sign_in_max: u64,
    /// Octets of an annotation's value; several of them may make a command longer than others.
    pub annotation_max: u64,
    /// Octets of an APPEND's message.
    pub append_max: u64,
    /// Messages of one APPEND.
    pub append_messages_max: u32,
    /// Octets that are thrown away of a refused literal that comes unasked (`{n+}`); beyond it the
    /// connection is closed (RFC 7888 §4).
    pub discard_max: u64,
    /// BAD commands in a row.
    pub bad_commands_max: u32,
    /// Failed sign-ins on one connection. Thunderbird makes three of one mistyped password.
    pub sign_ins_max: u32,
    /// How long a connection may stand without sign-in.
    pub sign_in_time: Duration,
    /// How long a signed-in client may be silent, in IDLE too; at least 30 minutes
    /// (RFC 3501 §5.4).
    pub idle_time: Duration,
}

impl Limits {
    /// Why a literal of a SETMETADATA is not taken, with so many octets before it.
    pub(super) fn annotation_refusal(&self, before: u64, size: u64) -> Option<Completion> {
        if size > self.annotation_max {
            // RFC 5464 §4.3.
            let code = Code::MetadataMaxSize(self.annotation_max);
            return Some(Completion::no(code, "The value is too large"));
        }
        let whole_max = self.command_max.saturating_add(self.annotation_max);
        let too_large = before.saturating_add(size) > whole_max;
        too_large.then(|| Completion::no(Code::Limit, "These are too many values at once"))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            product: "Postrider".to_owned(),
            version: None,
            starttls: true,
            hostname: "localhost".to_owned(),
            offers: Offers::passwords(),
            utf8_accept: false,
            uid_only: false,
            sharing: false,
            message_limit: MessageLimit::Unlimited,
            preferred_language: Language::English,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_max: 64 * 1024,
            literal_max: 64 * 1024,
            command_max: 256 * 1024,
            command_before_sign_in_max: 16 * 1024,
            annotation_max: 64 * 1024,
            append_max: 50 * 1024 * 1024,
            append_messages_max: 1000,
            discard_max: 256 * 1024 * 1024,
            bad_commands_max: 20,
            sign_ins_max: 10,
            sign_in_time: Duration::from_secs(3 * 60),
            idle_time: Duration::from_secs(31 * 60),
        }
    }
}
