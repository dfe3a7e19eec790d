//! Every word that a client reads.
//!
//! Response codes are those of RFC 2449 §8 and RFC 3206: `[AUTH]` only for wrong credentials, so
//! that a client asks its owner for a new password only then.

use std::io::Write as _;

use mail_types::Domain;

use crate::maildrop::{Absent, Maildrop};

/// What a connection too many is told instead of the greeting.
pub const TOO_MANY_CONNECTIONS: &str =
    "-ERR [SYS/TEMP] Too many connections, please try again later\r\n";

/// A response that starts with `+`.
pub(crate) enum Positive<'a> {
    /// Without a timestamp in angle brackets, which would announce APOP (RFC 1939 §7).
    Greeting(&'a Domain),
    Capabilities,
    StartTls,
    /// To USER: for any name, so that nobody learns which exist (RFC 1939 §7).
    SendPassword,
    /// RFC 5034 §4: `+`, a space, and base64.
    Challenge(&'a str),
    SignedIn(&'a Maildrop),
    /// RFC 1939 §5, drop listing.
    Stat(&'a Maildrop),
    /// One scan listing or unique-id listing.
    Listed(usize, &'a dyn std::fmt::Display),
    ListFollows(&'a Maildrop),
    MessageFollows(u64),
    TopFollows,
    Deleted(usize),
    Reset(&'a Maildrop),
    Noop,
    Bye,
}

impl Positive<'_> {
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        let counted = |output: &mut Vec<u8>, maildrop: &Maildrop| {
            let (messages, octets) = maildrop.totals();
            write!(output, "+OK {messages} messages ({octets} octets)\r\n")
        };
        // Writing to memory does not fail.
        let _ = match self {
            Self::Greeting(host) => write!(output, "+OK {host} POP3 Postrider\r\n"),
            Self::Capabilities => write!(output, "+OK Capabilities follow\r\n"),
            Self::StartTls => write!(output, "+OK Start TLS now\r\n"),
            Self::SendPassword => write!(output, "+OK Send the password\r\n"),
            Self::Challenge(base64) => write!(output, "+ {base64}\r\n"),
            Self::SignedIn(maildrop) | Self::ListFollows(maildrop) | Self::Reset(maildrop) => {
                counted(output, maildrop)
            }
            Self::Stat(maildrop) => {
                let (messages, octets) = maildrop.totals();
                write!(output, "+OK {messages} {octets}\r\n")
            }
            Self::Listed(number, what) => write!(output, "+OK {number} {what}\r\n"),
            Self::MessageFollows(octets) => write!(output, "+OK {octets} octets\r\n"),
            Self::TopFollows => write!(output, "+OK Top of the message follows\r\n"),
            Self::Deleted(number) => write!(output, "+OK Message {number} marked\r\n"),
            Self::Noop => write!(output, "+OK\r\n"),
            Self::Bye => write!(output, "+OK Bye\r\n"),
        };
    }
}

/// How a client broke the protocol. Counted: too many end the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerError {
    UnknownCommand,
    LineTooLong,
    /// A line that ends in a bare LF, or has a control character.
    ControlCharacter,
    /// Wrong arguments, and how the command reads.
    Syntax(&'static str),
    NotSignedIn,
    SignedIn,
    /// PASS without USER.
    NoName,
    NoTlsHere,
    TlsStands,
    NeedsTls,
    UnknownMechanism,
    /// An initial response for a mechanism that begins with the server.
    NoInitialResponse,
    BadBase64,
    BadResponse,
    Cancelled,
}

impl PeerError {
    pub(crate) fn write(self, output: &mut Vec<u8>) {
        let text = match self {
            Self::UnknownCommand => "No such command",
            Self::LineTooLong => "This line is too long",
            Self::ControlCharacter => "Lines end in CRLF and have no control characters",
            Self::NotSignedIn => "Sign in first",
            Self::SignedIn => "You are signed in already",
            Self::NoName => "Say USER first",
            Self::NoTlsHere => "No TLS to start here",
            Self::TlsStands => "TLS stands already",
            Self::NeedsTls => "Start TLS before you sign in (STLS, or port 995)",
            Self::UnknownMechanism => "No such mechanism",
            Self::NoInitialResponse => "This mechanism begins with the server",
            Self::BadBase64 => "This is not base64",
            Self::BadResponse => "Unreadable sign-in data",
            Self::Cancelled => "Sign-in cancelled",
            Self::Syntax(usage) => {
                // Writing to memory does not fail.
                let _ = write!(output, "-ERR It reads: {usage}\r\n");
                return;
            }
        };
        let _ = write!(output, "-ERR {text}\r\n");
    }
}

/// Why the agent says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such account, or a wrong password: not said which (RFC 3206 §5).
    BadCredentials,
    /// Another session has the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// Trouble of ours that will pass (RFC 3206 §4).
    Failure,
    /// Trouble of ours that somebody has to look at (RFC 3206 §4).
    Broken,
    /// The message was removed by other means since the maildrop was opened.
    MessageGone,
    /// Not all marked messages were removed (RFC 1939 §6).
    NotRemoved,
}

impl Refusal {
    pub(crate) fn write(self, output: &mut Vec<u8>) {
        let text = match self {
            Self::BadCredentials => "[AUTH] Wrong name or password",
            Self::InUse => "[IN-USE] The maildrop is open in another session",
            Self::Failure => "[SYS/TEMP] Trouble here, please try again later",
            Self::Broken => "[SYS/PERM] Trouble here, please ask whoever runs this server",
            Self::MessageGone => "The message is gone",
            Self::NotRemoved => "[SYS/TEMP] Some deleted messages were not removed",
        };
        let _ = write!(output, "-ERR {text}\r\n");
    }
}

/// A message-number without a message.
pub(crate) fn write_absent(absent: Absent, output: &mut Vec<u8>) {
    let text = match absent {
        Absent::Never => "No such message",
        Absent::Deleted => "The message is marked as deleted",
    };
    let _ = write!(output, "-ERR {text}\r\n");
}

/// The last words before the server closes by itself. RFC 1939 §3: none when a client was silent
/// for too long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Farewell {
    Stopping,
    TooManyErrors,
}

impl Farewell {
    pub(crate) fn write(self, output: &mut Vec<u8>) {
        let text = match self {
            Self::Stopping => "[SYS/TEMP] Restarting, please try again soon",
            Self::TooManyErrors => "Too many errors, closing",
        };
        let _ = write!(output, "-ERR {text}\r\n");
    }
}
