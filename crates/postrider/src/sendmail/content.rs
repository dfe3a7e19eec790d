//! The message: its header is read first, for what is in it; the rest passes through in pieces.

use std::io::{self, BufRead};

use mail_types::Address;
use mime_core::header::{
    address::{AddressItem, items},
    fields, find,
};

use super::{client::Client, ending::Ending, lines::Lines};

/// The longest header, in bytes.
const HEADER_MAX: usize = 1024 * 1024;

/// A message of which the header has been read.
pub(super) struct Content<'i, I> {
    /// The fields, with the line ends that they came with.
    header: Vec<u8>,
    /// A line that was read and is no field.
    first_of_body: Vec<u8>,
    /// The message ended within the header.
    ended: bool,
    rest: &'i mut I,
    dot_ends: bool,
}

impl<'i, I: BufRead> Content<'i, I> {
    /// Reads the header. Text without one is all body.
    pub(super) fn begin(input: &'i mut I, dot_ends: bool) -> io::Result<Self> {
        let (mut header, mut line) = (Vec::new(), Vec::new());
        let mut ended = false;
        loop {
            line.clear();
            let read = io::Read::take(&mut *input, (HEADER_MAX + 1) as u64)
                .read_until(b'\n', &mut line)?;
            let text = line.trim_ascii_end();
            if read == 0 || (dot_ends && text == b".") {
                ended = true;
                line.clear();
                break;
            }
            if text.is_empty() {
                line.clear();
                break;
            }
            if header.is_empty() && line.starts_with(b"From ") {
                // The mark that mailbox files put before a message.
                continue;
            }
            let continues = !header.is_empty() && matches!(line.first(), Some(b' ' | b'\t'));
            if !continues && !is_field(&line) {
                break;
            }
            if header.len() + line.len() > HEADER_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the header is too long"));
            }
            header.extend_from_slice(&line);
        }
        Ok(Self { header, first_of_body: line, ended, rest: input, dot_ends })
    }

    /// Whom the header names: To, Cc and Bcc, or their Resent- forms if there are any
    /// (RFC 5322 §3.6.6).
    pub(super) fn recipients(&self) -> Vec<String> {
        let resent = find(&self.header, "Resent-To").is_some();
        let names = match resent {
            true => ["Resent-To", "Resent-Cc", "Resent-Bcc"],
            false => ["To", "Cc", "Bcc"],
        };
        let mut found = Vec::new();
        for field in fields(&self.header).filter(|field| names.iter().any(|name| field.is(name))) {
            for item in items(&field.unfolded()) {
                let AddressItem::Mailbox(mailbox) = item else { continue };
                match (mailbox.address(), &mailbox.domain) {
                    (Some(address), _) => found.push(address.to_string()),
                    // A user of this machine.
                    (None, None) => {
                        found.push(String::from_utf8_lossy(&mailbox.local).into_owned());
                    }
                    (None, Some(_)) => {}
                }
            }
        }
        found
    }

    /// Adds a From field with a full name, unless there is one.
    pub(super) fn add_author(&mut self, name: &str, address: Option<&Address>) {
        let Some(address) = address.filter(|_| find(&self.header, "From").is_none()) else {
            return;
        };
        // In a quoted string nothing of it can become syntax; other letters than ASCII would
        // have to be encoded, and are not worth it in the name of a daemon.
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\'))
            .collect();
        let field = format!("From: \"{name}\" <{address}>\n");
        self.header.splice(..0, field.into_bytes());
    }

    /// Sends it all.
    pub(super) fn send(self, client: &mut Client<'_>) -> Result<(), Ending> {
        let mut lines = Lines::new(false);
        let mut converted = Vec::new();
        lines.convert(&self.header, &mut converted);
        lines.convert(b"\n", &mut converted);
        client.content(&converted)?;
        if self.ended {
            return Ok(());
        }
        let mut lines = Lines::new(self.dot_ends);
        converted.clear();
        lines.convert(&self.first_of_body, &mut converted);
        loop {
            client.content(&converted)?;
            converted.clear();
            let piece = self.rest.fill_buf().map_err(Ending::Input)?;
            let length = piece.len();
            if length == 0 || lines.ended() {
                break;
            }
            lines.convert(piece, &mut converted);
            self.rest.consume(length);
        }
        lines.finish(&mut converted);
        client.content(&converted)
    }
}

/// Whether a line begins a field (RFC 5322 §2.2; white space before the colon is obsolete syntax).
fn is_field(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let name_only = name.trim_ascii_end();
    name.len() < line.len()
        && !name_only.is_empty()
        && name_only.iter().all(|byte| (33..=126).contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_header_and_what_is_not() {
        let check = |text: &str, header: &str, body: &str| {
            let mut input = text.as_bytes();
            let content = Content::begin(&mut input, true).unwrap();
            assert_eq!(String::from_utf8_lossy(&content.header), header, "{text:?}");
            let first = content.first_of_body.clone();
            let rest = if content.ended { Vec::new() } else { content.rest.to_vec() };
            assert_eq!(String::from_utf8_lossy(&[first, rest].concat()), body, "{text:?}");
        };
        check("To: a\n\nbody\n", "To: a\n", "body\n");
        check("To: a\r\n b\r\n\r\nbody\n", "To: a\r\n b\r\n", "body\n");
        check("To: a\nno field\n", "To: a\n", "no field\n");
        check("just text\nmore\n", "", "just text\nmore\n");
        check("From me Mon\nTo: a\n\nb\n", "To: a\n", "b\n");
        check("To: a\n.\nTo: b\n", "To: a\n", "");
        check("To: a", "To: a", "");
        check("", "", "");
    }

    #[test]
    fn recipients_of_the_header() {
        let text = "To: Alice <alice@example.org>,\n root\nSubject: x\nBCC: team: b@example.org,\
                    c@example.org;\nReply-To: nobody@example.org\n\nTo: d@example.org\n";
        let mut input = text.as_bytes();
        let mut content = Content::begin(&mut input, false).unwrap();
        let expected = ["alice@example.org", "root", "b@example.org", "c@example.org"];
        assert_eq!(content.recipients(), expected);
        let author = Address::parse("www@example.org").unwrap();
        content.add_author("Cron \"x\" Daemon", Some(&author));
        assert!(content.header.starts_with(b"From: \"Cron x Daemon\" <www@example.org>\nTo:"));
        content.add_author("again", Some(&author));
        assert!(!String::from_utf8_lossy(&content.header).contains("again"));
    }
}
