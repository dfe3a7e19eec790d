//! SEARCH (RFC 3501 §6.4.4, RFC 4731 §3.1, RFC 5032 §3, RFC 7162 §3.1.5, RFC 5267 §4).

use mail_types::{Flag, Keyword};

use super::{
    SyntaxError,
    cursor::{Cursor, is_atom_char},
    notify::new_message_items,
    values::{date, mod_seq, object_id, partial_range, sequence_set, text},
};
use crate::{
    SequenceSet,
    command::{Arrange, EnvelopeField, Numbering, Search, SearchKey, SearchReturn, Update},
};

type Parsed<T> = Result<T, SyntaxError>;

/// How deep keys may lie in each other.
const DEPTH_MAX: usize = 50;
/// How many keys there may be.
const KEYS_MAX: usize = 2000;

/// `search = "SEARCH" [SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"]
/// [SP "CHARSET" SP astring] 1*(SP search-key)`
pub(super) fn search(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Search> {
    let (returns, update) = returns(cursor)?;
    if cursor.eat_word("CHARSET") {
        if cursor.dialect().utf8_only {
            return Err(SyntaxError::Expected("no charset: all is UTF-8"));
        }
        cursor.space()?;
        charset(cursor, returns)?;
        cursor.space()?;
    }
    let (key, arrange) = (keys(cursor)?, Arrange::Ascending);
    Ok(Search { numbering, returns, key, arrange, update })
}

/// A charset, which must be one of those that are known.
pub(super) fn charset(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>) -> Parsed<()> {
    let charset = cursor.astring("a charset")?;
    // US-ASCII is UTF-8 too.
    let known = [&b"UTF-8"[..], b"US-ASCII"];
    let is_known = known.iter().any(|name| name.eq_ignore_ascii_case(&charset));
    if cursor.dialect().utf8_only && !charset.eq_ignore_ascii_case(b"UTF-8") {
        return Err(SyntaxError::Expected("UTF-8, which all is"));
    }
    let saves = returns.is_some_and(|wanted| wanted.save);
    if is_known { Ok(()) } else { Err(SyntaxError::Charset { saves }) }
}

/// `search-key *(SP search-key)`
pub(super) fn keys(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    let mut parser = Parser { depth: 0, keys: 0 };
    let mut keys = vec![parser.key(cursor)?];
    while cursor.eat(b' ') {
        keys.push(parser.key(cursor)?);
    }
    Ok(all_of(keys))
}

/// What of the result is wanted, and whether it is kept up to date.
pub(super) type Returns = (Option<SearchReturn>, Option<Box<Update>>);

/// `["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]` (RFC 4466 §2.6.1)
pub(super) fn returns(cursor: &mut Cursor<'_>) -> Parsed<Returns> {
    const WHAT: &str = "a list of MIN, MAX, ALL, COUNT, SAVE, PARTIAL, CONTEXT, UPDATE";
    if !cursor.eat_word("RETURN") {
        return Ok((None, None));
    }
    cursor.space()?;
    let (mut wanted, mut update) = (SearchReturn::default(), None);
    cursor.list_or_nothing(WHAT, |cursor| {
        match cursor.word().to_ascii_uppercase().as_slice() {
            b"MIN" => wanted.min = true,
            b"MAX" => wanted.max = true,
            b"ALL" => wanted.all = true,
            b"COUNT" => wanted.count = true,
            b"SAVE" => wanted.save = true,
            b"PARTIAL" if wanted.partial.is_none() => {
                cursor.space()?;
                wanted.partial = Some(partial_range(cursor)?);
            }
            // RFC 5267 §4.2: a hint, which nothing follows from here.
            b"CONTEXT" => {}
            b"UPDATE" if update.is_none() => {
                update = Some(Box::new(Update { fetch: new_message_items(cursor)? }));
            }
            _ => return Err(SyntaxError::Expected(WHAT)),
        }
        Ok(())
    })?;
    if wanted.all && wanted.partial.is_some() {
        // RFC 9394 §3.1.
        return Err(SyntaxError::Expected("ALL or PARTIAL, not both"));
    }
    // RFC 4731 §3.1: an empty list means ALL; what follows a result must know it.
    wanted.all |= wanted == SearchReturn::default();
    cursor.space()?;
    Ok((Some(wanted), update))
}

/// Counts what could grow.
struct Parser {
    depth: usize,
    keys: usize,
}

impl Parser {
    fn key(&mut self, cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        self.keys += 1;
        if self.depth == DEPTH_MAX || self.keys > KEYS_MAX {
            return Err(SyntaxError::Expected("a simpler search"));
        }
        self.depth += 1;
        let key = self.key_inside(cursor);
        self.depth -= 1;
        key
    }

    fn key_inside(&mut self, cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        match cursor.peek() {
            Some(b'(') => {
                return cursor.list("search keys", |cursor| self.key(cursor)).map(all_of);
            }
            // RFC 9586 §3.5.
            Some(b'0'..=b'9' | b'*') if cursor.dialect().uid_only => {
                return Err(SyntaxError::UidRequired);
            }
            Some(b'0'..=b'9' | b'*' | b'$') => {
                return sequence_set(cursor).map(SearchKey::Sequence);
            }
            _ => {}
        }
        let word = cursor.word().to_ascii_uppercase();
        if let Some(key) = bare_key(&word) {
            return Ok(key);
        }
        // All that follow have an argument.
        match word.as_slice() {
            b"NOT" => {
                cursor.space()?;
                self.key(cursor).map(not)
            }
            b"OR" => {
                cursor.space()?;
                let first = self.key(cursor)?;
                cursor.space()?;
                Ok(SearchKey::Or(Box::new((first, self.key(cursor)?))))
            }
            word => key_with_value(word, cursor),
        }
    }
}

/// The keys that are one word.
fn bare_key(word: &[u8]) -> Option<SearchKey> {
    let flag = SearchKey::Flag;
    Some(match word {
        b"ALL" => SearchKey::All,
        // RFC 8514 §4.3: each mailbox here has save dates.
        b"SAVEDATESUPPORTED" => SearchKey::All,
        b"ANSWERED" => flag(Flag::Answered),
        b"DELETED" => flag(Flag::Deleted),
        b"DRAFT" => flag(Flag::Draft),
        b"FLAGGED" => flag(Flag::Flagged),
        b"SEEN" => flag(Flag::Seen),
        b"UNANSWERED" => not(flag(Flag::Answered)),
        b"UNDELETED" => not(flag(Flag::Deleted)),
        b"UNDRAFT" => not(flag(Flag::Draft)),
        b"UNFLAGGED" => not(flag(Flag::Flagged)),
        b"UNSEEN" => not(flag(Flag::Seen)),
        b"RECENT" => SearchKey::Recent,
        b"OLD" => not(SearchKey::Recent),
        b"NEW" => SearchKey::And(vec![SearchKey::Recent, not(flag(Flag::Seen))]),
        _ => return None,
    })
}

fn key_with_value(word: &[u8], cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    const UNKNOWN: SyntaxError = SyntaxError::Expected("a search key");
    let known: &[&[u8]] = &[
        b"BCC",
        b"BEFORE",
        b"BODY",
        b"CC",
        b"EMAILID",
        b"FROM",
        b"HEADER",
        b"KEYWORD",
        b"LARGER",
        b"MODSEQ",
        b"OLDER",
        b"ON",
        b"SAVEDBEFORE",
        b"SAVEDON",
        b"SAVEDSINCE",
        b"SENTBEFORE",
        b"SENTON",
        b"SENTSINCE",
        b"SINCE",
        b"SMALLER",
        b"SUBJECT",
        b"TEXT",
        b"THREADID",
        b"TO",
        b"UID",
        b"UIDAFTER",
        b"UIDBEFORE",
        b"UNKEYWORD",
        b"YOUNGER",
    ];
    let is_extra = matches!(word, b"UIDAFTER" | b"UIDBEFORE");
    if !known.contains(&word) || is_extra && !cursor.dialect().message_limit {
        return Err(UNKNOWN);
    }
    cursor.space()?;
    Ok(match word {
        b"BEFORE" => SearchKey::Before(date(cursor)?),
        b"ON" => SearchKey::On(date(cursor)?),
        b"SINCE" => SearchKey::Since(date(cursor)?),
        b"SAVEDBEFORE" => SearchKey::SavedBefore(date(cursor)?),
        b"SAVEDON" => SearchKey::SavedOn(date(cursor)?),
        b"SAVEDSINCE" => SearchKey::SavedSince(date(cursor)?),
        b"EMAILID" => SearchKey::EmailId(object_id(cursor)?),
        b"THREADID" => SearchKey::ThreadId(object_id(cursor)?),
        b"SENTBEFORE" => SearchKey::SentBefore(date(cursor)?),
        b"SENTON" => SearchKey::SentOn(date(cursor)?),
        b"SENTSINCE" => SearchKey::SentSince(date(cursor)?),
        b"OLDER" => SearchKey::Older(interval(cursor)?),
        b"YOUNGER" => SearchKey::Younger(interval(cursor)?),
        b"LARGER" => SearchKey::Larger(cursor.number64()?),
        b"SMALLER" => SearchKey::Smaller(cursor.number64()?),
        b"MODSEQ" => mod_seq_key(cursor)?,
        b"UID" => SearchKey::Uid(sequence_set(cursor)?),
        // RFC 9738 §3.2: more than it, or less, with no `*` that would always mean a message.
        b"UIDAFTER" => uids(uid(cursor)?.checked_add(1), Some(u32::MAX)),
        b"UIDBEFORE" => uids(Some(1), uid(cursor)?.checked_sub(1)),
        b"KEYWORD" => SearchKey::Keyword(keyword(cursor)?),
        b"UNKEYWORD" => not(SearchKey::Keyword(keyword(cursor)?)),
        b"BODY" => SearchKey::Body(string(cursor)?),
        b"TEXT" => SearchKey::Text(string(cursor)?),
        b"HEADER" => {
            let name = string(cursor)?;
            cursor.space()?;
            SearchKey::Header { name, text: string(cursor)? }
        }
        b"BCC" => envelope(EnvelopeField::Bcc, cursor)?,
        b"CC" => envelope(EnvelopeField::Cc, cursor)?,
        b"FROM" => envelope(EnvelopeField::From, cursor)?,
        b"SUBJECT" => envelope(EnvelopeField::Subject, cursor)?,
        b"TO" => envelope(EnvelopeField::To, cursor)?,
        _ => return Err(SyntaxError::Expected("a search key")),
    })
}

fn envelope(field: EnvelopeField, cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    Ok(SearchKey::Envelope { field, text: string(cursor)? })
}

/// `[entry-name SP entry-type-req SP] mod-sequence-valzer`. A message has one mod-sequence for all
/// that can change of it: which entry is meant makes no difference (RFC 7162 §3.1.5).
fn mod_seq_key(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    if cursor.peek() == Some(b'"') {
        const WHAT: &str = "an entry such as \"/flags/\\\\seen\"";
        let entry = cursor.string(WHAT)?.to_ascii_lowercase();
        let flag = entry.strip_prefix(b"/flags/").ok_or(SyntaxError::Expected(WHAT))?;
        let name = flag.strip_prefix(b"\\").unwrap_or(flag);
        if name.is_empty() || !name.iter().all(|b| is_atom_char(*b)) {
            return Err(SyntaxError::Expected(WHAT));
        }
        cursor.space()?;
        if !["priv", "shared", "all"].iter().any(|kind| cursor.eat_word(kind)) {
            return Err(SyntaxError::Expected("priv, shared or all"));
        }
        cursor.space()?;
    }
    mod_seq(cursor).map(SearchKey::ModSeq)
}

/// `uniqueid`
fn uid(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    cursor.nonzero_number()
}

/// The messages from one UID to another; none if there are no such.
fn uids(first: Option<u32>, last: Option<u32>) -> SearchKey {
    let set = first.zip(last).and_then(|(first, last)| SequenceSet::range(first, last));
    set.map_or_else(|| not(SearchKey::All), SearchKey::Uid)
}

/// `nz-number`: seconds (RFC 5032 §5).
fn interval(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    match cursor.number()? {
        0 => Err(SyntaxError::Expected("a number of seconds above 0")),
        seconds => Ok(seconds),
    }
}

fn string(cursor: &mut Cursor<'_>) -> Parsed<String> {
    text(&cursor.astring("a text to search for")?)
}

fn keyword(cursor: &mut Cursor<'_>) -> Parsed<Keyword> {
    const WHAT: &str = "a keyword";
    Keyword::parse(&text(cursor.atom(WHAT)?)?).map_err(|_| SyntaxError::Expected(WHAT))
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match (keys.len(), keys.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            keys.extend(last);
            SearchKey::And(keys)
        }
    }
}
