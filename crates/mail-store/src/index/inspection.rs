//! What checking and mending ask of the tables, and change in them.

use mail_types::{MailboxId, Uid};

use super::{Look, rows::Parsed, sorting};
use crate::{StoreError, object_ids::EmailId};

/// What the database finds wrong with itself; nothing if it is whole.
pub(crate) async fn damage(look: &mut Look) -> Result<Vec<String>, StoreError> {
    let failed = look.failed("check the database");
    let lines: Vec<String> = sqlx::query_scalar("pragma integrity_check(20)")
        .fetch_all(look.db()?)
        .await
        .map_err(failed)?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// The highest numbers that rows of a mailbox have; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Highest {
    pub(crate) uid: i64,
    pub(crate) modseq: i64,
}

/// The highest UID and modseq of messages that are there or went.
pub(crate) async fn highest(look: &mut Look, mailbox: MailboxId) -> Result<Highest, StoreError> {
    let failed = look.failed("look for the highest numbers");
    let (uid, modseq): (i64, i64) = sqlx::query_as(
        "select
             max(coalesce((select max(uid) from messages where mailbox = ?1), 0),
                 coalesce((select max(uid) from expunged where mailbox = ?1), 0)),
             max(coalesce((select max(modseq) from messages where mailbox = ?1), 0),
                 coalesce((select max(modseq) from expunged where mailbox = ?1), 0))",
    )
    .bind(mailbox.0)
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(Highest { uid, modseq })
}

/// Messages of which nothing parsed is there.
pub(crate) async fn without_details(
    look: &mut Look,
    mailbox: MailboxId,
) -> Result<Vec<Uid>, StoreError> {
    list(
        look,
        mailbox,
        "select group_concat(uid) from (select m.uid from messages m where m.mailbox = ?
             and not exists (select 1 from details d where d.mailbox = m.mailbox and d.uid = m.uid)
         order by m.uid)",
    )
    .await
}

/// UIDs of which something parsed is there, and no message, nor was one a moment ago.
pub(crate) async fn details_of_none(
    look: &mut Look,
    mailbox: MailboxId,
) -> Result<Vec<Uid>, StoreError> {
    list(
        look,
        mailbox,
        "select group_concat(uid) from (select d.uid from details d where d.mailbox = ?
             and not exists (select 1 from messages m where m.mailbox = d.mailbox and m.uid = d.uid)
             and not exists (select 1 from parsed_left l
                 where l.mailbox = d.mailbox and d.uid between l.first and l.last)
         order by d.uid)",
    )
    .await
}

async fn list(
    look: &mut Look,
    mailbox: MailboxId,
    sql: &'static str,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("compare messages and details");
    let list: Option<String> =
        sqlx::query_scalar(sql).bind(mailbox.0).fetch_one(look.db()?).await.map_err(failed)?;
    Ok(listed_uids(&list.unwrap_or_default()))
}

/// Removes what belongs to no message.
pub(crate) async fn remove_details_of_none(
    look: &mut Look,
    mailbox: MailboxId,
) -> Result<(), StoreError> {
    let failed = look.failed("remove details");
    sqlx::query(
        "delete from details where mailbox = $1
             and uid not in (select uid from messages where mailbox = $1);
         delete from sort_keys where mailbox = $1
             and uid not in (select uid from messages where mailbox = $1);",
    )
    .bind(mailbox.0)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Writes what was parsed of a message in the place of what was there.
pub(crate) async fn replace_parsed(
    look: &mut Look,
    mailbox: MailboxId,
    uid: Uid,
    parsed: &Parsed,
) -> Result<(), StoreError> {
    let failed = look.failed("write details");
    sqlx::query(
        "insert or replace into details (mailbox, uid, envelope, structure, email_id, preview)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(mailbox.0)
    .bind(i64::from(uid.number()))
    .bind(&parsed.envelope)
    .bind(&parsed.structure)
    .bind(parsed.email_id.as_ref().map(EmailId::as_octets))
    .bind(parsed.preview.as_deref())
    .execute(look.db()?)
    .await
    .map_err(&failed)?;
    sqlx::query("delete from sort_keys where mailbox = ? and uid = ?")
        .bind(mailbox.0)
        .bind(i64::from(uid.number()))
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    match &parsed.keys {
        Some(keys) => sorting::insert(look, mailbox, &[(uid, keys)]).await,
        None => sorting::set_missing(look, mailbox, true).await,
    }
}

fn listed_uids(list: &str) -> Vec<Uid> {
    list.split(',').filter_map(|text| text.parse().ok()).filter_map(Uid::new).collect()
}
