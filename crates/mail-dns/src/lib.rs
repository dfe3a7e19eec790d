//! Where mail for a domain goes, as the DNS says: MX hosts in their order, with addresses, and what
//! DNSSEC proves of them; TLSA records; texts in which domains publish policies.
//!
//! What it is strict about: a definite answer ("no such name", "no such record") and no answer
//! (time-out, SERVFAIL, no name server) are never taken for each other, because the first ends a
//! message's life and the second must only delay it.
//!
//! This crate connects to name servers only; it knows neither SMTP nor the queue, judges no
//! certificate and no policy, and makes no random numbers: the order among equals comes from a seed.

mod asker;
mod cache;
mod chain;
mod names;
mod next_hop;
mod problem;
mod resolver;
mod tlsa;

pub use next_hop::MxHost;
pub use problem::DnsProblem;
pub use resolver::{Believe, Patience, Pending, Resolver};
pub use tlsa::Tlsa;
