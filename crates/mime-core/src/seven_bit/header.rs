//! A header on its way through the conversion: fields with 8-bit octets are written anew, the
//! encoding is relabelled, all other fields pass octet for octet.

use super::{
    Refused, field,
    plan::{EightBit, HeaderEdit, Label},
};
use crate::header::stream::{Event, Scanner};

/// A longer field passes as it is if it is ASCII so far, and may not become 8-bit later.
const FIELD_OCTETS_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct HeaderConverter {
    scanner: Scanner,
    fields: Fields,
}

#[derive(Debug)]
struct Fields {
    edit: HeaderEdit,
    /// The field at hand, its line ends included.
    held: Vec<u8>,
    is_field: bool,
    /// The field goes.
    drops: bool,
    /// The field was too long to hold: it passes as it comes.
    passes: bool,
    mime_version: bool,
    blank: Option<Vec<u8>>,
    refused: Option<Refused>,
}

impl HeaderConverter {
    pub(super) fn new(edit: HeaderEdit) -> Self {
        Self {
            scanner: Scanner::new(),
            fields: Fields {
                edit,
                held: Vec::new(),
                is_field: false,
                drops: false,
                passes: false,
                mime_version: false,
                blank: None,
                refused: None,
            },
        }
    }

    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let Self { scanner, fields } = self;
        scanner.push(octets, &mut |event| fields.take(event, out));
        fields.refused.map_or(Ok(()), Err)
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), Refused> {
        let Self { scanner, mut fields } = self;
        scanner.finish(&mut |event| fields.take(event, out));
        fields.end(out);
        if let Some(blank) = fields.blank.take() {
            fields.put_label(out);
            out.extend_from_slice(&blank);
        }
        fields.refused.map_or(Ok(()), Err)
    }
}

impl Fields {
    fn take(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Field(name) => {
                self.end(out);
                self.is_field = true;
                self.drops = self.edit.label != Label::Keep
                    && name.eq_ignore_ascii_case(b"Content-Transfer-Encoding");
                self.mime_version |= name.eq_ignore_ascii_case(b"MIME-Version");
            }
            Event::NotAField => {
                self.end(out);
                self.is_field = false;
                self.drops = false;
            }
            Event::Octets(octets) => self.hold(octets, out),
            Event::Blank(line) => {
                self.end(out);
                self.blank = Some(line.to_vec());
            }
        }
    }

    fn hold(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        if self.drops {
            return;
        }
        self.held.extend_from_slice(octets);
        if self.passes || self.held.len() > FIELD_OCTETS_MAX {
            self.passes = true;
            match self.edit.eight_bit {
                _ if self.held.is_ascii() => out.append(&mut self.held),
                EightBit::Passes => out.append(&mut self.held),
                EightBit::Encoded => self.refused = Some(Refused::Header),
                EightBit::Shown => self.pass_masked(out),
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.passes = false;
        if self.held.is_ascii() || self.edit.eight_bit == EightBit::Passes {
            out.append(&mut self.held);
            return;
        }
        if !self.is_field {
            // No field, no meaning: what is 8-bit in it cannot be kept.
            return self.pass_masked(out);
        }
        let held = std::mem::take(&mut self.held);
        if self.edit.eight_bit == EightBit::Shown {
            out.extend_from_slice(&field::shown_in_ascii(&held).unwrap_or_default());
            return;
        }
        match field::in_ascii(&held) {
            Ok(line) => out.extend_from_slice(&line),
            Err(refused) => self.refused = Some(refused),
        }
    }

    /// Passes what is held on, without what is 8-bit in it.
    fn pass_masked(&mut self, out: &mut Vec<u8>) {
        let masked = self.held.drain(..).map(|octet| if octet.is_ascii() { octet } else { b'?' });
        out.extend(masked);
    }

    fn put_label(&self, out: &mut Vec<u8>) {
        let name = match self.edit.label {
            Label::QuotedPrintable => "quoted-printable",
            Label::Base64 => "base64",
            Label::EightBit => "8bit",
            Label::Keep | Label::SevenBit => return,
        };
        if self.edit.of_message && !self.mime_version {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        out.extend_from_slice(format!("Content-Transfer-Encoding: {name}\r\n").as_bytes());
    }
}
