//! The tree of a message's parts with their places in the octets, and its compact stored form.
//!
//! Values are as they stand in the header: unfolded, comments and quoting removed, encoded words
//! and RFC 2231 parameters *not* decoded, as IMAP sends them (RFC 9051 §7.5.2). The stored form is
//! enough to answer BODYSTRUCTURE and to resolve a section to a range of octets.

use std::ops::{Deref, Range};

use crate::{
    Envelope, Octets,
    compact::{Corrupt, Reader, Writer},
};

/// The structure of one message: its top-level part. Its texts are its own, or stand in the stored form
/// ([`BodyStructure::decode_in_place`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyStructure<O = Octets> {
    /// The message itself as a part; its header is the message header.
    pub root: Part<O>,
}

/// A part: a header, then a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<O = Octets> {
    /// From the first octet of the header to behind its blank line (if it has one).
    pub header: Range<u64>,
    /// The body; the line end before a boundary delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    pub body: Range<u64>,
    /// Line ends in the body. A last line without one does not count.
    pub lines: u64,
    /// What the body's octets are like.
    pub octets: OctetKinds,
    /// Content-Type, or the default that stands for it.
    pub media_type: MediaType<O>,
    /// Content-Transfer-Encoding as written; `None` if it is missing (then `7bit` holds).
    pub encoding: Option<O>,
    /// Content-ID.
    pub id: Option<O>,
    /// Content-Description.
    pub description: Option<O>,
    /// Content-MD5.
    pub md5: Option<O>,
    /// Content-Disposition.
    pub disposition: Option<Disposition<O>>,
    /// The tags of Content-Language.
    pub language: Vec<O>,
    /// Content-Location.
    pub location: Option<O>,
    /// What the body is made of.
    pub content: Content<O>,
}

/// What a body is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content<O = Octets> {
    /// Nothing that is looked into. Its type may be `multipart` or `message/rfc822` nevertheless,
    /// when it could not be taken apart: see [`Part::shown_type`].
    Leaf,
    /// The parts of a multipart; at least one.
    Multipart(Vec<Part<O>>),
    /// The message in a `message/rfc822` or `message/global` body.
    Message(Box<Message<O>>),
}

/// A message inside a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message<O = Octets> {
    /// Its envelope fields.
    pub envelope: Envelope<O>,
    /// Its header and body.
    pub part: Part<O>,
}

/// A Content-Type value (RFC 2045 §5.1), in the case in which it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaType<O = Octets> {
    /// `text` of `text/plain`.
    pub kind: O,
    /// `plain` of `text/plain`.
    pub subtype: O,
    /// In the order of the header, duplicates included.
    pub params: Vec<Param<O>>,
}

/// One `name=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Param<O = Octets> {
    /// As written, RFC 2231 marks included (`filename*0*`).
    pub name: O,
    /// Without its quotes.
    pub value: O,
}

/// A Content-Disposition value (RFC 2183 §2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disposition<O = Octets> {
    /// `inline`, `attachment` or another word.
    pub kind: O,
    /// In the order of the header.
    pub params: Vec<Param<O>>,
}

/// What the octets of a body are like, its inner parts included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OctetKinds {
    /// There are octets above 127 in the header.
    pub eight_bit_header: bool,
    /// There are octets above 127 in the body.
    pub eight_bit: bool,
    /// There is a NUL in the body.
    pub nul: bool,
    /// A line of the body has more than 998 octets (RFC 5322 §2.1.1).
    pub long_line: bool,
    /// A line of the body, or the line end before a delimiter, is LF alone.
    pub bare_lf: bool,
    /// It is a leaf, and so much of its body is above 127 that base64 is shorter than
    /// quoted-printable.
    pub dense: bool,
}

impl MediaType {
    /// A type without parameters.
    pub fn new(kind: &str, subtype: &str) -> Self {
        Self { kind: kind.as_bytes().into(), subtype: subtype.as_bytes().into(), params: vec![] }
    }
}

impl<O: Deref<Target = [u8]>> MediaType<O> {
    /// Whether this is `kind/subtype`; case does not count (RFC 2045 §5.1).
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_kind(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether this is `kind/*`.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        find_param(&self.params, name)
    }
}

impl<O: Deref<Target = [u8]>> Disposition<O> {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        find_param(&self.params, name)
    }
}

fn find_param<'a, O: Deref<Target = [u8]>>(params: &'a [Param<O>], name: &str) -> Option<&'a [u8]> {
    params.iter().find(|p| p.name.eq_ignore_ascii_case(name.as_bytes())).map(|p| &*p.value)
}

impl<O> Part<O> {
    /// The length of the body.
    pub fn size(&self) -> u64 {
        self.body.end.saturating_sub(self.body.start)
    }

    /// The children that part numbers count: those of a multipart (RFC 9051 §6.4.5.1).
    pub fn children(&self) -> &[Self] {
        match &self.content {
            Content::Multipart(parts) => parts,
            Content::Leaf | Content::Message(_) => &[],
        }
    }

    /// Calls `visit` with this part and all below it, in the order of the message.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match &self.content {
            Content::Leaf => {}
            Content::Multipart(parts) => parts.iter().for_each(|part| part.visit(visit)),
            Content::Message(message) => message.part.visit(visit),
        }
    }
}

