//! Outward SMTP and LMTP: given where one host is and how sure of it one must be, one connection
//! to it and any number of messages.
//!
//! [`Client::converse`] connects, drives `smtp_core::client`, and lets an [`Outbox`] give the
//! messages and take the reports. [`Security`] says what TLS must be. Where nothing more is known,
//! it is used where it is offered, with any certificate: between servers, encryption to whoever
//! answers is better than clear text (RFC 7435 §3), and where the handshake fails, the host gets one
//! more connection in clear. Under any other policy it does not: the next host may be tried.
//!
//! Invariants: every message that the outbox gave is reported exactly once; an address is left for
//! the next one only while the outbox has given nothing; no password leaves without TLS.
//!
//! This crate refuses to know where messages come from, which host takes mail for a domain, who
//! says what its certificate must be, and when to try again.

mod client;
mod connect;
mod handler;
mod host;
mod outbox;
mod reach;
mod sheltered;
mod trust;

pub use agent_kit::tls::{CertificateFault, Roots, TlsError};
pub use client::{Client, ClientOptions};
pub use connect::{Connect, ConnectEnd};
pub use host::{Host, Place, Security, Source, Sources};
pub use outbox::{Outbox, Outgoing, Pieces};
pub use sasl_core::client::Credentials;
pub use sheltered::{NoTls, Sheltered};
pub use smtp_core::client::{Extensions, Limits, Message, Protocol, Recipient, Report, Timeouts};
