//! What the agents have found out about the world outside, for the operator to know; and what he,
//! or whoever may, tells them: that a destination is worth an attempt.
//!
//! Both are rows of the queue's database: they reach other processes, and outlive this one.

use mail_types::{Domain, Lane, Timestamp};

use crate::{
    Queue, QueueError, encode,
    jobs::{Job, NoteJob},
    sql,
};

/// What can be wrong outside, for all destinations at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// No server anywhere answers on the port of SMTP.
    PortBlocked,
}

/// A condition that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub condition: Condition,
    /// Since when it is known.
    pub since: Timestamp,
    /// In words: what is so, and what can be done.
    pub text: String,
}

impl Condition {
    const ALL: [Self; 1] = [Self::PortBlocked];

    /// Its name, as machines read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PortBlocked => "port-blocked",
        }
    }
}

impl Queue {
    /// Remembers that a condition holds, in these words, or that it does no more.
    pub async fn note_condition(
        &self,
        condition: Condition,
        text: Option<&str>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let text = text.map(str::to_owned);
        self.submit(Job::Note(NoteJob::Condition { name: condition.name(), text, now })).await?;
        Ok(())
    }

    /// The conditions that hold; those of a newer program are left out.
    pub async fn conditions(&self) -> Result<Vec<Found>, QueueError> {
        let mut reader = self.database().reader().acquire().await?;
        let rows = sql::conditions(&mut reader).await?;
        let found = |(name, since, text): (String, i64, String)| {
            let condition = Condition::ALL.into_iter().find(|one| one.name() == name)?;
            Some(Found { condition, since: Timestamp::from_millis(since), text })
        };
        Ok(rows.into_iter().filter_map(found).collect())
    }

    /// Says that the servers of these lanes are worth an attempt, whatever is known of them. Who
    /// retries or releases recipients says so of their lanes.
    pub async fn wake(&self, lanes: &[Lane]) -> Result<(), QueueError> {
        let lanes = encode::texts(lanes);
        self.submit(Job::Note(NoteJob::Wake { lanes })).await?;
        Ok(())
    }

    /// The lanes of a domain, and with `below` of those below it, in which something waits.
    pub async fn lanes_of(&self, domain: &Domain, below: bool) -> Result<Vec<Lane>, QueueError> {
        let mut reader = self.database().reader().acquire().await?;
        let names = sql::lanes_of(&mut reader, domain.as_str(), below).await?;
        Ok(names.iter().filter_map(|name| Lane::parse(name).ok()).collect())
    }

    /// How many messages wait in a lane, are on their way, or are held for this reason.
    pub async fn pending(&self, lane: &Lane, reason: Option<&str>) -> Result<u64, QueueError> {
        let mut reader = self.database().reader().acquire().await?;
        let count = sql::pending(&mut reader, &lane.to_string(), reason).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