impl<O: Deref<Target = [u8]>> Part<O> {
    /// The type under which the part is shown. It is the declared one unless that promises an
    /// inside which the part does not have: a multipart that could not be taken apart is shown as
    /// `text/plain` (RFC 2045 §5.2), such a message as `application/octet-stream`.
    pub fn shown_type(&self) -> (&[u8], &[u8]) {
        if matches!(self.content, Content::Leaf) {
            if self.media_type.is_kind("multipart") {
                return (b"text", b"plain");
            }
            if self.media_type.is("message", "rfc822") || self.media_type.is("message", "global") {
                return (b"application", b"octet-stream");
            }
        }
        (&self.media_type.kind, &self.media_type.subtype)
    }
}

/// Of the stored form.
const VERSION: u8 = 1;

impl<'s> BodyStructure<&'s [u8]> {
    /// Reads the stored form without copying its texts.
    pub fn decode_in_place(stored: &'s [u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(stored, VERSION)?;
        let root = take_part(&mut reader, 0, 0)?;
        reader.end()?;
        Ok(Self { root })
    }
}

impl<O: Deref<Target = [u8]>> BodyStructure<O> {
    /// The stored form. Its first octet is the version.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        put_part(&mut writer, &self.root, 0);
        writer.finish()
    }
}

impl BodyStructure {
    /// Reads the stored form back.
    pub fn decode(stored: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(stored, VERSION)?;
        let root = take_part(&mut reader, 0, 0)?;
        reader.end()?;
        Ok(Self { root })
    }
}

/// Deeper than any parser limit; a stored value beyond it is damaged.
const DEPTH_MAX: usize = 1024;

/// Offsets are stored as distances from `base`, the start of the part's parent, so they stay short.
fn put_part<O: Deref<Target = [u8]>>(writer: &mut Writer, part: &Part<O>, base: u64) {
    writer.number(part.header.start.saturating_sub(base));
    writer.number(part.header.end.saturating_sub(part.header.start));
    writer.number(part.body.start.saturating_sub(part.header.end));
    writer.number(part.size());
    writer.number(part.lines);
    writer.number(part.octets.bits().into());
    writer.octets(&part.media_type.kind);
    writer.octets(&part.media_type.subtype);
    put_params(writer, &part.media_type.params);
    for value in [&part.encoding, &part.id, &part.description, &part.md5, &part.location] {
        writer.option(value.as_deref());
    }
    writer.option(part.disposition.as_ref().map(|d| &*d.kind));
    if let Some(disposition) = &part.disposition {
        put_params(writer, &disposition.params);
    }
    writer.count(part.language.len());
    part.language.iter().for_each(|tag| writer.octets(tag));
    match &part.content {
        Content::Leaf => writer.number(0),
        Content::Message(message) => {
            writer.number(1);
            message.envelope.put(writer);
            put_part(writer, &message.part, part.header.start);
        }
        Content::Multipart(parts) => {
            writer.count(parts.len().saturating_add(1));
            parts.iter().for_each(|child| put_part(writer, child, part.header.start));
        }
    }
}

fn put_params<O: Deref<Target = [u8]>>(writer: &mut Writer, params: &[Param<O>]) {
    writer.count(params.len());
    for param in params {
        writer.octets(&param.name);
        writer.octets(&param.value);
    }
}

fn take_part<'s, O: From<&'s [u8]>>(
    reader: &mut Reader<'s>,
    base: u64,
    depth: usize,
) -> Result<Part<O>, Corrupt> {
    if depth > DEPTH_MAX {
        return Err(Corrupt("a part lies too deep"));
    }
    let header_start = reader.sum(base)?;
    let header_end = reader.sum(header_start)?;
    let body_start = reader.sum(header_end)?;
    let body_end = reader.sum(body_start)?;
    let lines = reader.number()?;
    let octets = OctetKinds::from_bits(reader.number()?);
    let media_type = MediaType {
        kind: reader.octets()?,
        subtype: reader.octets()?,
        params: take_params(reader)?,
    };
    let encoding = reader.option()?;
    let id = reader.option()?;
    let description = reader.option()?;
    let md5 = reader.option()?;
    let location = reader.option()?;
    let disposition = match reader.option()? {
        Some(kind) => Some(Disposition { kind, params: take_params(reader)? }),
        None => None,
    };
    let language = reader.list(Reader::octets)?;
    let content = match reader.number()? {
        0 => Content::Leaf,
        1 => Content::Message(Box::new(Message {
            envelope: Envelope::take(reader)?,
            part: take_part(reader, header_start, depth.saturating_add(1))?,
        })),
        more => {
            let mut parts = Vec::new();
            for _ in 1..more {
                parts.push(take_part(reader, header_start, depth.saturating_add(1))?);
            }
            Content::Multipart(parts)
        }
    };
    Ok(Part {
        header: header_start..header_end,
        body: body_start..body_end,
        lines,
        octets,
        media_type,
        encoding,
        id,
        description,
        md5,
        disposition,
        language,
        location,
        content,
    })
}

fn take_params<'s, O: From<&'s [u8]>>(reader: &mut Reader<'s>) -> Result<Vec<Param<O>>, Corrupt> {
    reader.list(|reader| Ok(Param { name: reader.octets()?, value: reader.octets()? }))
}

impl OctetKinds {
    fn bits(self) -> u8 {
        u8::from(self.eight_bit_header)
            | u8::from(self.eight_bit) << 1
            | u8::from(self.nul) << 2
            | u8::from(self.long_line) << 3
            | u8::from(self.bare_lf) << 4
            | u8::from(self.dense) << 5
    }

    fn from_bits(bits: u64) -> Self {
        Self {
            eight_bit_header: bits & 1 != 0,
            eight_bit: bits & 2 != 0,
            nul: bits & 4 != 0,
            long_line: bits & 8 != 0,
            bare_lf: bits & 16 != 0,
            dense: bits & 32 != 0,
        }
    }
}
