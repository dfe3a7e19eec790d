//! What the operator sees and does: [`crate::Queue`]'s second face.
//!
//! Looking never waits for those who write. Whatever is changed here is one of the journey's
//! events.

mod journey;
mod pause;

use mail_types::{AccountId, Lane, QueueId, RecipientNumber, Timestamp};

use crate::{
    Consumes, Content, Queue, QueueError, Refusal, decode, encode,
    jobs::{Answer, Job, OperateJob},
    sql::{self, Choice, Operation, SummaryRow, state},
};

pub use journey::{Event, Journey, Trace};
pub use pause::{Destination, Paused};

/// The most recipients that one transaction changes.
const CHANGE_MAX: u32 = 1000;

/// Which recipients are meant; nothing said means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this entry.
    pub id: Option<QueueId>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// In this state.
    pub state: Option<State>,
    /// With this address.
    pub address: Option<String>,
    /// With this reverse-path, empty for the null one.
    pub sender: Option<String>,
}

/// The state of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits for its next attempt.
    Waiting,
    /// It is being handed over.
    Leased,
    /// It waits for the operator.
    Held,
    /// It can't be read; it waits for the operator.
    SetAside,
    /// It was handed over.
    Delivered,
    /// It was given up.
    Failed,
    /// The operator removed it.
    Removed,
}

impl State {
    /// In a word, as lists show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Leased => "leased",
            Self::Held => "held",
            Self::SetAside => "set-aside",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Waiting => state::WAITING,
            Self::Leased => state::LEASED,
            Self::Held => state::HELD,
            Self::SetAside => state::SET_ASIDE,
            Self::Delivered => state::DELIVERED,
            Self::Failed => state::FAILED,
            Self::Removed => state::REMOVED,
        }
    }

    /// An unknown number is a newer program's: nothing to be touched.
    fn of(number: i64) -> Self {
        const ALL: [State; 7] = [
            State::Waiting,
            State::Leased,
            State::Held,
            State::SetAside,
            State::Delivered,
            State::Failed,
            State::Removed,
        ];
        ALL.into_iter().find(|state| state.number() == number).unwrap_or(Self::SetAside)
    }
}

/// An entry in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id, as text: it is shown even if it can't be read.
    pub id: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Its reverse-path, empty for the null one.
    pub sender: String,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// Its length in octets.
    pub size: u64,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// All its recipients, the closed ones too.
    pub recipients: Vec<RecipientSummary>,
}

/// A recipient in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientSummary {
    /// Its place in the entry.
    pub number: RecipientNumber,
    /// Its address.
    pub address: String,
    /// Its lane: `local`, or `@` and a domain.
    pub lane: String,
    /// Its state.
    pub state: State,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is due, if it waits.
    pub next_at: Timestamp,
    /// Why the last attempt came to nothing, or why it is held or set aside.
    pub problem: Option<String>,
}

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

impl Queue {
    /// Entries with a recipient that is meant, behind the id `after`, at most `limit`: call again
    /// with the last id for the next page.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Summary>, QueueError> {
        // One moment for both questions: what is settled between them would be missing.
        let mut moment = self.database().reader().begin().await?;
        let after = after.unwrap_or_default();
        let ids = sql::list(&mut moment, &choice(filter), after, limit).await?;
        let rows = sql::summaries(&mut moment, &encode::texts(ids)).await?;
        moment.rollback().await?;
        Ok(summaries(rows))
    }

    /// One entry, if it is in the queue.
    pub async fn show(&self, id: QueueId) -> Result<Option<Summary>, QueueError> {
        let ids = encode::texts([id]);
        let mut reader = self.database().reader().acquire().await?;
        let rows = sql::summaries(&mut reader, &ids).await?;
        Ok(summaries(rows).into_iter().next())
    }

    /// The content of an entry, if it is in the queue and can be read.
    pub async fn content(&self, id: QueueId) -> Result<Option<Content>, QueueError> {
        let Some(row) = sql::show(self.database().reader(), &id.to_string()).await? else {
            return Ok(None);
        };
        let (spool, files) = (self.spool(), self.files().clone());
        stable_storage::on_blocking_thread(move || {
            let entry = decode::entry(row, &spool, &files);
            entry.map(|entry| Some(entry.content)).map_err(|why| QueueError::Unreadable { id, why })
        })
        .await
    }

    /// Lets waiting recipients be tried now. Returns how many, as the others do.
    pub async fn retry(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Retry, None, now).await
    }

    /// Holds waiting recipients until they are released.
    pub async fn hold(
        &self,
        filter: &Filter,
        reason: &str,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Hold, Some(reason), now).await
    }

    /// Lets recipients that are held or set aside be tried now.
    pub async fn release(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Release, None, now).await
    }

    /// Removes recipients without telling their sender. Those that are leased stay: they are being
    /// handed over.
    pub async fn remove(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Remove, None, now).await
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

    /// Whether anybody takes entries out of the queue.
    pub fn is_consumed(&self, lanes: Consumes) -> bool {
        // A bell that nobody ever listened to has no folder.
        self.bells().of(lanes).is_heard().unwrap_or(false)
    }

    /// The newest refusals, the newest first.
    pub async fn refusals(&self, limit: u32) -> Result<Vec<Refusal>, QueueError> {
        let rows = sql::refusals(self.database().reader(), limit).await?;
        let refusal = |row: sql::RefusalRow| {
            Some(Refusal {
                at: Timestamp::from_millis(row.at),
                agent: row.agent,
                peer: row.peer,
                sender: row.sender,
                recipient: row.recipient,
                reply: row.reply.parse().ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(refusal).collect())
    }

    async fn operate(
        &self,
        filter: &Filter,
        operation: Operation,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        let mut changed = 0u64;
        loop {
            let job = OperateJob {
                choice: choice(filter),
                operation,
                reason: reason.map(str::to_owned),
                limit: CHANGE_MAX,
                now,
            };
            let Answer::Operated(done) = self.submit(Job::Operate(Box::new(job))).await? else {
                return Err(QueueError::wrong_answer());
            };
            changed = changed.saturating_add(done.changed);
            self.remove_contents(done.finished_files).await;
            if done.changed < u64::from(CHANGE_MAX) {
                return Ok(changed);
            }
        }
    }
}

fn choice(filter: &Filter) -> Choice {
    Choice {
        entry: filter.id.map(|id| id.to_string()),
        lane: filter.lane.as_ref().map(Lane::to_string),
        state: filter.state.map(State::number),
        address: filter.address.clone(),
        sender: filter.sender.clone(),
    }
}

fn summaries(rows: Vec<SummaryRow>) -> Vec<Summary> {
    let mut all: Vec<Summary> = Vec::new();
    for row in rows {
        let recipient = RecipientSummary {
            number: RecipientNumber(u32::try_from(row.number).unwrap_or(u32::MAX)),
            address: row.address,
            lane: row.lane,
            state: State::of(row.state),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            next_at: Timestamp::from_millis(row.next_at),
            problem: row.problem,
        };
        // Rows come entry by entry.
        match all.last_mut() {
            Some(last) if last.id == row.entry => last.recipients.push(recipient),
            _ => all.push(Summary {
                id: row.entry,
                queued_at: Timestamp::from_millis(row.queued_at),
                sender: row.sender,
                account: row.account.map(AccountId),
                size: u64::try_from(row.size).unwrap_or(0),
                message_id: row.message_id,
                recipients: vec![recipient],
            }),
        }
    }
    all
}
