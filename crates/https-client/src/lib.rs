//! One request to one HTTPS server, and its response: for the policies that domains publish
//! (RFC 8461 §3.3) and the reports that they want (RFC 8460 §5.4).
//!
//! [`HttpsClient::ask`] connects, verifies the server's certificate for its name, sends the request
//! and reads the response, all within one limit of time and one of size. The protocol is
//! [`exchange`], a machine like the others, driven by `agent_kit::drive`.
//!
//! It follows no redirection, keeps no connection, no cache and no cookie, and speaks HTTP/1.1
//! without compression. It does not know what is asked for, nor where names lead: addresses are
//! given.
//!
//! What a stranger controls: the whole response. Its head is [`exchange::HEAD_MAX`] octets at most,
//! its body what the caller allows.

mod client;
mod exchange;
mod target;

pub use client::{HttpsClient, HttpsError};
pub use exchange::Response;
pub use target::{Content, Request, Target};
