//! Values that several commands have: names, flags, sets, dates.

use std::borrow::Cow;

use mail_types::{Flag, FlagSet, MailboxName, ModSeq, Timestamp};

use super::{Dialect, SyntaxError, cursor::Cursor};
use crate::{
    ObjectId,
    calendar::Date,
    command::{PartialRange, StatusItem},
    sequence_set::SequenceSet,
    utf7,
};

type Parsed<T> = Result<T, SyntaxError>;

/// A string that is text.
pub(super) fn text(octets: &[u8]) -> Parsed<String> {
    std::str::from_utf8(octets)
        .map(str::to_owned)
        .map_err(|_| SyntaxError::Expected("text in ASCII or UTF-8"))
}

/// A name, or what stands for part of one, out of modified UTF-7; in UTF-8 from those who have
/// enabled it.
pub(super) fn name_text(octets: &[u8], dialect: Dialect) -> Parsed<String> {
    let text = text(octets)?;
    if dialect.utf8_names {
        return Ok(text);
    }
    utf7::decode(&text).map_err(|error| SyntaxError::Name(error.0))
}

/// `mailbox = "INBOX" / astring`
pub(super) fn mailbox(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    let name = name_text(&cursor.astring("a mailbox name")?, cursor.dialect())?;
    MailboxName::parse(&name).map_err(|error| SyntaxError::Name(error.0))
}

/// The name for CREATE: a separator at its end declares that names below it will follow
/// (RFC 3501 §6.3.3), which needs no declaration here.
pub(super) fn new_mailbox(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    let name = name_text(&cursor.astring("a mailbox name")?, cursor.dialect())?;
    let name = name.strip_suffix(MailboxName::SEPARATOR).unwrap_or(&name);
    MailboxName::parse(name).map_err(|error| SyntaxError::Name(error.0))
}

/// `sequence-set`
pub(super) fn sequence_set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    let set = cursor.take_while(|b| b.is_ascii_digit() || matches!(b, b'*' | b':' | b',' | b'$'));
    SequenceSet::parse(set).map_err(|_| SyntaxError::Expected("a set of message numbers"))
}

/// `flag`, those that a client can give.
pub(super) fn flag(cursor: &mut Cursor<'_>) -> Parsed<Flag> {
    const WHAT: &str = "a flag: a system flag or a keyword of at most 250 characters";
    let backslash = cursor.eat(b'\\');
    let atom = text(cursor.atom(WHAT)?)?;
    let flag = if backslash { Cow::Owned(format!("\\{atom}")) } else { Cow::Borrowed(&*atom) };
    Flag::parse(&flag).map_err(|_| SyntaxError::Expected(WHAT))
}

/// `flag-list = "(" [flag *(SP flag)] ")"`
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<FlagSet> {
    Ok(cursor.list_or_nothing("a list of flags", flag)?.into_iter().collect())
}

/// `"(" status-att *(SP status-att) ")"`
pub(super) fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    let mut items = cursor.list("a list of status items", |cursor| {
        let word = cursor.word();
        StatusItem::ALL
            .into_iter()
            .find(|item| item.as_str().as_bytes().eq_ignore_ascii_case(word))
            .ok_or(SyntaxError::Expected(
                "MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, SIZE, APPENDLIMIT, \
                 HIGHESTMODSEQ, DELETED, DELETED-STORAGE or MAILBOXID",
            ))
    })?;
    let mut seen = Vec::with_capacity(items.len().min(StatusItem::ALL.len()));
    items.retain(|item| {
        let new = !seen.contains(item);
        if new {
            seen.push(*item);
        }
        new
    });
    Ok(items)
}

/// `partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number` (RFC 9394 §4)
pub(super) fn partial_range(cursor: &mut Cursor<'_>) -> Parsed<PartialRange> {
    const WHAT: &str = "a range such as 1:500 or -1:-500";
    let from_end = cursor.eat(b'-');
    let first = cursor.nonzero_number()?;
    cursor.expect(b':', WHAT)?;
    if cursor.eat(b'-') != from_end {
        return Err(SyntaxError::Expected(WHAT));
    }
    Ok(PartialRange { first, last: cursor.nonzero_number()?, from_end })
}

