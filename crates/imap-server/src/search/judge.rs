//! Whether a message matches, as far as it is known. Pure.
//!
//! What is known grows in four steps, each dearer than the one before: the facts of the index, the
//! envelope, the header, the words of the body. Most messages are decided by one of the first two.

use std::ops::Deref;

use imap_core::{
    UidRuns,
    calendar::Date,
    command::{EnvelopeField, SearchKey},
};
use mail_store::Fact;
use mail_types::{Flag, Timestamp, Uid};
use mime_core::{
    Envelope,
    header::{self, address::AddressItem, date::DateTime},
    text::decode_header,
};

use super::words::{Needles, fold};

/// A longer text of an envelope may have been cut, in octets.
const WHOLE_OCTETS: usize = 500;
/// Of a longer list of addresses some may have been left out.
const WHOLE_ADDRESSES: usize = 20;
/// Longer words are not tried place by place, in octets.
const SHORT: usize = 64;

/// What of a query was found out before the search began.
pub(super) trait Prepared {
    /// The messages that a key of sequence numbers, UIDs or object ids means, resolved against the
    /// session's view.
    fn named_by(&self, key: &SearchKey) -> &UidRuns;
    /// The words that a key looks for in header fields, folded.
    fn words_of(&self, key: &SearchKey) -> &str;
    /// Whether the message is `\Recent` in this session.
    fn is_recent(&self, uid: Uid) -> bool;
    /// When the search began.
    fn began(&self) -> Timestamp;
}

/// What is known of one message.
pub(super) struct Evidence<'m, P, O> {
    pub(super) fact: Fact<'m>,
    pub(super) query: &'m P,
    /// The fields of its envelope, once they were asked for.
    pub(super) envelope: Option<&'m Envelope<O>>,
    /// The octets of the message header, once they were read.
    pub(super) header: Option<&'m [u8]>,
    /// Which words stand in the body, once it was read.
    pub(super) found: Option<&'m Needles>,
}

impl<P: Prepared, O: Deref<Target = [u8]>> Evidence<'_, P, O> {
    /// Whether the key holds (RFC 3501 §6.4.4); `None` if more must be known.
    pub(super) fn judge(&self, key: &SearchKey) -> Option<bool> {
        match key {
            SearchKey::All => Some(true),
            SearchKey::And(keys) => self.all(keys),
            SearchKey::Or(pair) => match (self.judge(&pair.0), self.judge(&pair.1)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            SearchKey::Not(key) => self.judge(key).map(|holds| !holds),
            SearchKey::Sequence(_)
            | SearchKey::Uid(_)
            | SearchKey::EmailId(_)
            | SearchKey::ThreadId(_) => Some(self.query.named_by(key).contains(self.fact.uid)),
            SearchKey::Flag(flag) => Some(self.fact.flags.contains(flag)),
            SearchKey::Keyword(keyword) => {
                Some(self.fact.flags.contains(&Flag::Keyword(keyword.clone())))
            }
            SearchKey::Recent => Some(self.query.is_recent(self.fact.uid)),
            SearchKey::Before(date) => Some(self.day() < *date),
            SearchKey::On(date) => Some(self.day() == *date),
            SearchKey::Since(date) => Some(self.day() >= *date),
            SearchKey::SavedBefore(date) => Some(self.day_saved() < *date),
            SearchKey::SavedOn(date) => Some(self.day_saved() == *date),
            SearchKey::SavedSince(date) => Some(self.day_saved() >= *date),
            SearchKey::Older(seconds) => Some(self.age() >= i64::from(*seconds)),
            SearchKey::Younger(seconds) => Some(self.age() <= i64::from(*seconds)),
            SearchKey::Larger(size) => Some(self.fact.size > *size),
            SearchKey::Smaller(size) => Some(self.fact.size < *size),
            SearchKey::ModSeq(least) => Some(self.fact.modseq >= *least),
            SearchKey::SentBefore(date) => self.sent(|day| day < *date),
            SearchKey::SentOn(date) => self.sent(|day| day == *date),
            SearchKey::SentSince(date) => self.sent(|day| day >= *date),
            SearchKey::Envelope { field, .. } => {
                self.envelope_has(*field, self.query.words_of(key))
            }
            SearchKey::Header { name, .. } => {
                self.header.map(|octets| field_has(octets, name, self.query.words_of(key)))
            }
            SearchKey::Body(text) => self.found.map(|needles| needles.found(text)),
            SearchKey::Text(text) => {
                match self.header.map(|octets| header_has(octets, self.query.words_of(key))) {
                    Some(true) => Some(true),
                    Some(false) => self.found.map(|needles| needles.found(text)),
                    None => None,
                }
            }
        }
    }

    fn all(&self, keys: &[SearchKey]) -> Option<bool> {
        let mut verdict = Some(true);
        for key in keys {
            match self.judge(key) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => verdict = None,
            }
        }
        verdict
    }

    /// Whether a field of the envelope has the words, decoded. Where a negative answer might be due to
    /// what the envelope leaves out, the header decides.
    fn envelope_has(&self, field: EnvelopeField, words: &str) -> Option<bool> {
        let envelope = self.envelope?;
        let (name, addresses) = match field {
            EnvelopeField::Subject => {
                let has = |subject: &[u8]| words.is_empty() || value_has(subject, words);
                return match envelope.subject.as_deref() {
                    Some(subject) if subject.len() > WHOLE_OCTETS && !has(subject) => {
                        self.header.map(|octets| field_has(octets, "Subject", words))
                    }
                    subject => Some(subject.is_some_and(has)),
                };
            }
            EnvelopeField::Bcc => ("Bcc", &envelope.bcc),
            EnvelopeField::Cc => ("Cc", &envelope.cc),
            EnvelopeField::From => ("From", &envelope.from),
            EnvelopeField::To => ("To", &envelope.to),
        };
        let has = !addresses.is_empty() && (words.is_empty() || addresses_have(addresses, words));
        if has || addresses.len() <= WHOLE_ADDRESSES {
            return Some(has);
        }
        self.header.map(|octets| field_has(octets, name, words))
    }

    /// How many seconds ago it was received (RFC 5032 §3).
    fn age(&self) -> i64 {
        self.query.began().secs().saturating_sub(self.fact.internal_date.secs())
    }

    /// The day on which it was received, in UTC as INTERNALDATE shows it.
    fn day(&self) -> Date {
        Date::of(self.fact.internal_date)
    }

    /// The day on which it was saved in the mailbox, in UTC as SAVEDATE shows it (RFC 8514 §4.3).
    fn day_saved(&self) -> Date {
        Date::of(self.fact.saved)
    }

    /// The day of its Date field, without regard to time and zone; a message without a Date that
    /// can be read was sent on no day.
    fn sent(&self, holds: impl Fn(Date) -> bool) -> Option<bool> {
        let date = self.envelope?.date.as_deref().and_then(DateTime::parse).and_then(|date| {
            let (year, month, day) = date.civil_date();
            Date::new(year, month, day)
        });
        Some(date.is_some_and(holds))
    }
}

