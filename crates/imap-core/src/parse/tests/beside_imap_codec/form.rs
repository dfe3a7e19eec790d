//! The common form of a command: text that is the same if, and only if, the commands mean the same.
//!
//! What RFC 9051 says is the same has one form: the order of flags and their case, items that are
//! asked for twice, `UNSEEN` and `NOT SEEN`. Names of mailboxes are as they stand on the wire.

use crate::utf7;

/// A command in the common form.
pub(super) type Form = String;

/// A command and its arguments.
pub(super) fn named(name: &str, arguments: impl IntoIterator<Item = String>) -> Form {
    let arguments: Vec<String> = arguments.into_iter().collect();
    format!("{name} [{}]", arguments.join("] ["))
}

/// Octets that can be told apart whatever they are.
pub(super) fn text(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

/// A name on the wire. Octets that modified UTF-7 has another spelling for are taken as UTF-8 by this
/// crate, and by imap-codec as they are.
pub(super) fn wire_name(name: &[u8]) -> String {
    let plain = name.iter().all(|octet| matches!(octet, b' '..=b'~'));
    match str::from_utf8(name).ok().filter(|_| !plain).map(utf7::decode) {
        Some(Ok(name)) => text(utf7::encode(&name).as_bytes()),
        _ => text(name),
    }
}

/// A name for CREATE and RENAME: the separator at its end only declares something
/// (RFC 9051 §6.3.4).
pub(super) fn new_name(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_owned()
}

/// Flags are a set, and their names have no case (RFC 9051 §2.3.2).
pub(super) fn flags(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" ")
}

/// Items, each once; UID FETCH tells the UID whether it is asked for or not (RFC 9051 §6.4.9).
pub(super) fn fetch_items(items: impl Iterator<Item = String>, by_uid: bool) -> String {
    let mut all: Vec<String> = Vec::new();
    for item in by_uid.then(|| "UID".to_owned()).into_iter().chain(items) {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all.join(" ")
}

/// Days since 1970-01-01.
pub(super) fn date(days: i64) -> String {
    format!("day {days}")
}

/// A search key and what it is about.
pub(super) fn key(name: &str, values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("{name}({})", values.join(", "))
}

/// Keys that must all match; one in parentheses is itself.
pub(super) fn keys(all: impl IntoIterator<Item = String>) -> String {
    let mut all: Vec<String> = all.into_iter().collect();
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            key("AND", all)
        }
    }
}
