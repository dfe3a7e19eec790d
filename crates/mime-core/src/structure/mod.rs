//! The structure pass: octets in, by pieces of any size; the tree of parts out.
//!
//! One pass, without going back; state is bounded by [`Limits`]; every cut of the input gives the
//! same result. It decodes nothing and keeps no body.

mod fields;
mod firsts;
mod measure;
mod open_part;
mod parser;
mod tree;

pub use parser::Parser;

use crate::{BodyStructure, Envelope};

/// What a message may make grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many parts lie in each other at most; what is deeper stays a leaf.
    pub depth_max: usize,
    /// How many parts are told apart at most; then the part that comes next takes the rest of its
    /// multipart as its body.
    pub parts_max: usize,
    /// How many octets of one header field are kept; the rest is left out.
    pub field_octets_max: usize,
    /// How many octets of header fields are kept in all; then further fields are left out.
    pub kept_octets_max: usize,
    /// How many addresses and group marks one envelope holds at most; further ones are left out.
    pub addresses_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 100,
            parts_max: 10_000,
            field_octets_max: 256 * 1024,
            kept_octets_max: 2 * 1024 * 1024,
            addresses_max: 20_000,
        }
    }
}

/// What the pass found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    /// The envelope fields of the message header.
    pub envelope: Envelope,
    /// The tree of parts.
    pub body: BodyStructure,
    /// How many octets were fed.
    pub size: u64,
    /// The message header has a DKIM-Signature field (RFC 6376 §3.5): what changes the message may
    /// break it.
    pub dkim_signed: bool,
    /// What is wrong with the message, in its order; at most [`Structure::DEFECTS_MAX`].
    pub defects: Vec<Defect>,
}

impl Structure {
    /// More defects than this are not listed.
    pub const DEFECTS_MAX: usize = 100;

    /// The structure of a message that is in memory.
    pub fn of(message: &[u8]) -> Self {
        let mut parser = Parser::new(Limits::default());
        parser.push(message);
        parser.finish()
    }
}

/// Something that is wrong, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defect {
    /// The offset of the line at which it was seen.
    pub at: u64,
    /// What it is.
    pub kind: DefectKind,
}

/// What can be wrong with a message's structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DefectKind {
    /// A header line is neither a field nor a continuation; it is passed over.
    NotAField,
    /// The header's first line is a continuation of nothing.
    ContinuationOfNothing,
    /// A header ends without the blank line.
    HeaderNotEnded,
    /// A field that may stand once stands again; the first holds (addresses are joined).
    DuplicateField,
    /// Content-Type cannot be read; the default holds (RFC 2045 §5.2).
    BadContentType,
    /// A multipart without a usable boundary parameter; it stays a leaf.
    NoBoundary,
    /// No delimiter line of the multipart was found; it stays a leaf.
    NoDelimiter,
    /// The multipart's close-delimiter is missing.
    NotClosed,
    /// A delimiter with nothing behind it but another, or the end: no part is made of nothing.
    RepeatedDelimiter,
    /// A multipart or message is encoded, which RFC 2046 §5 forbids for it; such a message stays a
    /// leaf, a multipart is read as if it were not.
    EncodedComposite,
    /// A field is longer than what is kept of it.
    FieldTruncated,
    /// Parts lie deeper than the limit; what is below is not looked into.
    TooDeep,
    /// There are more parts than the limit; the rest is not looked into.
    TooManyParts,
    /// The header inside a `message/external-body` has no Content-ID, which it must have (RFC 2046
    /// §5.2.3).
    NoContentId,
    /// A `message/partial` does not say of what it is which piece (RFC 2046 §5.2.2).
    BadPartial,
    /// A header has octets above 127. In UTF-8 they are right (RFC 6532 §3), but not everywhere
    /// may they go. Of this and all below only the first is listed.
    EightBitHeader,
    /// A part has octets above 127 and its encoding says that it has none (RFC 2045 §6.2).
    EightBitUnlabelled,
    /// A NUL: no text has one (RFC 5322 §4), and no IMAP string can hold it.
    Nul,
    /// A line ends in LF alone (RFC 5322 §2.3).
    BareLf,
    /// A line has more than 998 octets (RFC 5322 §2.1.1).
    LongLine,
}
