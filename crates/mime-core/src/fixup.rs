//! Editing a header on its way through submission: some fields are dropped, missing ones are added
//! at the header's end, all else passes octet for octet. Memory is bounded whatever a field's size.

use crate::header::address::AddressItem;

/// What submission drops: the blind recipients (RFC 5322 §3.6.3), and Return-Path, which is for
/// final delivery to add (RFC 5321 §4.4).
pub const DROPPED_AT_SUBMISSION: &[&str] = &["Bcc", "Resent-Bcc", "Return-Path"];

/// Takes a header by pieces and passes it on, edited.
#[derive(Debug)]
pub struct HeaderEditor {
    dropped: &'static [&'static str],
    seen: Seen,
}

/// Whether the header goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The whole piece was taken; the header goes on.
    InHeader,
    /// The header has ended after this many octets of the piece. Call [`HeaderEditor::finish`],
    /// then pass the rest of the piece and all that follows on untouched.
    Ended(usize),
}

/// What a header has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Date fields.
    pub date: usize,
    /// Message-ID fields.
    pub message_id: usize,
    /// The first Message-ID's value, unfolded.
    pub message_id_value: Option<Box<[u8]>>,
    /// From fields.
    pub from: usize,
    /// The addresses of all From fields (as far as they are kept).
    pub from_addresses: Vec<AddressItem>,
    /// Sender fields.
    pub sender: usize,
    /// The addresses of all Sender fields.
    pub sender_addresses: Vec<AddressItem>,
    /// To, Cc and Bcc fields, their addresses: what `sendmail -t` sends to.
    pub recipients: Vec<AddressItem>,
    /// Received fields: how many hosts it passed (RFC 5321 §6.3).
    pub received: usize,
    /// Octets above 127 stand in the header.
    pub eight_bit: bool,
    /// A field above was longer than what is kept of it.
    pub truncated: bool,
}

impl HeaderEditor {
    /// An editor at the start of a message, dropping the named fields.
    pub fn new(dropped: &'static [&'static str]) -> Self {
        Self { dropped, seen: Seen::default() }
    }

    /// Takes the next piece and appends what passes.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) -> Progress {
        let _ = self.dropped;
        todo!()
    }

    /// What the header has; complete once it ended.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Ends the header: appends what was held back, `missing` (whole lines), and the blank line.
    /// Also for a message that ended within its header.
    pub fn finish(self, _missing: &[u8], _out: &mut Vec<u8>) -> Seen {
        todo!()
    }
}
