//! What a session is told beforehand.

use std::time::Duration;

use mail_types::Domain;

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Our name, for EHLO.
    pub hello: Domain,
    /// The peer's name, for outcomes: such as `mx1.example.org [192.0.2.1]:25`.
    pub host: String,
    /// Whether to change to TLS.
    pub start_tls: StartTls,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// When STARTTLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// Where it is offered; where it is refused, the session goes on without (RFC 3207 §4).
    IfOffered,
    /// Not at all.
    Never,
}

/// How long to wait for each reply (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the greeting, and for the replies to EHLO and STARTTLS.
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
