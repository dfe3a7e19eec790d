//! The queue in numbers.

use mail_types::Timestamp;

use crate::{
    Queue, QueueError,
    operator::{Filter, choice},
    sql::{self, Counted, GroupRow, state},
};

/// How many recipients are in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the local lane.
    pub local: LaneCounts,
    /// In the others.
    pub remote: LaneCounts,
    /// When the oldest entry was queued.
    pub oldest: Option<Timestamp>,
}

/// How many recipients of some lanes are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// Waiting.
    pub waiting: u64,
    /// Leased.
    pub leased: u64,
    /// Held.
    pub held: u64,
    /// Set aside.
    pub set_aside: u64,
}

impl LaneCounts {
    /// All of them.
    pub fn all(&self) -> u64 {
        [self.leased, self.held, self.set_aside].into_iter().fold(self.waiting, u64::saturating_add)
    }
}

/// By what recipients are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// Where they go: their lane.
    Destination,
    /// The reverse-path of their entry.
    Sender,
    /// Why they are still there.
    Reason,
}

/// Recipients that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What: the name of a lane, a reverse-path (empty for the null one), or a reason (empty for
    /// none yet).
    pub name: String,
    /// How many there are.
    pub counts: LaneCounts,
    /// For how many lanes they are.
    pub destinations: u64,
    /// The most attempts of one of them.
    pub attempts: u32,
    /// When the next one that waits is due.
    pub next_at: Option<Timestamp>,
    /// When the oldest was queued.
    pub oldest: Option<Timestamp>,
    /// Of a destination, why the last attempt came to nothing.
    pub problem: Option<String>,
}

/// Groups, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// As many as were asked for.
    pub largest: Vec<Group>,
    /// How many there are.
    pub in_all: u64,
}

/// What has happened since somebody looked last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    /// To be given when it is asked for again.
    pub until: i64,
    /// How often: the domain of an address (`@` and its name), what happened, as in
    /// [`crate::operator::Event`].
    pub happened: Vec<(String, &'static str, u64)>,
}

impl Queue {
    /// What has happened to recipients since a former look; nothing at the first.
    pub async fn pace(&self, since: Option<&Pace>) -> Result<Pace, QueueError> {
        let mut moment = self.database().reader().begin().await?;
        let until = sql::last_event(&mut moment).await?;
        let rows = match since {
            Some(since) => sql::happened(&mut moment, since.until, until).await?,
            None => Vec::new(),
        };
        moment.rollback().await?;
        let happened = rows
            .into_iter()
            .map(|(domain, event, count)| (domain, super::journey::what(event), whole(count)));
        Ok(Pace { until, happened: happened.collect() })
    }

    /// How many recipients are in the queue.
    pub async fn counts(&self) -> Result<Counts, QueueError> {
        let mut moment = self.database().reader().begin().await?;
        let oldest = sql::oldest(&mut moment).await?.map(Timestamp::from_millis);
        let rows = sql::counts(&mut moment).await?;
        moment.rollback().await?;
        let mut counts = Counts { oldest, ..Counts::default() };
        for (local, state, count) in rows {
            let lanes = if local { &mut counts.local } else { &mut counts.remote };
            let count = u64::try_from(count).unwrap_or(0);
            match state {
                state::WAITING => lanes.waiting = count,
                state::LEASED => lanes.leased = count,
                state::HELD => lanes.held = count,
                state::SET_ASIDE => lanes.set_aside = count,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// The recipients that are meant, by what they have in common.
    pub async fn groups(
        &self,
        by: GroupBy,
        filter: &Filter,
        limit: u32,
    ) -> Result<Groups, QueueError> {
        let counted = match by {
            GroupBy::Destination => Counted::Lane,
            GroupBy::Sender => Counted::Sender,
            GroupBy::Reason => Counted::Problem,
        };
        let mut moment = self.database().reader().begin().await?;
        let rows = sql::groups(&mut moment, &choice(filter), counted, limit).await?;
        moment.rollback().await?;
        let in_all = rows.first().map_or(0, |row| whole(row.groups));
        Ok(Groups { largest: rows.into_iter().map(group).collect(), in_all })
    }
}

fn group(row: GroupRow) -> Group {
    Group {
        name: row.name,
        counts: LaneCounts {
            waiting: whole(row.waiting),
            leased: whole(row.leased),
            held: whole(row.held),
            set_aside: whole(row.set_aside),
        },
        destinations: whole(row.lanes),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        next_at: row.next_at.map(Timestamp::from_millis),
        oldest: row.oldest.map(Timestamp::from_millis),
        problem: row.problem,
    }
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