/// `objectid` (RFC 8474 §7)
pub(super) fn object_id(cursor: &mut Cursor<'_>) -> Parsed<ObjectId> {
    const WHAT: &str = "an object id";
    ObjectId::parse(&text(cursor.atom(WHAT)?)?).map_err(|_| SyntaxError::Expected(WHAT))
}

/// `mod-sequence-valzer` (RFC 7162 §7): 63 bits. Where the grammar has no 0 it is taken all the
/// same: nothing is older.
pub(super) fn mod_seq(cursor: &mut Cursor<'_>) -> Parsed<ModSeq> {
    number63(cursor, "a mod-sequence below 9223372036854775808").map(ModSeq)
}

/// A number of 63 bits: `number64` (RFC 9051 §9).
pub(super) fn number63(cursor: &mut Cursor<'_>, what: &'static str) -> Parsed<u64> {
    let digits = text(cursor.take_while(|b| b.is_ascii_digit()))?;
    let number = digits.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or(SyntaxError::Expected(what))
}

/// `"(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"`: the modifier that STORE has (RFC 7162 §7).
pub(super) fn unchanged_since(cursor: &mut Cursor<'_>) -> Parsed<ModSeq> {
    const WHAT: &str = "(UNCHANGEDSINCE ..)";
    cursor.expect(b'(', WHAT)?;
    if !cursor.eat_word("UNCHANGEDSINCE") {
        return Err(SyntaxError::Expected(WHAT));
    }
    cursor.space()?;
    let since = mod_seq(cursor)?;
    cursor.expect(b')', "the closing parenthesis")?;
    Ok(since)
}

/// `date = date-text / DQUOTE date-text DQUOTE`
pub(super) fn date(cursor: &mut Cursor<'_>) -> Parsed<Date> {
    let quoted = cursor.eat(b'"');
    let day = if cursor.clone().digits(2, "").is_ok() { 2 } else { 1 };
    let date = date_text(cursor, day)?;
    if quoted {
        cursor.expect(b'"', "the end of the quoted date")?;
    }
    Ok(date)
}

/// `date-day "-" date-month "-" date-year`, the day with so many digits.
fn date_text(cursor: &mut Cursor<'_>, day_digits: usize) -> Parsed<Date> {
    const WHAT: &str = "a date such as 1-Feb-1994";
    let day = cursor.digits(day_digits, WHAT)?;
    cursor.expect(b'-', WHAT)?;
    let month = Date::month(cursor.take_while(|b| b.is_ascii_alphabetic()));
    cursor.expect(b'-', WHAT)?;
    let year = cursor.digits(4, WHAT)?;
    let day = u8::try_from(day).map_err(|_| SyntaxError::Expected(WHAT))?;
    month.and_then(|month| Date::new(year.into(), month, day)).ok_or(SyntaxError::Expected(WHAT))
}

/// `date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE`
pub(super) fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Timestamp> {
    const WHAT: &str = "a date and time such as \"17-Jul-1996 02:44:25 -0700\"";
    const BAD: SyntaxError = SyntaxError::Expected(WHAT);
    cursor.expect(b'"', WHAT)?;
    let date = if cursor.eat(b' ') { date_text(cursor, 1)? } else { date_text(cursor, 2)? };
    cursor.expect(b' ', WHAT)?;
    let mut clock = |limit: u16, mark: u8| {
        let value = cursor.digits(2, WHAT)?;
        cursor.expect(mark, WHAT)?;
        if value < limit { Ok(i64::from(value)) } else { Err(BAD) }
    };
    // A leap second is the last one of its minute here.
    let (hour, minute, second) = (clock(24, b':')?, clock(60, b':')?, clock(61, b' ')?.min(59));
    let east = if cursor.eat(b'+') {
        1
    } else if cursor.eat(b'-') {
        -1
    } else {
        return Err(BAD);
    };
    let zone = i64::from(cursor.digits(4, WHAT)?);
    if zone % 100 >= 60 || zone / 100 >= 24 {
        return Err(BAD);
    }
    cursor.expect(b'"', WHAT)?;
    let offset = east * (zone / 100 * 60 + zone % 100) * 60;
    let local = date.start().secs() + hour * 3600 + minute * 60 + second;
    Ok(Timestamp::from_secs(local - offset))
}
