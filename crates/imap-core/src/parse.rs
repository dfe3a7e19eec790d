//! Commands from bytes (RFC 3501 §9).
//!
//! The text is one framed command with its literals in it. What is malformed is rejected with a
//! few words that say what was expected; nothing is guessed. What an attacker controls is the text;
//! work is linear in its length, and the depth of a search is bounded.

mod acl;
mod append;
mod arguments;
mod cursor;
mod fetch;
mod list;
mod metadata;
mod multi_search;
mod notify;
mod quota;
mod search;
mod select;
mod sort;
mod urls;
mod values;

use std::collections::VecDeque;

use mail_types::MailboxName;

use crate::{
    command::{AppendStep, Command, Section},
    frame::Literal,
    order::{State, Verb, rule_named},
    response::{Code, Completion},
};
pub(crate) use append::Text;
use cursor::Cursor;

/// What the grammar is made of, by what the client has enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dialect {
    /// Mailbox names are UTF-8, not modified UTF-7 (RFC 9051 §5.1, RFC 9755 §3).
    pub(crate) utf8_names: bool,
    /// Sizes have 63 bits (RFC 9051 §4.2).
    pub(crate) rev2: bool,
    /// No charset but UTF-8 is named, and SEARCH names none (RFC 9755 §3).
    pub(crate) utf8_only: bool,
    /// Messages have no sequence numbers (RFC 9586 §3).
    pub(crate) uid_only: bool,
    /// There are the search keys that come with MESSAGELIMIT (RFC 9738 §3.2).
    pub(crate) message_limit: bool,
}

/// The moment that an INTERNALDATE tells, without its quotes.
pub(crate) fn internal_date(text: &[u8]) -> Option<mail_types::Timestamp> {
    let quoted = [b"\"", text, b"\""].concat();
    values::date_time(&mut Cursor::new(&quoted, Dialect::default())).ok()
}

/// A command that is well formed and legal in the state.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) tag: Box<str>,
    pub(crate) verb: Verb,
    pub(crate) command: Command,
}

/// A command that is not.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// None if not even the tag can be read.
    pub(crate) tag: Option<Box<str>>,
    pub(crate) completion: Completion,
    /// It was to save its result: there is none now (RFC 5182 §2.1).
    pub(crate) forgets_saved: bool,
}

impl Rejected {
    pub(crate) fn new(tag: Option<Box<str>>, completion: impl Into<Completion>) -> Self {
        Self { tag, completion: completion.into(), forgets_saved: false }
    }
}

/// What an announced literal is.
#[derive(Debug)]
pub(crate) enum Announced {
    /// An argument among others.
    Argument { tag: Box<str>, verb: Verb },
    /// A literal of an APPEND, or of its like, which is not gathered.
    Append { tag: Box<str>, verb: Verb, steps: VecDeque<AppendStep>, catenating: bool },
}

/// Why arguments are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyntaxError {
    /// Not in the grammar.
    Expected(&'static str),
    /// A mailbox name that no mailbox can have.
    Name(&'static str),
    /// An event that is not told (RFC 5465 §3.1).
    Event,
    /// More mailboxes than are searched at once (RFC 7377 §2.4).
    TooManySearched,
    /// More URLs than are looked at in one command.
    TooManyUrls,
    /// More mailboxes or groups of them than are looked after.
    TooMuchNotified,
    /// A use that no mailbox has.
    Use,
    /// A sequence number from a client that has given them up.
    UidRequired,
    /// A charset that is not known; in a search that was to save its result, or in another.
    Charset { saves: bool },
}

impl From<SyntaxError> for Completion {
    fn from(error: SyntaxError) -> Self {
        match error {
            SyntaxError::Expected(what) => Self::bad(format!("Expected {what}")),
            // RFC 5530 §3 `CANNOT`: the name is well formed, but can never be used.
            SyntaxError::Name(why) => Self::no(Code::Cannot, why),
            SyntaxError::Event => Self::no(Code::BadEvent, "There is no such event here"),
            // RFC 5465 §3.1.
            SyntaxError::TooMuchNotified => {
                Self::no(Code::NotificationOverflow, "This is too much to look after")
            }
            SyntaxError::TooManySearched => {
                Self::no(Code::Limit, "These are too many mailboxes at once")
            }
            SyntaxError::TooManyUrls => Self::no(Code::Limit, "These are too many URLs at once"),
            // RFC 6154 §3.
            SyntaxError::Use => Self::no(Code::UseAttr, "There is no such use here"),
            // RFC 9586 §3.
            SyntaxError::UidRequired => {
                Self::bad("There are UIDs only since UIDONLY").with(Code::UidRequired)
            }
            // RFC 3501 §6.4.4.
            SyntaxError::Charset { .. } => Self::no(Code::BadCharset, "This charset is not known"),
        }
    }
}

/// Parses a whole command.
pub(crate) fn command(text: &[u8], state: State, dialect: Dialect) -> Result<Parsed, Rejected> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let mut cursor = Cursor::new(line.strip_suffix(b"\r").unwrap_or(line), dialect);
    let (tag, verb) = head(&mut cursor, state)?;
    match arguments::parse(verb, &mut cursor) {
        Ok(command) => Ok(Parsed { tag, verb, command }),
        Err(error) => {
            let forgets_saved = error == SyntaxError::Charset { saves: true };
            Err(Rejected { forgets_saved, ..Rejected::new(Some(tag), error) })
        }
    }
}

