//! The two hashes of SCRAM, and what is built of them (RFC 5802 §2.2).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hash of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScramHash {
    /// RFC 7677.
    Sha256,
    /// RFC 5802.
    Sha1,
}

impl ScramHash {
    /// Both, the stronger one first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The name of its mechanism without channel binding.
    pub fn mechanism_name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha1 => "SCRAM-SHA-1",
        }
    }

    /// The length of a digest, in octets.
    pub fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha1 => 20,
        }
    }

    /// `H(str)`.
    pub(crate) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
        }
    }

    /// `HMAC(key, str)`.
    pub(crate) fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => keyed::<Hmac<Sha256>>(key, &[bytes]),
            Self::Sha1 => keyed::<Hmac<Sha1>>(key, &[bytes]),
        }
    }

    /// `Hi(str, salt, i)`: PBKDF2 with one block. Takes long.
    pub(crate) fn stretched(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => stretched::<Hmac<Sha256>>(password, salt, iterations),
            Self::Sha1 => stretched::<Hmac<Sha1>>(password, salt, iterations),
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104 §2).
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn stretched<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
    // The key is the same each time: its two blocks are hashed once.
    let Ok(keyed_once) = <M as KeyInit>::new_from_slice(password) else { return Vec::new() };
    let round = |parts: &[&[u8]]| {
        let mut mac = keyed_once.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut last = round(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = last.to_vec();
    for _ in 1..iterations {
        last = round(&[&last]);
        sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}
