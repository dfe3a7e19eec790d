//! GETMETADATA and SETMETADATA (RFC 5464 §5).

use mail_types::{AnnotationName, MailboxName};

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mailbox, text},
};
use crate::command::{Command, Depth, MetadataCommand};

type Parsed<T> = Result<T, SyntaxError>;

/// `getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries`. The examples of the
/// standard have the options behind the mailbox, and so do clients: both are read.
pub(super) fn get(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let (mut max_size, mut depth) = (None, Depth::Itself);
    if cursor.peek() == Some(b'(') {
        options(cursor, &mut max_size, &mut depth)?;
        cursor.space()?;
    }
    let mailbox = mailbox_or_server(cursor)?;
    cursor.space()?;
    if is_options(cursor) {
        options(cursor, &mut max_size, &mut depth)?;
        cursor.space()?;
    }
    let entries = if cursor.peek() == Some(b'(') {
        cursor.list("a list of entries", entry)?
    } else {
        vec![entry(cursor)?]
    };
    Ok(Command::Metadata(MetadataCommand::Get { mailbox, entries, max_size, depth }))
}

/// Whether the list that is next is one of options: no entry begins with a letter.
fn is_options(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.eat(b'(') && ahead.peek().is_some_and(|b| b.is_ascii_alphabetic())
}

/// `getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"`
fn options(cursor: &mut Cursor<'_>, max_size: &mut Option<u32>, depth: &mut Depth) -> Parsed<()> {
    const WHAT: &str = "MAXSIZE and a number, or DEPTH and 0, 1 or infinity";
    cursor.list(WHAT, |cursor| {
        if cursor.eat_word("MAXSIZE") {
            cursor.space()?;
            *max_size = Some(cursor.number()?);
            return Ok(());
        }
        if !cursor.eat_word("DEPTH") {
            return Err(SyntaxError::Expected(WHAT));
        }
        cursor.space()?;
        *depth = match cursor.word().to_ascii_lowercase().as_slice() {
            b"0" => Depth::Itself,
            b"1" => Depth::Children,
            b"infinity" => Depth::All,
            _ => return Err(SyntaxError::Expected(WHAT)),
        };
        Ok(())
    })?;
    Ok(())
}

/// `setmetadata = "SETMETADATA" SP mailbox SP entry-values`
pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = mailbox_or_server(cursor)?;
    cursor.space()?;
    let values = cursor.list("a list of entries and values", |cursor| {
        let entry = entry(cursor)?;
        if !entry.holds_value() {
            return Err(SyntaxError::Expected("the name of an entry, not of a level above"));
        }
        cursor.space()?;
        Ok((entry, value(cursor)?))
    })?;
    Ok(Command::Metadata(MetadataCommand::Set { mailbox, values }))
}

/// The empty name is the server (RFC 5464 §4.1).
fn mailbox_or_server(cursor: &mut Cursor<'_>) -> Parsed<Option<MailboxName>> {
    let mut ahead = cursor.clone();
    if ahead.astring("a mailbox name").is_ok_and(|name| name.is_empty()) {
        *cursor = ahead;
        return Ok(None);
    }
    mailbox(cursor).map(Some)
}

/// `entry = astring`
pub(super) fn entry(cursor: &mut Cursor<'_>) -> Parsed<AnnotationName> {
    const WHAT: &str = "an entry such as /private/comment";
    // RFC 5464 §3.2: a name that is none is BAD.
    AnnotationName::parse(&text(&cursor.astring(WHAT)?)?).map_err(|_| SyntaxError::Expected(WHAT))
}

/// `value = nstring / literal8`
fn value(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<u8>>> {
    if cursor.peek() == Some(b'~') {
        return cursor.literal8().map(|octets| Some(octets.to_vec()));
    }
    if cursor.eat_word("NIL") {
        return Ok(None);
    }
    Ok(Some(cursor.string("NIL or a value in quotes")?.into_owned()))
}
