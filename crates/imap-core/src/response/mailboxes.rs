//! Responses that speak of mailboxes (RFC 3501 §7.2, §7.3).

use mail_types::{Flag, Keyword, MailboxName, Right, Rights, SeqNum};

use super::{Spelling, name_text, number, render_mailbox_name};
use crate::{Language, ObjectId, UidRuns, command::StatusItem};

/// One line of LIST or LSUB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListLine<'a> {
    /// With their backslashes.
    pub attributes: Vec<&'static str>,
    /// The name; empty only for the answer to `LIST "" ""`.
    pub name: &'a str,
    /// `CHILDINFO ("SUBSCRIBED" ..)`: the selection options that a mailbox below fulfils
    /// (RFC 5258 §3.5).
    pub child_info: Vec<&'static str>,
}

/// What STATUS tells of a mailbox: a number of most items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatusValue {
    /// A number, and of what.
    Number(StatusItem, u64),
    /// `MAILBOXID` (RFC 8474 §4.3).
    MailboxId(ObjectId),
}

/// `* LIST` (RFC 3501 §7.2.2, RFC 5258 §6).
pub fn list_line(out: &mut Vec<u8>, line: &ListLine<'_>, spelling: Spelling) {
    mailbox_list(out, "LIST", line, spelling);
}

/// `* LIST` of a mailbox that had another name before (RFC 5465 §5.4).
pub fn renamed_line(out: &mut Vec<u8>, line: &ListLine<'_>, old: &MailboxName, spelling: Spelling) {
    list_line(out, line, spelling);
    out.truncate(out.len().saturating_sub(2));
    out.extend_from_slice(b" (\"OLDNAME\" (");
    render_mailbox_name(out, old, spelling);
    out.extend_from_slice(b"))\r\n");
}

/// `* LSUB` (RFC 3501 §7.2.3).
pub fn lsub_line(out: &mut Vec<u8>, line: &ListLine<'_>, spelling: Spelling) {
    mailbox_list(out, "LSUB", line, spelling);
}

fn mailbox_list(out: &mut Vec<u8>, word: &str, line: &ListLine<'_>, spelling: Spelling) {
    out.extend_from_slice(format!("* {word} (").as_bytes());
    out.extend_from_slice(line.attributes.join(" ").as_bytes());
    out.extend_from_slice(format!(") \"{}\" ", MailboxName::SEPARATOR).as_bytes());
    name_text(out, line.name, spelling);
    if !line.child_info.is_empty() {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"");
        out.extend_from_slice(line.child_info.join("\" \"").as_bytes());
        out.extend_from_slice(b"\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// `* STATUS` (RFC 3501 §7.2.4).
pub fn status_line(
    out: &mut Vec<u8>,
    mailbox: &MailboxName,
    values: &[StatusValue],
    spelling: Spelling,
) {
    out.extend_from_slice(b"* STATUS ");
    render_mailbox_name(out, mailbox, spelling);
    out.extend_from_slice(b" (");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        match value {
            StatusValue::Number(item, value) => {
                out.extend_from_slice(item.as_str().as_bytes());
                out.push(b' ');
                number(out, *value);
            }
            StatusValue::MailboxId(id) => {
                out.extend_from_slice(format!("MAILBOXID ({id})").as_bytes());
            }
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// `* FLAGS`: what can stand on the mailbox's messages (RFC 3501 §7.2.6). Sent at SELECT, and again
/// when a new keyword comes up.
pub fn mailbox_flags(out: &mut Vec<u8>, keywords: &[Keyword]) {
    out.extend_from_slice(b"* FLAGS (");
    all_flags(out, keywords);
    out.extend_from_slice(b")\r\n");
}

/// `* OK [PERMANENTFLAGS ..]`: what the client can change for good by these rights; `\*` for new
/// keywords (RFC 3501 §7.1, RFC 4314 §5.1.1).
pub(crate) fn permanent_flags(
    out: &mut Vec<u8>,
    keywords: &[Keyword],
    rights: Rights,
    language: Language,
) {
    out.extend_from_slice(b"* OK [PERMANENTFLAGS (");
    let system = Flag::SYSTEM.iter().filter(|flag| rights.may_change(flag));
    let mut flags: Vec<&str> = system.map(Flag::as_str).collect();
    if rights.has(Right::Write) {
        flags.extend(keywords.iter().map(Keyword::as_str));
        flags.push("\\*");
    }
    out.extend_from_slice(flags.join(" ").as_bytes());
    let text = if flags.is_empty() { "Nothing can be changed here" } else { "Flags that stay" };
    out.extend_from_slice(format!(")] {}\r\n", language.say(text)).as_bytes());
}

fn all_flags(out: &mut Vec<u8>, keywords: &[Keyword]) {
    let all = Flag::SYSTEM.iter().map(Flag::as_str).chain(keywords.iter().map(Keyword::as_str));
    out.extend_from_slice(all.collect::<Vec<_>>().join(" ").as_bytes());
}

/// `* n EXISTS` (RFC 3501 §7.3.1).
pub(crate) fn exists(out: &mut Vec<u8>, count: u32) {
    numbered(out, count, "EXISTS");
}

/// `* n RECENT` (RFC 3501 §7.3.2).
pub(crate) fn recent(out: &mut Vec<u8>, count: u32) {
    numbered(out, count, "RECENT");
}

/// `* n EXPUNGE` (RFC 3501 §7.4.1).
pub(crate) fn expunge(out: &mut Vec<u8>, message: SeqNum) {
    numbered(out, message.number(), "EXPUNGE");
}

/// Runs of UIDs in a VANISHED response, at most: longer lists are several responses.
const VANISHED_RUNS: usize = 1000;

/// `* VANISHED` (RFC 7162 §3.2.10); `earlier` for what the client has no number for.
pub(crate) fn vanished(out: &mut Vec<u8>, uids: &UidRuns, earlier: bool) {
    let ranges: Vec<_> = uids.ranges().map(|(a, b)| (a.number(), b.number())).collect();
    for portion in ranges.chunks(VANISHED_RUNS) {
        out.extend_from_slice(b"* VANISHED ");
        if earlier {
            out.extend_from_slice(b"(EARLIER) ");
        }
        super::search::ranges(out, portion);
        out.extend_from_slice(b"\r\n");
    }
}

fn numbered(out: &mut Vec<u8>, value: u32, word: &str) {
    out.extend_from_slice(b"* ");
    number(out, value.into());
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The first level of the names of others' mailboxes.
pub const OTHERS: &str = "Other Users";

/// `* NAMESPACE`: one personal namespace, and one of what others share if they can
/// (RFC 2342 §5).
pub(crate) fn namespace(out: &mut Vec<u8>, sharing: bool, language: Language) {
    let separator = MailboxName::SEPARATOR;
    out.extend_from_slice(format!("* NAMESPACE ((\"\" \"{separator}\")) ").as_bytes());
    if sharing {
        out.extend_from_slice(format!("((\"{OTHERS}{separator}\" \"{separator}\"").as_bytes());
        let said = language.say(OTHERS);
        if said != OTHERS {
            // RFC 5255 §3.4: in modified UTF-7, whatever else is enabled.
            out.extend_from_slice(b" \"TRANSLATION\" (");
            name_text(out, &format!("{said}{separator}"), Spelling::Utf7);
            out.push(b')');
        }
        out.extend_from_slice(b"))");
    } else {
        out.extend_from_slice(b"NIL");
    }
    out.extend_from_slice(b" NIL\r\n");
}
