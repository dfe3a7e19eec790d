//! `sign-ins.db`: who signed in last, by which device and from where; the last failures; and what is
//! blocked because of them.
//!
//! Shared by all agents that ask for passwords: what one has seen counts for the others within a
//! second. Nobody waits for it, and a crash of the machine may lose the last rows. A stranger can
//! cause failures at will: only the newest are kept.

mod tables;
mod write;

use std::{
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};

use mail_types::{AccountId, Timestamp};
use stable_storage::{Database, DatabaseError, Durability, Opening, Writer};

pub use write::{BlockKind, BlockLimits};
pub(crate) use write::{Event, Failure, KNOWN_FOR};

use tables::TABLES;
use write::Write;

/// So many events wait to be written in one process; further ones are lost.
const WAITING_MAX: usize = 500;

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

/// When and from where an account signed in last, by one device and protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSignIn {
    /// What the app password or the certificate is called; empty for the password.
    pub device: String,
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

/// Something that is blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is of.
    pub kind: BlockKind,
    /// Which.
    pub subject: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: String,
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

    /// Has an event written some time soon; `begun` hears of blocks that follow from it.
    pub(crate) fn write(&self, event: Event, begun: impl FnOnce(Vec<Block>) + Send + 'static) {
        let Some(writer) = self.writer.clone() else { return };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let waiting = Arc::clone(&self.waiting);
        tokio::spawn(async move {
            match writer.submit(event).await {
                Ok(blocks) => begun(blocks),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a sign-in was not written down"
                ),
            }
            waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The last sign-ins of an account, by device and protocol.
    pub async fn last_sign_ins(
        &self,
        account: AccountId,
    ) -> Result<Vec<LastSignIn>, DatabaseError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "select device, protocol, address, at_ms from last_use where account = ? \
             order by device, protocol",
        )
        .bind(account.0)
        .fetch_all(self.database.reader())
        .await?;
        let row = |(device, protocol, address, at)| LastSignIn {
            device,
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

    /// What is blocked at this time, the oldest first.
    pub async fn blocks(&self, now: Timestamp) -> Result<Vec<Block>, DatabaseError> {
        let rows: Vec<(String, String, i64, i64, String)> = sqlx::query_as(
            "select kind, subject, since_ms, until_ms, reason from block where until_ms > ? \
             order by since_ms",
        )
        .bind(now.millis())
        .fetch_all(self.database.reader())
        .await?;
        let row = |(kind, subject, since, until, reason): (String, _, _, _, _)| {
            Some(Block {
                kind: BlockKind::parse(&kind)?,
                subject,
                since: Timestamp::from_millis(since),
                until: Timestamp::from_millis(until),
                reason,
            })
        };
        Ok(rows.into_iter().filter_map(row).collect())
    }

    /// Lifts the blocks of an address or an account, and gives those that there were. What led to
    /// them no longer counts.
    pub async fn lift(&self, subject: &str) -> Result<Vec<Block>, DatabaseError> {
        self.database.writer(Write)?.submit(Event::Lifted(subject.to_owned())).await
    }

    /// Whether an account has signed in from a network lately.
    pub(crate) async fn is_known_to(
        &self,
        account: AccountId,
        network: &str,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let since = now.millis().saturating_sub(i64::try_from(KNOWN_FOR.as_millis()).unwrap_or(0));
        let row = sqlx::query(
            "select 1 from good_network where network = ? and account = ? and at_ms > ?",
        )
        .bind(network)
        .bind(account.0)
        .bind(since)
        .fetch_optional(self.database.reader())
        .await?;
        Ok(row.is_some())
    }
}