/// Whether the addresses of a field have the words, folded already.
fn addresses_have<O: Deref<Target = [u8]>>(addresses: &[AddressItem<O>], words: &str) -> bool {
    if !stand_in_one_piece(words) {
        return fold(&shown(addresses)).contains(words);
    }
    addresses.iter().any(|item| match item {
        AddressItem::Mailbox(mailbox) => {
            mailbox.name.as_deref().is_some_and(|name| value_has(name, words))
                || has(&mailbox.local, words)
                || mailbox.domain.as_deref().is_some_and(|domain| has(domain, words))
        }
        AddressItem::GroupStart(name) => value_has(name, words),
        AddressItem::GroupEnd => false,
    })
}

/// Whether words have nothing in them that [`shown`] puts between names and addresses: they stand in
/// one of those, or nowhere.
fn stand_in_one_piece(words: &str) -> bool {
    words.trim() == words && !words.contains(['<', '>', '"', ',', ':', ';', '@'])
}

/// The addresses of a field as they stand there, decoded, or nearly so: quoting is lost, so that a
/// name comes with and without it.
fn shown<O: Deref<Target = [u8]>>(addresses: &[AddressItem<O>]) -> String {
    let mut shown = String::new();
    for item in addresses {
        match item {
            AddressItem::Mailbox(mailbox) => {
                let mut address = String::from_utf8_lossy(&mailbox.local).into_owned();
                if let Some(domain) = &mailbox.domain {
                    address.push('@');
                    address.push_str(&String::from_utf8_lossy(domain));
                }
                match &mailbox.name {
                    Some(name) => {
                        let name = decode_header(name);
                        shown.push_str(&format!("{name} <{address}>, \"{name}\" <{address}>, "));
                    }
                    None => shown.push_str(&format!("{address}, ")),
                }
            }
            AddressItem::GroupStart(name) => {
                shown.push_str(&format!("{}: ", decode_header(name)));
            }
            AddressItem::GroupEnd => shown.push_str("; "),
        }
    }
    shown
}

