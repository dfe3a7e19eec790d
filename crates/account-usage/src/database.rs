//! The database: one row an account.

use std::path::Path;

use mail_types::AccountId;
use stable_storage::{
    Apply, Database, DatabaseError, Direct, Durability, Migration, Opening, Writer,
};

use crate::Usage;

const MIGRATIONS: &[Migration] = &[Migration {
    name: "usage of accounts",
    sql: "create table usage (
        account integer primary key,
        octets integer not null,
        messages integer not null,
        version integer not null
    ) strict",
}];

fn opening(path: &Path) -> Opening {
    // What is lost in a power cut is published again with the next change, and is no promise.
    Opening { durability: Durability::Normal, ..Opening::new(path, MIGRATIONS) }
}

/// Makes the database at this path, or brings it up to date.
pub async fn migrate(path: &Path) -> Result<(), DatabaseError> {
    Database::open_or_migrate(opening(path)).await?.close().await;
    Ok(())
}

/// For those who change mailboxes. A clone is the same one.
#[derive(Clone, Debug)]
pub struct UsagePublisher {
    database: Database,
    writer: Writer<Publications>,
}

impl UsagePublisher {
    /// Opens the database.
    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let database = Database::open(opening(path)).await?;
        let writer = database.writer(Publications)?;
        Ok(Self { database, writer })
    }

    /// Publishes what an account holds; an older version than the one that stands changes nothing.
    /// Many at once share a transaction.
    pub async fn publish(&self, account: AccountId, usage: Usage) -> Result<(), DatabaseError> {
        self.writer.submit((account, usage)).await
    }

    /// What was published last for an account.
    pub async fn usage(&self, account: AccountId) -> Result<Option<Usage>, DatabaseError> {
        read(&self.database, account).await
    }
}

/// For those who only ask. A clone is the same one.
#[derive(Clone, Debug)]
pub struct UsageReader {
    database: Database,
}

impl UsageReader {
    /// Opens the database without being able to change a row.
    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let opening = Opening { query_only: true, ..opening(path) };
        Ok(Self { database: Database::open(opening).await? })
    }

    /// What was published last for an account; none if nothing was yet.
    pub async fn usage(&self, account: AccountId) -> Result<Option<Usage>, DatabaseError> {
        read(&self.database, account).await
    }
}

async fn read(database: &Database, account: AccountId) -> Result<Option<Usage>, DatabaseError> {
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("select octets, messages, version from usage where account = ?")
            .bind(account.0)
            .fetch_optional(database.reader())
            .await?;
    Ok(row.map(|(octets, messages, version)| Usage {
        octets: u64::try_from(octets).unwrap_or(0),
        messages: u64::try_from(messages).unwrap_or(0),
        version,
    }))
}

struct Publications;

impl Apply for Publications {
    type Job = (AccountId, Usage);
    type Answer = ();
    type Error = DatabaseError;

    fn apply(&mut self, connection: &Direct, jobs: &[Self::Job]) -> Result<Vec<()>, DatabaseError> {
        let rows: Vec<String> = jobs
            .iter()
            .map(|(account, usage)| {
                let Usage { octets, messages, version } = usage;
                format!("[{account},{octets},{messages},{version}]")
            })
            .collect();
        connection.execute(
            "insert into usage (account, octets, messages, version)
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3
             from json_each($1) where true
             on conflict (account) do update set
                 octets = excluded.octets, messages = excluded.messages, version = excluded.version
             where excluded.version > usage.version",
            &[&format!("[{}]", rows.join(","))],
        )?;
        Ok(vec![(); jobs.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(octets: u64, version: i64) -> Usage {
        Usage { octets, messages: 1, version }
    }

    #[tokio::test]
    async fn the_newest_version_stays_whatever_the_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.db");
        assert!(UsageReader::open(&path).await.is_err());
        migrate(&path).await.unwrap();
        let (one, other) = (
            UsagePublisher::open(&path).await.unwrap(),
            UsagePublisher::open(&path).await.unwrap(),
        );
        let reader = UsageReader::open(&path).await.unwrap();
        let alice = AccountId(1);
        assert_eq!(reader.usage(alice).await.unwrap(), None);

        one.publish(alice, usage(300, 3)).await.unwrap();
        other.publish(alice, usage(200, 2)).await.unwrap();
        assert_eq!(reader.usage(alice).await.unwrap(), Some(usage(300, 3)));

        let mut publications = tokio::task::JoinSet::new();
        for version in 4..100_u32 {
            let publisher = if version % 2 == 0 { one.clone() } else { other.clone() };
            let usage = usage(u64::from(version) * 100, i64::from(version));
            publications.spawn(async move { publisher.publish(alice, usage).await.unwrap() });
        }
        publications.join_all().await;
        assert_eq!(reader.usage(alice).await.unwrap(), Some(usage(9900, 99)));
        assert_eq!(one.usage(AccountId(2)).await.unwrap(), None);
    }
}
