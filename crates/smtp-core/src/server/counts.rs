//! What is counted against the peer, for the whole connection: STARTTLS changes nothing about it.

use super::options::Limits;
use crate::{
    command::Verb,
    reply::{Farewell, PeerError},
};

/// The counts. Each has its limit in [`Limits`], and the answer to one too many is a farewell.
#[derive(Debug, Default)]
pub(super) struct Counts {
    errors: u32,
    unknown_commands: u32,
    refused_recipients: u32,
    sign_in_failures: u32,
    /// Recipients beyond the limit of a transaction.
    excess_recipients: u32,
    /// MAIL commands, whatever came of them (RFC 9422 §4.1).
    senders: u32,
    /// Commands without effect since the last message.
    idle_commands: u32,
}

impl Counts {
    /// All that went wrong so far: what a tarpit goes by.
    pub(super) fn faults(&self) -> u32 {
        self.errors.saturating_add(self.refused_recipients).saturating_add(self.sign_in_failures)
    }

    /// A command has come, and is legal.
    pub(super) fn command(&mut self, verb: Verb, limits: &Limits) -> Result<(), Farewell> {
        match verb {
            Verb::Mail => add(&mut self.senders, limits.messages, Farewell::TooManyMessages),
            Verb::Rcpt | Verb::Data | Verb::Bdat | Verb::Quit => Ok(()),
            // With a password these have counts of their own.
            Verb::StartTls | Verb::Auth => Ok(()),
            _ => add(&mut self.idle_commands, limits.idle_commands, Farewell::TooMuchTalk),
        }
    }

    /// The peer broke the protocol.
    pub(super) fn error(&mut self, error: &PeerError, limits: &Limits) -> Result<(), Farewell> {
        if *error == PeerError::TooManyRecipients {
            // RFC 5321 §4.5.3.1.10: who has more than fit sends them all before it hears of it.
            self.excess_recipients += 1;
            if self.excess_recipients <= limits.excess_recipients {
                return Ok(());
            }
        }
        if *error == PeerError::UnknownCommand {
            let limit = limits.unknown_commands;
            add(&mut self.unknown_commands, limit, Farewell::TooManyErrors)?;
        }
        add(&mut self.errors, limits.errors, Farewell::TooManyErrors)
    }

    /// The agent refused a recipient.
    pub(super) fn refused_recipient(&mut self, limits: &Limits) -> Result<(), Farewell> {
        add(&mut self.refused_recipients, limits.refused_recipients, Farewell::TooManyErrors)
    }

    /// A sign-in failed.
    pub(super) fn failed_sign_in(&mut self, limits: &Limits) -> Result<(), Farewell> {
        add(&mut self.sign_in_failures, limits.sign_in_failures, Farewell::TooManyErrors)
    }

    /// A message was taken: the talk led somewhere.
    pub(super) fn message(&mut self) {
        self.idle_commands = 0;
    }
}

fn add(count: &mut u32, limit: u32, farewell: Farewell) -> Result<(), Farewell> {
    *count = count.saturating_add(1);
    if *count > limit { Err(farewell) } else { Ok(()) }
}
