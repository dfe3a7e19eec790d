//! The FETCH response (RFC 3501 §7.4.2).

use std::{fmt, ops::Deref};

use mail_types::{FlagSet, ModSeq, SeqNum, Timestamp, Uid};
use mime_core::{
    BodyStructure, Envelope,
    section::{FieldChoice, Section, SectionOf},
};

use super::{
    astring,
    body_structure::{self, Shape},
    envelope, nstring, number,
    text::literal_head,
};
use crate::{
    calendar::date_time,
    command::{FetchItem, Partial},
};

/// One `* n FETCH (..)` being written. It holds no buffer, so that the writer can let the output
/// drain in the middle: a message goes out in pieces, whatever its size.
#[derive(Debug)]
#[must_use]
pub struct FetchResponse {
    empty: bool,
    rev2: bool,
}

impl FetchResponse {
    /// Begins the response of a message.
    pub fn begin(out: &mut Vec<u8>, message: SeqNum) -> Self {
        out.extend_from_slice(b"* ");
        number(out, message.number().into());
        out.extend_from_slice(b" FETCH (");
        Self { empty: true, rev2: false }
    }

    /// Begins it for a client that has given up sequence numbers (RFC 9586 §3.3).
    pub fn begin_by_uid(out: &mut Vec<u8>, message: Uid) -> Self {
        out.extend_from_slice(b"* ");
        number(out, message.number().into());
        out.extend_from_slice(b" UIDFETCH (");
        Self { empty: true, rev2: false }
    }

    /// For a client that speaks IMAP4rev2, or for another.
    pub fn for_rev2(self, rev2: bool) -> Self {
        Self { rev2, ..self }
    }

    /// `UID`.
    pub fn uid(&mut self, out: &mut Vec<u8>, uid: Uid) {
        self.name(out, "UID ");
        number(out, uid.number().into());
    }

    /// `FLAGS`, `\Recent` among them if it is.
    pub fn flags(&mut self, out: &mut Vec<u8>, flags: &FlagSet, recent: bool) {
        self.name(out, "FLAGS (");
        let mut first = true;
        let mut add = |out: &mut Vec<u8>, flag: &str| {
            if !std::mem::take(&mut first) {
                out.push(b' ');
            }
            out.extend_from_slice(flag.as_bytes());
        };
        for flag in flags.iter() {
            add(out, flag.as_str());
        }
        if recent {
            add(out, "\\Recent");
        }
        out.push(b')');
    }

    /// `MODSEQ` (RFC 7162 §3.1.4.2).
    pub fn mod_seq(&mut self, out: &mut Vec<u8>, mod_seq: ModSeq) {
        self.name(out, "MODSEQ (");
        number(out, mod_seq.0);
        out.push(b')');
    }

    /// `INTERNALDATE`, in UTC.
    pub fn internal_date(&mut self, out: &mut Vec<u8>, date: Timestamp) {
        self.name(out, "INTERNALDATE \"");
        date_time(out, date);
        out.push(b'"');
    }

    /// `SAVEDATE`, in UTC (RFC 8514 §4.2).
    pub fn save_date(&mut self, out: &mut Vec<u8>, date: Timestamp) {
        self.name(out, "SAVEDATE \"");
        date_time(out, date);
        out.push(b'"');
    }

    /// `EMAILID` (RFC 8474 §5.3).
    pub fn email_id(&mut self, out: &mut Vec<u8>, id: impl fmt::Display) {
        self.name(out, "EMAILID (");
        out.extend_from_slice(format!("{id})").as_bytes());
    }

    /// `THREADID` (RFC 8474 §5.3).
    pub fn thread_id(&mut self, out: &mut Vec<u8>, id: impl fmt::Display) {
        self.name(out, "THREADID (");
        out.extend_from_slice(format!("{id})").as_bytes());
    }

    /// `PREVIEW`; none: not known yet, to a client that does not want to wait (RFC 8970 §3.2).
    pub fn preview(&mut self, out: &mut Vec<u8>, words: Option<&str>) {
        self.name(out, "PREVIEW ");
        nstring(out, words.map(str::as_bytes));
    }

    /// `RFC822.SIZE`.
    pub fn size(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.name(out, "RFC822.SIZE ");
        number(out, octets);
    }

