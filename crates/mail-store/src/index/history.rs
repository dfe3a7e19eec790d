//! What happened in a mailbox since a modseq: rows that changed, and the log of those that went.

use mail_types::{MailboxId, ModSeq, Uid};
use sqlx::{QueryBuilder, Sqlite};

use super::{
    Look,
    mailboxes::uid,
    messages::{modseq, packed},
};
use crate::{MessageFlags, StoreError, UidSet};

/// The UIDs below `below` that are there or went after `since`: those of a former moment.
pub(crate) async fn uids_at(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
    below: i64,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("list UIDs");
    // One row: a million rows would cost a second, a million numbers in one text don't.
    let list: Option<String> = sqlx::query_scalar(
        "select group_concat(uid) from (
             select uid from messages where mailbox = ?1 and uid < ?3
             union
             select uid from expunged where mailbox = ?1 and modseq > ?2 and uid < ?3
             order by uid)",
    )
    .bind(mailbox.0)
    .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
    .bind(below)
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(listed_uids(&list.unwrap_or_default()))
}

/// The same as ranges. A mailbox without a gap between its UIDs is not walked through, so that it
/// costs the same whatever is in it.
pub(crate) async fn numbering_at(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
    below: i64,
) -> Result<UidSet, StoreError> {
    let failed = look.failed("look for gaps between UIDs");
    let facts: Option<(Option<i64>, Option<i64>, i64, bool)> = sqlx::query_as(
        "select (select min(uid) from messages where mailbox = ?1),
             (select max(uid) from messages where mailbox = ?1), messages,
             exists (select 1 from expunged where mailbox = ?1 and modseq > ?2)
         from mailboxes where id = ?1",
    )
    .bind(mailbox.0)
    .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
    .fetch_optional(look.db()?)
    .await
    .map_err(failed)?;
    match facts {
        Some((Some(first), Some(last), count, false))
            if last.saturating_sub(first).saturating_add(1) == count =>
        {
            let last = last.min(below.saturating_sub(1));
            Ok(if first > last { UidSet::default() } else { UidSet::range(uid(first)..=uid(last)) })
        }
        _ => Ok(uids_at(look, mailbox, since, below).await?.into_iter().collect()),
    }
}

pub(super) fn listed_uids(list: &str) -> Vec<Uid> {
    list.split(',').filter_map(|text| text.parse().ok()).filter_map(Uid::new).collect()
}

/// The UIDs of messages that came or changed after `since`, ascending.
pub(crate) async fn uids_changed_since(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("list changed UIDs");
    // One row, as above.
    let list: Option<String> = sqlx::query_scalar(
        "select group_concat(uid) from (
             select uid from messages where mailbox = ?1 and modseq > ?2 order by uid)",
    )
    .bind(mailbox.0)
    .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(listed_uids(&list.unwrap_or_default()))
}

/// Messages that came or changed after `since`, by UID.
pub(crate) async fn changed_since(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<Vec<MessageFlags>, StoreError> {
    let failed = look.failed("read changes");
    let mut sql = QueryBuilder::<Sqlite>::new("select group_concat(");
    sql.push(packed::FLAG_ROW).push(", '') from messages m where m.mailbox = ");
    sql.push_bind(mailbox.0).push(" and m.modseq > ");
    sql.push_bind(i64::try_from(since.0).unwrap_or(i64::MAX));
    let rows: Option<String> =
        sql.build_query_scalar().fetch_one(look.db()?).await.map_err(&failed)?;
    packed::flag_rows(&rows.unwrap_or_default()).ok_or_else(|| failed(packed::no_such_rows()))
}

/// Whether all that went after `since` is in the log.
pub(crate) async fn log_reaches(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<bool, StoreError> {
    let failed = look.failed("read how far the expunge log reaches");
    let from: Option<i64> = sqlx::query_scalar("select expunges_since from mailboxes where id = ?")
        .bind(mailbox.0)
        .fetch_optional(look.db()?)
        .await
        .map_err(failed)?;
    Ok(modseq(from.ok_or(StoreError::MailboxGone(mailbox))?) <= since)
}

/// Messages that went after `since`, by UID.
pub(crate) async fn expunged_since(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("read the expunge log");
    // One row, as above.
    let list: Option<String> = sqlx::query_scalar(
        "select group_concat(uid) from (
             select distinct uid from expunged where mailbox = ? and modseq > ? order by uid)",
    )
    .bind(mailbox.0)
    .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(listed_uids(&list.unwrap_or_default()))
}

/// Some of the log may be missing: what went up to now is not told from it any more.
pub(crate) async fn begin_logs_anew(look: &mut Look) -> Result<(), StoreError> {
    let failed = look.failed("begin the expunge log anew");
    sqlx::query("update mailboxes set expunges_since = modseq")
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Forgets what went before `before` (milliseconds).
pub(crate) async fn forget_expunged(look: &mut Look, before: i64) -> Result<(), StoreError> {
    let failed = look.failed("shorten the expunge log");
    // The first rows of a mailbox are its oldest.
    let old: bool = sqlx::query_scalar(
        "select exists (select 1 from mailboxes b where
             (select gone_at from expunged where mailbox = b.id order by modseq limit 1) < ?)",
    )
    .bind(before)
    .fetch_one(look.db()?)
    .await
    .map_err(&failed)?;
    if !old {
        return Ok(());
    }
    sqlx::query(
        "update mailboxes set expunges_since = max(expunges_since, coalesce(
             (select max(modseq) from expunged where mailbox = id and gone_at < $1), 0));
         delete from expunged where gone_at < $1;",
    )
    .bind(before)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Whether the log has more rows than this.
