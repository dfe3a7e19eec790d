//! What of a line may be shown.

/// How much of a command or response may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Keep {
    /// All: its strings are names.
    All,
    /// All but its strings.
    NoStrings,
    /// What is a key of a search, a number or a date.
    SearchKeys,
    /// Its name, which is so many words.
    Name(usize),
    /// Nothing.
    #[default]
    Nothing,
}

/// Commands whose strings name mailboxes, headers, resources.
#[rustfmt::skip]
const NAMING: &[&str] = &[
    "APPEND", "CAPABILITY", "CHECK", "CLOSE", "COMPRESS", "COPY", "CREATE", "DELETE", "ENABLE", "EXAMINE",
    "EXPUNGE", "FETCH", "GETQUOTA", "GETQUOTAROOT", "ID", "IDLE", "LIST", "LOGOUT", "LSUB", "MOVE",
    "MYRIGHTS", "NAMESPACE", "NOTIFY", "RENAME", "REPLACE", "SELECT", "STATUS", "STORE", "SUBSCRIBE",
    "UNAUTHENTICATE", "UNSELECT", "UNSUBSCRIBE",
];

/// Responses whose strings do, or that have none but the server's own words.
#[rustfmt::skip]
const TELLING: &[&str] = &[
    "BAD", "BYE", "CAPABILITY", "ENABLED", "ESEARCH", "EXISTS", "EXPUNGE", "FLAGS", "ID", "LIST", "LSUB",
    "MYRIGHTS", "NAMESPACE", "NO", "OK", "QUOTA", "QUOTAROOT", "RECENT", "SEARCH", "SORT", "STATUS",
    "THREAD", "VANISHED",
];

/// Behind this, a URL says for whom it is and proves it.
const PROOF: &[u8] = b"URLAUTH=";

/// Commands that search.
const SEARCHES: &[&str] = &["SEARCH", "SORT", "THREAD"];

/// Words of searches that are not from a message.
#[rustfmt::skip]
const SEARCH_KEYS: &[&str] = &[
    "ALL", "ANSWERED", "ARRIVAL", "BCC", "BEFORE", "BODY", "CC", "CHARSET", "COUNT", "DATE", "DELETED",
    "DISPLAYFROM", "DISPLAYTO", "DRAFT", "FLAGGED", "FROM", "HEADER", "KEYWORD", "LARGER", "MAX", "MIN",
    "MODSEQ", "NEW", "NOT", "OLD", "OLDER", "ON", "OR", "ORDEREDSUBJECT", "PARTIAL", "RECENT", "REFERENCES",
    "RETURN", "REVERSE", "SAVE", "SEEN", "SENTBEFORE", "SENTON", "SENTSINCE", "SINCE", "SIZE", "SMALLER",
    "SUBJECT", "TEXT", "TO", "UID", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNKEYWORD",
    "UNSEEN", "US-ASCII", "UTF-8", "YOUNGER",
];

/// Those of them behind which so many words are the client's own.
const ASKING: &[(&str, usize)] = &[
    ("BCC", 1),
    ("BODY", 1),
    ("CC", 1),
    ("FROM", 1),
    ("HEADER", 2),
    ("KEYWORD", 1),
    ("SUBJECT", 1),
    ("TEXT", 1),
    ("TO", 1),
    ("UNKEYWORD", 1),
];

pub(super) fn kept_of_command(line: &[u8]) -> Keep {
    if line.eq_ignore_ascii_case(b"DONE") {
        return Keep::All;
    }
    let mut words = line.split(|octet| *octet == b' ').skip(1);
    let Some(verb) = words.next() else { return Keep::Nothing };
    let (verb, name) = match words.next() {
        Some(second) if verb.eq_ignore_ascii_case(b"UID") => (second, 3),
        _ => (verb, 2),
    };
    let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(verb);
    if NAMING.iter().any(is) {
        Keep::All
    } else if SEARCHES.iter().any(is) {
        Keep::SearchKeys
    } else {
        Keep::Name(name)
    }
}

pub(super) fn kept_of_response(line: &[u8]) -> Keep {
    let mut words = line.split(|octet| *octet == b' ');
    let tag = words.next().unwrap_or_default();
    if tag == b"+" {
        return Keep::All;
    }
    let first = words.next().unwrap_or_default();
    let numbered = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let name = if numbered { words.next().unwrap_or_default() } else { first };
    if name == b"FETCH" || name == b"UIDFETCH" || first == b"UIDFETCH" {
        Keep::NoStrings
    } else if TELLING.iter().any(|known| known.as_bytes() == name) {
        Keep::All
    } else {
        Keep::Name(2)
    }
}

