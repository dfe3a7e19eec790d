//! What the server says when all is well, and when it leaves.

use std::{fmt::Display, io::Write as _};

use mail_types::{Domain, QueueId};

use super::Wording;

/// A positive or intermediate reply.
pub(crate) enum Positive<'a> {
    /// RFC 5321 §4.2: the host's name first.
    Greeting(&'a Domain),
    /// RFC 5321 §4.1.1.1, to HELO.
    Hello(&'a Domain),
    SenderOk,
    RecipientOk,
    /// To DATA.
    SendContent,
    /// To a chunk that is not the last (RFC 3030 §2).
    ChunkTaken(u64),
    /// The message is on stable storage, under this name.
    Queued(QueueId),
    Reset,
    Noop,
    Help,
    /// RFC 5321 §3.5.3: addresses are told to nobody.
    CannotVerify,
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
}

impl Positive<'_> {
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        self.wording().write(output);
    }

    fn wording(&self) -> Wording<'_> {
        match self {
            Self::Greeting(host) => Wording::bare(220, format!("{host} ESMTP Postrider")),
            Self::Hello(host) => Wording::bare(250, host.as_str()),
            Self::SenderOk => Wording::new(250, (2, 1, 0), "Sender OK"),
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
            Self::Help => Wording::new(214, (2, 0, 0), "Commands are those of RFC 5321; try EHLO"),
            Self::CannotVerify => {
                Wording::new(252, (2, 5, 0), "Cannot verify addresses; send and see")
            }
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