/// Whether a field of this name has the words in it, folded already, where it is decoded; none ask for
/// the field.
fn field_has(octets: &[u8], name: &str, words: &str) -> bool {
    header::fields(octets)
        .filter(|field| field.is(name))
        .any(|field| words.is_empty() || value_has(field.value, words))
}

/// Whether any field has the words, folded already, in its name or decoded value.
fn header_has(octets: &[u8], words: &str) -> bool {
    header::fields(octets).any(|field| has(field.name, words) || value_has(field.value, words))
}

/// Whether a value has the words, folded already. Most values are plain ASCII without anything
/// encoded: those need not be copied.
fn value_has(value: &[u8], words: &str) -> bool {
    // Without a branch for each octet, the loop is one for many at a time.
    let is_coded =
        |octet: &u8| !octet.is_ascii() | matches!(octet, b'=' | b'\r' | b'\n' | 0x0e | 0x1b);
    if words.len() <= SHORT && !value.iter().fold(false, |any, octet| any | is_coded(octet)) {
        return ascii_has(value.trim_ascii(), words.as_bytes());
    }
    fold(&decode_header(value)).contains(words)
}

/// Whether what is not encoded has the words, folded already.
fn has(text: &[u8], words: &str) -> bool {
    if words.len() <= SHORT && text.is_ascii() {
        return ascii_has(text, words.as_bytes());
    }
    fold(&String::from_utf8_lossy(text)).contains(words)
}

/// Whether ASCII has the words, whatever their case.
fn ascii_has(text: &[u8], words: &[u8]) -> bool {
    let Some((first, rest)) = words.split_first() else { return true };
    text.windows(words.len()).any(|place| {
        place.split_first().is_some_and(|(begin, behind)| {
            begin.eq_ignore_ascii_case(first) && behind.eq_ignore_ascii_case(rest)
        })
    })
}

/// Whether a key asks for what the envelope can tell.
pub(super) fn needs_envelope(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().any(needs_envelope),
        SearchKey::Or(pair) => needs_envelope(&pair.0) || needs_envelope(&pair.1),
        SearchKey::Not(key) => needs_envelope(key),
        SearchKey::SentBefore(_)
        | SearchKey::SentOn(_)
        | SearchKey::SentSince(_)
        | SearchKey::Envelope { .. } => true,
        _ => false,
    }
}

/// The texts that are looked for in bodies.
pub(super) fn body_texts(key: &SearchKey, texts: &mut Vec<String>) {
    match key {
        SearchKey::And(keys) => keys.iter().for_each(|key| body_texts(key, texts)),
        SearchKey::Or(pair) => {
            body_texts(&pair.0, texts);
            body_texts(&pair.1, texts);
        }
        SearchKey::Not(key) => body_texts(key, texts),
        SearchKey::Body(text) | SearchKey::Text(text) => texts.push(text.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mime_core::header::address::parse_list;

    use super::*;

    #[test]
    fn words_in_values() {
        let long = "Long words, ".repeat(20) + "and an end";
        for (value, words, found) in [
            ("Plain text", "PLAIN", true),
            ("Plain text", "aint", false),
            ("Plain", "", true),
            ("", "a", false),
            ("=?utf-8?q?f=C3=BCr?= you", "für YOU", true),
            ("\x1b$)C\x0e0!\x0f", "가", true),
            ("\x0e0!\x0f", "가", true),
            (&format!("so: {long}"), &long, true),
            (&format!("so: {long}"), &format!("{long}x"), false),
        ] {
            assert_eq!(value_has(value.as_bytes(), &fold(words)), found, "{value} {words}");
        }
    }

    #[test]
    fn words_in_addresses() {
        let list =
            b"=?utf-8?q?J=C3=BCrg?= Lee <juerg@b.example>, friends: a@b, \"Kim, Min Su\" <k>;";
        let addresses = parse_list(list);
        for (words, found) in [
            ("jürg lee", true),
            ("JUERG", true),
            ("b.EXAMPLE", true),
            ("juerg@b.example>", true),
            ("lee <juerg", true),
            ("lee\" <juerg", true),
            ("lee ", true),
            ("lee j", false),
            ("juergb", false),
            ("friends", true),
            ("friends: a@b,", true),
            ("min su", true),
            ("kim, min", true),
            ("kim min", false),
            ("ｍｉｎ", true),
            ("é", false),
        ] {
            let words = fold(words);
            assert_eq!(addresses_have(&addresses, &words), found, "{words}");
            assert_eq!(fold(&shown(&addresses)).contains(&words), found, "{words}");
        }
    }
}
