//! Where a message is, and what happened to it: also after it has left the queue.

use mail_types::{AccountId, QueueId, RecipientNumber, Timestamp};

use crate::{
    Origin, Queue, QueueError, encode,
    sql::{self, By, EventRow, StoryRow, event},
};

/// By what a journey is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// The queue id.
    Id(QueueId),
    /// The Message-ID, without angle brackets.
    MessageId(String),
    /// The address of the sender or of a recipient.
    Address(String),
}

/// The journey of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Its id, as text.
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
    /// Where it came from.
    pub origin: Origin,
    /// What happened, in that order.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To which recipient; to the whole entry if to none.
    pub recipient: Option<RecipientNumber>,
    /// Its address.
    pub address: Option<String>,
    /// What: `queued`, `held`, `deferred`, `delivered`, `failed`, `notified`, `released`,
    /// `retried`, `removed`, `set-aside`, `redirected`.
    pub what: &'static str,
    /// In words: the peer's reply, the reason, the id of the notification.
    pub detail: Option<String>,
}

impl Queue {
    /// The journeys of what is found, the newest entry first.
    pub async fn trace(&self, by: &Trace, limit: u32) -> Result<Vec<Journey>, QueueError> {
        let mut moment = self.database().reader().begin().await?;
        let id;
        let by = match by {
            Trace::Id(queue_id) => {
                id = queue_id.to_string();
                By::Entry(&id)
            }
            Trace::MessageId(id) => By::MessageId(id),
            Trace::Address(address) => By::Address(address),
        };
        let mut journeys: Vec<Journey> =
            sql::stories(&mut moment, by, limit).await?.into_iter().map(journey).collect();
        let ids = encode::texts(journeys.iter().map(|journey| &journey.id));
        let events = sql::events(&mut moment, &ids).await?;
        moment.rollback().await?;
        for row in events {
            if let Some(journey) = journeys.iter_mut().find(|journey| journey.id == row.entry) {
                journey.events.push(event_of(row));
            }
        }
        Ok(journeys)
    }
}

fn journey(row: StoryRow) -> Journey {
    Journey {
        id: row.entry,
        queued_at: Timestamp::from_millis(row.at),
        sender: row.sender,
        account: row.account.map(AccountId),
        size: u64::try_from(row.size).unwrap_or(0),
        message_id: row.message_id,
        origin: serde_json::from_str(&row.origin).unwrap_or_default(),
        events: Vec::new(),
    }
}

fn event_of(row: EventRow) -> Event {
    let recipient = row.recipient.and_then(|number| u32::try_from(number).ok());
    Event {
        at: Timestamp::from_millis(row.at),
        recipient: recipient.map(RecipientNumber),
        address: row.address,
        what: what(row.event),
        detail: row.detail,
    }
}

/// An event in a word.
pub(super) fn what(event: i64) -> &'static str {
    match event {
        event::QUEUED => "queued",
        event::HELD => "held",
        event::DEFERRED => "deferred",
        event::DELIVERED => "delivered",
        event::FAILED => "failed",
        event::NOTIFIED => "notified",
        event::RELEASED => "released",
        event::RETRIED => "retried",
        event::REMOVED => "removed",
        event::SET_ASIDE => "set-aside",
        event::REDIRECTED => "redirected",
        _ => "unknown",
    }
}
