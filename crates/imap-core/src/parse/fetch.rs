//! FETCH (RFC 3501 §6.4.5, RFC 7162 §3.1.4).

use mail_types::ModSeq;

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mod_seq, partial_range, sequence_set, text},
};
use crate::command::{
    Fetch, FetchItem, FieldChoice, Numbering, Partial, PartialRange, Section, SectionOf,
};

type Parsed<T> = Result<T, SyntaxError>;

/// Part numbers in a section: deeper than any message that is taken apart.
const PARTS_MAX: usize = 200;

/// `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
/// "(" fetch-att *(SP fetch-att) ")") [SP "(" fetch-modifier *(SP fetch-modifier) ")"]`
pub(super) fn fetch(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Fetch> {
    let messages = sequence_set(cursor)?;
    cursor.space()?;
    let asked = match macro_items(cursor) {
        Some(items) => items,
        None if cursor.peek() == Some(b'(') => cursor.list("what to fetch", item)?,
        None => vec![item(cursor)?],
    };
    let modifiers = if cursor.eat(b' ') { modifiers(cursor)? } else { Modifiers::default() };
    let Modifiers { changed_since, vanished, partial } = modifiers;
    // RFC 9394 §3.3.
    if partial.is_some() && numbering == Numbering::Sequence {
        return Err(SyntaxError::Expected("PARTIAL in UID FETCH only"));
    }
    // RFC 7162 §3.2.6: neither for FETCH, nor without CHANGEDSINCE.
    if vanished && (numbering == Numbering::Sequence || changed_since.is_none()) {
        return Err(SyntaxError::Expected("VANISHED in UID FETCH with CHANGEDSINCE only"));
    }
    let mut items = Vec::with_capacity(asked.len() + 2);
    // RFC 3501 §6.4.8: the UID is told whether asked for or not; where there is nothing else, it
    // stands before the items (RFC 9586 §3.3).
    let tells_uid = numbering == Numbering::Uid && !cursor.dialect().uid_only;
    let uid = tells_uid.then_some(FetchItem::Uid);
    // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for the mod-sequence too.
    let mod_seq = changed_since.map(|_| FetchItem::ModSeq);
    for item in uid.into_iter().chain(asked).chain(mod_seq) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(Fetch { messages, numbering, items, changed_since, vanished, partial })
}

/// What stands behind the items.
#[derive(Default)]
struct Modifiers {
    changed_since: Option<ModSeq>,
    vanished: bool,
    partial: Option<PartialRange>,
}

/// `chgsince-fetch-mod`, `rexpunges-fetch-mod` (RFC 7162 §7), `modifier-partial` (RFC 9394 §4), each
/// once.
fn modifiers(cursor: &mut Cursor<'_>) -> Parsed<Modifiers> {
    const WHAT: &str = "(CHANGEDSINCE ..) or (PARTIAL ..)";
    let mut modifiers = Modifiers::default();
    cursor.list(WHAT, |cursor| {
        if cursor.eat_word("CHANGEDSINCE") && modifiers.changed_since.is_none() {
            cursor.space()?;
            modifiers.changed_since = Some(mod_seq(cursor)?);
        } else if cursor.eat_word("VANISHED") && !modifiers.vanished {
            modifiers.vanished = true;
        } else if cursor.eat_word("PARTIAL") && modifiers.partial.is_none() {
            cursor.space()?;
            modifiers.partial = Some(partial_range(cursor)?);
        } else {
            return Err(SyntaxError::Expected(WHAT));
        }
        Ok(())
    })?;
    Ok(modifiers)
}

/// The three macros; they stand alone.
fn macro_items(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    let all = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
    let more = if cursor.eat_word("FAST") {
        vec![]
    } else if cursor.eat_word("ALL") {
        vec![FetchItem::Envelope]
    } else if cursor.eat_word("FULL") {
        vec![FetchItem::Envelope, FetchItem::Body]
    } else {
        return None;
    };
    Some(all.into_iter().chain(more).collect())
}

/// `fetch-att`
pub(super) fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let word = cursor.word().to_ascii_uppercase();
    let section = cursor.peek() == Some(b'[');
    Ok(match (word.as_slice(), section) {
        (b"BODY", true) => section_item(cursor, false)?,
        (b"BODY.PEEK", true) => section_item(cursor, true)?,
        (b"BINARY", true) => binary_item(cursor, false)?,
        (b"BINARY.PEEK", true) => binary_item(cursor, true)?,
        (b"BINARY.SIZE", true) => FetchItem::BinarySize(section_binary(cursor)?),
        (b"UID", false) => FetchItem::Uid,
        (b"FLAGS", false) => FetchItem::Flags,
        (b"MODSEQ", false) => FetchItem::ModSeq,
        (b"INTERNALDATE", false) => FetchItem::InternalDate,
        (b"SAVEDATE", false) => FetchItem::SaveDate,
        (b"EMAILID", false) => FetchItem::EmailId,
        (b"THREADID", false) => FetchItem::ThreadId,
        (b"PREVIEW", false) => FetchItem::Preview { lazy: preview_modifiers(cursor)? },
        (b"RFC822.SIZE", false) => FetchItem::Size,
        (b"ENVELOPE", false) => FetchItem::Envelope,
        (b"BODY", false) => FetchItem::Body,
        (b"BODYSTRUCTURE", false) => FetchItem::BodyStructure,
        (b"RFC822", false) => FetchItem::Rfc822,
        (b"RFC822.HEADER", false) => FetchItem::Rfc822Header,
        (b"RFC822.TEXT", false) => FetchItem::Rfc822Text,
        _ => return Err(SyntaxError::Expected("a data item that can be fetched")),
    })
}

