//! What the structure pass has met.

use mime_core::{structure::DefectKind, text::decode_header};

use super::{Collected, Rule, rules, section_of};
use crate::{
    message::{Opened, placed::Placed},
    terminal,
};

/// Of the line that is meant, so much is shown.
const LINE_COLUMNS: usize = 60;

pub(super) fn look(
    opened: &Opened,
    placed: &[Placed<'_>],
    found: &mut Collected,
) -> anyhow::Result<()> {
    // Those that may not have been closed, the innermost first, as they are told.
    let mut unclosed: Vec<&Placed<'_>> =
        placed.iter().rev().filter(|it| !it.part.children().is_empty()).collect();
    for defect in &opened.structure.defects {
        let rule = match defect.kind {
            DefectKind::NotAField if is_mbox_line(opened, defect.at) => Some(&rules::MBOX_LINE),
            DefectKind::HeaderNotEnded if is_whole(opened, placed, defect.at)? => None,
            kind => rule_of(kind),
        };
        let section = match defect.kind {
            DefectKind::NotClosed => {
                let open = unclosed.iter().position(|it| reaches(it, defect.at));
                open.map(|index| unclosed.remove(index)).and_then(section_of)
            }
            _ => innermost(placed, defect.at).and_then(section_of),
        };
        let detail = match defect.kind {
            DefectKind::NotAField
            | DefectKind::ContinuationOfNothing
            | DefectKind::DuplicateField
            | DefectKind::RepeatedDelimiter => line_at(opened, defect.at)?,
            _ => None,
        };
        if let Some(rule) = rule {
            found.push(rule, defect.at, section, detail);
        }
    }
    Ok(())
}

/// Whether the header that ends here without an empty line ends with a whole line at least: then it
/// is allowed, and there is no body (RFC 5322 §3.5, RFC 2046 §5.1.1).
fn is_whole(opened: &Opened, placed: &[Placed<'_>], at: u64) -> anyhow::Result<bool> {
    let Some(it) = innermost(placed, at) else { return Ok(false) };
    let end = it.part.header.end;
    let around = opened.source.read(end.saturating_sub(1)..end.saturating_add(1), 2)?;
    // The line end before a delimiter belongs to the delimiter; a header of nothing is whole.
    Ok(around.is_empty() || around.iter().any(|octet| matches!(octet, b'\r' | b'\n')))
}

/// The beginning of a line, if anything can be seen in it.
fn line_at(opened: &Opened, at: u64) -> anyhow::Result<Option<String>> {
    let octets = opened.source.read(at..u64::MAX, 200)?;
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let text = terminal::one_line(decode_header(line).trim());
    let text = terminal::shortened(&text, LINE_COLUMNS);
    Ok((!text.is_empty()).then(|| format!("`{text}`")))
}

/// The part that the octet is in, or that has just ended before it.
fn innermost<'p, 'a>(placed: &'p [Placed<'a>], at: u64) -> Option<&'p Placed<'a>> {
    placed.iter().rev().find(|it| reaches(it, at))
}

fn reaches(placed: &Placed<'_>, at: u64) -> bool {
    (placed.part.header.start..=placed.part.body.end).contains(&at)
}

fn is_mbox_line(opened: &Opened, at: u64) -> bool {
    at == 0 && opened.header.starts_with(b"From ")
}

fn rule_of(kind: DefectKind) -> Option<&'static Rule> {
    Some(match kind {
        DefectKind::NotAField => &rules::NOT_A_FIELD,
        DefectKind::ContinuationOfNothing => &rules::CONTINUATION_OF_NOTHING,
        DefectKind::HeaderNotEnded => &rules::HEADER_NOT_ENDED,
        DefectKind::DuplicateField => &rules::DUPLICATE_FIELD,
        DefectKind::BadContentType => &rules::BAD_CONTENT_TYPE,
        DefectKind::NoBoundary => &rules::NO_BOUNDARY,
        DefectKind::NoDelimiter => &rules::NO_DELIMITER,
        DefectKind::NotClosed => &rules::NOT_CLOSED,
        DefectKind::RepeatedDelimiter => &rules::REPEATED_DELIMITER,
        DefectKind::EncodedComposite => &rules::ENCODED_COMPOSITE,
        DefectKind::FieldTruncated => &rules::FIELD_TRUNCATED,
        DefectKind::TooDeep => &rules::TOO_DEEP,
        DefectKind::TooManyParts => &rules::TOO_MANY_PARTS,
        DefectKind::NoContentId => &rules::NO_EXTERNAL_ID,
        DefectKind::BadPartial => &rules::PARTIAL_INCOMPLETE,
        // Told once by the structure pass, and field by field, part by part or with their number
        // by the other looks, which also know what is allowed: UTF-8 in a header, a file of LF.
        DefectKind::EightBitHeader
        | DefectKind::EightBitUnlabelled
        | DefectKind::Nul
        | DefectKind::BareLf
        | DefectKind::LongLine => return None,
        // What mime-core learns to tell before this does.
        _ => &rules::OTHER_STRUCTURE,
    })
}
