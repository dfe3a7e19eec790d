//! Rows of mailboxes, subscriptions, and the account's own row.

use mail_types::{MailboxId, MailboxName, Uid, UidValidity};
use sqlx::{Row, sqlite::SqliteRow};

use super::Look;
use crate::{SpecialUse, StoreError, Totals};

/// A mailbox's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MailboxRow {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    /// Its folder, below the account's.
    pub(crate) dir: String,
    pub(crate) special_use: Option<SpecialUse>,
    pub(crate) uid_validity: UidValidity,
    /// One more than the last UID given; may be one more than there are.
    pub(crate) uid_next: i64,
    pub(crate) uids_below: i64,
    /// That of the last change.
    pub(crate) modseq: i64,
    pub(crate) modseqs_below: i64,
    pub(crate) recent_from: i64,
    pub(crate) times: FolderTimes,
    /// When its folder was last listed, in milliseconds.
    pub(crate) compared: i64,
}

/// Modification times of new/ and cur/, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FolderTimes {
    pub(crate) new: i64,
    pub(crate) cur: i64,
}

/// The columns of [`row`], in its order.
macro_rules! columns {
    () => {
        "id, name, dir, special_use, uid_validity, uid_next, uids_below, modseq, modseqs_below, \
         recent_from, new_time, cur_time, compared"
    };
}

pub(super) use columns;

fn row(row: &SqliteRow) -> Result<MailboxRow, sqlx::Error> {
    Ok(MailboxRow {
        id: MailboxId(row.try_get(0)?),
        name: name(row.try_get(1)?)?,
        dir: row.try_get(2)?,
        special_use: row.try_get::<Option<&str>, _>(3)?.and_then(SpecialUse::parse),
        uid_validity: uid_validity(row.try_get(4)?),
        uid_next: row.try_get(5)?,
        uids_below: row.try_get(6)?,
        modseq: row.try_get(7)?,
        modseqs_below: row.try_get(8)?,
        recent_from: row.try_get(9)?,
        times: FolderTimes { new: row.try_get(10)?, cur: row.try_get(11)? },
        compared: row.try_get(12)?,
    })
}

