//! Every reply of the server side, in one place: codes, enhanced status (RFC 3463, RFC 5248) and
//! words. Blame chooses the type: a [`PeerError`] is a breach of the protocol, a [`Refusal`] is
//! our decision or our illness, and neither can hold a 2xx or 3xx.
//!
//! The words are read by people: mail clients show the text of a refusal as it is. They reveal
//! nothing about the installation; the cause goes to the log.

mod peer_error;
mod positive;
mod refusal;

use std::{borrow::Cow, fmt::Write as _, io::Write as _};

use mail_types::{EnhancedStatus, Reply};

pub use peer_error::PeerError;
pub(crate) use positive::{Farewell, Positive, write_hello, write_help, write_mailboxes};
pub use refusal::Refusal;

/// Who is to blame for a refusal that the session makes by itself.
#[derive(Debug)]
pub(crate) enum Blame {
    /// The peer broke the protocol, which is counted.
    Peer(PeerError),
    /// We do not take so much.
    Us(Refusal),
}

impl Blame {
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::Peer(error) => error.into(),
            Self::Us(refusal) => refusal.into(),
        }
    }
}

impl From<PeerError> for Blame {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

/// Says something once more: with LMTP it is said for each recipient (RFC 2033 §4.2).
pub(crate) fn write_again(reply: &Reply, output: &mut Vec<u8>) {
    // Writing to memory does not fail; all replies of this server have one line.
    let _ = write!(output, "{reply}\r\n");
}

/// The longest reply line, CRLF included (RFC 5321 §4.5.3.1.5).
pub const REPLY_LINE_OCTETS: usize = 512;

/// What one connection too many is told instead of a greeting (RFC 5321 §3.8).
pub fn too_many_connections() -> Vec<u8> {
    let mut output = Vec::new();
    Farewell::TooManyConnections.write(&mut output);
    output
}

/// Code, status and text of a reply of one line.
pub(crate) struct Wording<'a> {
    code: u16,
    status: Option<EnhancedStatus>,
    text: Cow<'a, str>,
}

impl<'a> Wording<'a> {
    /// With an enhanced status, given as `(class, subject, detail)`.
    fn new(code: u16, status: (u8, u16, u16), text: impl Into<Cow<'a, str>>) -> Self {
        let (class, subject, detail) = status;
        let status = Some(EnhancedStatus::new(class, subject, detail));
        Self { code, status, text: text.into() }
    }

    /// Without one: greeting, EHLO, 334 and 354 have none (RFC 2034 §4, RFC 4954 §4).
    fn bare(code: u16, text: impl Into<Cow<'a, str>>) -> Self {
        Self { code, status: None, text: text.into() }
    }

    /// Appends it in wire form.
    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        let mut text = String::with_capacity(80);
        if let Some(status) = self.status {
            // Writing to memory does not fail.
            let _ = write!(text, "{status} ");
        }
        text.extend(self.text.chars().map(|c| if is_plain(c) { c } else { '?' }));
        text.truncate(REPLY_LINE_OCTETS - "250 \r\n".len());
        let _ = write!(output, "{} {}\r\n", self.code, text);
    }

    fn into_reply(self) -> Reply {
        Reply::new(self.code, self.status, self.text)
    }
}

/// UTF-8 in replies would need a client that said so (RFC 6531 §3.7.4.2).
fn is_plain(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(wording: &Wording<'_>) -> String {
        let mut output = Vec::new();
        wording.write(&mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_text_cannot_break_out_of_its_line() {
        let text = "a\r\n250 b\u{e4}";
        assert_eq!(wire(&Wording::new(550, (5, 7, 1), text)), "550 5.7.1 a??250 b?\r\n");
        let long = wire(&Wording::new(550, (5, 7, 1), "a".repeat(600)));
        assert_eq!(long.len(), REPLY_LINE_OCTETS, "RFC 5321 §4.5.3.1.5");
    }
}
