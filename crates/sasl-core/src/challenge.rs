//! Answers to a challenge that are a digest of it and the password: CRAM-MD5 and APOP.

use std::fmt;

use mail_types::Secret;
use md5::{Digest, Md5, block_api::compress};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::{server::ExchangeError, server::MAX_FIELD_OCTETS};

/// The block of MD5, in octets.
const BLOCK: usize = 64;
/// What MD5 begins with (RFC 1321 §3.3).
const BEGIN: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// What CRAM-MD5 needs of a password: MD5 after the first block of the inner and of the outer hash
/// (RFC 2104 §4, RFC 2195 §2). Whoever has it can sign in by CRAM-MD5: it must be kept sealed. The
/// password does not follow from it.
#[derive(Clone, PartialEq, Eq)]
pub struct CramSecret {
    inner: [u32; 4],
    outer: [u32; 4],
}

impl CramSecret {
    /// Of a password, which is prepared first.
    pub fn new(password: &Secret) -> Self {
        let password = crate::prepare_secret(password);
        let mut key = [0; BLOCK];
        let digest;
        let short = if password.reveal().len() > BLOCK {
            digest = Md5::digest(password.reveal());
            digest.as_slice()
        } else {
            password.reveal()
        };
        key.iter_mut().zip(short).for_each(|(place, byte)| *place = *byte);
        let after = |pad: u8| {
            let mut state = BEGIN;
            compress(&mut state, &[key.map(|byte| byte ^ pad)]);
            state
        };
        let secret = Self { inner: after(0x36), outer: after(0x5c) };
        key.zeroize();
        secret
    }

    /// The 32 octets to keep.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = self.inner.iter().chain(&self.outer).flat_map(|word| word.to_le_bytes());
        bytes.iter_mut().zip(words).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// From the octets that were kept.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 8];
        let (parts, _) = bytes.as_chunks::<4>();
        words.iter_mut().zip(parts).for_each(|(word, part)| *word = u32::from_le_bytes(*part));
        let [a, b, c, d, e, f, g, h] = words;
        Self { inner: [a, b, c, d], outer: [e, f, g, h] }
    }

    /// The answer to a challenge.
    fn answer(&self, challenge: &[u8]) -> [u8; 16] {
        finish(self.outer, &finish(self.inner, challenge))
    }
}

impl Drop for CramSecret {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl fmt::Debug for CramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CramSecret(..)")
    }
}

/// MD5 of one block that `state` has taken already, and `rest` (RFC 1321 §3).
fn finish(mut state: [u32; 4], rest: &[u8]) -> [u8; 16] {
    let bits = (BLOCK + rest.len()) as u64 * 8;
    let mut padded = rest.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(BLOCK) - 8, 0);
    padded.extend_from_slice(&bits.to_le_bytes());
    let (blocks, _) = padded.as_chunks::<BLOCK>();
    compress(&mut state, blocks);
    let mut digest = [0; 16];
    let words = state.iter().flat_map(|word| word.to_le_bytes());
    digest.iter_mut().zip(words).for_each(|(place, byte)| *place = byte);
    digest
}

