//! What a session is told beforehand.

use std::time::Duration;

use mail_types::Domain;
use sasl_core::{client::Credentials, server::Nonce};

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Our name, for EHLO.
    pub hello: Domain,
    /// The peer's name, for outcomes: such as `mx1.example.org [192.0.2.1]:25`.
    pub host: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether to change to TLS.
    pub start_tls: StartTls,
    /// How to sign in before any mail, if the host wants that.
    pub account: Option<Account>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// An account at the host.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name and password.
    pub credentials: Credentials,
    /// The host's name, as some mechanisms tell it back.
    pub host: String,
    /// Random octets, used for nothing else.
    pub nonce: Nonce,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// SMTP.
    #[default]
    Smtp,
    /// LMTP: the same, but every recipient has a reply of its own at the end (RFC 2033 §4).
    Lmtp,
}

/// When STARTTLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// Where it is offered; where it is refused, the session goes on without (RFC 3207 §4).
    IfOffered,
    /// Always; where it is not offered, or refused, nothing is sent.
    Required,
    /// Not at all: in clear, or under the TLS that the connection began with.
    Never,
}

/// How long to wait for each reply (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the greeting, and for the replies to EHLO, STARTTLS and AUTH.
    pub greeting: Duration,
    /// For the replies to MAIL, RCPT and RSET.
    pub command: Duration,
    /// For the reply to DATA.
    pub data: Duration,
    /// For the reply to the final dot.
    pub verdict: Duration,
    /// For the reply to QUIT; nothing depends on it any more.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            verdict: minutes(10),
            quit: Duration::from_secs(10),
        }
    }
}