    /// `ENVELOPE`.
    pub fn envelope<O>(&mut self, out: &mut Vec<u8>, envelope: &Envelope<O>)
    where
        O: Deref<Target = [u8]>,
    {
        self.name(out, "ENVELOPE ");
        envelope::render(out, envelope);
    }

    /// `BODY`: the structure without extension data.
    pub fn body<O>(&mut self, out: &mut Vec<u8>, structure: &BodyStructure<O>)
    where
        O: Deref<Target = [u8]>,
    {
        self.name(out, "BODY ");
        let shape = Shape { extension: false, rev2: self.rev2 };
        body_structure::render(out, &structure.root, shape);
    }

    /// `BODYSTRUCTURE`.
    pub fn body_structure<O>(&mut self, out: &mut Vec<u8>, structure: &BodyStructure<O>)
    where
        O: Deref<Target = [u8]>,
    {
        self.name(out, "BODYSTRUCTURE ");
        let shape = Shape { extension: true, rev2: self.rev2 };
        body_structure::render(out, &structure.root, shape);
    }

    /// Announces the content of an item that has some ([`FetchItem::section`]): exactly `length`
    /// octets must be appended next. Other items are left out.
    pub fn content(&mut self, out: &mut Vec<u8>, item: &FetchItem, length: u64) {
        if self.content_name(out, item) {
            literal_head(out, length);
        }
    }

    /// Announces a decoded part (RFC 3516 §4.3): exactly `length` octets must be appended next. What
    /// has a NUL can be no string.
    pub fn binary(&mut self, out: &mut Vec<u8>, item: &FetchItem, length: u64, has_nul: bool) {
        if self.content_name(out, item) {
            if has_nul {
                out.push(b'~');
            }
            literal_head(out, length);
        }
    }

    /// `BINARY.SIZE`.
    pub fn binary_size(&mut self, out: &mut Vec<u8>, part: &Section, octets: u64) {
        self.name(out, "BINARY.SIZE[");
        section_spec(out, part);
        out.extend_from_slice(b"] ");
        number(out, octets);
    }

    /// NIL for an item whose section the message does not have.
    pub fn no_content(&mut self, out: &mut Vec<u8>, item: &FetchItem) {
        if self.content_name(out, item) {
            out.extend_from_slice(b"NIL");
        }
    }

    /// Ends the response.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }

    fn name(&mut self, out: &mut Vec<u8>, name: &str) {
        if !std::mem::take(&mut self.empty) {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }

    fn content_name(&mut self, out: &mut Vec<u8>, item: &FetchItem) -> bool {
        match item {
            FetchItem::Rfc822 => self.name(out, "RFC822 "),
            FetchItem::Rfc822Header => self.name(out, "RFC822.HEADER "),
            FetchItem::Rfc822Text => self.name(out, "RFC822.TEXT "),
            FetchItem::Section { section, partial, .. }
            | FetchItem::Binary { part: section, partial, .. } => {
                let body = matches!(item, FetchItem::Section { .. });
                self.name(out, if body { "BODY[" } else { "BINARY[" });
                section_spec(out, section);
                out.push(b']');
                // The origin only: the client knows how much it asked for (RFC 3501 §7.4.2).
                if let Some(Partial { origin, .. }) = partial {
                    out.push(b'<');
                    number(out, *origin);
                    out.push(b'>');
                }
                out.push(b' ');
            }
            _ => return false,
        }
        true
    }
}

/// `section-spec` (RFC 3501 §9), the field names as the client spelled them.
fn section_spec(out: &mut Vec<u8>, section: &Section) {
    for (place, part) in section.path.iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        number(out, (*part).into());
    }
    if !section.path.is_empty() && section.of != SectionOf::Content {
        out.push(b'.');
    }
    match &section.of {
        SectionOf::Content => {}
        SectionOf::Header => out.extend_from_slice(b"HEADER"),
        SectionOf::Text => out.extend_from_slice(b"TEXT"),
        SectionOf::Mime => out.extend_from_slice(b"MIME"),
        SectionOf::HeaderFields(names, choice) => {
            out.extend_from_slice(match choice {
                FieldChoice::Named => b"HEADER.FIELDS (",
                FieldChoice::NotNamed => b"HEADER.FIELDS.NOT (",
            });
            for (place, name) in names.iter().enumerate() {
                if place > 0 {
                    out.push(b' ');
                }
                astring(out, name.as_bytes());
            }
            out.push(b')');
        }
    }
}
