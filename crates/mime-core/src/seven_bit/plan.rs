//! What becomes of which octets of a message, decided from its structure alone.

use super::{Aim, Refused};
use crate::{
    body_structure::{BodyStructure, Content, Part},
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
    /// Nothing to change, but nothing above 127 either.
    Copy,
    /// Nothing to change.
    Keep,
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
    /// What becomes of fields with octets above 127.
    pub(super) eight_bit: EightBit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EightBit {
    /// They pass.
    Passes,
    /// They are written in ASCII, or there is no message.
    Encoded,
    /// They are written in ASCII as far as that goes; the rest is left out (RFC 6858 §2).
    Shown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    /// The field stays.
    Keep,
    /// The field goes: the part holds encoded parts now and is 7-bit itself.
    SevenBit,
    /// Likewise, and they have 8-bit text.
    EightBit,
    QuotedPrintable,
    Base64,
}

/// The regions in their order; together they cover the message.
pub(super) fn regions(structure: &Structure, aim: Aim) -> Result<Vec<Region>, Refused> {
    let root = &structure.body.root;
    let mut regions = Vec::new();
    if aim != Aim::SevenBit || !structure.dkim_signed {
        put_part(&mut regions, root, aim, true)?;
    } else if root.octets.eight_bit || root.octets.eight_bit_header {
        return Err(Refused::Signed);
    }
    Ok(regions)
}

/// The regions of a surrogate: headers with octets above 127 are written anew, all else stays.
pub(super) fn surrogate(body: &BodyStructure) -> Vec<Region> {
    let eight_bit = EightBit::Shown;
    let edit = HeaderEdit { label: Label::Keep, of_message: false, eight_bit };
    let mut regions = Vec::new();
    body.root.visit(&mut |part| {
        if part.octets.eight_bit_header {
            regions.push(Region { start: part.header.start, action: Action::Header(edit) });
            regions.push(Region { start: part.body.start, action: Action::Keep });
        }
    });
    regions
}

/// Whether a part cannot stand among lines: it says so itself, or shows it.
pub(super) fn is_binary(part: &Part) -> bool {
    let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
    let inner = match &part.content {
        Content::Leaf => false,
        Content::Message(message) => is_binary(&message.part),
        Content::Multipart(parts) => parts.iter().any(is_binary),
    };
    encoding == Encoding::Binary || part.octets.nul || part.octets.bare_lf || inner
}

fn put_part(
    regions: &mut Vec<Region>,
    part: &Part,
    aim: Aim,
    of_message: bool,
) -> Result<(), Refused> {
    let octets = part.octets;
    let (to_lines, to_seven_bit) = (aim != Aim::SevenBit, aim != Aim::Lines);
    // What passes is 7-bit, unless 8-bit may stay.
    let pass = if to_seven_bit { Action::Copy } else { Action::Keep };
    let eight_bit = to_seven_bit && (octets.eight_bit || octets.eight_bit_header);
    let binary = to_lines && is_binary(part);
    let must = eight_bit || binary;
    let signed = part.media_type.is("multipart", "signed");
    let may = to_seven_bit && octets.long_line;
    if !must && (!may || signed || (is_leaf(part) && body_action(part).is_err())) {
        regions.push(Region { start: part.header.start, action: pass });
        return Ok(());
    }
    if signed {
        return Err(Refused::Signed);
    }
    let changes = to_seven_bit && (octets.eight_bit || octets.long_line);
    let body = match body_action(part) {
        // As it is, to the octet.
        Ok(Action::QuotedPrintable(was) | Action::Base64(was)) if binary => Action::Base64(was),
        _ if !changes && !binary => pass,
        // Long lines alone are no reason to refuse: many hosts take them.
        Err(_) if !octets.eight_bit && !binary => pass,
        Ok(Action::Copy) => pass,
        action => action?,
    };
    let label = match body {
        Action::QuotedPrintable(_) => Label::QuotedPrintable,
        Action::Base64(_) => Label::Base64,
        _ if octets.eight_bit && !to_seven_bit => Label::EightBit,
        _ if octets.eight_bit || binary => Label::SevenBit,
        _ => Label::Keep,
    };
    let eight_bit = if to_seven_bit { EightBit::Encoded } else { EightBit::Passes };
    let edit = HeaderEdit { label, of_message, eight_bit };
    regions.push(Region { start: part.header.start, action: Action::Header(edit) });
    regions.push(Region { start: part.body.start, action: body });
    match &part.content {
        Content::Leaf => {}
        Content::Message(message) => put_part(regions, &message.part, aim, true)?,
        Content::Multipart(parts) => {
            for child in parts {
                put_part(regions, child, aim, false)?;
                // The delimiter, and at last the epilogue.
                regions.push(Region { start: child.body.end, action: pass });
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