/// Looks at a command up to an announced literal.
pub(crate) fn announced(
    text: &[u8],
    literal: Literal,
    state: State,
    dialect: Dialect,
) -> Result<Announced, Rejected> {
    let mut cursor = Cursor::new(text.get(..literal.at).unwrap_or_default(), dialect);
    let (tag, verb) = head(&mut cursor, state)?;
    if !matches!(verb, Verb::Append | Verb::Replace | Verb::UidReplace) {
        return Ok(Announced::Argument { tag, verb });
    }
    let text =
        cursor.space().and_then(|()| append::arguments(verb, &mut cursor, Some(literal.size)));
    match text {
        Ok(Text::Steps { steps, catenating }) => {
            Ok(Announced::Append { tag, verb, steps, catenating })
        }
        Ok(Text::Argument) => Ok(Announced::Argument { tag, verb }),
        Err(error) => Err(Rejected::new(Some(tag), error)),
    }
}

/// Looks at what stands behind a literal of an APPEND, up to another one or to the end
/// (RFC 3502 §6.3.11, RFC 4469 §3).
pub(crate) fn behind_literal(
    text: &[u8],
    literal: Option<Literal>,
    mailbox: MailboxName,
    (catenating, dialect): (bool, Dialect),
) -> Result<Text, Completion> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = literal.map_or(line, |literal| text.get(..literal.at).unwrap_or_default());
    let mut cursor = Cursor::new(text, dialect);
    let size = literal.map(|literal| literal.size);
    let text = append::behind_literal(&mut cursor, size, mailbox, catenating);
    let text = text.map_err(|error| match literal {
        None if !catenating => SyntaxError::Expected("another message or the end of the line"),
        _ => error,
    })?;
    if literal.is_none() {
        cursor.end()?;
    }
    Ok(text)
}

/// A section without its brackets, as it stands in a URL.
pub(crate) fn section(text: &str) -> Option<Section> {
    let text = format!("[{text}]");
    let mut cursor = Cursor::new(text.as_bytes(), Dialect::default());
    let section = fetch::section(&mut cursor).ok()?;
    cursor.is_at_end().then_some(section)
}

/// The tag at the start of a text, if there is one.
pub(crate) fn tag(text: &[u8]) -> Option<Box<str>> {
    Cursor::new(text, Dialect::default()).tag().ok()
}

/// `tag SP name`, and whether the name may be used in this state.
fn head(cursor: &mut Cursor<'_>, state: State) -> Result<(Box<str>, Verb), Rejected> {
    let Ok(tag) = cursor.tag() else {
        return Err(Rejected::new(None, SyntaxError::Expected("a tag and a command")));
    };
    let verb = verb(cursor).and_then(|name| match rule_named(&name) {
        // RFC 9586 §3.2, §3.8.
        Some(rule) if rule.sequence_numbers && cursor.dialect().uid_only => {
            Err(SyntaxError::UidRequired.into())
        }
        Some(rule) => rule.legal.check(state).map(|()| rule.verb).map_err(Completion::bad),
        None => Err(Completion::bad("No such command")),
    });
    match verb {
        Ok(verb) => Ok((tag, verb)),
        Err(completion) => Err(Rejected::new(Some(tag), completion)),
    }
}

fn verb(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Completion> {
    cursor.space()?;
    let mut name = cursor.atom("a command")?.to_vec();
    if name.eq_ignore_ascii_case(b"UID") {
        cursor.space()?;
        name.push(b' ');
        name.extend_from_slice(cursor.atom("a command behind UID")?);
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
