//! Answers every protocol's credential question: is this claim true, and whose account is it?
//!
//! [`SignIn::verify`] looks the account up, has the password checked in a bounded pool (never on
//! the runtime's threads), remembers proofs for some minutes, makes who guesses wait, and writes
//! down what happened: an audit line in the log and rows of `sign-ins.db`.
//!
//! Invariants: an unknown account costs as long as a wrong password. No secret is logged, stored
//! or kept in memory; a remembered proof is a keyed digest that counts for one generation of the
//! account and one verifier. No connection is dropped early and no address is shut out: guessing
//! only becomes slow.
//!
//! This crate knows no protocol's words for the answer.

mod failures;
mod hashing;
mod origin;
mod proofs;
mod records;
mod verify;

pub use origin::{Origin, Protocol};
pub use records::{FailedSignIn, LastSignIn, SignInRecords, migrate};
pub use verify::{SignIn, SignInOptions, SignInResult};
