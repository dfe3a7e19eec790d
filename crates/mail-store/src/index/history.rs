//! The log of messages that went.

use super::Look;
use crate::StoreError;

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
