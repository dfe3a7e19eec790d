//! The SHA-256 of a content, which is its name.

use std::{
    fmt,
    io::{self, Read},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// How much is read at a time.
pub(super) const STEP: usize = 256 * 1024;

/// A SHA-256, in text 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    pub(super) fn of(octets: &[u8]) -> Self {
        Self(Sha256::digest(octets).into())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        if text.len() != 64
            || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return None;
        }
        for (octet, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no SHA-256"))
    }
}

/// What is known of octets once all are seen.
#[derive(Debug, Default)]
pub(super) struct Hasher {
    hash: Sha256,
    size: u64,
}

impl Hasher {
    pub(super) fn update(&mut self, octets: &[u8]) {
        self.hash.update(octets);
        self.size = self.size.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
    }

    pub(super) fn finish(self) -> (Hash, u64) {
        (Hash(self.hash.finalize().into()), self.size)
    }

    /// The hash of what was seen so far.
    pub(super) fn so_far(&self) -> Hash {
        Hash(self.hash.clone().finalize().into())
    }
}

/// Reads to the end; `each` is given every piece.
pub(super) fn read_through(
    source: &mut impl Read,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(Hash, u64)> {
    buffer.resize(STEP, 0);
    let mut hasher = Hasher::default();
    loop {
        let length = match source.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let piece = buffer.get(..length).unwrap_or_default();
        hasher.update(piece);
        each(piece)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_sha256sums_text() {
        let abc = Hash::of(b"abc");
        // FIPS 180-4's example.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((abc.to_string().as_str(), Hash::parse(text)), (text, Some(abc)));
        for bad in ["", &text[1..], &text.to_uppercase(), &format!("+{}", &text[1..])] {
            assert_eq!(Hash::parse(bad), None, "{bad}");
        }
        let mut pieces = Vec::new();
        let read = read_through(&mut &b"abc"[..], &mut Vec::new(), |piece| {
            pieces.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!((read.unwrap(), pieces), ((abc, 3), b"abc".to_vec()));
    }
}
