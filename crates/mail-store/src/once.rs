//! Messages that are to be filed once, however often they come: known by their Message-ID.
//!
//! Whoever writes the header chooses the id: two messages of one id need not be the same. So nothing
//! is left out unless the one that was filed before is named in the same transaction.

use std::time::Duration;

use mime_core::{
    header::{fields, message_ids},
    thread::normalise_id,
};

/// Octets of a key: a digest that nobody finds twice.
const KEY_OCTETS: usize = 16;
/// A longer id is none that a program made: it would not fit on a line (RFC 5322 §2.1.1).
const ID_MAX: usize = 998;

/// What a message is known by.
pub(crate) type Key = [u8; KEY_OCTETS];

/// A message of which one copy is enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Once {
    pub(crate) key: Key,
    pub(crate) within: Duration,
}

impl Once {
    /// By its header: a message with this id that was filed in the same mailbox within this time is
    /// the same. None if it has no id, or several. What somebody has sent again (RFC 5322 §3.6.6) goes
    /// by the id that it got then: it was meant to come twice.
    pub fn of_header(header: &[u8], within: Duration) -> Option<Self> {
        let resent = fields(header).any(|field| {
            field.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Resent-"))
        });
        let name = if resent { "Resent-Message-ID" } else { "Message-ID" };
        let mut found = fields(header).filter(|field| field.is(name));
        let field = found.next()?;
        // Of several acts of sending again the last stands first (RFC 5322 §3.6.6); two ids of one
        // act are none.
        if !resent && found.next().is_some() {
            return None;
        }
        let [id] = message_ids(&field.unfolded()).try_into().ok()?;
        let id = normalise_id(&id).filter(|id| id.len() <= ID_MAX)?;
        let hash = blake3::Hasher::new().update(name.as_bytes()).update(&id).finalize();
        let key = *hash.as_bytes().first_chunk::<KEY_OCTETS>()?;
        Some(Self { key, within })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(header: &str) -> Option<Key> {
        Once::of_header(header.as_bytes(), Duration::from_secs(1)).map(|once| once.key)
    }

    #[test]
    fn what_a_message_is_known_by() {
        let plain = key("From: a@b\r\nMessage-ID: <x.1@example.org>\r\n\r\nbody");
        assert!(plain.is_some());
        for same in [
            "MESSAGE-ID:\r\n <x.1@example.org>\r\n\r\n",
            "Message-ID: <\"x.1\"@example.org> (twice)\r\n\r\n",
            "List-Id: <team.example.org>\r\nMessage-ID: <x.1@example.org>\r\n\r\n",
        ] {
            assert_eq!(key(same), plain, "{same}");
        }
        for none in [
            "",
            "Subject: x\r\n\r\nMessage-ID: <x.1@example.org>\r\n",
            "Message-ID:\r\n\r\n",
            "Message-ID: x.1@example.org\r\n\r\n",
            "Message-ID: <x.1>\r\n\r\n",
            "Message-ID: <>\r\n\r\n",
            "Message-ID: <@>\r\n\r\n",
            "Message-ID: <@example.org>\r\n\r\n",
            "Message-ID: <x.1@example.org> <x.2@example.org>\r\n\r\n",
            "Message-ID: <x.1@example.org>\r\nMessage-ID: <x.1@example.org>\r\n\r\n",
            "Message-ID: <x.1@example.org",
            &format!("Message-ID: <{}@example.org>\r\n\r\n", "x".repeat(ID_MAX)),
            "Resent-From: a@b\r\nMessage-ID: <x.1@example.org>\r\n\r\n",
        ] {
            assert_eq!(key(none), None, "{none}");
        }
        let resent =
            key("Resent-Message-ID: <x.1@example.org>\r\nMessage-ID: <y@example.org>\r\n\r\n");
        assert!(resent.is_some() && resent != plain, "another act of sending");
        assert_ne!(key("Message-ID: <x.2@example.org>\r\n\r\n"), plain);
    }
}
