//! SCRAM on the client's side (RFC 5802 §3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::Secret;
use subtle::ConstantTimeEq;

use crate::{
    Bindings, Mechanism, ScramHash,
    scram::{
        Keys, masked,
        messages::{ServerFirst, escaped, server_signature},
    },
    server::Nonce,
};

/// The most iterations that we do for a server, some seconds' worth: a hostile one could ask for
/// hours.
const ITERATIONS_MAX: u32 = 1_000_000;

/// We have begun.
#[derive(Debug)]
pub(super) struct ScramOpened {
    hash: ScramHash,
    header: String,
    bare: String,
    nonce: String,
    /// What stands for the TLS session.
    binding: Vec<u8>,
}

/// We have shown our proof.
#[derive(Debug)]
pub(super) struct ScramAnswered {
    /// The server's proof, if it knows the password.
    expected: Vec<u8>,
}

impl ScramOpened {
    pub(super) fn new(
        mechanism: Mechanism,
        name: &str,
        nonce: &Nonce,
        bindings: Bindings<'_>,
    ) -> Option<Self> {
        let hash = mechanism.scram_hash()?;
        let (flag, data) = if mechanism.binds_channel() {
            let (name, data) = bindings.best()?;
            (format!("p={name}"), data)
        } else if bindings.best().is_some() {
            // RFC 5802 §6: we could, and the server has not offered it.
            ("y".to_owned(), &b""[..])
        } else {
            ("n".to_owned(), &b""[..])
        };
        let nonce = STANDARD.encode(nonce);
        let name = escaped(&crate::prepare(name));
        let bare = format!("n={name},r={nonce}");
        Some(Self { hash, header: format!("{flag},,"), bare, nonce, binding: data.to_vec() })
    }

    /// `client-first-message`.
    pub(super) fn message(&self) -> String {
        format!("{}{}", self.header, self.bare)
    }

    /// `client-final-message`. Takes long.
    pub(super) fn answer(
        &self,
        password: &Secret,
        challenge: &[u8],
    ) -> Option<(Secret, ScramAnswered)> {
        let first = ServerFirst::parse(challenge).ok()?;
        let own_part = first.nonce.strip_prefix(&self.nonce).filter(|part| !part.is_empty());
        if own_part.is_none() || !(1..=ITERATIONS_MAX).contains(&first.iterations) {
            return None;
        }
        let password = crate::prepare_secret(password);
        let keys = Keys::of(self.hash, &password, &first.salt, first.iterations);
        let binding = STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let without_proof = format!("c={binding},r={}", first.nonce);
        let server_first = std::str::from_utf8(challenge).ok()?;
        let message = [self.bare.as_str(), server_first, &without_proof].join(",");
        let signature = self.hash.hmac(&keys.stored, message.as_bytes());
        let proof = STANDARD.encode(masked(keys.client.reveal(), &signature));
        let expected = self.hash.hmac(&keys.server, message.as_bytes());
        Some((Secret::new(format!("{without_proof},p={proof}")), ScramAnswered { expected }))
    }
}

impl ScramAnswered {
    /// `server-final-message`: whether the server knows the password as well.
    pub(super) fn is_proof(&self, challenge: &[u8]) -> bool {
        let signature = server_signature(challenge).unwrap_or_default();
        signature.ct_eq(&self.expected).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5802 §5 and RFC 7677 §3, with their nonces.
    #[test]
    fn the_examples_of_the_documents() {
        for (hash, nonce, challenge, response, last) in [
            (
                ScramHash::Sha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,\
                 p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                ScramHash::Sha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let opened = ScramOpened {
                hash,
                header: "n,,".into(),
                bare: format!("n=user,r={nonce}"),
                nonce: nonce.into(),
                binding: Vec::new(),
            };
            assert_eq!(opened.message(), format!("n,,n=user,r={nonce}"));
            let password = Secret::new("pencil");
            let (said, answered) = opened.answer(&password, challenge.as_bytes()).unwrap();
            assert_eq!(said.reveal_str(), Some(response));
            assert!(answered.is_proof(last.as_bytes()));
            assert!(!answered.is_proof(b"v="));
            assert!(!answered.is_proof(b"e=invalid-proof"));
            // RFC 5802 §5.1: the nonce has to begin with ours, and has to have something of its own.
            for bad in [challenge.replace(nonce, "x"), format!("r={nonce},s=QQ==,i=4096")] {
                assert!(opened.answer(&password, bad.as_bytes()).is_none());
            }
            let endless = challenge.replace("i=4096", "i=4000000000");
            assert!(opened.answer(&password, endless.as_bytes()).is_none());
        }
    }
}
