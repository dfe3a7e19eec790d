//! How it can end, and what the caller learns of it.

use std::{io, process::ExitCode};

use mail_types::{Malformed, Reply};

use crate::printer;

/// Why nothing was sent.
#[derive(Debug)]
pub(super) enum Ending {
    /// The arguments make no sense.
    Usage(String),
    /// Nobody to send to.
    NoRecipients,
    /// What is no address.
    BadAddress { text: String, why: Malformed },
    /// No configuration, or one with mistakes.
    Config(anyhow::Error),
    /// The message cannot be read.
    Input(io::Error),
    /// smtp-submission is not there, or went away.
    Submission(io::Error),
    /// smtp-submission does not want it.
    Refused { what: String, reply: Reply },
}

impl Ending {
    /// One of `sysexits.h`: 75 (EX_TEMPFAIL) makes callers keep the message and try again.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::NoRecipients => 64,
            Self::BadAddress { .. } => 65,
            Self::Refused { reply, .. } if !reply.is_transient() => 69,
            Self::Config(_) => 78,
            Self::Input(_) => 66,
            Self::Submission(_) | Self::Refused { .. } => 75,
        })
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(what) => f.write_str(what),
            Self::NoRecipients => f.write_str("no recipients: name them, or -t and a To field"),
            Self::BadAddress { text, why } => write!(f, "{text:?} is no address: {why}"),
            Self::Config(error) => f.write_str(&printer::in_one_line(error)),
            Self::Input(error) => write!(f, "cannot read the message: {error}"),
            Self::Submission(error) => {
                write!(f, "smtp-submission cannot be reached, try again later: {error}")
            }
            Self::Refused { what, reply } => write!(f, "{what}: {reply}"),
        }
    }
}
