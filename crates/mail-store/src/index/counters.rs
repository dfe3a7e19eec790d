//! The counters of mailboxes: kept by triggers, and what they should be.

use mail_types::MailboxId;
use sqlx::Row;

use super::Look;
use crate::StoreError;

/// What is counted of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counters {
    pub(crate) messages: i64,
    pub(crate) unseen: i64,
    pub(crate) deleted: i64,
    pub(crate) octets: i64,
    pub(crate) recent: i64,
}

impl std::fmt::Display for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { messages, unseen, deleted, octets, recent } = self;
        write!(
            f,
            "{messages} messages, {unseen} unseen, {deleted} deleted, {recent} recent, {octets} octets"
        )
    }
}

/// The counters of each mailbox as they are kept, and as its rows say.
pub(crate) async fn kept_and_true(
    look: &mut Look,
) -> Result<Vec<(MailboxId, Counters, Counters)>, StoreError> {
    let failed = look.failed("count messages");
    let rows = sqlx::query(
        "select b.id, b.messages, b.unseen, b.deleted, b.octets, b.recent, count(m.uid),
             coalesce(sum(m.flags & 1 = 0), 0), coalesce(sum(m.flags & 8 <> 0), 0),
             coalesce(sum(m.size), 0), coalesce(sum(m.uid >= b.recent_from), 0)
         from mailboxes b left join messages m on m.mailbox = b.id group by b.id",
    )
    .fetch_all(look.db()?)
    .await
    .map_err(&failed)?;
    let row = |row: &sqlx::sqlite::SqliteRow| {
        let kept = |at| row.try_get::<i64, _>(at);
        let is = Counters {
            messages: kept(1)?,
            unseen: kept(2)?,
            deleted: kept(3)?,
            octets: kept(4)?,
            recent: kept(5)?,
        };
        let should_be = Counters {
            messages: kept(6)?,
            unseen: kept(7)?,
            deleted: kept(8)?,
            octets: kept(9)?,
            recent: kept(10)?,
        };
        Ok((MailboxId(kept(0)?), is, should_be))
    };
    rows.iter().map(row).collect::<Result<_, sqlx::Error>>().map_err(failed)
}

/// Counts all mailboxes anew.
pub(crate) async fn recount(look: &mut Look) -> Result<(), StoreError> {
    let failed = look.failed("count messages anew");
    sqlx::query(
        "update mailboxes set
             messages = (select count(*) from messages where mailbox = id),
             unseen = (select count(*) from messages where mailbox = id and flags & 1 = 0),
             deleted = (select count(*) from messages where mailbox = id and flags & 8 <> 0),
             octets = (select coalesce(sum(size), 0) from messages where mailbox = id),
             recent = (select count(*) from messages where mailbox = id and uid >= recent_from);
         update account set version = version + 1;",
    )
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}