/// `["(" preview-mod *(SP preview-mod) ")"]` behind a space (RFC 8970 §6); whether `LAZY` is one.
fn preview_modifiers(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    let mut ahead = cursor.clone();
    if !ahead.eat(b' ') || ahead.peek() != Some(b'(') {
        return Ok(false);
    }
    *cursor = ahead;
    cursor.list("(LAZY)", |cursor| match cursor.eat_word("LAZY") {
        true => Ok(()),
        false => Err(SyntaxError::Expected("(LAZY)")),
    })?;
    Ok(true)
}

/// `section ["<" number "." nz-number ">"]`
fn section_item(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<FetchItem> {
    let section = section(cursor)?;
    Ok(FetchItem::Section { section, partial: partial(cursor)?, peek })
}

/// `section-binary ["<" number "." nz-number ">"]` (RFC 3516 §7)
fn binary_item(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<FetchItem> {
    let part = section_binary(cursor)?;
    Ok(FetchItem::Binary { part, partial: partial(cursor)?, peek })
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    let part = section(cursor)?;
    match part.of {
        SectionOf::Content => Ok(part),
        _ => Err(SyntaxError::Expected("part numbers only")),
    }
}

fn partial(cursor: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
    const WHAT: &str = "a part such as <0.2048>";
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let origin = cursor.number64()?;
    cursor.expect(b'.', WHAT)?;
    if cursor.peek() == Some(b'0') {
        return Err(SyntaxError::Expected(WHAT));
    }
    let length = cursor.number64()?;
    cursor.expect(b'>', WHAT)?;
    Ok(Some(Partial { origin, length }))
}

/// `section = "[" [section-spec] "]"`,
/// `section-spec = section-msgtext / (section-part ["." section-text])`
pub(super) fn section(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    cursor.expect(b'[', "a section")?;
    let mut path = Vec::new();
    let mut text_may_follow = true;
    while cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        if path.len() == PARTS_MAX {
            return Err(SyntaxError::Expected("fewer part numbers"));
        }
        path.push(cursor.nonzero_number()?);
        text_may_follow = cursor.eat(b'.');
        if !text_may_follow {
            break;
        }
    }
    let nothing_more = cursor.peek() == Some(b']') && (path.is_empty() || !text_may_follow);
    let of = if nothing_more || !text_may_follow {
        SectionOf::Content
    } else {
        section_text(cursor, !path.is_empty())?
    };
    cursor.expect(b']', "the end of the section")?;
    Ok(Section { path, of })
}

/// `section-text = section-msgtext / "MIME"`; MIME only behind part numbers.
fn section_text(cursor: &mut Cursor<'_>, in_part: bool) -> Parsed<SectionOf> {
    let word = cursor.word().to_ascii_uppercase();
    Ok(match word.as_slice() {
        b"HEADER" => SectionOf::Header,
        b"TEXT" => SectionOf::Text,
        b"MIME" if in_part => SectionOf::Mime,
        b"HEADER.FIELDS" => SectionOf::HeaderFields(field_names(cursor)?, FieldChoice::Named),
        b"HEADER.FIELDS.NOT" => {
            SectionOf::HeaderFields(field_names(cursor)?, FieldChoice::NotNamed)
        }
        _ => return Err(SyntaxError::Expected("HEADER, HEADER.FIELDS, TEXT or MIME")),
    })
}

/// `header-list = "(" header-fld-name *(SP header-fld-name) ")"`
fn field_names(cursor: &mut Cursor<'_>) -> Parsed<Vec<Box<str>>> {
    cursor.space()?;
    cursor.list("a list of field names", |cursor| {
        // One that no field can have is harmless: it is never found.
        Ok(text(&cursor.astring("a field name")?)?.into())
    })
}
