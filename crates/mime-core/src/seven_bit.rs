//! Making a message 7-bit clean for a next hop without 8BITMIME (RFC 6152 §3, RFC 2045 §6).
//!
//! Two passes over the message: the structure's, then this one, which knows by offsets what to do
//! with each octet. Leaf parts with 8-bit octets become base64, or quoted-printable if they are text
//! and that is shorter; so do those with lines over 998 octets (RFC 5322 §2.1.1). What holds them is
//! relabelled; headers are written with encoded words. All else passes octet for octet. What is
//! signed is never changed: the caller is told, unless it is only a line that is too long.
//!
//! The same pass makes lines of a message that came as BINARYMIME ([`Aim::Lines`]): what is binary
//! becomes base64, which is the one way to keep it where content has lines (RFC 3030 §3).

pub(crate) mod field;
mod header;
mod plan;

use crate::{
    body_structure::BodyStructure,
    structure::Structure,
    transfer::{Base64Encoder, Decoder, QuotedPrintableEncoder},
};

use self::{
    header::HeaderConverter,
    plan::{Action, Region},
};

/// Why a message is not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It, or a part that would change, is signed (RFC 1847 §2.1, RFC 6376).
    #[error("the message is signed and must not be changed")]
    Signed,
    /// A header has octets above 127 where no encoded word may stand.
    #[error("a header field holds 8-bit text that cannot be written in ASCII")]
    Header,
    /// A part's type or encoding does not allow another encoding (RFC 2046 §5, RFC 2045 §6.4).
    #[error("a part holds 8-bit octets in a form that cannot be encoded")]
    Part,
}

/// What a message is to be afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// 7-bit clean, of one that has lines already.
    SevenBit,
    /// Of lines that end in CRLF, of one that may be binary; 8-bit text stays. What a domain has
    /// signed (RFC 6376) is changed as well: it could not be kept at all otherwise.
    Lines,
    /// Both.
    SevenBitLines,
}

/// Converts a message in a second pass.
#[derive(Debug)]
pub struct Converter {
    /// What is ahead, the next last.
    regions: Vec<Region>,
    position: u64,
    current: Current,
    /// Between decoder and encoder; kept for its room.
    decoded: Vec<u8>,
}

/// What is done with the octets at hand.
#[derive(Debug)]
enum Current {
    /// They pass, but none above 127: preambles and epilogues mean nothing.
    Copy,
    /// They pass, whatever they are.
    Keep,
    Header(HeaderConverter),
    Body(Decoder, Encode),
}

#[derive(Debug)]
enum Encode {
    QuotedPrintable(QuotedPrintableEncoder),
    Base64(Base64Encoder),
}

impl Converter {
    /// Whether there is anything to convert.
    pub fn needed(structure: &Structure) -> bool {
        let octets = structure.body.root.octets;
        octets.eight_bit || octets.eight_bit_header
    }

    /// Whether a message that came as binary has anything that is.
    pub fn makes_lines(structure: &Structure) -> bool {
        plan::is_binary(&structure.body.root)
    }

    /// Whether there are lines over 998 octets that can be made shorter. No one must: it is for
    /// those who want to be sure that no host cuts them.
    pub fn shortens(structure: &Structure) -> bool {
        let shortened = |region: &Region| {
            matches!(region.action, Action::QuotedPrintable(_) | Action::Base64(_))
        };
        structure.body.root.octets.long_line
            && plan::regions(structure, Aim::SevenBit)
                .is_ok_and(|regions| regions.iter().any(shortened))
    }

    /// A converter at the start of the message that has this structure.
    pub fn new(structure: &Structure) -> Result<Self, Refused> {
        Self::towards(Aim::SevenBit, structure)
    }

    /// The same for whatever the message is to be.
    pub fn towards(aim: Aim, structure: &Structure) -> Result<Self, Refused> {
        let mut regions = plan::regions(structure, aim)?;
        regions.reverse();
        Ok(Self { regions, position: 0, current: Current::Copy, decoded: Vec::new() })
    }

    /// A converter of 8-bit headers alone, which refuses nothing; none if there are none.
    pub(crate) fn surrogate(body: &BodyStructure) -> Option<Self> {
        let mut regions = plan::surrogate(body);
        regions.reverse();
        let begins = !regions.is_empty();
        begins.then(|| Self { regions, position: 0, current: Current::Keep, decoded: Vec::new() })
    }

    /// Takes the next piece of the same message and appends what becomes of it.
    ///
    /// After an error nothing that was appended is of use.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let mut rest = piece;
        while !rest.is_empty() {
            self.begin_regions(out)?;
            let ahead = self.regions.last().map_or(u64::MAX, |region| region.start);
            let room = usize::try_from(ahead.saturating_sub(self.position)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.take(now, out)?;
            self.position =
                self.position.saturating_add(u64::try_from(now.len()).unwrap_or(u64::MAX));
            rest = later;
        }
        Ok(())
    }

    /// The message has ended.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Refused> {
        self.begin_regions(out)?;
        self.begin(Action::Copy, out)
    }

    /// Begins all regions that begin here; empty ones end at once.
    fn begin_regions(&mut self, out: &mut Vec<u8>) -> Result<(), Refused> {
        while let Some(region) = self.regions.pop_if(|region| region.start <= self.position) {
            self.begin(region.action, out)?;
        }
        Ok(())
    }

    /// Ends what was being done and begins the next.
    fn begin(&mut self, action: Action, out: &mut Vec<u8>) -> Result<(), Refused> {
        let next = match action {
            Action::Copy => Current::Copy,
            Action::Keep => Current::Keep,
            Action::Header(edit) => Current::Header(HeaderConverter::new(edit)),
            Action::QuotedPrintable(was) => {
                Current::Body(Decoder::new(was), Encode::QuotedPrintable(Default::default()))
            }
            Action::Base64(was) => {
                Current::Body(Decoder::new(was), Encode::Base64(Default::default()))
            }
        };
        match std::mem::replace(&mut self.current, next) {
            Current::Copy | Current::Keep => {}
            Current::Header(header) => header.finish(out)?,
            Current::Body(decode, mut encode) => {
                self.decoded.clear();
                decode.finish(&mut self.decoded);
                encode.push(&self.decoded, out);
                encode.finish(out);
            }
        }
        Ok(())
    }

    fn take(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        match &mut self.current {
            Current::Copy => {
                out.extend(octets.iter().map(|octet| if octet.is_ascii() { *octet } else { b'?' }));
            }
            Current::Keep => out.extend_from_slice(octets),
            Current::Header(header) => header.push(octets, out)?,
            Current::Body(decode, encode) if decode.is_identity() => encode.push(octets, out),
            Current::Body(decode, encode) => {
                self.decoded.clear();
                decode.push(octets, &mut self.decoded);
                encode.push(&self.decoded, out);
            }
        }
        Ok(())
    }
}

impl Encode {
    fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::QuotedPrintable(encoder) => encoder.push(octets, out),
            Self::Base64(encoder) => encoder.push(octets, out),
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        match self {
            Self::QuotedPrintable(encoder) => encoder.finish(out),
            Self::Base64(encoder) => encoder.finish(out),
        }
    }
}
