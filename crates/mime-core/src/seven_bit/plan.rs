//! What becomes of which octets of a message, decided from its structure alone.

use super::Refused;
use crate::{
    body_structure::{Content, Part},
    structure::Structure,
    transfer::Encoding,
};

/// From `start` to where the next begins.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) start: u64,
    pub(super) action: Action,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Nothing to change.
    Copy,
    Header(HeaderEdit),
    /// Encode, after decoding what it was in before.
    QuotedPrintable(Encoding),
    /// Likewise.
    Base64(Encoding),
}

/// What is changed in a header besides its 8-bit fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderEdit {
    /// What replaces Content-Transfer-Encoding.
    pub(super) label: Label,
    /// This is the message's own header, which must say MIME-Version.
    pub(super) of_message: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    /// The field stays.
    Keep,
    /// The field goes: the part holds encoded parts now and is 7-bit itself.
    SevenBit,
    QuotedPrintable,
    Base64,
}

/// The regions in their order; together they cover the message.
pub(super) fn regions(structure: &Structure) -> Result<Vec<Region>, Refused> {
    let root = &structure.body.root;
    let mut regions = Vec::new();
    if !structure.dkim_signed {
        put_part(&mut regions, root, true)?;
    } else if root.octets.eight_bit || root.octets.eight_bit_header {
        return Err(Refused::Signed);
    }
    Ok(regions)
}

fn put_part(regions: &mut Vec<Region>, part: &Part, of_message: bool) -> Result<(), Refused> {
    let octets = part.octets;
    let must = octets.eight_bit || octets.eight_bit_header;
    let signed = part.media_type.is("multipart", "signed");
    if !must && (!octets.long_line || signed || (is_leaf(part) && body_action(part).is_err())) {
        regions.push(Region { start: part.header.start, action: Action::Copy });
        return Ok(());
    }
    if signed {
        return Err(Refused::Signed);
    }
    let body = match body_action(part) {
        _ if !octets.eight_bit && !octets.long_line => Action::Copy,
        // Long lines alone are no reason to refuse: many hosts take them.
        Err(_) if !octets.eight_bit => Action::Copy,
        action => action?,
    };
    let label = match body {
        Action::QuotedPrintable(_) => Label::QuotedPrintable,
        Action::Base64(_) => Label::Base64,
        _ if octets.eight_bit => Label::SevenBit,
        _ => Label::Keep,
    };
    let edit = HeaderEdit { label, of_message };
    regions.push(Region { start: part.header.start, action: Action::Header(edit) });
    regions.push(Region { start: part.body.start, action: body });
    match &part.content {
        Content::Leaf => {}
        Content::Message(message) => put_part(regions, &message.part, true)?,
        Content::Multipart(parts) => {
            for child in parts {
                put_part(regions, child, false)?;
                // The delimiter, and at last the epilogue.
                regions.push(Region { start: child.body.end, action: Action::Copy });
            }
        }
    }
    Ok(())
}

fn is_leaf(part: &Part) -> bool {
    matches!(part.content, Content::Leaf)
}

/// What is done with a body that has octets above 127, or lines that are too long.
fn body_action(part: &Part) -> Result<Action, Refused> {
    if !is_leaf(part) {
        return Ok(Action::Copy);
    }
    let was = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
    let kind = &part.media_type;
    // RFC 2046 §5: composites take no encoding; those of RFC 6532 and 6533 do.
    let is_global = kind.subtype.to_ascii_lowercase().starts_with(b"global");
    let composite = kind.is_kind("multipart") || (kind.is_kind("message") && !is_global);
    if composite || was == Encoding::Unknown {
        return Err(Refused::Part);
    }
    let text = (kind.is_kind("text") || kind.is_kind("message")) && !part.octets.nul;
    // RFC 2045 §6.8: text in base64 must have CRLF at its lines' ends; quoted-printable makes them.
    let shorter = part.octets.dense && !part.octets.bare_lf && was.is_identity();
    Ok(if text && !shorter { Action::QuotedPrintable(was) } else { Action::Base64(was) })
}
