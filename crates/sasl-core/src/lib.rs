//! SASL exchanges (RFC 4422), both sides, and what passwords are verified against.
//!
//! An exchange takes and gives decoded messages: base64, initial responses and cancellation belong
//! to the protocol around it. The server side ends in a [`Claim`] that somebody else judges; it
//! knows no accounts. Salts are arguments: nothing here makes random numbers, and hashing a
//! password is the only thing that takes long.

pub mod client;
pub mod server;

mod claim;
mod mechanism;
mod prepare;
mod verifier;

pub use claim::Claim;
pub use mechanism::Mechanism;
pub use prepare::{prepare, prepare_secret};
pub use verifier::{Cost, PasswordVerifier};
