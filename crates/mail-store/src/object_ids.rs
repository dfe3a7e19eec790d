//! What identifies a message wherever it lies, and what it belongs to (RFC 8474 §5).
//!
//! Both are derived from what never changes of a message, so copies have the same, and so has an
//! index that is built anew. A message's internal date is part of it: what has another one is
//! another message (RFC 3501 §2.3.1.1).

use std::fmt;

use mail_types::{Timestamp, Uid};

use crate::sort_keys;

/// Octets of an email id: a digest that nobody finds twice.
const EMAIL_ID_OCTETS: usize = 20;

/// The same for all copies of a message, and for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EmailId([u8; EMAIL_ID_OCTETS]);

/// The same for messages that belong together: those that name the same message as their first
/// ancestor, and that one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ThreadId(u64);

/// The ids of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectIds {
    /// The message.
    pub uid: Uid,
    /// What it is.
    pub email: EmailId,
    /// What it belongs to.
    pub thread: ThreadId,
}

impl EmailId {
    pub(crate) fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// From what the index holds.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }
}

impl ThreadId {
    /// By the first ancestor, else by the message's own Message-ID, else by the message itself;
    /// `ids` as the index holds them.
    pub(crate) fn of(ids: &[u8], email: &EmailId) -> Self {
        let (_, own, ancestors) = sort_keys::decode(ids);
        let first = || email.0.first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets));
        Self(ancestors.first().copied().or(own).unwrap_or_else(first))
    }
}

/// `M` and hexadecimal digits: neither a number nor one of two that differ by case
/// (RFC 8474 §8.1).
impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("M")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// `T` and hexadecimal digits.
impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{:016x}", self.0)
    }
}

/// Makes the email id of a message that comes by pieces.
pub(crate) struct EmailIdMaker(blake3::Hasher);

impl EmailIdMaker {
    pub(crate) fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    /// Takes the next octets, in wire form.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// That was all; INTERNALDATE shows seconds.
    pub(crate) fn finish(mut self, internal_date: Timestamp) -> EmailId {
        self.0.update(&internal_date.secs().to_be_bytes());
        let digest = self.0.finalize();
        EmailId(digest.as_bytes().first_chunk().copied().unwrap_or([0; EMAIL_ID_OCTETS]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort_keys::StoredKeys;

    fn email(pieces: &[&str], seconds: i64) -> EmailId {
        let mut maker = EmailIdMaker::new();
        pieces.iter().for_each(|piece| maker.push(piece.as_bytes()));
        maker.finish(Timestamp::from_millis(seconds * 1000 + 7))
    }

    #[test]
    fn what_is_the_same_has_the_same_id() {
        let id = email(&["Subject: a\r\n", "\r\n"], 5);
        assert_eq!(id, email(&["Subject: a\r\n\r\n"], 5));
        assert_ne!(id, email(&["Subject: a\r\n\r\n"], 6));
        assert_ne!(id, email(&["Subject: b\r\n\r\n"], 5));
        assert_eq!(EmailId::from_octets(id.as_octets()), Some(id));
        assert_eq!(EmailId::from_octets(b"short"), None);
        let text = id.to_string();
        assert!(text.starts_with('M') && text.len() == 41, "{text}");
        assert!(text.bytes().skip(1).all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));
    }

    #[test]
    fn who_answers_belongs_to_what_is_answered() {
        let thread = |header: &str, unlike: i64| {
            let keys = StoredKeys::of(format!("{header}\r\n\r\n").as_bytes());
            ThreadId::of(&keys.ids, &email(&[header], unlike))
        };
        let first = thread("Message-ID: <1@a>", 1);
        assert_eq!(first, thread("Message-ID: <2@a>\r\nReferences: <1@a>", 2));
        assert_eq!(first, thread("Message-ID: <3@a>\r\nReferences: <1@a> <2@a>", 3));
        assert_eq!(first, thread("Message-ID: <4@a>\r\nIn-Reply-To: <1@a>", 4));
        assert_ne!(first, thread("Message-ID: <5@a>", 5));
        // Without any id it belongs to itself, and to its copies.
        assert_eq!(thread("Subject: x", 6), thread("Subject: x", 6));
        assert_ne!(thread("Subject: x", 6), thread("Subject: x", 7));
        assert!(first.to_string().starts_with('T'));
    }
}
