//! APPEND and REPLACE: text between literals, which are not gathered (RFC 3502 §6.3.11, RFC 4469 §5,
//! RFC 8508 §5).

use std::collections::VecDeque;

use mail_types::{FlagSet, MailboxName};

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{date_time, flag_list, mailbox, text},
};
use crate::{
    SequenceSet,
    command::{AppendHead, AppendStep, Appends, Command, Numbering, Replaced},
    order::Verb,
};

type Parsed<T> = Result<T, SyntaxError>;

/// What a text has come to.
#[derive(Debug)]
pub(crate) enum Text {
    /// These steps. Behind the last of them stands a literal, or nothing more.
    Steps {
        steps: VecDeque<AppendStep>,
        /// A literal that is announced belongs to a CATENATE.
        catenating: bool,
    },
    /// The literal that is announced is an argument: more must be read before anything is known.
    Argument,
}

/// The arguments of a command without any literal for a message: all of its parts are URLs.
pub(super) fn whole(verb: Verb, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    match arguments(verb, cursor, None)? {
        Text::Steps { steps, .. } => Ok(Command::Append(Appends(steps))),
        Text::Argument => Err(WANTED),
    }
}

const WANTED: SyntaxError = SyntaxError::Expected("the message as a literal");

/// `append = "APPEND" SP mailbox 1*append-message` (RFC 3502 §6.3.11), or
/// `replace = "REPLACE" SP seq-number SP mailbox append-message` (RFC 8508 §5), from the mailbox on
/// up to the first literal, whose size this is, or to the end.
pub(super) fn arguments(verb: Verb, cursor: &mut Cursor<'_>, literal: Option<u64>) -> Parsed<Text> {
    let replaces = match verb {
        Verb::Replace => Some(replaced(cursor, Numbering::Sequence)?),
        Verb::UidReplace => Some(replaced(cursor, Numbering::Uid)?),
        _ => None,
    };
    if cursor.is_at_end() && literal.is_some() {
        return Ok(Text::Argument);
    }
    let mailbox = mailbox(cursor)?;
    let mut reader = Reader { literal, mailbox, replaces, steps: VecDeque::new() };
    reader.messages(cursor, false)
}

/// What stands behind a literal; in a CATENATE, or behind a whole message.
pub(super) fn behind_literal(
    cursor: &mut Cursor<'_>,
    literal: Option<u64>,
    mailbox: MailboxName,
    catenating: bool,
) -> Parsed<Text> {
    let mut reader = Reader { literal, mailbox, replaces: None, steps: VecDeque::new() };
    let text = if catenating {
        match reader.parts(cursor, false)? {
            Some(text) => text,
            None => reader.messages(cursor, true)?,
        }
    } else {
        reader.messages(cursor, true)?
    };
    Ok(text)
}

/// `seq-number SP`
fn replaced(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Replaced> {
    let number = cursor.take_while(|b| b.is_ascii_digit() || b == b'*');
    let message =
        SequenceSet::parse(number).map_err(|_| SyntaxError::Expected("the number of a message"))?;
    cursor.space()?;
    Ok(Replaced { message, numbering })
}

/// Reads messages up to a literal or the end.
struct Reader {
    /// The size of the literal that stands behind the text, if there is one.
    literal: Option<u64>,
    mailbox: MailboxName,
    replaces: Option<Replaced>,
    steps: VecDeque<AppendStep>,
}

impl Reader {
    /// `1*append-message`; `further` if there was one before.
    fn messages(&mut self, cursor: &mut Cursor<'_>, mut further: bool) -> Parsed<Text> {
        loop {
            if further && cursor.is_at_end() && self.literal.is_none() {
                self.steps.push_back(AppendStep::End);
                return Ok(self.take(false));
            }
            let catenate = self.head(cursor, further)?;
            further = true;
            if !catenate {
                return Ok(self.take(false));
            }
            if let Some(text) = self.parts(cursor, true)? {
                return Ok(text);
            }
        }
    }

    /// `append-message = [SP flag-list] [SP date-time] SP (literal / literal8 / "CATENATE" ..)`, up
    /// to the literal or into the list; whether it is a list.
    fn head(&mut self, cursor: &mut Cursor<'_>, further: bool) -> Parsed<bool> {
        self.goes_on(cursor)?;
        let mut flags = FlagSet::new();
        if cursor.peek() == Some(b'(') {
            flags = flag_list(cursor)?;
            self.goes_on(cursor)?;
        }
        let mut internal_date = None;
        if cursor.peek() == Some(b'"') {
            internal_date = Some(date_time(cursor)?);
            self.goes_on(cursor)?;
        }
        let catenate = cursor.eat_word("CATENATE");
        if catenate {
            cursor.space()?;
            cursor.expect(b'(', "a list of parts")?;
        }
        // `literal8 = "~{" number ["+"] "}" CRLF *OCTET` (RFC 3516 §7)
        let binary = !catenate && cursor.eat(b'~');
        let size = match (catenate, self.literal) {
            (true, _) => None,
            (false, Some(size)) if cursor.is_at_end() => Some(size),
            (false, Some(_)) => {
                const WHAT: &str = "a list of flags, a date, or the message as a literal";
                return Err(SyntaxError::Expected(WHAT));
            }
            (false, None) => return Err(WANTED),
        };
        let (mailbox, replaces) = (self.mailbox.clone(), self.replaces.take());
        let head = AppendHead { mailbox, flags, internal_date, size, binary, replaces, further };
        self.steps.push_back(AppendStep::Begin(head));
        self.steps.extend(size.map(AppendStep::Literal));
        Ok(catenate)
    }

    /// Behind mailbox, flags and date the message itself must follow.
    fn goes_on(&self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        if cursor.is_at_end() && self.literal.is_none() { Err(WANTED) } else { cursor.space() }
    }

    /// `cat-part *(SP cat-part) ")"`, with `cat-part = "TEXT" SP literal / "URL" SP astring`
    /// (RFC 4469 §5); none at the end of the list.
    fn parts(&mut self, cursor: &mut Cursor<'_>, mut first: bool) -> Parsed<Option<Text>> {
        loop {
            if !std::mem::take(&mut first) {
                if cursor.eat(b')') {
                    return Ok(None);
                }
                cursor.space()?;
            }
            if cursor.eat_word("TEXT") {
                cursor.space()?;
                let Some(size) = self.literal.filter(|_| cursor.is_at_end()) else {
                    return Err(SyntaxError::Expected("the text as a literal"));
                };
                self.steps.push_back(AppendStep::Literal(size));
                return Ok(Some(self.take(true)));
            }
            if !cursor.eat_word("URL") {
                return Err(SyntaxError::Expected("TEXT or URL"));
            }
            cursor.space()?;
            if cursor.is_at_end() && self.literal.is_some() {
                return Ok(Some(Text::Argument));
            }
            let url = text(&cursor.astring("a URL")?)?;
            self.steps.push_back(AppendStep::Url(url.into()));
        }
    }

    fn take(&mut self, catenating: bool) -> Text {
        Text::Steps { steps: std::mem::take(&mut self.steps), catenating }
    }
}
