//! `sign-ins.db`: who signed in last and from where, and the last failures.
//!
//! Shared by all agents that ask for passwords. Nothing depends on it, so nobody waits for it and
//! a crash of the machine may lose the last rows. A stranger can cause failures at will: the
//! newest [`FAILURES_KEPT`] are kept.

use std::{
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};

use mail_types::{AccountId, Timestamp};
use stable_storage::{
    Apply, Database, DatabaseError, Direct, Durability, Migration, Opening, Writer,
};

use crate::Origin;

/// So many failures are kept, all agents together.
const FAILURES_KEPT: i64 = 10_000;
/// So many events wait to be written in one process; further ones are lost.
const WAITING_MAX: usize = 500;

const TABLES: &[Migration] = &[Migration {
    name: "failures and last sign-ins",
    sql: "
        create table failure (
            id integer primary key autoincrement,
            at_ms integer not null,
            protocol text not null,
            address text not null,
            name text not null,
            cause text not null
        ) strict;
        create table last_sign_in (
            account integer not null,
            protocol text not null,
            address text not null,
            at_ms integer not null,
            primary key (account, protocol)
        ) strict, without rowid;
    ",
}];

/// Makes `sign-ins.db` in its folder, or brings its tables up to date.
pub async fn migrate(folder: &Path) -> Result<(), DatabaseError> {
    Database::open_or_migrate(opening(folder)).await?.close().await;
    Ok(())
}

fn opening(folder: &Path) -> Opening {
    let durability = Durability::Normal;
    Opening { durability, readers_max: 1, ..Opening::new(folder.join("sign-ins.db"), TABLES) }
}

/// What was written down about sign-ins.
#[derive(Clone)]
pub struct SignInRecords {
    database: Database,
    writer: Option<Writer<Write>>,
    waiting: Arc<AtomicUsize>,
}

/// When and from where an account signed in last by one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSignIn {
    /// The protocol's name.
    pub protocol: String,
    /// The peer's address.
    pub address: String,
    /// When.
    pub at: Timestamp,
}

/// A failed sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedSignIn {
    /// When.
    pub at: Timestamp,
    /// The protocol's name.
    pub protocol: String,
    /// The peer's address.
    pub address: String,
    /// The account's address; `?` for what might be a secret.
    pub name: String,
    /// Why, in words.
    pub cause: String,
}

/// What is written down.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    SignedIn { account: AccountId, origin: Origin, now: Timestamp },
    Failed { name: String, cause: &'static str, origin: Origin, now: Timestamp },
}

impl SignInRecords {
    /// Opens `sign-ins.db` to read.
    pub async fn open(folder: &Path) -> Result<Self, DatabaseError> {
        let database = Database::open(opening(folder)).await?;
        Ok(Self { database, writer: None, waiting: Arc::default() })
    }

    pub(crate) async fn open_to_write(folder: &Path) -> Result<Self, DatabaseError> {
        let records = Self::open(folder).await?;
        Ok(Self { writer: Some(records.database.writer(Write)?), ..records })
    }

    /// Has an event written some time soon.
    pub(crate) fn write(&self, event: Event) {
        let Some(writer) = self.writer.clone() else { return };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let waiting = Arc::clone(&self.waiting);
        tokio::spawn(async move {
            if let Err(error) = writer.submit(event).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a sign-in was not written down"
                );
            }
            waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The last sign-ins of an account, by protocol.
    pub async fn last_sign_ins(
        &self,
        account: AccountId,
    ) -> Result<Vec<LastSignIn>, DatabaseError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "select protocol, address, at_ms from last_sign_in where account = ? order by protocol",
        )
        .bind(account.0)
        .fetch_all(self.database.reader())
        .await?;
        let row = |(protocol, address, at)| LastSignIn {
            protocol,
            address,
            at: Timestamp::from_millis(at),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// The newest failures, the newest first.
    pub async fn failures(&self, count: u32) -> Result<Vec<FailedSignIn>, DatabaseError> {
        let rows: Vec<(i64, String, String, String, String)> = sqlx::query_as(
            "select at_ms, protocol, address, name, cause from failure order by id desc limit ?",
        )
        .bind(count)
        .fetch_all(self.database.reader())
        .await?;
        let row = |(at, protocol, address, name, cause)| FailedSignIn {
            at: Timestamp::from_millis(at),
            protocol,
            address,
            name,
            cause,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// Writes events, many at once.
struct Write;

impl Apply for Write {
    type Job = Event;
    type Answer = ();
    type Error = DatabaseError;

    fn apply(&mut self, connection: &Direct, events: &[Event]) -> Result<Vec<()>, DatabaseError> {
        let mut failed = false;
        for event in events {
            match event {
                Event::SignedIn { account, origin, now } => {
                    let (protocol, address) =
                        (origin.protocol.as_str(), origin.address.to_string());
                    connection.execute(
                        "insert or replace into last_sign_in values ($1, $2, $3, $4)",
                        &[&account.0, &protocol, &address, &now.millis()],
                    )?;
                }
                Event::Failed { name, cause, origin, now } => {
                    let (protocol, address) =
                        (origin.protocol.as_str(), origin.address.to_string());
                    connection.execute(
                        "insert into failure (at_ms, protocol, address, name, cause)
                         values ($1, $2, $3, $4, $5)",
                        &[&now.millis(), &protocol, &address, name, cause],
                    )?;
                    failed = true;
                }
            }
        }
        if failed {
            connection.execute(
                "delete from failure where id <= (select max(id) from failure) - $1",
                &[&FAILURES_KEPT],
            )?;
        }
        Ok(vec![(); events.len()])
    }
}
