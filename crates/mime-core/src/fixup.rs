//! Editing a header on its way through submission: some fields are dropped, missing ones are added
//! at the header's end, all else passes octet for octet. Memory is bounded whatever a field's size.

use crate::{
    Octets,
    header::{
        address::{self, AddressItem},
        stream::{Event, Scanner},
        unfold,
    },
};

pub use crate::header::stream::Progress;

/// What submission drops: the blind recipients (RFC 5322 §3.6.3), and Return-Path, which is for
/// final delivery to add (RFC 5321 §4.4).
pub const DROPPED_AT_SUBMISSION: &[&str] = &["Bcc", "Resent-Bcc", "Return-Path"];

/// How many octets of one field are kept for [`Seen`].
const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// How many addresses are kept for [`Seen`] in all.
const ADDRESSES_MAX: usize = 10_000;

/// What a header has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Date fields.
    pub date: usize,
    /// Message-ID fields.
    pub message_id: usize,
    /// The first Message-ID's value, unfolded.
    pub message_id_value: Option<Octets>,
    /// From fields.
    pub from: usize,
    /// The addresses of all From fields.
    pub from_addresses: Vec<AddressItem>,
    /// Sender fields.
    pub sender: usize,
    /// The addresses of all Sender fields.
    pub sender_addresses: Vec<AddressItem>,
    /// Whether an author field was longer than what is kept: there may be more in it.
    pub author_truncated: bool,
    /// The addresses of the first Resent-From field: who sent it on last (RFC 5322 §3.6.6).
    pub resent_from: Option<Vec<AddressItem>>,
    /// To and Cc fields.
    pub destinations: usize,
    /// The addresses of all Delivered-To fields: where it has been.
    pub delivered_to: Vec<AddressItem>,
    /// The addresses of all To, Cc and Bcc fields, dropped ones too: what `sendmail -t` sends to.
    pub recipients: Vec<AddressItem>,
    /// Received fields: how many hosts it passed (RFC 5321 §6.3).
    pub received: usize,
    /// `TLS-Required: No` fields: rather in clear than not at all (RFC 8689 §3).
    pub tls_optional: usize,
    /// Octets above 127 stand in the header.
    pub eight_bit: bool,
    /// Something of the above was longer than what is kept.
    pub truncated: bool,
}

/// Takes a header by pieces and passes it on, edited.
///
/// The blank line is held back, so that missing fields can be put before it: once
/// [`Progress::Ended`] came, call [`HeaderEditor::finish`].
#[derive(Debug)]
pub struct HeaderEditor {
    scanner: Scanner,
    edit: Edit,
}

#[derive(Debug)]
struct Edit {
    dropped: &'static [&'static str],
    seen: Seen,
    drops: bool,
    current: Option<Current>,
    /// The line end of the header's last line, if it has one.
    last_line_end: LineEnd,
    blank: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LineEnd {
    Present,
    Missing,
}

/// A field whose value is wanted.
#[derive(Debug)]
struct Current {
    wanted: Wanted,
    octets: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    MessageId,
    From,
    Sender,
    ResentFrom,
    DeliveredTo,
    Recipients,
    TlsRequired,
}

impl Wanted {
    /// Whether it says who wrote or sent the message.
    fn is_author(self) -> bool {
        matches!(self, Self::From | Self::Sender | Self::ResentFrom)
    }
}

