//! The messages of one APPEND, on their way to the disk together (RFC 3502 §6.3.11).
//!
//! Those that are whole are ended by portions, on threads that may wait, while the next ones come:
//! parsed, written, given to the disk, then waited for one after the other. What is bounded: a portion,
//! in octets that are still in memory and in open files; and the portions that are under way.
//!
//! Dropped, it leaves nothing: what is under way then ends first, and goes.

use std::collections::VecDeque;

use mail_types::FlagSet;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{Ended, Incoming, NewMessage, StoreError};

/// A portion is ended when it has as many messages, or holds as many octets in memory.
const MESSAGES: usize = 32;
const OCTETS: usize = 256 * 1024;
/// Portions under way: one is waited for while the next one is written.
const PORTIONS: usize = 2;

/// Messages of one APPEND that are whole, or become so.
#[derive(Debug, Default)]
pub struct Gathering {
    /// The portion that comes together.
    portion: Vec<(Incoming, FlagSet)>,
    octets: usize,
    count: u64,
    under_way: VecDeque<JoinHandle<Result<Vec<NewMessage>, StoreError>>>,
    written: Vec<NewMessage>,
}

impl Gathering {
    /// Adds a message of which all has come. An error may be that of an earlier one.
    pub async fn add(&mut self, incoming: Incoming, flags: FlagSet) -> Result<(), StoreError> {
        self.octets = self.octets.saturating_add(incoming.in_memory());
        self.count = self.count.saturating_add(1);
        self.portion.push((incoming, flags));
        if self.portion.len() < MESSAGES && self.octets < OCTETS {
            return Ok(());
        }
        if self.under_way.len() >= PORTIONS {
            self.wait_for_one().await?;
        }
        self.end_portion();
        Ok(())
    }

    /// All messages, in their order.
    pub async fn finish(mut self) -> Result<Vec<NewMessage>, StoreError> {
        self.end_portion();
        while !self.under_way.is_empty() {
            self.wait_for_one().await?;
        }
        Ok(self.written)
    }

    /// How many messages were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn end_portion(&mut self) {
        let portion = std::mem::take(&mut self.portion);
        self.octets = 0;
        if !portion.is_empty() {
            self.under_way.push_back(spawn_blocking(move || end_here(portion)));
        }
    }

    /// Waits for the portion that is under way longest.
    async fn wait_for_one(&mut self) -> Result<(), StoreError> {
        let Some(ended) = self.under_way.pop_front() else { return Ok(()) };
        match ended.await {
            Ok(messages) => self.written.extend(messages?),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(StoreError::Closing),
            },
        }
        Ok(())
    }
}

/// All are on their way to the disk before the first is waited for.
fn end_here(portion: Vec<(Incoming, FlagSet)>) -> Result<Vec<NewMessage>, StoreError> {
    let ended = portion.into_iter().map(|(incoming, flags)| Ok((incoming.end_here()?, flags)));
    let ended: Vec<(Ended, FlagSet)> = ended.collect::<Result<_, StoreError>>()?;
    let written =
        |(ended, flags): (Ended, FlagSet)| Ok(NewMessage { written: ended.written()?, flags });
    ended.into_iter().map(written).collect()
}