fn name(text: &str) -> Result<MailboxName, sqlx::Error> {
    MailboxName::parse(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A UIDVALIDITY of a column.
pub(crate) fn uid_validity(number: i64) -> UidValidity {
    u32::try_from(number).ok().and_then(UidValidity::new).unwrap_or(UidValidity::MAX)
}

/// A UID of a column; what is beyond the last one is the last one.
pub(crate) fn uid(number: i64) -> Uid {
    u32::try_from(number).ok().and_then(Uid::new).unwrap_or(Uid::MAX)
}

/// All mailboxes, by id.
pub(crate) async fn all(look: &mut Look) -> Result<Vec<MailboxRow>, StoreError> {
    let failed = look.failed("read the mailboxes");
    let rows = sqlx::query(concat!("select ", columns!(), " from mailboxes order by id"))
        .fetch_all(look.db()?)
        .await
        .map_err(&failed)?;
    rows.iter().map(row).collect::<Result<_, _>>().map_err(failed)
}

/// One mailbox.
pub(crate) async fn by_id(look: &mut Look, id: MailboxId) -> Result<MailboxRow, StoreError> {
    let failed = look.failed("read a mailbox");
    let found = sqlx::query(concat!("select ", columns!(), " from mailboxes where id = ?"))
        .bind(id.0)
        .fetch_optional(look.db()?)
        .await
        .map_err(&failed)?;
    found.as_ref().map(row).transpose().map_err(failed)?.ok_or(StoreError::MailboxGone(id))
}

/// One mailbox, if there is one of this name.
pub(crate) async fn by_name(
    look: &mut Look,
    name: &MailboxName,
) -> Result<Option<MailboxRow>, StoreError> {
    let failed = look.failed("read a mailbox");
    let found = sqlx::query(concat!("select ", columns!(), " from mailboxes where name = ?"))
        .bind(name.as_str())
        .fetch_optional(look.db()?)
        .await
        .map_err(&failed)?;
    found.as_ref().map(row).transpose().map_err(failed)
}

/// Writes a row, new or known; its counters are left to the triggers. The expunge log of a new one
/// begins here.
pub(crate) async fn save(look: &mut Look, mailbox: &MailboxRow) -> Result<(), StoreError> {
    let failed = look.failed("write a mailbox");
    sqlx::query(
        "insert into mailboxes (id, name, dir, special_use, uid_validity, uid_next, uids_below,
             modseq, modseqs_below, recent_from, new_time, cur_time, compared, expunges_since)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?8)
         on conflict (id) do update set
             name = excluded.name, dir = excluded.dir, special_use = excluded.special_use,
             uid_validity = excluded.uid_validity, uid_next = excluded.uid_next,
             uids_below = excluded.uids_below, modseq = excluded.modseq,
             modseqs_below = excluded.modseqs_below, recent_from = excluded.recent_from,
             new_time = excluded.new_time, cur_time = excluded.cur_time,
             compared = excluded.compared",
    )
    .bind(mailbox.id.0)
    .bind(mailbox.name.as_str())
    .bind(&mailbox.dir)
    .bind(mailbox.special_use.map(SpecialUse::as_str))
    .bind(i64::from(mailbox.uid_validity.number()))
    .bind(mailbox.uid_next)
    .bind(mailbox.uids_below)
    .bind(mailbox.modseq)
    .bind(mailbox.modseqs_below)
    .bind(mailbox.recent_from)
    .bind(mailbox.times.new)
    .bind(mailbox.times.cur)
    .bind(mailbox.compared)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Removes a mailbox with its messages and its history.
pub(crate) async fn remove(look: &mut Look, id: MailboxId) -> Result<(), StoreError> {
    let failed = look.failed("remove a mailbox");
    for sql in [
        // Those that a trigger would remove one by one go together before.
        "delete from details where mailbox = ?",
        "delete from sort_keys where mailbox = ?",
        "delete from parsed_left where mailbox = ?",
        "delete from messages where mailbox = ?",
        "delete from expunged where mailbox = ?",
        "delete from mailboxes where id = ?",
    ] {
        sqlx::query(sql).bind(id.0).execute(look.db()?).await.map_err(&failed)?;
    }
    Ok(())
}

/// How many messages a mailbox has.
pub(crate) async fn messages(look: &mut Look, id: MailboxId) -> Result<usize, StoreError> {
    let failed = look.failed("count the messages of a mailbox");
    let count: Option<i64> = sqlx::query_scalar("select messages from mailboxes where id = ?")
        .bind(id.0)
        .fetch_optional(look.db()?)
        .await
        .map_err(failed)?;
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
}

/// The names that are subscribed.
pub(crate) async fn subscriptions(look: &mut Look) -> Result<Vec<MailboxName>, StoreError> {
    let failed = look.failed("read the subscriptions");
    let rows: Vec<String> = sqlx::query_scalar("select name from subscriptions order by name")
        .fetch_all(look.db()?)
        .await
        .map_err(failed)?;
    Ok(rows.iter().filter_map(|text| MailboxName::parse(text).ok()).collect())
}

/// Adds or removes a subscription.
pub(crate) async fn subscribe(
    look: &mut Look,
    name: &MailboxName,
    subscribed: bool,
) -> Result<(), StoreError> {
    let failed = look.failed("write a subscription");
    let sql = if subscribed {
        "insert into subscriptions (name) values (?) on conflict do nothing"
    } else {
        "delete from subscriptions where name = ?"
    };
    sqlx::query(sql).bind(name.as_str()).execute(look.db()?).await.map_err(failed)?;
    Ok(())
}

/// Octets and messages of all mailboxes.
pub(crate) async fn totals(look: &mut Look) -> Result<Totals, StoreError> {
    let failed = look.failed("read the totals");
    let (octets, messages, version): (i64, i64, i64) = sqlx::query_as(
        "select coalesce(sum(octets), 0), coalesce(sum(messages), 0),
             (select version from account) from mailboxes",
    )
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    let natural = |number| u64::try_from(number).unwrap_or(0);
    Ok(Totals { octets: natural(octets), messages: natural(messages), version })
}

/// The boot id of the last opening; none in an empty index.
pub(crate) async fn boot(look: &mut Look) -> Result<Option<String>, StoreError> {
    let failed = look.failed("read the account");
    sqlx::query_scalar("select boot from account").fetch_optional(look.db()?).await.map_err(failed)
}

/// Notes the boot id of this opening; `version` is that of the totals in a new index.
pub(crate) async fn save_boot(look: &mut Look, boot: &str, version: i64) -> Result<(), StoreError> {
    let failed = look.failed("write the account");
    sqlx::query(
        "insert into account (one, boot, version) values (1, ?, ?)
         on conflict (one) do update set boot = excluded.boot",
    )
    .bind(boot)
    .bind(version)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}
