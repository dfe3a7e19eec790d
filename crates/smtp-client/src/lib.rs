//! Outward SMTP: given the addresses of one host, one connection to it and any number of messages.
//!
//! [`Client::converse`] connects, drives `smtp_core::client`, and lets an [`Outbox`] give the
//! messages and take the reports. TLS is used where it is offered, with any certificate: between
//! servers, without a policy that says more, encryption to whoever answers is better than clear
//! text (RFC 7435 §3). Where the handshake fails, the host gets one more connection in clear.
//!
//! Invariants: every message that the outbox gave is reported exactly once; an address is left for
//! the next one only while the outbox has given nothing.
//!
//! This crate refuses to know where messages come from, which host takes mail for a domain, and
//! when to try again.

mod client;
mod connect;
mod handler;
mod outbox;

pub use client::{Client, ClientOptions, Host};
pub use outbox::{Outbox, Outgoing, Pieces};
pub use smtp_core::client::{Extensions, Message, Recipient, Report, Timeouts};
