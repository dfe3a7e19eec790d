//! Lists, and single messages.

use mail_types::{AccountId, QueueId, RecipientNumber, Timestamp};

use crate::{
    Consumes, Content, Queue, QueueError, Refusal, decode, encode,
    operator::{Filter, State, choice},
    sql::{self, SummaryRow},
};

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
            entry
                .map(|entry| Some(entry.content))
                .map_err(|why| QueueError::Unreadable { id, why: why.text })
        })
        .await
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
