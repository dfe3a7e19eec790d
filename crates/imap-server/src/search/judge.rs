//! Whether a message matches, as far as it is known. Pure.
//!
//! What is known grows in four steps, each dearer than the one before: the facts of the index, the
//! envelope, the header, the words of the body. Most messages are decided by one of the first two.

use imap_core::{
    UidRuns,
    calendar::Date,
    command::{EnvelopeField, SearchKey},
};
use mail_store::Fact;
use mail_types::{Flag, Timestamp, Uid};
use mime_core::{
    Envelope, Octets,
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

/// The numbers in a query, resolved against the session's view before the search began.
pub(super) trait Numbers {
    /// The messages that a key of sequence numbers, UIDs or object ids means.
    fn named_by(&self, key: &SearchKey) -> &UidRuns;
    /// Whether the message is `\Recent` in this session.
    fn is_recent(&self, uid: Uid) -> bool;
    /// When the search began.
    fn began(&self) -> Timestamp;
}

/// What is known of one message.
pub(super) struct Evidence<'m, N> {
    pub(super) fact: Fact<'m>,
    pub(super) numbers: &'m N,
    /// The fields of its envelope, once they were asked for.
    pub(super) envelope: Option<&'m Envelope>,
    /// The octets of the message header, once they were read.
    pub(super) header: Option<&'m [u8]>,
    /// Which words stand in the body, once it was read.
    pub(super) found: Option<&'m Needles>,
}

impl<N: Numbers> Evidence<'_, N> {
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
            | SearchKey::ThreadId(_) => Some(self.numbers.named_by(key).contains(self.fact.uid)),
            SearchKey::Flag(flag) => Some(self.fact.flags.contains(flag)),
            SearchKey::Keyword(keyword) => {
                Some(self.fact.flags.contains(&Flag::Keyword(keyword.clone())))
            }
            SearchKey::Recent => Some(self.numbers.is_recent(self.fact.uid)),
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
            SearchKey::Envelope { field, text } => self.envelope_has(*field, text),
            SearchKey::Header { name, text } => {
                self.header.map(|octets| field_has(octets, name, text))
            }
            SearchKey::Body(text) => self.found.map(|needles| needles.found(text)),
            SearchKey::Text(text) => match self.header.map(|octets| header_has(octets, text)) {
                Some(true) => Some(true),
                Some(false) => self.found.map(|needles| needles.found(text)),
                None => None,
            },
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

    /// Whether a field of the envelope has the text, decoded. Where a negative answer might be due to
    /// what the envelope leaves out, the header decides.
    fn envelope_has(&self, field: EnvelopeField, text: &str) -> Option<bool> {
        let envelope = self.envelope?;
        let (name, addresses) = match field {
            EnvelopeField::Subject => {
                let has = |subject: &Octets| text.is_empty() || value_has(subject, &fold(text));
                return match &envelope.subject {
                    Some(subject) if subject.len() > WHOLE_OCTETS && !has(subject) => {
                        self.header.map(|octets| field_has(octets, "Subject", text))
                    }
                    subject => Some(subject.as_ref().is_some_and(has)),
                };
            }
            EnvelopeField::Bcc => ("Bcc", &envelope.bcc),
            EnvelopeField::Cc => ("Cc", &envelope.cc),
            EnvelopeField::From => ("From", &envelope.from),
            EnvelopeField::To => ("To", &envelope.to),
        };
        let has =
            !addresses.is_empty() && (text.is_empty() || addresses_have(addresses, &fold(text)));
        if has || addresses.len() <= WHOLE_ADDRESSES {
            return Some(has);
        }
        self.header.map(|octets| field_has(octets, name, text))
    }

    /// How many seconds ago it was received (RFC 5032 §3).
    fn age(&self) -> i64 {
        self.numbers.began().secs().saturating_sub(self.fact.internal_date.secs())
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

/// The addresses of a field as they stand there, decoded, or nearly so: quoting is lost, so that a
/// name comes with and without it.
fn addresses_have(addresses: &[AddressItem], folded: &str) -> bool {
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
    fold(&shown).contains(folded)
}

/// Whether a field of this name has the text in it, decoded; the empty text asks for the field.
fn field_has(octets: &[u8], name: &str, text: &str) -> bool {
    let wanted = fold(text);
    header::fields(octets)
        .filter(|field| field.is(name))
        .any(|field| wanted.is_empty() || value_has(field.value, &wanted))
}

/// Whether any field has the text, name or decoded value.
fn header_has(octets: &[u8], text: &str) -> bool {
    let wanted = fold(text);
    header::fields(octets).any(|field| {
        fold(&String::from_utf8_lossy(field.name)).contains(&wanted)
            || value_has(field.value, &wanted)
    })
}

/// Whether a value has the words, folded already. Most values are plain ASCII without anything
/// encoded: those need not be copied.
fn value_has(value: &[u8], folded: &str) -> bool {
    let is_plain = || value.is_ascii() && !value.iter().any(|it| b"=\r\n\x0e\x1b".contains(it));
    if folded.len() <= SHORT && is_plain() {
        let (text, words) = (value.trim_ascii(), folded.as_bytes());
        let mut places = text.windows(words.len().max(1));
        return words.is_empty() || places.any(|place| place.eq_ignore_ascii_case(words));
    }
    fold(&decode_header(value)).contains(folded)
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
}
