//! SCRAM (RFC 5802, RFC 7677): messages, keys, and what the server keeps instead of a password.

pub(crate) mod messages;
mod verifier;

pub use verifier::{ScramClaim, ScramVerifier};

use mail_types::Secret;

use crate::ScramHash;

/// The keys that follow from a password (RFC 5802 §3).
pub(crate) struct Keys {
    pub(crate) client: Secret,
    pub(crate) stored: Vec<u8>,
    pub(crate) server: Vec<u8>,
}

impl Keys {
    /// From a prepared password. Takes long.
    pub(crate) fn of(hash: ScramHash, password: &Secret, salt: &[u8], iterations: u32) -> Self {
        let salted = Secret::new(hash.stretched(password.reveal(), salt, iterations));
        let client = hash.hmac(salted.reveal(), b"Client Key");
        let stored = hash.digest(&client);
        let server = hash.hmac(salted.reveal(), b"Server Key");
        Self { client: Secret::new(client), stored, server }
    }
}

/// `ClientKey XOR ClientSignature`, which is its own inverse.
pub(crate) fn masked(key: &[u8], signature: &[u8]) -> Vec<u8> {
    key.iter().zip(signature).map(|(a, b)| a ^ b).collect()
}
