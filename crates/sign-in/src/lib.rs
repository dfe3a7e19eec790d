//! Answers every protocol's credential question: is this claim true, and whose account is it?
//!
//! [`SignIn::verify`] looks the account up, has the password checked in a bounded pool (never on
//! the runtime's threads), remembers proofs for some minutes, makes who guesses wait and blocks who
//! goes on, and writes down what happened: an audit line in the log and rows of `sign-ins.db`.
//! [`Recipe`] makes what is kept of a new secret, [`SignIn::offers`] says which mechanisms it is
//! enough for, [`Presence`] ends the sessions of those who may not stay.
//!
//! Invariants: an unknown account costs as long as a wrong password. No secret is logged, stored
//! or kept in memory; a remembered proof is a keyed digest that counts for one generation of the
//! account and one verifier. Blocks end by themselves, count different wrong secrets only, and
//! never shut out an address that somebody signed in from lately.
//!
//! This crate knows no protocol's words for the answer.

mod blocks;
mod failures;
mod gateways;
mod hashing;
mod judge;
mod key;
mod options;
mod origin;
mod pouch;
mod proofs;
mod records;
mod secrets;
mod verify;
mod watch;

pub use key::{InstallationKey, KeyError};
pub use options::{SignInOptions, Way, key_file};
pub use origin::{Origin, Protocol};
pub use records::{
    Block, BlockKind, BlockLimits, FailedSignIn, LastSignIn, SignInRecords, migrate,
};
pub use secrets::{Recipe, new_app_password};
pub use verify::{SignIn, SignInResult};
pub use watch::Presence;
