//! How much an account sends to other servers: counted with each message that it queues, in the
//! same transaction, so that whoever limits it need not count for itself, and no restart forgets.

use mail_types::{AccountId, Timestamp};

use crate::{Queue, QueueError, sql};

/// What an account sent to other servers within one hour of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentHour {
    /// The hour, counted from 1970.
    pub hour: i64,
    /// Messages that went to other servers, with other recipients or without.
    pub messages: u64,
    /// Their recipients there.
    pub recipients: u64,
}

impl SentHour {
    /// The hour of this time.
    pub fn of(time: Timestamp) -> i64 {
        time.millis().div_euclid(60 * 60 * 1000)
    }
}

impl Queue {
    /// The hours in which an account sent anything to other servers, from the hour of `since` on,
    /// the oldest first. Kept for a month.
    pub async fn sending(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<SentHour>, QueueError> {
        let rows = sql::sending(self.database().reader(), account.0, SentHour::of(since)).await?;
        let number = |value: i64| u64::try_from(value).unwrap_or_default();
        let hour = |[hour, messages, recipients]: [i64; 3]| SentHour {
            hour,
            messages: number(messages),
            recipients: number(recipients),
        };
        Ok(rows.into_iter().map(hour).collect())
    }
}
