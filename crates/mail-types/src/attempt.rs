//! How an attempt to deliver to one recipient ended.

use std::fmt;

use crate::{EnhancedStatus, Reply};

/// The three ends of an attempt. What is unknown is deferred, never failed.
///
/// Passed unchanged from whoever tried (SMTP client, delivery into the store) through the queue
/// to the notification (RFC 3464).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The next one has taken it: responsibility has moved.
    Delivered {
        /// Who took it, such as `mx1.example.org [192.0.2.1]:25` or `mailbox alice@example.org`.
        by: String,
        /// What it said.
        reply: Reply,
    },
    /// Not now; try again.
    Deferred(Problem),
    /// Never.
    Failed(Problem),
}

/// Why an attempt did not deliver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The class agrees with the outcome: 4 deferred, 5 failed.
    pub status: EnhancedStatus,
    /// In words for the sender and the operator.
    pub text: String,
    /// The host that was asked, if one was reached or tried.
    pub host: Option<String>,
    /// The peer's own words, if it spoke.
    pub reply: Option<Reply>,
    /// What else it says about.
    pub scope: Scope,
}

/// How far a problem reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// This recipient only.
    Recipient,
    /// This message to all recipients of the lane.
    Message,
    /// All mail to this host, for now.
    Host,
}

impl Problem {
    /// A problem that no peer's reply stands behind.
    pub fn new(status: EnhancedStatus, scope: Scope, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), host: None, reply: None, scope }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.text)?;
        if let Some(host) = &self.host {
            write!(f, " ({host}")?;
            if let Some(reply) = &self.reply {
                write!(f, " said: {reply}")?;
            }
            write!(f, ")")?;
        }
        Ok(())
    }
}