impl HeaderEditor {
    /// An editor at the start of a message, dropping the named fields.
    pub fn new(dropped: &'static [&'static str]) -> Self {
        Self {
            scanner: Scanner::new(),
            edit: Edit {
                dropped,
                seen: Seen::default(),
                drops: false,
                current: None,
                last_line_end: LineEnd::Present,
                blank: Vec::new(),
            },
        }
    }

    /// Takes the next piece and appends what passes.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Progress {
        let Self { scanner, edit } = self;
        scanner.push(piece, &mut |event| edit.take(event, out))
    }

    /// What the header has; complete once it has ended.
    pub fn seen(&self) -> &Seen {
        &self.edit.seen
    }

    /// Ends the header: appends what was held back, `missing` (whole lines), and the blank line.
    ///
    /// Also for a message that ends within its header: then a blank line is added if anything is
    /// put in, so that what follows is not taken for header.
    pub fn finish(self, missing: &[u8], out: &mut Vec<u8>) -> Seen {
        let Self { scanner, mut edit } = self;
        scanner.finish(&mut |event| edit.take(event, out));
        edit.end_field();
        if !missing.is_empty() {
            if edit.last_line_end == LineEnd::Missing {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(missing);
            if edit.blank.is_empty() {
                edit.blank.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(&edit.blank);
        edit.seen
    }

    /// The message ended within its header: what the header has, before it is decided what is
    /// missing. Appends what passes of the last line; [`HeaderEditor::finish`] is still to be called.
    pub fn end_of_message(&mut self, out: &mut Vec<u8>) -> &Seen {
        let scanner = std::mem::take(&mut self.scanner);
        let edit = &mut self.edit;
        scanner.finish(&mut |event| edit.take(event, out));
        edit.end_field();
        &self.edit.seen
    }
}

impl Edit {
    fn take(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Field(name) => self.begin(name),
            Event::NotAField => {
                self.end_field();
                self.drops = false;
            }
            Event::Octets(octets) => {
                self.seen.eight_bit |= !octets.is_ascii();
                self.keep(octets);
                if !self.drops {
                    out.extend_from_slice(octets);
                    self.last_line_end =
                        if octets.ends_with(b"\n") { LineEnd::Present } else { LineEnd::Missing };
                }
            }
            Event::Blank(line) => {
                self.end_field();
                self.blank.extend_from_slice(line);
            }
        }
    }

    fn begin(&mut self, name: &[u8]) {
        self.end_field();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        self.drops = self.dropped.iter().any(|dropped| is(dropped));
        let count = |number: &mut usize| *number = number.saturating_add(1);
        let wanted = if is("From") {
            count(&mut self.seen.from);
            Some(Wanted::From)
        } else if is("Sender") {
            count(&mut self.seen.sender);
            Some(Wanted::Sender)
        } else if is("Message-ID") {
            count(&mut self.seen.message_id);
            Some(Wanted::MessageId)
        } else if is("To") || is("Cc") {
            count(&mut self.seen.destinations);
            Some(Wanted::Recipients)
        } else if is("Bcc") {
            Some(Wanted::Recipients)
        } else if is("Resent-From") && self.seen.resent_from.is_none() {
            self.seen.resent_from = Some(Vec::new());
            Some(Wanted::ResentFrom)
        } else if is("Delivered-To") {
            Some(Wanted::DeliveredTo)
        } else if is("TLS-Required") {
            Some(Wanted::TlsRequired)
        } else {
            if is("Date") {
                count(&mut self.seen.date);
            } else if is("Received") {
                count(&mut self.seen.received);
            }
            None
        };
        self.current = wanted.map(|wanted| Current { wanted, octets: Vec::new() });
    }

    fn keep(&mut self, octets: &[u8]) {
        let Some(current) = &mut self.current else { return };
        let room = FIELD_OCTETS_MAX.saturating_sub(current.octets.len());
        let cut = octets.len() > room;
        self.seen.truncated |= cut;
        self.seen.author_truncated |= cut && current.wanted.is_author();
        current.octets.extend_from_slice(octets.get(..room).unwrap_or(octets));
    }

    fn end_field(&mut self) {
        let Some(Current { wanted, octets }) = self.current.take() else { return };
        let Some(colon) = memchr::memchr(b':', &octets) else { return };
        let value = unfold(octets.get(colon.saturating_add(1)..).unwrap_or_default());
        let seen = &mut self.seen;
        let resent = seen.resent_from.as_deref().unwrap_or_default();
        let lists: [&[AddressItem]; 5] = [
            &seen.from_addresses,
            &seen.sender_addresses,
            &seen.recipients,
            &seen.delivered_to,
            resent,
        ];
        let kept = lists.iter().fold(0_usize, |sum, list| sum.saturating_add(list.len()));
        let list = match wanted {
            Wanted::MessageId => {
                seen.message_id_value.get_or_insert_with(|| value.as_ref().into());
                return;
            }
            Wanted::TlsRequired => {
                // No other value has a meaning.
                let no = value.trim_ascii().eq_ignore_ascii_case(b"No");
                seen.tls_optional = seen.tls_optional.saturating_add(no.into());
                return;
            }
            Wanted::From => &mut seen.from_addresses,
            Wanted::Sender => &mut seen.sender_addresses,
            Wanted::ResentFrom => seen.resent_from.get_or_insert_default(),
            Wanted::DeliveredTo => &mut seen.delivered_to,
            Wanted::Recipients => &mut seen.recipients,
        };
        let mut items = address::items(&value);
        list.extend(items.by_ref().take(ADDRESSES_MAX.saturating_sub(kept)));
        let more = items.next().is_some();
        seen.truncated |= more;
        seen.author_truncated |= more && wanted.is_author();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::address::addresses;

    /// Edits a message in pieces of this size, adding `Date: now` if there is none.
    fn edit(message: &str, size: usize) -> (String, Seen) {
        let mut editor = HeaderEditor::new(DROPPED_AT_SUBMISSION);
        let mut out = Vec::new();
        let mut behind = Vec::new();
        for piece in message.as_bytes().chunks(size) {
            if let Progress::Ended(taken) = editor.push(piece, &mut out) {
                behind.extend_from_slice(&piece[taken..]);
            }
        }
        let date = editor.end_of_message(&mut out).date;
        let missing: &[u8] = if date == 0 { b"Date: now\r\n" } else { b"" };
        let seen = editor.finish(missing, &mut out);
        out.extend_from_slice(&behind);
        (String::from_utf8(out).unwrap(), seen)
    }

    #[track_caller]
    fn check(message: &str, expected: &str) {
        for size in [1, 3, 1000] {
            assert_eq!(edit(message, size).0, expected, "{message:?} by {size}");
        }
    }

    #[test]
    fn edits() {
        check("Date: x\r\n\r\nbody", "Date: x\r\n\r\nbody");
        check("From: a\r\n\r\nbody", "From: a\r\nDate: now\r\n\r\nbody");
        check("BCC: a\r\n b\r\nDate : x\r\n\r\nBcc: body", "Date : x\r\n\r\nBcc: body");
        check("Bcc: a\r\n\r\n", "Date: now\r\n\r\n");
        check(
            "bcc : a\r\nnot a field\r\nReturn-Path: <a>\r\n\r\n",
            "not a field\r\nDate: now\r\n\r\n",
        );
        check("\r\nbody", "Date: now\r\n\r\nbody");
        check("From: a", "From: a\r\nDate: now\r\n\r\n");
        check("", "Date: now\r\n\r\n");
        check("Date: x\r\nTo: a", "Date: x\r\nTo: a");
    }

    #[test]
    fn tls_that_is_not_required() {
        // RFC 8689 §3
        for (field, expected) in [
            ("TLS-Required: No", 1),
            ("tls-required:\r\n no ", 1),
            ("TLS-Required: No\r\nTLS-Required: No", 2),
            ("TLS-Required: Yes", 0),
            ("TLS-Required: No, thanks", 0),
            ("X-TLS-Required: No", 0),
        ] {
            let seen = edit(&format!("{field}\r\n\r\nTLS-Required: No\r\n"), 2).1;
            assert_eq!(seen.tls_optional, expected, "{field}");
        }
    }

    #[test]
    fn what_was_seen() {
        let message = "Received: x\r\nReceived: y\r\nFrom: a@x.example,\r\n b@x.example\r\nfrom: c@x.example\r\nSender: d@x.example\r\nTo: e@x.example\r\nCc: f@x.example\r\nBcc: g@x.example\r\nMessage-ID:\r\n <1@x>\r\nSubject: \u{e9}\r\nResent-From: h@x.example\r\nResent-From: i@x.example\r\nDelivered-To: j@x.example\r\ndelivered-to: k@x.example\r\n\r\n";
        for size in [1, 5, 1000] {
            let seen = edit(message, size).1;
            let list =
                |items| addresses(items).map(|a| a.to_string()).collect::<Vec<_>>().join(" ");
            assert_eq!((seen.date, seen.from, seen.sender, seen.received), (0, 2, 1, 2));
            assert_eq!(list(&seen.from_addresses), "a@x.example b@x.example c@x.example");
            assert_eq!(list(&seen.sender_addresses), "d@x.example");
            assert_eq!(list(&seen.recipients), "e@x.example f@x.example g@x.example");
            assert_eq!(seen.message_id_value.as_deref(), Some(&b"<1@x>"[..]));
            assert_eq!(seen.destinations, 2);
            assert_eq!(list(&seen.delivered_to), "j@x.example k@x.example");
            let resent = seen.resent_from.unwrap();
            assert_eq!(
                addresses(&resent).map(|a| a.to_string()).collect::<Vec<_>>(),
                ["h@x.example"]
            );
            assert!(seen.eight_bit && !seen.truncated && !seen.author_truncated);
        }
    }

    #[test]
    fn a_huge_field_passes_and_is_not_kept() {
        let huge = format!("To: {}\r\nDate: x\r\n\r\n", "a@b,\r\n ".repeat(200_000));
        let (out, seen) = edit(&huge, 10_000);
        assert_eq!(out, huge);
        assert!(seen.truncated && !seen.author_truncated);
        let hidden = format!("From: a@b{}, c@d\r\n\r\n", " ".repeat(100_000));
        assert!(edit(&hidden, 10_000).1.author_truncated);
    }
}
