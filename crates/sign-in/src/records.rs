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
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use stable_storage::{Apply, Database, DatabaseError, Durability, Migration, Opening, Writer};

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

    async fn apply(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[Event],
    ) -> Result<Vec<()>, DatabaseError> {
        // The statements are built before anything is awaited: closures over borrowed rows and
        // futures that move between threads don't go together.
        if let Some(mut statement) = insert_sign_ins(events) {
            statement.build().execute(&mut *connection).await?;
        }
        if let Some(mut statement) = insert_failures(events) {
            statement.build().execute(&mut *connection).await?;
            sqlx::query("delete from failure where id <= (select max(id) from failure) - ?")
                .bind(FAILURES_KEPT)
                .execute(connection)
                .await?;
        }
        Ok(vec![(); events.len()])
    }
}

fn insert_sign_ins(events: &[Event]) -> Option<QueryBuilder<Sqlite>> {
    let sign_ins = events.iter().filter_map(|event| match event {
        Event::SignedIn { account, origin, now } => Some((account, origin, now)),
        Event::Failed { .. } => None,
    });
    let mut rows = sign_ins.peekable();
    rows.peek()?;
    let mut statement = QueryBuilder::new("insert or replace into last_sign_in ");
    statement.push_values(rows, |mut row, (account, origin, now)| {
        row.push_bind(account.0)
            .push_bind(origin.protocol.as_str())
            .push_bind(origin.address.to_string())
            .push_bind(now.millis());
    });
    Some(statement)
}

fn insert_failures(events: &[Event]) -> Option<QueryBuilder<Sqlite>> {
    let failures = events.iter().filter_map(|event| match event {
        Event::Failed { name, cause, origin, now } => Some((name, cause, origin, now)),
        Event::SignedIn { .. } => None,
    });
    let mut rows = failures.peekable();
    rows.peek()?;
    let mut statement =
        QueryBuilder::new("insert into failure (at_ms, protocol, address, name, cause) ");
    statement.push_values(rows, |mut row, (name, cause, origin, now)| {
        row.push_bind(now.millis())
            .push_bind(origin.protocol.as_str())
            .push_bind(origin.address.to_string())
            .push_bind(name.clone())
            .push_bind(*cause);
    });
    Some(statement)
}
