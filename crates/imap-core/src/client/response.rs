//! What a response says (RFC 9051 §7).
//!
//! * Values take many times the room of the text they are read from: only lists of UIDs may be long,
//!   and of these no more than the numbers is held.
//! * A mailbox whose name nobody could write back is told as such; nothing ends because of it.

use super::{
    order::{Facts, Folder},
    reader::{Breach, Line},
    value::{Value, Values},
};
use crate::{parse, utf7};

/// The longest line of a response that is no list of UIDs, in octets.
const MAX_TEXT: usize = 1 << 20;
const SEARCH: &[u8] = b"* SEARCH ";

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Response {
    /// `+`: the server waits for more of the command.
    Continue(Vec<u8>),
    /// A command is done.
    Done { tag: Vec<u8>, status: Status, said: Said },
    /// A status by itself: a greeting, a warning, a good-bye.
    Status { status: Status, said: Said },
    /// What the server can do.
    Capability(Vec<String>),
    /// A mailbox.
    List(Folder),
    /// How many messages the selected mailbox has.
    Exists(u64),
    /// The UIDs that a search found.
    Search(Vec<u32>),
    /// What is known of a message; without a UID it was not asked for.
    Fetch(Facts),
    /// Whatever else servers say.
    Other,
}

/// The first word of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// What stands behind a status.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The response code and its arguments, in brackets (RFC 9051 §7.1).
    pub(super) code: Vec<Value>,
    /// For people.
    pub(super) text: String,
}

impl Said {
    /// The number of a code such as UIDVALIDITY.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.code.as_slice() {
            [first, second, ..] if first.is(name) => second.number(),
            _ => None,
        }
    }

    /// What a CAPABILITY code lists.
    pub(super) fn capabilities(&self) -> Option<Vec<String>> {
        match self.code.as_slice() {
            [first, rest @ ..] if first.is("CAPABILITY") => Some(words(rest)),
            _ => None,
        }
    }
}

impl Status {
    fn of(word: &Value) -> Option<Self> {
        let all = [
            ("OK", Self::Ok),
            ("NO", Self::No),
            ("BAD", Self::Bad),
            ("BYE", Self::Bye),
            ("PREAUTH", Self::PreAuth),
        ];
        all.into_iter().find(|(name, _)| word.is(name)).map(|(_, status)| status)
    }
}

impl Response {
    pub(super) fn of(line: &Line) -> Result<Self, Breach> {
        if let Some(text) = line.text.strip_prefix(b"+") {
            return Ok(Self::Continue(text.trim_ascii().to_vec()));
        }
        let is_search =
            line.text.get(..SEARCH.len()).is_some_and(|text| text.eq_ignore_ascii_case(SEARCH));
        if line.text.len() > MAX_TEXT && !is_search {
            return Err(Breach("a response that is too long for its kind"));
        }
        let mut values = Values::of(line);
        let tag = values.next()?.ok_or(Breach("an empty response"))?;
        let word = values.next()?.ok_or(Breach("a response without a word"))?;
        if !tag.is("*") {
            let Value::Atom(tag) = tag else { return Err(Breach("a tag that is none")) };
            let status = Status::of(&word).ok_or(Breach("a completion without a status"))?;
            return Ok(Self::Done { tag, status, said: said(values)? });
        }
        if let Some(status) = Status::of(&word) {
            return Ok(Self::Status { status, said: said(values)? });
        }
        match word {
            word if word.is("CAPABILITY") => Ok(Self::Capability(words(&all(values)?))),
            word if word.is("LIST") => folder(&all(values)?),
            word if word.is("SEARCH") => uids(values).map(Self::Search),
            word => match (word.number(), values.next()?) {
                (Some(count), Some(what)) if what.is("EXISTS") => Ok(Self::Exists(count)),
                (Some(_), Some(what)) if what.is("FETCH") => {
                    let items = values.next()?.ok_or(Breach("a FETCH without a list"))?;
                    facts(items.items()).map(Self::Fetch)
                }
                _ => Ok(Self::Other),
            },
        }
    }
}

fn all(mut values: Values<'_>) -> Result<Vec<Value>, Breach> {
    let mut all = Vec::new();
    while let Some(value) = values.next()? {
        all.push(value);
    }
    Ok(all)
}

/// The numbers of a SEARCH response (RFC 3501 §7.2.5).
fn uids(mut values: Values<'_>) -> Result<Vec<u32>, Breach> {
    let mut uids = Vec::new();
    // Behind the numbers a list may stand, of what was not asked for.
    while !values.rest().trim_ascii_start().starts_with(b"(")
        && let Some(value) = values.next()?
    {
        uids.extend(value.number().and_then(|uid| u32::try_from(uid).ok()));
    }
    Ok(uids)
}

fn words(values: &[Value]) -> Vec<String> {
    let word = |value: &Value| Some(String::from_utf8_lossy(value.octets()?).to_ascii_uppercase());
    values.iter().filter_map(word).collect()
}

/// The code and the text of a status. Texts are for people and may be anything.
fn said(mut values: Values<'_>) -> Result<Said, Breach> {
    values.skip_space();
    let rest = values.rest();
    let (code, text) = match rest.strip_prefix(b"[") {
        Some(inner) => {
            let end = memchr::memchr(b']', inner).unwrap_or(inner.len());
            let (code, text) = inner.split_at(end);
            let line = Line { text: code.to_vec(), literals: Vec::new() };
            (all(Values::of(&line)).unwrap_or_default(), text.strip_prefix(b"]").unwrap_or(text))
        }
        None => (Vec::new(), rest),
    };
    let text = String::from_utf8_lossy(text.trim_ascii()).into_owned();
    Ok(Said { code, text })
}

