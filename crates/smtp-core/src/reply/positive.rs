//! What the server says when all is well, and when it leaves.

use std::{fmt::Display, io::Write as _};

use mail_types::{Address, Domain, Priority, QueueId};

use super::Wording;
use crate::{
    command::Node,
    server::{Dialect, Options, Started},
};

/// A positive or intermediate reply.
pub(crate) enum Positive<'a> {
    /// RFC 5321 §4.2: the host's name first.
    Greeting(&'a Domain, Dialect),
    /// RFC 5321 §4.1.1.1, to HELO.
    Hello(&'a Domain),
    SenderOk,
    /// The same, with another priority than MAIL asked for (RFC 6710 §4.1).
    SenderOkAt(Priority),
    RecipientOk,
    /// To DATA.
    SendContent,
    /// To a chunk that is not the last (RFC 3030 §2).
    ChunkTaken(u64),
    /// The message is on stable storage, under this name.
    Queued(QueueId),
    Reset,
    Noop,
    /// RFC 5321 §3.5.3, §7.3: neither yes nor no.
    CannotVerify,
    /// To ETRN (RFC 1985 §5.1).
    Started(Started, &'a Node),
    /// RFC 3207 §4.
    StartTls,
    /// A challenge, in base64 already (RFC 4954 §4).
    Challenge(&'a str),
    SignedIn,
}

/// The last words before the server closes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Farewell {
    /// To QUIT.
    Quit,
    /// RFC 5321 §4.5.3.2.7.
    TimedOut,
    /// RFC 5321 §3.8.
    Stopping,
    TooManyErrors,
    TooManyConnections,
    TooManyMessages,
    /// NOOP and its like, over and over.
    TooMuchTalk,
    /// More content than any message has.
    TooMuch,
    /// It is not known any more where a command ends, or a chunk.
    LostTrack,
    /// To a client whom the agent does not want.
    NotWelcome,
    /// To a client whose sign-in does not count any more.
    SignedOut,
}

impl Positive<'_> {
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        self.wording().write(output);
    }

    fn wording(&self) -> Wording<'_> {
        match self {
            Self::Greeting(host, Dialect::Smtp) => {
                Wording::bare(220, format!("{host} ESMTP Postrider"))
            }
            Self::Greeting(host, Dialect::Lmtp) => {
                Wording::bare(220, format!("{host} LMTP Postrider"))
            }
            Self::Hello(host) => Wording::bare(250, host.as_str()),
            Self::SenderOk => Wording::new(250, (2, 1, 0), "Sender OK"),
            Self::SenderOkAt(priority) => Wording::new(
                250,
                (2, 3, 6),
                format!("{priority} is the priority of this message, no higher one may be used"),
            ),
            Self::RecipientOk => Wording::new(250, (2, 1, 5), "Recipient OK"),
            Self::SendContent => {
                Wording::bare(354, "Send the message, end it with a dot on a line of its own")
            }
            Self::ChunkTaken(octets) => {
                Wording::new(250, (2, 0, 0), format!("{octets} octets received"))
            }
            Self::Queued(id) => Wording::new(250, (2, 0, 0), format!("Queued as {id}")),
            Self::Reset => Wording::new(250, (2, 0, 0), "Reset"),
            Self::Noop => Wording::new(250, (2, 0, 0), "OK"),
            Self::CannotVerify => Wording::new(
                252,
                (2, 5, 0),
                "Whether this exists is not told; send a message and see",
            ),
            Self::Started(Started::NothingWaits, node) => {
                Wording::new(251, (2, 0, 0), format!("No messages wait for {node}"))
            }
            Self::Started(Started::Pending(count), node) => Wording::new(
                253,
                (2, 0, 0),
                format!("{count} messages that wait for {node} are tried now"),
            ),
            Self::StartTls => Wording::new(220, (2, 0, 0), "Start TLS now"),
            Self::Challenge(base64) => Wording::bare(334, *base64),
            Self::SignedIn => Wording::new(235, (2, 7, 0), "Signed in"),
        }
    }
}

