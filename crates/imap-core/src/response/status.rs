//! Status responses and their codes (RFC 3501 §7.1).

use std::borrow::Cow;

use mail_types::{ModSeq, Uid, UidValidity};

use super::{number, quoted_tag, search::ranges};
use crate::{Language, ObjectId, UidRuns};

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The word.
    pub condition: Condition,
    /// The code, for the program at the other end.
    pub code: Option<Code>,
    /// The words, for the person.
    pub text: Cow<'static, str>,
}

/// The word of a tagged response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Done (RFC 3501 §7.1.1).
    Ok,
    /// Not done (RFC 3501 §7.1.2).
    No,
    /// The client's mistake (RFC 3501 §7.1.3).
    Bad,
}

/// A response code: RFC 3501 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 4467 §8, RFC 4469 §4.2, RFC 7162 §7.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Code {
    /// `ALERT`: the person must see the text.
    Alert,
    /// `ALREADYEXISTS`.
    AlreadyExists,
    /// `APPENDUID`: what APPEND has made (RFC 4315 §3). They ascend, in the order of the messages.
    AppendUid(UidValidity, UidRuns),
    /// `AUTHENTICATIONFAILED`.
    AuthenticationFailed,
    /// `AUTHORIZATIONFAILED`.
    AuthorizationFailed,
    /// `BADCHARSET`, with the charsets that are known.
    BadCharset,
    /// `BADEVENT`, with the events that are told (RFC 5465 §8).
    BadEvent,
    /// `BADURL`: the first URL that means no message here (RFC 4469 §4.1).
    BadUrl(Box<str>),
    /// `CANNOT`.
    Cannot,
    /// `CAPABILITY`, with the list as it stands between name and bracket.
    Capability(String),
    /// `CLIENTBUG`.
    ClientBug,
    /// `CLOSED`: what follows is of another mailbox, or of none (RFC 7162 §3.2.11).
    Closed,
    /// `CONTACTADMIN`.
    ContactAdmin,
    /// `COPYUID`: which messages became which (RFC 4315 §3). Both ascend, and the n-th of one is
    /// the n-th of the other.
    CopyUid {
        /// Of the mailbox they are in now.
        validity: UidValidity,
        /// Their UIDs before.
        from: UidRuns,
        /// Their UIDs now.
        to: UidRuns,
    },
    /// `CORRUPTION`.
    Corruption,
    /// `EXPIRED`.
    Expired,
    /// `EXPUNGEISSUED`.
    ExpungeIssued,
    /// `HIGHESTMODSEQ` (RFC 7162 §3.1.2.1).
    HighestModSeq(ModSeq),
    /// `INPROGRESS`, only of untagged responses: the tag, what is done, and of how much
    /// (RFC 9585 §4).
    InProgress {
        /// Of the command; none if it can't stand in a code.
        tag: Option<Box<str>>,
        /// What is done.
        done: u32,
        /// What there is to do, more than that; none: not known.
        goal: Option<u32>,
    },
    /// `INUSE`.
    InUse,
    /// `LIMIT`.
    Limit,
    /// `MESSAGELIMIT`: the command is for no more messages than this (RFC 9738 §3.1).
    MessageLimit {
        /// How many.
        limit: u32,
        /// The lowest that was done, or could be.
        lowest: Option<Uid>,
    },
    /// `METADATA LONGENTRIES`: the octets of the largest value that was too large to be told
    /// (RFC 5464 §4.2.1).
    MetadataLongEntries(u64),
    /// `METADATA MAXSIZE`: the octets that a value may have (RFC 5464 §4.3).
    MetadataMaxSize(u64),
    /// `METADATA TOOMANY` (RFC 5464 §4.3).
    MetadataTooMany,
    /// `MAILBOXID` of a mailbox that was made or opened (RFC 8474 §4.1, §4.2).
    MailboxId(ObjectId),
    /// `MODIFIED`: the messages that were left as they are, as ascending ranges with both ends, in
    /// the numbers of the command (RFC 7162 §3.1.3).
    Modified(Vec<(u32, u32)>),
    /// `NONEXISTENT`.
    NonExistent,
    /// `NOPERM`.
    NoPerm,
    /// `NOTIFICATIONOVERFLOW`: nothing more is told (RFC 5465 §5.8).
    NotificationOverflow,
    /// `NOUPDATE`: the result of the search with this tag is not kept up to date (RFC 5267 §4.3.1).
    NoUpdate(Box<str>),
    /// `OVERQUOTA`.
    OverQuota,
    /// `PARSE`.
    Parse,
    /// `PRIVACYREQUIRED`.
    PrivacyRequired,
    /// `READ-ONLY`.
    ReadOnly,
    /// `READ-WRITE`.
    ReadWrite,
    /// `SERVERBUG`.
    ServerBug,
    /// `TOOBIG` (RFC 4469 §4.2).
    TooBig,
    /// `TRYCREATE`.
    TryCreate,
    /// `UNKNOWN-CTE`: a part can't be decoded, or a message not be kept (RFC 3516 §4.3, §4.4).
    UnknownCte,
    /// `USEATTR`: no mailbox can be made for this use (RFC 6154 §5).
    UseAttr,
    /// `UIDNEXT`.
    UidNext(Uid),
    /// `UIDREQUIRED`: sequence numbers are given up (RFC 9586 §3).
    UidRequired,
    /// `UIDVALIDITY`.
    UidValidity(UidValidity),
    /// `UNAVAILABLE`.
    Unavailable,
    /// `URLMECH`: how URLs are authorized (RFC 4467 §8).
    UrlMech,
    /// `UNSEEN`: the sequence number of the first message without `\Seen`.
    Unseen(u32),
}