/// `(attributes) delimiter name` (RFC 9051 §7.3.1).
fn folder(values: &[Value]) -> Result<Response, Breach> {
    let [attributes, delimiter, name, ..] = values else {
        return Err(Breach("a LIST without a name"));
    };
    let raw = name.octets().ok_or(Breach("a LIST without a name"))?;
    let written = std::str::from_utf8(raw).ok().filter(|_| !raw.iter().any(u8::is_ascii_control));
    let name = match written {
        // What is no modified UTF-7 is taken as it stands: some servers send UTF-8.
        Some(text) => utf7::decode(text).unwrap_or_else(|_| text.to_owned()),
        None => String::from_utf8_lossy(raw).replace(|c: char| c.is_control(), "\u{fffd}"),
    };
    let delimiter =
        delimiter.octets().and_then(|octets| octets.first()).map(|octet| char::from(*octet));
    Ok(Response::List(Folder {
        name,
        wire: written.map(str::to_owned),
        delimiter,
        attributes: attributes.items().iter().filter_map(attribute).collect(),
    }))
}

fn attribute(value: &Value) -> Option<String> {
    Some(String::from_utf8_lossy(value.octets()?).into_owned())
}

/// Names and values of a FETCH response (RFC 9051 §7.5.2).
fn facts(items: &[Value]) -> Result<Facts, Breach> {
    let mut facts = Facts::default();
    for pair in items.chunks(2) {
        let [name, value] = pair else { return Err(Breach("a FETCH item without a value")) };
        if name.is("UID") {
            facts.uid = value.number().and_then(|uid| u32::try_from(uid).ok()).unwrap_or(0);
        } else if name.is("FLAGS") {
            facts.flags = value.items().iter().filter_map(attribute).collect();
        } else if name.is("RFC822.SIZE") {
            facts.size = value.number();
        } else if name.is("INTERNALDATE") {
            facts.internal_date = value.octets().and_then(parse::internal_date);
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str) -> Result<Response, Breach> {
        Response::of(&Line { text: text.as_bytes().to_vec(), literals: Vec::new() })
    }

    #[test]
    fn kinds() {
        assert_eq!(response("+ go on"), Ok(Response::Continue(b"go on".to_vec())));
        assert_eq!(response("* 12 EXISTS"), Ok(Response::Exists(12)));
        assert_eq!(response("* SEARCH 3 1 2"), Ok(Response::Search(vec![3, 1, 2])));
        assert_eq!(response("* 12 RECENT"), Ok(Response::Other));
        let capability = Response::Capability(vec!["IMAP4REV1".into(), "AUTH=PLAIN".into()]);
        assert_eq!(response("* capability IMAP4rev1 auth=plain"), Ok(capability));
        let Ok(Response::Status { status: Status::Ok, said }) =
            response("* OK [UIDVALIDITY 7] (ok")
        else {
            panic!("no status");
        };
        assert_eq!((said.number("uidvalidity"), said.text.as_str()), (Some(7), "(ok"));
        assert!(matches!(response("a1 OK"), Ok(Response::Done { status: Status::Ok, .. })));
        assert!(response("a1 FINE").is_err() && response("").is_err() && response("*").is_err());
    }

    #[test]
    fn folders() {
        let Ok(Response::List(folder)) =
            response("* LIST (\\HasNoChildren \\Sent) \".\" \"A.B&-C\"")
        else {
            panic!("no folder");
        };
        assert_eq!((folder.name.as_str(), folder.wire.as_deref()), ("A.B&C", Some("A.B&-C")));
        assert_eq!((folder.delimiter, folder.attributes.len()), (Some('.'), 2));
        let Ok(Response::List(flat)) = response("* LIST () NIL INBOX") else { panic!("no folder") };
        assert_eq!((flat.name.as_str(), flat.delimiter), ("INBOX", None));
        assert!(response("* LIST ()").is_err());
        // What no client can write back is told, under a name that can be shown.
        let names: [&[u8]; 6] = [b"a\tb", b"a\rb", b"a\x1b[0m", b"a\x7f", b"a\r\nb", b"a\xe9"];
        for name in names {
            let line = Line { text: b"* LIST () / \0".to_vec(), literals: vec![name.to_vec()] };
            let Ok(Response::List(folder)) = Response::of(&line) else { panic!("{name:?}") };
            assert_eq!(folder.wire, None, "{name:?}");
            assert!(folder.name.starts_with("a\u{fffd}"), "{:?}", folder.name);
        }
    }

    #[test]
    fn only_uids_may_be_many() {
        let many = " 7".repeat(1 + MAX_TEXT / 2);
        let Ok(Response::Search(uids)) = response(&format!("* search{many}")) else {
            panic!("no UIDs");
        };
        assert_eq!(uids.len(), 1 + MAX_TEXT / 2);
        assert_eq!(response("* SEARCH 7 8  (MODSEQ 9)"), Ok(Response::Search(vec![7, 8])));
        for word in ["LIST", "CAPABILITY", "7 FETCH", "OK", "SEARCHED"] {
            let told = response(&format!("* {word}{many}"));
            assert_eq!(told, Err(Breach("a response that is too long for its kind")), "{word}");
        }
    }

    #[test]
    fn facts_of_messages() {
        let line = "* 3 FETCH (FLAGS (\\Seen $x) UID 9 RFC822.SIZE 120 \
                    INTERNALDATE \" 1-Jan-2024 10:00:00 +0100\" BODY[] \"\")";
        let Ok(Response::Fetch(facts)) = response(line) else { panic!("no facts") };
        assert_eq!((facts.uid, facts.size, facts.flags.len()), (9, Some(120), 2));
        assert_eq!(facts.internal_date.map(|date| date.secs()), Some(1_704_099_600));
        assert!(response("* 3 FETCH (UID)").is_err());
    }
}
