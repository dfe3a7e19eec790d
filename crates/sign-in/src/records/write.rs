//! What is written down, and the blocks that follow from it: in one transaction, so that all agents
//! count together.

use std::time::Duration;

use mail_types::{AccountId, Timestamp};
use stable_storage::{Apply, DatabaseError, Direct};

use super::Block;
use crate::Origin;

/// So many failures are kept, all agents together.
const FAILURES_KEPT: i64 = 10_000;
/// A network with a good sign-in within this time is not blocked.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When guessing is blocked, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BlockLimits {
    /// After so many different wrong secrets from a network; 0 is never.
    pub address_after: u32,
    /// After so many different wrong secrets for an account; 0 is never.
    pub account_after: u32,
    /// Within this time.
    pub within: Duration,
    /// For how long.
    pub lasting: Duration,
}

/// What a block is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// An address, or a /64 network.
    Address,
    /// An account, from where it has not signed in before.
    Account,
}

impl BlockKind {
    /// Its name in tables and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Address, Self::Account].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What is written down.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    SignedIn {
        account: AccountId,
        device: String,
        origin: Origin,
        /// Whose address says something about who is there.
        network: Option<String>,
        now: Timestamp,
    },
    Failed(Failure),
    /// Blocks of this subject are lifted, and what led to them no longer counts.
    Lifted(String),
}

/// A failed sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) name: String,
    pub(crate) cause: &'static str,
    pub(crate) origin: Origin,
    /// What it counts against; nothing where it does not count.
    pub(crate) network: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) mark: u16,
    pub(crate) limits: BlockLimits,
    pub(crate) now: Timestamp,
}

/// Writes events, many at once; the answer is the blocks that begin, or end.
pub(super) struct Write;

impl Apply for Write {
    type Job = Event;
    type Answer = Vec<Block>;
    type Error = DatabaseError;

    fn apply(
        &mut self,
        connection: &Direct,
        events: &[Event],
    ) -> Result<Vec<Vec<Block>>, DatabaseError> {
        events
            .iter()
            .map(|event| match event {
                Event::SignedIn { account, device, origin, network, now } => {
                    let place = (origin.protocol.as_str(), origin.address.to_string());
                    connection.execute(
                        "insert or replace into last_use values ($1, $2, $3, $4, $5)",
                        &[&account.0, device, &place.0, &place.1, &now.millis()],
                    )?;
                    if let Some(network) = network {
                        for account in [account.0, 0] {
                            connection.execute(
                                "insert or replace into good_network values ($1, $2, $3)",
                                &[network, &account, &now.millis()],
                            )?;
                        }
                    }
                    Ok(Vec::new())
                }
                Event::Failed(failure) => failed(connection, failure),
                Event::Lifted(subject) => lifted(connection, subject),
            })
            .collect()
    }
}

fn failed(connection: &Direct, failure: &Failure) -> Result<Vec<Block>, DatabaseError> {
    let Failure { name, cause, origin, network, subject, mark, now, .. } = failure;
    let (protocol, address) = (origin.protocol.as_str(), origin.address.to_string());
    let network = network.as_deref().unwrap_or_default();
    let subject = subject.as_deref().unwrap_or_default();
    connection.execute(
        "insert into failure (at_ms, protocol, address, name, cause, network, subject, mark, counted)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
        &[&now.millis(), &protocol, &address, name, cause, &network, &subject, &i64::from(*mark)],
    )?;
    connection.execute(
        "delete from failure where id <= (select max(id) from failure) - $1",
        &[&FAILURES_KEPT],
    )?;
    let long_ago = now.millis().saturating_sub(millis(KNOWN_FOR));
    connection.execute("delete from good_network where at_ms < $1", &[&long_ago])?;
    connection.execute("delete from block where until_ms <= $1", &[&now.millis()])?;

    let mut begun = Vec::new();
    if !network.is_empty() && !is_known(connection, network)? {
        let text = "select count(distinct mark) from failure
                    where network = $1 and at_ms > $2 and counted";
        let limit = failure.limits.address_after;
        begun.extend(block(connection, failure, (BlockKind::Address, network), text, limit)?);
    }
    if !subject.is_empty() {
        let text = "select count(distinct mark) from failure
                    where subject = $1 and at_ms > $2 and counted";
        let limit = failure.limits.account_after;
        begun.extend(block(connection, failure, (BlockKind::Account, subject), text, limit)?);
    }
    Ok(begun)
}

fn lifted(connection: &Direct, subject: &str) -> Result<Vec<Block>, DatabaseError> {
    let mut ended = Vec::new();
    let text = "select kind, since_ms, until_ms, reason from block where subject = $1";
    connection.run(text, &[&subject], |row| {
        let (kind, subject) = (row.get::<_, String>(0)?, subject.to_owned());
        let (since, until, reason) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let (since, until) = (Timestamp::from_millis(since), Timestamp::from_millis(until));
        let kind = BlockKind::parse(&kind);
        ended.extend(kind.map(|kind| Block { kind, subject, since, until, reason }));
        Ok(())
    })?;
    connection.execute(
        "delete from block where subject = $1;
         update failure set counted = 0 where network = $1 or subject = $1",
        &[&subject],
    )?;
    Ok(ended)
}

/// Whether somebody has signed in from there lately.
fn is_known(connection: &Direct, network: &str) -> Result<bool, DatabaseError> {
    let mut known = false;
    connection.run(
        "select 1 from good_network where network = $1 and account = 0",
        &[&network],
        |_| {
            known = true;
            Ok(())
        },
    )?;
    Ok(known)
}

/// Begins a block if there were too many; one that stands is not made longer.
fn block(
    connection: &Direct,
    failure: &Failure,
    (kind, subject): (BlockKind, &str),
    text: &str,
    limit: u32,
) -> Result<Option<Block>, DatabaseError> {
    let now = failure.now;
    let since = now.millis().saturating_sub(millis(failure.limits.within));
    let mut count = 0_i64;
    connection.run(text, &[&subject, &since], |row| {
        count = row.get(0)?;
        Ok(())
    })?;
    if limit == 0 || count < i64::from(limit) {
        return Ok(None);
    }
    let block = Block {
        kind,
        subject: subject.to_owned(),
        since: now,
        until: now.plus(failure.limits.lasting),
        reason: format!("{count} different wrong passwords"),
    };
    let begun = connection.execute(
        "insert or ignore into block values ($1, $2, $3, $4, $5)",
        &[&kind.as_str(), &subject, &now.millis(), &block.until.millis(), &block.reason],
    )?;
    Ok((begun > 0).then_some(block))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