impl Completion {
    /// Done.
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Ok, code: None, text: text.into() }
    }

    /// Not done, for this reason.
    pub fn no(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::No, code: Some(code), text: text.into() }
    }

    /// The client's mistake.
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Bad, code: None, text: text.into() }
    }

    /// Something is wrong on our side, and it may help to try again (RFC 5530 §3 `UNAVAILABLE`).
    pub fn unavailable() -> Self {
        Self::no(Code::Unavailable, "Temporary trouble on the server, please try again")
    }

    /// The same with a code.
    pub fn with(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

impl Code {
    fn render(&self, out: &mut Vec<u8>) {
        let word = match self {
            Self::Alert => "ALERT",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::AppendUid(validity, uids) => {
                return out.extend_from_slice(format!("APPENDUID {validity} {uids}").as_bytes());
            }
            Self::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Self::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Self::BadCharset => "BADCHARSET (US-ASCII UTF-8)",
            Self::BadEvent => {
                "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                 MailboxMetadataChange ServerMetadataChange)"
            }
            Self::BadUrl(url) => {
                out.extend_from_slice(b"BADURL ");
                return code_text(out, url);
            }
            Self::Cannot => "CANNOT",
            Self::Capability(list) => {
                return out.extend_from_slice(format!("CAPABILITY {list}").as_bytes());
            }
            Self::ClientBug => "CLIENTBUG",
            Self::Closed => "CLOSED",
            Self::ContactAdmin => "CONTACTADMIN",
            Self::CopyUid { validity, from, to } => {
                return out.extend_from_slice(format!("COPYUID {validity} {from} {to}").as_bytes());
            }
            Self::Corruption => "CORRUPTION",
            Self::Expired => "EXPIRED",
            Self::ExpungeIssued => "EXPUNGEISSUED",
            Self::HighestModSeq(ModSeq(value)) => {
                return out.extend_from_slice(format!("HIGHESTMODSEQ {value}").as_bytes());
            }
            Self::InProgress { tag, done, goal } => {
                out.extend_from_slice(b"INPROGRESS (");
                match tag {
                    Some(tag) => quoted_tag(out, tag),
                    None => out.extend_from_slice(b"NIL"),
                }
                let goal = goal.map_or_else(|| "NIL".to_owned(), |goal| goal.to_string());
                return out.extend_from_slice(format!(" {done} {goal})").as_bytes());
            }
            Self::InUse => "INUSE",
            Self::Limit => "LIMIT",
            Self::MessageLimit { limit, lowest } => {
                numbered(out, "MESSAGELIMIT", *limit);
                if let Some(uid) = lowest {
                    numbered(out, "", uid.number());
                }
                return;
            }
            Self::MetadataLongEntries(octets) => {
                return out.extend_from_slice(format!("METADATA LONGENTRIES {octets}").as_bytes());
            }
            Self::MetadataMaxSize(octets) => {
                return out.extend_from_slice(format!("METADATA MAXSIZE {octets}").as_bytes());
            }
            Self::MetadataTooMany => "METADATA TOOMANY",
            Self::MailboxId(id) => {
                return out.extend_from_slice(format!("MAILBOXID ({id})").as_bytes());
            }
            Self::Modified(numbers) => {
                out.extend_from_slice(b"MODIFIED ");
                return ranges(out, numbers);
            }
            Self::NonExistent => "NONEXISTENT",
            Self::NoPerm => "NOPERM",
            Self::NotificationOverflow => "NOTIFICATIONOVERFLOW",
            Self::NoUpdate(tag) => {
                out.extend_from_slice(b"NOUPDATE ");
                return quoted_tag(out, tag);
            }
            Self::OverQuota => "OVERQUOTA",
            Self::Parse => "PARSE",
            Self::PrivacyRequired => "PRIVACYREQUIRED",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::ServerBug => "SERVERBUG",
            Self::TooBig => "TOOBIG",
            Self::TryCreate => "TRYCREATE",
            Self::UnknownCte => "UNKNOWN-CTE",
            Self::UseAttr => "USEATTR",
            Self::UidRequired => "UIDREQUIRED",
            Self::UidNext(uid) => return numbered(out, "UIDNEXT", uid.number()),
            Self::UidValidity(validity) => return numbered(out, "UIDVALIDITY", validity.number()),
            Self::Unavailable => "UNAVAILABLE",
            Self::UrlMech => "URLMECH INTERNAL",
            Self::Unseen(place) => return numbered(out, "UNSEEN", *place),
        };
        out.extend_from_slice(word.as_bytes());
    }
}

/// `url-resp-text` (RFC 4469 §5): without `]`, as its comment says, and without a backslash, as its
/// rule does. What can't stand there is percent-encoded, and nothing at all is quoted.
fn code_text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        return out.extend_from_slice(b"\"\"");
    }
    for octet in text.bytes() {
        if octet.is_ascii_graphic() && !matches!(octet, b']' | b'\\') {
            out.push(octet);
        } else {
            out.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
}

fn numbered(out: &mut Vec<u8>, word: &str, value: u32) {
    out.extend_from_slice(word.as_bytes());
    out.push(b' ');
    number(out, value.into());
}

/// `tag SP resp-cond-state`; without a tag, when the client sent none that can be read, `*`.
pub(crate) fn tagged(
    out: &mut Vec<u8>,
    tag: Option<&str>,
    completion: &Completion,
    language: Language,
) {
    let word = completion.condition.as_str();
    let text = language.say(&completion.text);
    line(out, tag.unwrap_or("*"), word, completion.code.as_ref(), &text);
}

/// `* OK [code] text`.
pub(crate) fn untagged_ok(out: &mut Vec<u8>, code: &Code, text: &str) {
    line(out, "*", "OK", Some(code), text);
}

/// `* NO [code] text`.
pub(crate) fn untagged_no(out: &mut Vec<u8>, code: &Code, text: &str) {
    line(out, "*", "NO", Some(code), text);
}

/// The first line of the connection (RFC 3501 §7.1.1).
pub(crate) fn greeting(out: &mut Vec<u8>, capabilities: String, text: &str) {
    line(out, "*", "OK", Some(&Code::Capability(capabilities)), text);
}

/// `* BYE` (RFC 3501 §7.1.5).
pub(crate) fn bye(out: &mut Vec<u8>, code: Option<&Code>, text: &str) {
    line(out, "*", "BYE", code, text);
}

/// `+ text` (RFC 3501 §7.5).
pub(crate) fn continuation(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, tag: &str, word: &str, code: Option<&Code>, text: &str) {
    out.extend_from_slice(tag.as_bytes());
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        out.push(b'[');
        code.render(out);
        out.extend_from_slice(b"] ");
    }
    // A line of text, whatever it was made of: TEXT-CHAR has neither CR nor LF nor NUL.
    out.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { b }));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(completion: Completion, expected: &str) {
        let mut out = Vec::new();
        tagged(&mut out, Some("a1"), &completion, Language::English);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\r\n"));
    }

    #[test]
    fn codes() {
        let uid = |n| Uid::new(n).unwrap();
        let validity = UidValidity::new(38505).unwrap();
        // RFC 4315 §3, the examples.
        check(
            Completion::ok("APPEND completed")
                .with(Code::AppendUid(validity, [uid(3955)].into_iter().collect())),
            "a1 OK [APPENDUID 38505 3955] APPEND completed",
        );
        let from: UidRuns = [304, 319, 320].map(uid).into_iter().collect();
        let to: UidRuns = [3956, 3957, 3958].map(uid).into_iter().collect();
        check(
            Completion::ok("Done").with(Code::CopyUid { validity, from, to }),
            "a1 OK [COPYUID 38505 304,319:320 3956:3958] Done",
        );
        // RFC 9051 erratum 7323: the list is in parentheses.
        check(
            Completion::no(Code::BadCharset, "No such charset"),
            "a1 NO [BADCHARSET (US-ASCII UTF-8)] No such charset",
        );
        check(Completion::bad("a\r\nb"), "a1 BAD a  b");
        // RFC 7162 §3.1.3, example 6.
        check(
            Completion::ok("Conditional STORE failed").with(Code::Modified(vec![(7, 7), (9, 9)])),
            "a1 OK [MODIFIED 7,9] Conditional STORE failed",
        );
    }

    /// RFC 5267 §5, RFC 9585 §5: a literal can't stand there.
    #[test]
    fn a_long_tag_in_a_code_is_quoted() {
        let tag = "t".repeat(5000);
        let check = |code: Code, expected: String| {
            let mut out = Vec::new();
            untagged_ok(&mut out, &code, "So");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        let no_update = Code::NoUpdate(tag.as_str().into());
        check(no_update, format!("* OK [NOUPDATE \"{tag}\"] So\r\n"));
        let in_progress = Code::InProgress { tag: Some(tag.as_str().into()), done: 1, goal: None };
        check(in_progress, format!("* OK [INPROGRESS (\"{tag}\" 1 NIL)] So\r\n"));
    }
}
