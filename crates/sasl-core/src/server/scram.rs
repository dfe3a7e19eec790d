//! SCRAM on the server's side (RFC 5802 §3, §6).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{ExchangeError, Nonce, Preparation, Prepared};
use crate::{
    Mechanism, ScramClaim, ScramHash, Setting,
    scram::messages::{BindingFlag, ClientFinal, ClientFirst},
};

/// The client has begun.
#[derive(Debug)]
pub(super) struct ScramBegun {
    hash: ScramHash,
    first: ClientFirst,
    /// What `c=` has to be: the header, and what stands for the TLS session.
    binding: Vec<u8>,
}

/// The server has answered with the salt.
#[derive(Debug)]
pub(super) struct ScramChallenged {
    begun: ScramBegun,
    nonce: String,
    server_first: String,
}

impl ScramBegun {
    pub(super) fn take(
        mechanism: Mechanism,
        message: &[u8],
        setting: &Setting<'_>,
    ) -> Result<Self, ExchangeError> {
        let hash = mechanism.scram_hash().ok_or(ExchangeError::Over)?;
        let first = ClientFirst::parse(message)?;
        let data: &[u8] = match (&first.flag, mechanism.binds_channel()) {
            (BindingFlag::Used(name), true) => {
                setting.bindings.named(name).ok_or(ExchangeError::Binding)?
            }
            // RFC 5802 §6: the client can, and thinks that we cannot; somebody has told it so.
            (BindingFlag::NotOffered, false) if setting.plus_announced => {
                return Err(ExchangeError::Binding);
            }
            (BindingFlag::None | BindingFlag::NotOffered, false) => &[],
            _ => return Err(ExchangeError::Malformed),
        };
        let binding = [first.header.as_bytes(), data].concat();
        Ok(Self { hash, first, binding })
    }

    pub(super) fn preparation(&self) -> Preparation {
        let name = crate::prepare(&self.first.name).into_owned();
        Preparation::Salted { hash: self.hash, name }
    }

    /// `server-first-message`.
    pub(super) fn challenge(self, prepared: &Prepared) -> (ScramChallenged, Vec<u8>) {
        let nonce = format!("{}{}", self.first.nonce, printable(&prepared.nonce));
        let (salt, iterations) = prepared.salt.clone().unwrap_or_default();
        let server_first = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        let challenge = server_first.clone().into_bytes();
        (ScramChallenged { begun: self, nonce, server_first }, challenge)
    }
}

impl ScramChallenged {
    /// `client-final-message`. Whether its proof is right is not known here.
    pub(super) fn take(self, message: &[u8]) -> Result<ScramClaim, ExchangeError> {
        let last = ClientFinal::parse(message)?;
        let ScramBegun { hash, first, binding } = self.begun;
        if last.nonce != self.nonce {
            return Err(ExchangeError::Malformed);
        }
        if last.binding != binding {
            return Err(ExchangeError::Binding);
        }
        let parts = [first.bare.as_str(), &self.server_first, &last.without_proof];
        Ok(ScramClaim {
            authorization: first.authorization.map(|name| crate::prepare(&name).into_owned()),
            authentication: crate::prepare(&first.name).into_owned(),
            hash,
            message: parts.join(",").into_bytes(),
            proof: last.proof,
        })
    }
}

/// A nonce as it stands in a message.
pub(super) fn printable(nonce: &Nonce) -> String {
    STANDARD.encode(nonce)
}
