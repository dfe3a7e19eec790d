//! BODY and BODYSTRUCTURE (RFC 3501 §7.4.2).

use std::ops::Deref;

use mime_core::{
    body_structure::{Content, Disposition, MediaType, Param, Part},
    transfer::Encoding,
};

use super::{envelope, nstring, number, string};

/// What of a structure is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Extension data too: BODYSTRUCTURE, not BODY.
    pub(super) extension: bool,
    /// As RFC 9051 §9 has it: a message/global is told as a message, and sizes have 63 bits.
    pub(super) rev2: bool,
}

/// Renders `body` (RFC 3501 §9). The depth is bounded by the pass that made the structure.
pub(super) fn render<O>(out: &mut Vec<u8>, part: &Part<O>, shape: Shape)
where
    O: Deref<Target = [u8]>,
{
    out.push(b'(');
    match &part.content {
        Content::Multipart(children) if !children.is_empty() => {
            for child in children {
                render(out, child, shape);
            }
            out.push(b' ');
            string(out, &part.media_type.subtype);
            if shape.extension {
                out.push(b' ');
                params(out, &part.media_type.params);
                common_extension(out, part);
            }
        }
        _ => {
            single(out, part, shape);
            if shape.extension {
                out.push(b' ');
                nstring(out, part.md5.as_deref());
                common_extension(out, part);
            }
        }
    }
    out.push(b')');
}

/// `body-type-1part` without its extension.
fn single<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, part: &Part<O>, shape: Shape) {
    let (kind, subtype) = part.shown_type();
    string(out, kind);
    out.push(b' ');
    string(out, subtype);
    out.push(b' ');
    let of_type = part.media_type.params.iter().map(|param| (&*param.name, &*param.value));
    let assumed = is_ascii_text(part).then_some((&b"charset"[..], &b"us-ascii"[..]));
    pairs(out, of_type.chain(assumed));
    for text in [&part.id, &part.description] {
        out.push(b' ');
        nstring(out, text.as_deref());
    }
    out.push(b' ');
    string(out, part.encoding.as_deref().unwrap_or(b"7BIT"));
    out.push(b' ');
    size(out, part.size(), shape);
    match &part.content {
        // In RFC 3501, `body-type-msg` is for message/rfc822 only: a client that knows no other type
        // would stumble over the envelope of a message/global.
        Content::Message(message) if shape.rev2 || subtype.eq_ignore_ascii_case(b"rfc822") => {
            out.push(b' ');
            envelope::render(out, &message.envelope);
            out.push(b' ');
            render(out, &message.part, shape);
            out.push(b' ');
            size(out, part.lines, shape);
        }
        _ if kind.eq_ignore_ascii_case(b"text") => {
            out.push(b' ');
            size(out, part.lines, shape);
        }
        _ => {}
    }
}

/// Whether it is plain text in US-ASCII, because nothing else is said (RFC 2046 §4.1.2). What is 8-bit,
/// or may hide it, is not called so: then it is for the client to guess.
fn is_ascii_text<O: Deref<Target = [u8]>>(part: &Part<O>) -> bool {
    let MediaType { params, .. } = &part.media_type;
    let is_charset = |param: &Param<O>| {
        // Marks of RFC 2231 may follow.
        let name = param.name.split(|octet| *octet == b'*').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"charset")
    };
    part.media_type.is("text", "plain")
        && !params.iter().any(is_charset)
        && !part.octets.eight_bit
        && part.encoding.as_deref().is_none_or(|value| !hides(Encoding::parse(value)))
}

fn hides(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::QuotedPrintable | Encoding::Base64 | Encoding::Unknown)
}

/// `number` has 32 bits (RFC 3501 §9), `number64` has more.
fn size(out: &mut Vec<u8>, value: u64, shape: Shape) {
    number(out, if shape.rev2 { value } else { value.min(u32::MAX.into()) });
}

/// Disposition, language, location: what both kinds of extension data end with.
fn common_extension<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, part: &Part<O>) {
    out.push(b' ');
    disposition(out, part.disposition.as_ref());
    out.push(b' ');
    language(out, &part.language);
    out.push(b' ');
    nstring(out, part.location.as_deref());
}

fn params<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, params: &[Param<O>]) {
    pairs(out, params.iter().map(|param| (&*param.name, &*param.value)));
}

fn pairs<'p>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'p [u8], &'p [u8])>) {
    let mut opening = b'(';
    for (name, value) in pairs {
        out.push(opening);
        string(out, name);
        out.push(b' ');
        string(out, value);
        opening = b' ';
    }
    out.extend_from_slice(if opening == b'(' { b"NIL" } else { b")" });
}

fn disposition<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, disposition: Option<&Disposition<O>>) {
    let Some(disposition) = disposition else { return out.extend_from_slice(b"NIL") };
    out.push(b'(');
    string(out, &disposition.kind);
    out.push(b' ');
    params(out, &disposition.params);
    out.push(b')');
}

fn language<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, tags: &[O]) {
    match tags {
        [] => out.extend_from_slice(b"NIL"),
        [only] => string(out, only),
        several => {
            for (place, tag) in several.iter().enumerate() {
                out.push(if place == 0 { b'(' } else { b' ' });
                string(out, tag);
            }
            out.push(b')');
        }
    }
}

#[cfg(test)]
mod tests;
