//! What the server says, read without the project's own parser.

use std::collections::BTreeSet;

use super::{numbers, truth::Flags};

/// An untagged response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Exists(u32),
    Recent(u32),
    Expunge(u32),
    Vanished {
        earlier: bool,
        uids: BTreeSet<u32>,
    },
    Fetch(Fetched),
    /// The keywords and flags of the mailbox.
    Flags(Flags),
    HighestModSeq(u64),
    UidValidity(u32),
    UidNext(u32),
    /// The first unseen message's sequence number.
    Unseen(u32),
    /// Of SEARCH and ESEARCH.
    Found(Vec<u32>),
    /// The code of MOVE.
    CopyUid(Placed),
    /// Names and values of STATUS.
    Status(Vec<(String, u64)>),
    Bye,
    Other,
}

/// What a FETCH response tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) number: u32,
    pub(crate) uid: Option<u32>,
    pub(crate) flags: Option<Flags>,
    pub(crate) mod_seq: Option<u64>,
    /// The number in the Subject.
    pub(crate) subject: Option<u32>,
}

/// The code COPYUID: these became those.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub(crate) validity: u32,
    pub(crate) from: Vec<u32>,
    pub(crate) to: Vec<u32>,
}

pub(crate) fn parse(line: &[u8]) -> Result<Said, String> {
    let text = String::from_utf8_lossy(line);
    let wrong = || format!("not understood: {text}");
    let number = |word: &str| word.parse::<u32>().map_err(|_| wrong());
    let words: Vec<&str> = text.split(' ').collect();
    Ok(match words.as_slice() {
        [n, "EXISTS"] => Said::Exists(number(n)?),
        [n, "RECENT"] => Said::Recent(number(n)?),
        [n, "EXPUNGE"] => Said::Expunge(number(n)?),
        ["VANISHED", "(EARLIER)", set] => {
            Said::Vanished { earlier: true, uids: numbers::parse_set(set)? }
        }
        ["VANISHED", set] => Said::Vanished { earlier: false, uids: numbers::parse_set(set)? },
        [n, "FETCH", ..] => Said::Fetch(fetched(number(n)?, &text).ok_or_else(wrong)?),
        ["FLAGS", ..] => Said::Flags(flags(&text).ok_or_else(wrong)?),
        ["SEARCH", found @ ..] => {
            Said::Found(found.iter().map(|n| number(n)).collect::<Result<_, _>>()?)
        }
        ["ESEARCH", ..] => Said::Found(match behind(&text, " ALL ") {
            Some(set) => numbers::parse(set)?,
            None => Vec::new(),
        }),
        ["STATUS", ..] => Said::Status(status(&text).ok_or_else(wrong)?),
        ["BYE", ..] => Said::Bye,
        ["OK", "[HIGHESTMODSEQ", n, ..] => {
            Said::HighestModSeq(n.trim_end_matches(']').parse().map_err(|_| wrong())?)
        }
        ["OK", "[UIDVALIDITY", n, ..] => Said::UidValidity(number(n.trim_end_matches(']'))?),
        ["OK", "[UIDNEXT", n, ..] => Said::UidNext(number(n.trim_end_matches(']'))?),
        ["OK", "[UNSEEN", n, ..] => Said::Unseen(number(n.trim_end_matches(']'))?),
        ["OK", "[COPYUID", ..] => Said::CopyUid(copy_uid(&text)?.ok_or_else(wrong)?),
        ["OK", ..] | ["LIST", ..] | ["ENABLED", ..] => Said::Other,
        _ => return Err(wrong()),
    })
}

/// The code COPYUID of a response, if it has one.
pub(crate) fn copy_uid(text: &str) -> Result<Option<Placed>, String> {
    let Some(code) = code(text, "COPYUID") else { return Ok(None) };
    let [validity, from, to] = code.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("no COPYUID: {text}"));
    };
    let validity = validity.parse().map_err(|_| format!("no COPYUID: {text}"))?;
    Ok(Some(Placed { validity, from: numbers::parse(from)?, to: numbers::parse(to)? }))
}

/// What stands in a response code.
pub(crate) fn code<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("[{name} "))?;
    rest.split_once(']').map(|(inside, _)| inside)
}

fn fetched(number: u32, text: &str) -> Option<Fetched> {
    Some(Fetched {
        number,
        uid: behind(text, "UID ").map(str::parse).transpose().ok()?,
        flags: if text.contains("FLAGS (") { Some(flags(text)?) } else { None },
        mod_seq: behind(text, "MODSEQ (").map(str::parse).transpose().ok()?,
        subject: behind(text, "Subject: ").map(str::parse).transpose().ok()?,
    })
}

/// The flags of a list, without `\Recent`.
fn flags(text: &str) -> Option<Flags> {
    let (_, list) = text.split_once("FLAGS (")?;
    let (list, _) = list.split_once(')')?;
    let all = list.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent");
    Some(all.map(str::to_owned).collect())
}

fn status(text: &str) -> Option<Vec<(String, u64)>> {
    let (_, list) = text.rsplit_once('(')?;
    let words: Vec<&str> = list.trim_end_matches(')').split(' ').collect();
    words
        .chunks(2)
        .map(|pair| match pair {
            [name, value] => Some(((*name).to_owned(), value.parse().ok()?)),
            _ => None,
        })
        .collect()
}

/// The word behind these.
fn behind<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(words)?;
    rest.split([' ', ')', ']', '\r']).next()
}