pub(crate) async fn log_is_longer_than(look: &mut Look, rows: i64) -> Result<bool, StoreError> {
    let failed = look.failed("measure the expunge log");
    sqlx::query_scalar("select exists (select 1 from expunged limit 1 offset ?)")
        .bind(rows)
        .fetch_one(look.db()?)
        .await
        .map_err(failed)
}

/// What only an index knows of a mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    mailbox: i64,
    uid_validity: i64,
    recent_from: i64,
    expunges_since: i64,
    /// Of those that went: modseq, UID, and when.
    expunged: Vec<(i64, i64, i64)>,
}

/// Reads what only this index knows.
pub(crate) async fn take(look: &mut Look) -> Result<Vec<Kept>, StoreError> {
    let failed = look.failed("read what only the index knows");
    let rows: Vec<(i64, i64, i64, i64)> =
        sqlx::query_as("select id, uid_validity, recent_from, expunges_since from mailboxes")
            .fetch_all(look.db()?)
            .await
            .map_err(&failed)?;
    let mut kept = Vec::new();
    for (mailbox, uid_validity, recent_from, expunges_since) in rows {
        let expunged =
            sqlx::query_as("select modseq, uid, gone_at from expunged where mailbox = ?")
                .bind(mailbox)
                .fetch_all(look.db()?)
                .await
                .map_err(&failed)?;
        kept.push(Kept { mailbox, uid_validity, recent_from, expunges_since, expunged });
    }
    Ok(kept)
}

/// Writes what another index knew of mailboxes that are still in the same epoch.
pub(crate) async fn restore(look: &mut Look, kept: &[Kept]) -> Result<(), StoreError> {
    let failed = look.failed("write what only an index knows");
    for Kept { mailbox, uid_validity, recent_from, expunges_since, expunged } in kept {
        let same = sqlx::query(
            "update mailboxes set recent_from = ?, expunges_since = ?
             where id = ? and uid_validity = ?",
        )
        .bind(recent_from)
        .bind(expunges_since)
        .bind(mailbox)
        .bind(uid_validity)
        .execute(look.db()?)
        .await
        .map_err(&failed)?;
        if same.rows_affected() == 0 {
            continue;
        }
        let rows: Vec<String> =
            expunged.iter().map(|(modseq, uid, at)| format!("[{modseq},{uid},{at}]")).collect();
        sqlx::query(
            "insert into expunged (mailbox, modseq, uid, gone_at)
             select ?, value ->> 0, value ->> 1, value ->> 2 from json_each(?)
             where true on conflict do nothing",
        )
        .bind(mailbox)
        .bind(format!("[{}]", rows.join(",")))
        .execute(look.db()?)
        .await
        .map_err(&failed)?;
    }
    Ok(())
}

/// All UIDs below `below` that no message has; none if they are more than `most`. For whoever can't
/// be told from the log.
pub(crate) async fn uids_of_none(
    look: &mut Look,
    mailbox: MailboxId,
    below: i64,
    most: usize,
) -> Result<Option<Vec<Uid>>, StoreError> {
    let failed = look.failed("look for UIDs that are gone");
    let gaps: Vec<(i64, i64)> = sqlx::query_as(
        "select former + 1, uid - 1 from (
             select uid, lag(uid, 1, 0) over (order by uid) as former from (
                 select uid from messages where mailbox = ?1 and uid < ?2
                 union all select ?2))
         where uid > former + 1 limit 100000",
    )
    .bind(mailbox.0)
    .bind(below)
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let number: i64 = gaps.iter().map(|(first, last)| last - first + 1).sum();
    if usize::try_from(number).unwrap_or(usize::MAX) > most || gaps.len() == 100_000 {
        return Ok(None);
    }
    Ok(Some(gaps.into_iter().flat_map(|(first, last)| first..=last).map(uid).collect()))
}