/// A line as it may be shown. `continued` if it goes on behind a literal.
pub(super) fn redacted(line: &[u8], keep: Keep, continued: bool) -> String {
    let announced = announcement(line);
    let (text, announcement) = line.split_at(announced);
    let text = match keep {
        Keep::All => text.to_vec(),
        Keep::NoStrings => without_strings(text),
        Keep::SearchKeys => search_keys(text, if continued { 0 } else { 2 }),
        Keep::Name(words) => behind_words(text, if continued { 0 } else { words }),
        Keep::Nothing => behind_words(text, 0),
    };
    escaped(&without_proofs(text)) + &escaped(announcement)
}

/// What lets a message be read by URL is hidden wherever it stands (RFC 4467 §10), with all behind it.
fn without_proofs(mut text: Vec<u8>) -> Vec<u8> {
    let is_mark = |octets: &[u8]| octets.eq_ignore_ascii_case(PROOF);
    if let Some(mark) = text.windows(PROOF.len()).position(is_mark) {
        let proof = text.iter_mut().skip(mark + PROOF.len());
        proof.filter(|octet| **octet != b' ').for_each(|octet| *octet = b'x');
    }
    text
}

/// Where a literal's announcement begins at the end of the line; its length if there is none.
fn announcement(line: &[u8]) -> usize {
    let open = line.iter().rposition(|octet| *octet == b'{');
    open.filter(|_| super::literal_size(line).is_some()).unwrap_or(line.len())
}

fn without_strings(text: &[u8]) -> Vec<u8> {
    let (mut quoted, mut escaped) = (false, false);
    let hide = |octet: &u8| match (quoted, *octet) {
        (true, b'"') if !escaped => {
            quoted = false;
            b'"'
        }
        (true, octet) => {
            escaped = octet == b'\\' && !escaped;
            b'x'
        }
        (false, octet) => {
            quoted = octet == b'"';
            octet
        }
    };
    text.iter().map(hide).collect()
}

/// Words behind the first ones are hidden, the spaces between them stay.
fn behind_words(text: &[u8], words: usize) -> Vec<u8> {
    let mut spaces = 0;
    let hide = |octet: &u8| {
        spaces += usize::from(*octet == b' ');
        if spaces < words || *octet == b' ' { *octet } else { b'x' }
    };
    text.iter().map(hide).collect()
}

fn search_keys(text: &[u8], words: usize) -> Vec<u8> {
    let hidden = without_strings(text);
    let mut shown = Vec::with_capacity(hidden.len());
    let (mut place, mut own) = (0, 0_usize);
    for word in hidden.split_inclusive(|octet| matches!(octet, b' ' | b'(' | b')')) {
        let (name, end) = match word.split_last() {
            Some((last, name)) if matches!(last, b' ' | b'(' | b')') => (name, &[*last][..]),
            _ => (word, &[][..]),
        };
        let known = SEARCH_KEYS.iter().any(|key| key.as_bytes().eq_ignore_ascii_case(name));
        let number = name.first().is_some_and(|octet| octet.is_ascii_digit() || *octet == b'*')
            || name == b"$";
        let string = name.first() == Some(&b'"') || name.last() == Some(&b'"');
        if place < words || string || own == 0 && (known || number) || verb(place, name) {
            shown.extend_from_slice(name);
        } else {
            shown.extend(name.iter().map(|_| b'x'));
        }
        if !name.is_empty() {
            let asks = ASKING.iter().find(|(key, _)| key.as_bytes().eq_ignore_ascii_case(name));
            own = match asks {
                Some((_, of_client)) if own == 0 && place >= words => *of_client,
                _ => own.saturating_sub(1),
            };
            place += 1;
        }
        shown.extend_from_slice(end);
    }
    shown
}

/// `UID SEARCH` has one word more.
fn verb(place: usize, name: &[u8]) -> bool {
    let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
    place == 2 && SEARCHES.iter().any(is)
}

/// As transcripts write it.
fn escaped(text: &[u8]) -> String {
    let mut line = String::with_capacity(text.len());
    for octet in text {
        match octet {
            b'\\' => line.push_str("\\\\"),
            b' '..=b'~' => line.push(char::from(*octet)),
            other => line.push_str(&format!("\\x{other:02x}")),
        }
    }
    line
}
