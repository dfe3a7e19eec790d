//! What a server keeps for SCRAM: a salt, and keys from which the password does not follow.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::{Malformed, Secret};
use subtle::ConstantTimeEq;

use super::{Keys, masked};
use crate::{LastWord, ScramHash};

/// The verifier of a password, whose text form is
/// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803 §3).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    hash: ScramHash,
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl ScramVerifier {
    /// How often the password is hashed. RFC 7677 §4 asks for 4096 at least; each sign-in costs
    /// the client, which may be a telephone, this much.
    pub const ITERATIONS: u32 = 10_000;
    /// The most that a stored verifier may ask of clients.
    const MAX_ITERATIONS: u32 = 10_000_000;

    /// Makes the verifier of a password, which is prepared first (RFC 5802 §2.2). The salt must be
    /// new random bytes each time. Takes long.
    pub fn new(hash: ScramHash, password: &Secret, salt: &[u8], iterations: u32) -> Self {
        let keys = Keys::of(hash, &crate::prepare_secret(password), salt, iterations);
        Self {
            hash,
            salt: salt.to_vec(),
            iterations,
            stored_key: keys.stored,
            server_key: keys.server,
        }
    }

    /// A verifier that no password fits: for names that nobody has. The same salt each time, or
    /// the answer would tell who exists (RFC 5802 §9).
    pub fn decoy(hash: ScramHash, salt: &[u8; 16]) -> Self {
        Self {
            hash,
            salt: salt.to_vec(),
            iterations: Self::ITERATIONS,
            stored_key: vec![0; hash.octets()],
            server_key: vec![0; hash.octets()],
        }
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parts(text).ok_or(Malformed("this is no SCRAM verifier"))
    }

    fn parts(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let name = parts.next()?;
        let hash = ScramHash::ALL.into_iter().find(|hash| hash.mechanism_name() == name)?;
        let (iterations, salt) = parts.next()?.split_once(':')?;
        let (stored_key, server_key) = parts.next()?.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok().filter(|key| key.len() == hash.octets());
        let iterations = iterations.parse().ok().filter(|i| (1..=Self::MAX_ITERATIONS).contains(i));
        let verifier = Self {
            hash,
            salt: STANDARD.decode(salt).ok()?,
            iterations: iterations?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        };
        parts.next().is_none().then_some(verifier)
    }

    /// The hash of its mechanism.
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The salt, which clients are told.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How often the password is hashed, which clients are told.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }
}

/// The text form.
impl fmt::Display for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        write!(
            f,
            "{}${}:{}${}:{}",
            self.hash.mechanism_name(),
            self.iterations,
            base64(&self.salt),
            base64(&self.stored_key),
            base64(&self.server_key)
        )
    }
}

/// Not the keys: a log needs none.
impl fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScramVerifier({})", self.hash.mechanism_name())
    }
}

/// What a client sent to prove that it knows the password.
#[derive(Debug, Clone)]
pub struct ScramClaim {
    /// Whom the client wants to act as, if it says so.
    pub authorization: Option<String>,
    /// Whose password it is; prepared and not empty.
    pub authentication: String,
    pub(crate) hash: ScramHash,
    /// `AuthMessage` (RFC 5802 §3).
    pub(crate) message: Vec<u8>,
    /// `ClientProof`.
    pub(crate) proof: Vec<u8>,
}

impl ScramClaim {
    /// The hash of the mechanism.
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// Whether the client knows the password; then with the server's own proof (RFC 5802 §3). The
    /// keys are compared in constant time.
    pub fn check(&self, verifier: &ScramVerifier) -> Option<LastWord> {
        let hash = verifier.hash;
        let signature = hash.hmac(&verifier.stored_key, &self.message);
        let client_key = masked(&self.proof, &signature);
        let right = hash.digest(&client_key).ct_eq(&verifier.stored_key);
        let fits = self.hash == hash && self.proof.len() == hash.octets();
        if !fits || !bool::from(right) {
            return None;
        }
        let signature = hash.hmac(&verifier.server_key, &self.message);
        Some(LastWord::new(format!("v={}", STANDARD.encode(signature))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of RFC 5802 §5 and RFC 7677 §3.
    #[test]
    fn the_keys_of_the_documents() {
        for (hash, salt, expected) in [
            (
                ScramHash::Sha1,
                "QSXCR+Q6sek8bf92",
                "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:\
                 D+CSWLOshSulAsxiupA+qs2/fTE=",
            ),
            (
                ScramHash::Sha256,
                "W22ZaJ0SNY7soEsUEjb6gQ==",
                "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                 WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                 wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
            ),
        ] {
            let salt = STANDARD.decode(salt).unwrap();
            let verifier = ScramVerifier::new(hash, &Secret::new("pencil"), &salt, 4096);
            assert_eq!(verifier.to_string(), expected);
            assert_eq!(ScramVerifier::parse(expected).unwrap(), verifier);
            assert!(!format!("{verifier:?}").contains('='));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let good = ScramVerifier::decoy(ScramHash::Sha256, &[7; 16]).to_string();
        assert!(ScramVerifier::parse(&good).is_ok());
        for bad in [
            "",
            "SCRAM-SHA-256",
            &good.replace("256", "1"),
            &good.replace("256", "512"),
            &good.replace("10000", "0"),
            &good.replace("10000", "99999999"),
            &good.replace(':', ";"),
            &format!("{good}$"),
        ] {
            assert!(ScramVerifier::parse(bad).is_err(), "{bad}");
        }
    }
}
