//! Questions to the database.

use std::path::Path;

use mail_types::{AccountId, Allotment, Domain, MailVolume, Timestamp};
use stable_storage::{Database, DatabaseError, Opening};

use crate::{
    DueWarning, Patience, Room, Usage,
    database::opening,
    room::{Known, room},
};

/// For those who only ask. A clone is the same one.
#[derive(Clone, Debug)]
pub struct UsageReader {
    pub(crate) database: Database,
}

impl UsageReader {
    /// Opens the database without being able to change a row.
    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let opening = Opening { query_only: true, ..opening(path) };
        Ok(Self { database: Database::open(opening).await? })
    }

    /// What was published last for an account; none if nothing was yet.
    pub async fn usage(&self, account: AccountId) -> Result<Option<Usage>, DatabaseError> {
        Ok(self.known(account).await?.map(|known| known.usage))
    }

    /// What all of these accounts hold together, as far as it is published.
    pub async fn together(&self, accounts: &[AccountId]) -> Result<MailVolume, DatabaseError> {
        if accounts.is_empty() {
            return Ok(MailVolume::default());
        }
        let ids: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        let (octets, messages): (i64, i64) = sqlx::query_as(
            "select coalesce(sum(octets), 0), coalesce(sum(messages), 0)
             from json_each(?) j cross join usage on account = j.value",
        )
        .bind(format!("[{}]", ids.join(",")))
        .fetch_one(self.database.reader())
        .await?;
        Ok(MailVolume { octets: natural(octets), messages: natural(messages) })
    }

    /// Whether an account has room for so much more. Costs nothing where there is no limit.
    pub async fn room(
        &self,
        allotment: &Allotment,
        more: MailVolume,
        patience: &Patience,
    ) -> Result<Room, DatabaseError> {
        if !allotment.is_limited() {
            return Ok(Room::Enough);
        }
        let mut known = self.known(allotment.account).await?.unwrap_or_default();
        known.domain = self.together(&allotment.sharing).await?;
        Ok(room(allotment, &known, more, patience))
    }

    /// The accounts that are to be warned: those that crossed a threshold since they were told of
    /// one as high, or below it.
    pub async fn due_warnings(&self) -> Result<Vec<DueWarning>, DatabaseError> {
        let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
            "select account, reached, octets, messages from usage where reached > warned",
        )
        .fetch_all(self.database.reader())
        .await?;
        let due = |(account, reached, octets, messages): (i64, i64, i64, i64)| DueWarning {
            account: AccountId(account),
            threshold: u32::try_from(reached).unwrap_or(0),
            held: MailVolume { octets: natural(octets), messages: natural(messages) },
        };
        Ok(rows.into_iter().map(due).collect())
    }

    /// The threshold that a domain's postmaster was told of, in percent; 0 for none.
    pub async fn domain_warned(&self, domain: &Domain) -> Result<u32, DatabaseError> {
        let warned: Option<i64> =
            sqlx::query_scalar("select warned from domain_warned where domain = ?")
                .bind(domain.as_str())
                .fetch_optional(self.database.reader())
                .await?;
        Ok(warned.and_then(|warned| u32::try_from(warned).ok()).unwrap_or(0))
    }

    async fn known(&self, account: AccountId) -> Result<Option<Known>, DatabaseError> {
        let row: Option<(i64, i64, i64, Option<i64>)> = sqlx::query_as(
            "select octets, messages, version, full_since from usage where account = ?",
        )
        .bind(account.0)
        .fetch_optional(self.database.reader())
        .await?;
        Ok(row.map(|(octets, messages, version, full_since)| Known {
            usage: Usage { octets: natural(octets), messages: natural(messages), version },
            full_since: full_since.map(Timestamp::from_millis),
            domain: MailVolume::default(),
        }))
    }
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