impl Farewell {
    pub(crate) fn write(self, output: &mut Vec<u8>) {
        let wording = match self {
            Self::Quit => Wording::new(221, (2, 0, 0), "Bye"),
            Self::TimedOut => Wording::new(421, (4, 4, 2), "Nothing heard for too long, closing"),
            Self::Stopping => Wording::new(421, (4, 3, 2), "Restarting, please try again soon"),
            Self::TooManyErrors => Wording::new(421, (4, 7, 0), "Too many errors, closing"),
            // RFC 9422 §4.1.
            Self::TooManyMessages => {
                Wording::new(421, (4, 7, 0), "Too many messages, please connect again")
            }
            Self::TooMuchTalk => {
                Wording::new(421, (4, 7, 0), "Too many commands without a message, closing")
            }
            Self::TooMuch => Wording::new(421, (4, 7, 0), "Far too large, closing"),
            Self::LostTrack => {
                Wording::new(421, (4, 7, 0), "What follows cannot be understood any more, closing")
            }
            Self::NotWelcome => Wording::new(421, (4, 7, 0), "Closing"),
            Self::SignedOut => {
                Wording::new(421, (4, 7, 0), "Your account has changed, please sign in again")
            }
            Self::TooManyConnections => {
                Wording::new(421, (4, 7, 0), "Too many connections, please try again later")
            }
        };
        wording.write(output);
    }
}

/// Appends the reply to EHLO (RFC 5321 §4.1.1.1): the host, then an extension a line.
pub(crate) fn write_hello(output: &mut Vec<u8>, host: &Domain, extensions: &[&dyn Display]) {
    // Writing to memory does not fail.
    let separator = if extensions.is_empty() { ' ' } else { '-' };
    let _ = write!(output, "250{separator}{host}\r\n");
    for (place, extension) in extensions.iter().enumerate() {
        let separator = if place + 1 == extensions.len() { ' ' } else { '-' };
        let _ = write!(output, "250{separator}{extension}\r\n");
    }
}

/// Appends the reply to HELP: what there is, and what is not said in any of it.
pub(crate) fn write_help(output: &mut Vec<u8>, options: &Options) {
    let greeting = match options.dialect {
        Dialect::Smtp => "EHLO HELO",
        Dialect::Lmtp => "LHLO",
    };
    let commands = format!(
        "{greeting}{}{} MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN{} HELP QUIT",
        if options.starttls { " STARTTLS" } else { "" },
        if options.auth.offers().is_none() { "" } else { " AUTH" },
        if options.extensions.etrn { " ETRN" } else { "" },
    );
    // Writing to memory does not fail.
    let _ = write!(
        output,
        "214-2.0.0 {commands}\r\n214 2.0.0 Questions about this server: postmaster@{}\r\n",
        options.hostname
    );
}

/// Appends the reply to VRFY or EXPN that names mailboxes (RFC 5321 §3.5.1), a line each. What is
/// not ASCII is named only to who can read it (RFC 6531 §3.7.4.2).
pub(crate) fn write_mailboxes(output: &mut Vec<u8>, mailboxes: &[Address], smtputf8: bool) {
    if mailboxes.is_empty() {
        return Positive::CannotVerify.write(output);
    }
    if !smtputf8 && mailboxes.iter().any(Address::needs_smtputf8) {
        let text = "The answer is not ASCII; ask with the parameter SMTPUTF8";
        return Wording::new(252, (2, 6, 8), text).write(output);
    }
    for (place, mailbox) in mailboxes.iter().enumerate() {
        let separator = if place + 1 == mailboxes.len() { ' ' } else { '-' };
        let line = format!("250{separator}2.1.5 <{mailbox}>\r\n");
        output.extend_from_slice(line.as_bytes());
    }
}
