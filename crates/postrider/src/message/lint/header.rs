//! What is wrong with header fields: their octets, their encoded words, their addresses and dates.
//!
//! The fields that a message must have are asked of the outermost only: one inside it may be an
//! excerpt, as in a delivery report.

use std::time::Duration;

use mime_core::{
    header::{
        Field,
        address::{AddressItem, Mailbox, items},
        date::DateTime,
        fields, message_ids,
    },
    text::header_text,
};

use super::{Collected, rules, section_of};
use crate::{
    message::{Opened, fields as shown, opened::HEADER_OCTETS_MAX, placed::Placed},
    terminal,
};

pub(super) fn look(
    opened: &Opened,
    placed: &[Placed<'_>],
    found: &mut Collected,
) -> anyhow::Result<()> {
    for it in placed {
        let range = it.part.header.clone();
        let start = range.start;
        let header = opened.source.read(range, HEADER_OCTETS_MAX)?;
        for field in fields(&header) {
            let offset = field.raw.as_ptr().addr().saturating_sub(header.as_ptr().addr());
            let at = start.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
            look_at(&field, &mut |rule, detail| found.push(rule, at, section_of(it), detail));
        }
    }
    message(opened, found);
    Ok(())
}

/// What a message must have, and its MIME fields.
fn message(opened: &Opened, found: &mut Collected) {
    let has = |name: &str| fields(&opened.header).any(|field| field.is(name));
    let mut push = |rule, detail| found.push(rule, 0, None, detail);
    if !has("From") {
        push(&rules::NO_FROM, None);
    }
    if !has("Date") {
        push(&rules::NO_DATE, None);
    }
    let authors =
        opened.structure.envelope.from.iter().filter(|it| matches!(it, AddressItem::Mailbox(_)));
    if authors.count() > 1 && !has("Sender") {
        push(&rules::NO_SENDER, None);
    }
    let is_mime = |field: &Field<'_>| {
        ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]
            .iter()
            .any(|name| field.is(name))
    };
    if !has("MIME-Version")
        && let Some(field) = fields(&opened.header).find(is_mime)
    {
        push(&rules::LONE_MIME, Some(name_of(&field)));
    }
}

fn look_at(field: &Field<'_>, push: &mut impl FnMut(&'static super::Rule, Option<String>)) {
    let named = |more: &str| Some(format!("{}: {}", name_of(field), terminal::one_line(more)));
    let behind_name = field.raw.get(field.name.len());
    if behind_name.is_some_and(u8::is_ascii_whitespace) {
        push(&rules::SPACE_BEFORE_COLON, Some(name_of(field)));
    }
    let is_control = |octet: &u8| octet.is_ascii_control() && !b"\t\r\n".contains(octet);
    let has_control = field.raw.iter().any(is_control);
    if has_control {
        push(&rules::CONTROL_IN_HEADER, Some(name_of(field)));
    }
    let decoded = header_text(field.value);
    let text = terminal::shortened(decoded.text.trim(), 60).into_owned();
    if std::str::from_utf8(field.value).is_err() {
        push(&rules::HEADER_NOT_UTF_8, named(&text));
    } else if !has_control && (decoded.guessed || decoded.text.contains('\u{fffd}')) {
        push(&rules::WORD_CHARSET, named(&text));
    }
    let is_hidden = |c: char| terminal::is_hidden(c) && c != '\t';
    if !has_control && decoded.text.contains(is_hidden) {
        push(&rules::HIDDEN_CHARACTER, named(&text));
    }
    if let Some(left) = broken_word(&decoded.text)
        && !is_signature(field)
    {
        push(&rules::BROKEN_WORD, named(&terminal::shortened(left, 60)));
    }
    what_it_says(field, &named, push);
}

