//! The secret key of a mailbox, and what it proves (RFC 4467 §2).
//!
//! A token is the keyed BLAKE3 digest of a text, all 256 bits of it, behind two digits that say so:
//! another algorithm would have other digits (RFC 4467 §10). A key is shown to nobody.

use std::{fmt, io, path::Path};

use mail_types::{AccountId, MailboxId, UidValidity};

use crate::StoreError;

/// What tokens of this algorithm begin with.
const ALGORITHM: &str = "01";

/// A mailbox that may have a key, and is never another one later: another epoch of its UIDs makes
/// another of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyedMailbox {
    /// Whose it is.
    pub owner: AccountId,
    /// Which of theirs.
    pub mailbox: MailboxId,
    /// The epoch of its UIDs.
    pub uid_validity: UidValidity,
}

impl KeyedMailbox {
    pub(crate) fn encode(self) -> String {
        format!("F{}-{}-{}", self.owner, self.mailbox, self.uid_validity.number())
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('F')?.split('-');
        let decoded = Self {
            owner: AccountId(numbers.next()?.parse().ok()?),
            mailbox: MailboxId(numbers.next()?.parse().ok()?),
            uid_validity: UidValidity::new(numbers.next()?.parse().ok()?)?,
        };
        (decoded.encode() == text).then_some(decoded)
    }
}

/// A mailbox access key: 256 random bits.
#[derive(Clone)]
pub struct UrlKey([u8; 32]);

impl UrlKey {
    /// One that nobody has had before.
    pub fn random() -> Result<Self, StoreError> {
        let mut octets = [0; 32];
        getrandom::fill(&mut octets).map_err(|error| {
            let error = io::Error::other(error.to_string());
            StoreError::file("read randomness for a key from", Path::new("getrandom"), error)
        })?;
        Ok(Self(octets))
    }

    /// What proves that whoever made it had the key: hexadecimal digits.
    pub fn token(&self, text: &[u8]) -> String {
        format!("{ALGORITHM}{}", blake3::keyed_hash(&self.0, text))
    }

    /// Whether this is the token of the text. How long that takes says nothing of how much of it is
    /// right.
    pub fn proves(&self, text: &[u8], token: &str) -> bool {
        let right = blake3::keyed_hash(&self.0, text);
        let given = token.strip_prefix(ALGORITHM).and_then(|hex| blake3::Hash::from_hex(hex).ok());
        // Comparing hashes takes the same time wherever they differ.
        given.is_some_and(|given| given == right)
    }

    pub(crate) fn encode(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_string()
    }

    pub(crate) fn decode(hex: &str) -> Option<Self> {
        blake3::Hash::from_hex(hex).ok().map(|octets| Self(*octets.as_bytes()))
    }
}

impl fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_proves_one_text_by_one_key() {
        let (key, other) = (UrlKey::random().unwrap(), UrlKey::random().unwrap());
        let token = key.token(b"imap://a@h/x/;UID=1;URLAUTH=anonymous");
        assert_eq!(token.len(), 66);
        assert!(token.bytes().all(|octet| octet.is_ascii_hexdigit()), "{token}");
        let proves = |key: &UrlKey, text: &str, token: &str| key.proves(text.as_bytes(), token);
        let url = "imap://a@h/x/;UID=1;URLAUTH=anonymous";
        assert!(proves(&key, url, &token));
        assert!(proves(&key, url, &token.to_ascii_uppercase()));
        assert!(!proves(&other, url, &token));
        assert!(!proves(&key, &url.replace("UID=1", "UID=2"), &token));
        for wrong in [
            "",
            "01",
            &token[..64],
            &token[2..],
            &format!("{token}0"),
            &format!("02{}", &token[2..]),
        ] {
            assert!(!proves(&key, url, wrong), "{wrong}");
        }
        let mut flipped = token.into_bytes();
        for place in 2..flipped.len() {
            let right = flipped[place];
            flipped[place] = if right == b'0' { b'1' } else { b'0' };
            assert!(!proves(&key, url, std::str::from_utf8(&flipped).unwrap()));
            flipped[place] = right;
        }
        assert!(
            UrlKey::decode(&key.encode())
                .unwrap()
                .proves(url.as_bytes(), &key.token(url.as_bytes()))
        );
        assert_eq!(format!("{key:?}"), "UrlKey(..)");
    }
}