/// What a client answered to a challenge of CRAM-MD5.
#[derive(Debug, Clone)]
pub struct CramClaim {
    /// Whose password it is; prepared and not empty.
    pub authentication: String,
    pub(crate) challenge: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl CramClaim {
    /// Whether the client knows the password; compared in constant time.
    pub fn check(&self, secret: &CramSecret) -> bool {
        secret.answer(&self.challenge).ct_eq(&self.answer).into()
    }

    /// `name SP digest` (RFC 2195 §2). A name may have spaces in it, the digest has none.
    pub(crate) fn parse(challenge: Vec<u8>, response: &[u8]) -> Result<Self, ExchangeError> {
        if response.len() > MAX_FIELD_OCTETS + 33 {
            return Err(ExchangeError::TooLong);
        }
        let text = std::str::from_utf8(response).map_err(|_| ExchangeError::Malformed)?;
        let (name, digest) = text.rsplit_once(' ').ok_or(ExchangeError::Malformed)?;
        let answer = from_hex(digest).ok_or(ExchangeError::Malformed)?;
        if name.is_empty() || answer.len() != 16 {
            return Err(ExchangeError::Malformed);
        }
        Ok(Self { authentication: crate::prepare(name).into_owned(), challenge, answer })
    }
}

/// The client's response to a challenge of CRAM-MD5.
pub(crate) fn cram_response(name: &str, password: &Secret, challenge: &[u8]) -> Secret {
    Secret::new(format!("{name} {}", to_hex(&CramSecret::new(password).answer(challenge))))
}

/// What a client said with APOP (RFC 1939 §7).
#[derive(Debug, Clone)]
pub struct ApopClaim {
    /// Whose password it is; prepared and not empty.
    pub authentication: String,
    timestamp: Vec<u8>,
    answer: Vec<u8>,
}

impl ApopClaim {
    /// The arguments of APOP, after the greeting with this timestamp, angle brackets included.
    /// Nothing if they have not the form that APOP asks for.
    pub fn new(timestamp: &[u8], name: &str, digest: &str) -> Option<Self> {
        let answer = from_hex(digest).filter(|digest| digest.len() == 16)?;
        if name.is_empty() || name.len() > MAX_FIELD_OCTETS {
            return None;
        }
        let authentication = crate::prepare(name).into_owned();
        Some(Self { authentication, timestamp: timestamp.to_vec(), answer })
    }

    /// Whether the client knows the password; compared in constant time.
    pub fn check(&self, password: &Secret) -> bool {
        let digest = Md5::new().chain_update(&self.timestamp).chain_update(password.reveal());
        digest.finalize().ct_eq(self.answer.as_slice()).into()
    }
}

/// In lower case, as all these mechanisms have it.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Clients that write capitals are understood.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, odd) = digits.as_chunks::<2>();
    odd.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2195 §2.
    #[test]
    fn cram_is_the_example_of_the_document() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let password = Secret::new("tanstaaftanstaaf");
        let response = cram_response("tim", &password, challenge);
        assert_eq!(response.reveal(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        let kept = CramSecret::from_bytes(&CramSecret::new(&password).to_bytes());
        let claim = CramClaim::parse(challenge.to_vec(), response.reveal()).unwrap();
        assert_eq!(claim.authentication, "tim");
        assert!(claim.check(&kept));
        assert!(!claim.check(&CramSecret::new(&Secret::new("tanstaaf"))));
        let capitals = b"tim B913A602C7EDA7A495B4E6E7334D3890";
        assert!(CramClaim::parse(challenge.to_vec(), capitals).unwrap().check(&kept));
    }

    /// The same as HMAC-MD5 of a library, at every length around a block, of key and text.
    #[test]
    fn the_kept_state_is_that_of_hmac() {
        use hmac::{Hmac, KeyInit, Mac};
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 200] {
            for key in [1, 63, 64, 65, 100] {
                let (key, text) = (vec![b'k'; key], vec![b't'; length]);
                let mut library = Hmac::<Md5>::new_from_slice(&key).unwrap();
                library.update(&text);
                let ours = CramSecret::new(&Secret::new(key)).answer(&text);
                assert_eq!(ours, *library.finalize().into_bytes(), "{length}");
            }
        }
    }

    #[test]
    fn malformed_answers() {
        for bad in ["", "tim", "tim ", " b913a602c7eda7a495b4e6e7334d3890", "tim b913", "tim zz"] {
            assert!(CramClaim::parse(Vec::new(), bad.as_bytes()).is_err(), "{bad:?}");
        }
        let spaced = CramClaim::parse(Vec::new(), b"a b b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(spaced.unwrap().authentication, "a b");
    }

    /// RFC 1939 §7.
    #[test]
    fn apop_is_the_example_of_the_document() {
        let timestamp = b"<1896.697170952@dbc.mtview.ca.us>";
        let claim = ApopClaim::new(timestamp, "mrose", "c4c9334bac560ecc979e58001b3e22fb").unwrap();
        assert!(claim.check(&Secret::new("tanstaaf")));
        assert!(!claim.check(&Secret::new("tanstaaff")));
        assert!(ApopClaim::new(timestamp, "mrose", "c4c9").is_none());
        assert!(ApopClaim::new(timestamp, "", "c4c9334bac560ecc979e58001b3e22fb").is_none());
    }
}
