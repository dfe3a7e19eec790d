//! SASL exchanges (RFC 4422), both sides, and what passwords are verified against.
//!
//! An exchange takes and gives decoded messages: base64, initial responses and cancellation belong
//! to the protocol around it. The server side ends in a [`Claim`] that somebody else judges, with
//! the verifiers defined here; it knows no accounts. Salts and nonces are arguments: nothing here
//! makes random numbers, and hashing a password is the only thing that takes long.
//!
//! Invariant: what the peer sent is compared with what it should be in constant time.

pub mod client;
pub mod server;

mod challenge;
mod claim;
mod digest;
mod foreign;
mod hash;
mod mechanism;
mod offers;
mod prepare;
mod scram;
mod setting;
mod verifier;

pub use challenge::{ApopClaim, CramClaim, CramSecret};
pub use claim::{Claim, LastWord};
pub use digest::{DigestClaim, DigestSecret};
pub use hash::ScramHash;
pub use mechanism::Mechanism;
pub use offers::{Offers, Protection};
pub use prepare::{prepare, prepare_secret};
pub use scram::{ScramClaim, ScramVerifier};
pub use setting::{Bindings, Service, Setting};
pub use verifier::{Cost, PasswordVerifier};
