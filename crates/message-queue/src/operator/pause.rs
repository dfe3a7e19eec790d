//! Destinations that rest until the operator resumes them.
//!
//! A pause is a row of the queue's database: it outlives every process, and no lease is given of a
//! paused lane. Who has leases of it already is told at its next look, which the bell makes soon
//! ([`crate::Leased::paused`]).

use std::fmt;

use mail_types::{Lane, Malformed, Timestamp};

use crate::{
    Queue, QueueError,
    jobs::{Answer, Job, PauseJob},
    sql,
};

/// What can be paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One lane.
    Lane(Lane),
    /// All lanes of other servers.
    Others,
}

impl Destination {
    /// Parses what `Display` renders; a domain without `@` as well.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text == "*" { Ok(Self::Others) } else { Lane::parse(text).map(Self::Lane) }
    }

    /// Whether what waits in this lane waits for it.
    pub fn covers(&self, lane: &str) -> bool {
        match self {
            Self::Others => lane != "local",
            Self::Lane(own) => own.to_string() == lane,
        }
    }
}

/// `local`, `@` and the domain, or `*`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lane(lane) => lane.fmt(f),
            Self::Others => f.write_str("*"),
        }
    }
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Of what.
    pub destination: Destination,
    /// Since when.
    pub since: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Queue {
    /// Pauses a destination: nothing is tried there until it is resumed. What is on the wire may
    /// end. Pausing it again changes the reason.
    pub async fn pause(
        &self,
        destination: &Destination,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let reason = Some((reason.to_owned(), now));
        self.submit(Job::Pause(PauseJob { destination: destination.clone(), reason })).await?;
        Ok(())
    }

    /// Resumes a destination; whether it was paused. What waits there is tried when it is due.
    pub async fn resume(&self, destination: &Destination) -> Result<bool, QueueError> {
        let job = Job::Pause(PauseJob { destination: destination.clone(), reason: None });
        match self.submit(job).await? {
            Answer::Resumed(was_paused) => Ok(was_paused),
            _ => Err(QueueError::wrong_answer()),
        }
    }

    /// What is paused.
    pub async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        let mut reader = self.database().reader().acquire().await?;
        let rows = sql::paused(&mut reader).await?;
        let paused = |(name, since, reason): (String, i64, String)| {
            let destination = Destination::parse(&name).ok()?;
            Some(Paused { destination, since: Timestamp::from_millis(since), reason })
        };
        Ok(rows.into_iter().filter_map(paused).collect())
    }
}