/// Fields with a grammar of their own.
fn what_it_says(
    field: &Field<'_>,
    named: &impl Fn(&str) -> Option<String>,
    push: &mut impl FnMut(&'static super::Rule, Option<String>),
) {
    let is_one_of = |names: &[&str]| names.iter().any(|name| field.is(name));
    if is_one_of(&["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]) {
        let value = field.unfolded();
        let is_bad =
            |it: &Mailbox| it.local.is_empty() || it.domain.as_ref().is_none_or(|it| it.is_empty());
        let mut bad = items(&value).filter_map(|item| match item {
            AddressItem::Mailbox(mailbox) if is_bad(&mailbox) => Some(mailbox),
            _ => None,
        });
        if let Some(first) = bad.next() {
            let others = bad.count();
            let first = shown::address(&first);
            let first = match first.as_str() {
                "" => "nothing".into(),
                first => format!("`{}`", terminal::shortened(first, 60)),
            };
            let others = if others > 0 { format!(", and {others} more") } else { String::new() };
            push(&rules::BAD_ADDRESS, named(&format!("{first}{others}")));
        }
    } else if is_one_of(&["Date", "Resent-Date"]) {
        let value = field.unfolded();
        let text = String::from_utf8_lossy(&value);
        match DateTime::parse(&value) {
            None => push(&rules::DATE_UNREADABLE, named(&terminal::shortened(&text, 60))),
            Some(date) if !is_date(&text, date) => {
                let read = date.render();
                push(&rules::DATE_FORM, named(&format!("`{text}` is read as {read}")));
            }
            Some(_) => {}
        }
    } else if is_one_of(&["Message-ID", "Resent-Message-ID"]) {
        let value = field.unfolded();
        if message_ids(&value).is_empty() {
            let text = String::from_utf8_lossy(&value);
            push(&rules::BAD_MESSAGE_ID, named(&terminal::shortened(&text, 60)));
        }
    }
}

fn name_of(field: &Field<'_>) -> String {
    String::from_utf8_lossy(field.name).into_owned()
}

/// What looks like an encoded word after decoding.
fn broken_word(text: &str) -> Option<&str> {
    let rest = text.get(text.find("=?")?..)?;
    let mut pieces = rest.split('?').skip(2);
    let encoding = pieces.next()?;
    let is_word = encoding.len() <= 1 && (rest.contains("?=") || pieces.next().is_some());
    is_word.then_some(rest)
}

/// Base64 of signatures may hold anything.
fn is_signature(field: &Field<'_>) -> bool {
    let name = field.name.to_ascii_lowercase();
    name.starts_with(b"dkim-") || name.starts_with(b"arc-") || name.ends_with(b"-signature")
}

/// Whether a date is written as RFC 5322 §3.3 says, or with a zone's name as of old (§4.3): the day
/// of the week may be missing, so may the seconds.
fn is_date(text: &str, date: DateTime) -> bool {
    // A leap second is read as the one behind it.
    let is_leap = text.contains(":60");
    let text = text.replacen(":60", ":59", 1);
    let text = text.split('(').next().unwrap_or_default();
    let at = if is_leap { date.at.minus(Duration::from_secs(1)) } else { date.at };
    let rendered = DateTime { at, ..date }.render();
    let (weekday, rest) = match text.split_once(',') {
        Some((weekday, rest)) => (Some(weekday.trim()), rest),
        None => (None, text),
    };
    let mut expected = rendered.split(&[' ', ','][..]).filter(|word| !word.is_empty());
    let right_day = expected.next();
    if weekday.is_some_and(|day| right_day.is_none_or(|right| !day.eq_ignore_ascii_case(right))) {
        return false;
    }
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let expected: Vec<&str> = expected.collect();
    let (
        [day, month, year, time, zone],
        [right_day, right_month, right_year, right_time, right_zone],
    ) = (words.as_slice(), expected.as_slice())
    else {
        return false;
    };
    let is_named = zone.bytes().all(|octet| octet.is_ascii_alphabetic());
    let zone_is_right =
        is_named || zone == right_zone || (*zone == "-0000" && *right_zone == "+0000");
    day.len() <= 2
        && day.trim_start_matches('0') == right_day.trim_start_matches('0')
        && month.eq_ignore_ascii_case(right_month)
        && year == right_year
        && (time == right_time || right_time.strip_suffix(":00") == Some(time))
        && zone_is_right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let check = |text: &str, expected| {
            let date = DateTime::parse(text.as_bytes()).unwrap();
            assert_eq!(is_date(text, date), expected, "{text}");
        };
        check("Tue, 15 Jan 2008 16:02:43 -0500", true);
        check("Tue, 15 Jan 2008 16:02:43 -0500 (EST)", true);
        check("15 Jan 2008 16:02 GMT", true);
        check("Tue,  5 Feb 2008 16:02:00 -0000", true);
        check("Tue, 05 Feb 2008 16:02:00 +0000", true);
        check("Tue, 31 Dec 2008 23:59:60 +0000", false);
        check("Wed, 31 Dec 2008 23:59:60 +0000", true);
        check("Mon, 15 Jan 2008 16:02:43 -0500", false);
        check("Tue, 15 January 2008 16:02:43 -0500", false);
        check("Tue, 15 Jan 08 16:02:43 -0500", false);
        check("Tue, 15 Jan 2008 16:02:43", false);
        check("2008-01-15T16:02:43-05:00", false);
    }

    #[track_caller]
    fn check(field: &[u8], expected: &[&str]) {
        let mut codes = Vec::new();
        let field = fields(field).next().unwrap();
        look_at(&field, &mut |rule, _| codes.push(rule.code));
        assert_eq!(codes, expected, "{}", field.raw.escape_ascii());
    }

    #[test]
    fn fields_and_what_is_wrong_with_them() {
        check(b"Subject: good\r\n\tand folded\r\n", &[]);
        check("Subject: 제목\r\n".as_bytes(), &[]);
        check(b"Subject : x\r\n", &["space-before-colon"]);
        check(b"Subject: a\x1b[2Jb\r\n", &["control-in-header"]);
        check(b"Subject: \xb0\xa1\xb3\xaa\r\n", &["header-charset-guessed"]);
        check(b"Subject: =?no-such?Q?=e9?=\r\n", &["encoded-word-charset"]);
        check(b"Subject: =?utf-8?Q?a=1b[2Jb?=\r\n", &["hidden-character"]);
        check("Subject: a\u{202e}b\r\n".as_bytes(), &["hidden-character"]);
        check(b"Subject: =?utf-8?Q?a\r\n", &["encoded-word-broken"]);
        check(b"DKIM-Signature: b==?a?B?c?=\r\n", &[]);
        check(b"To: undisclosed-recipients:;, <a@b.example>\r\n", &[]);
        check(b"To: someone\r\n", &["bad-address"]);
        check(b"Reply-To: <>\r\n", &["bad-address"]);
        check(b"Date: now\r\n", &["date-unreadable"]);
        check(b"Date: Tue, 15 January 2008 16:02:43 -0500\r\n", &["date-form"]);
        check(b"Message-ID: a@b\r\n", &["message-id-form"]);
    }

    #[test]
    fn broken_words() {
        assert_eq!(broken_word("a =?utf-8?Q?b"), Some("=?utf-8?Q?b"));
        assert_eq!(broken_word("a =?utf-8?X?b?= c"), Some("=?utf-8?X?b?= c"));
        assert_eq!(broken_word("what=?"), None);
        assert_eq!(broken_word("http://x/?a=?b=?c"), None);
    }
}
