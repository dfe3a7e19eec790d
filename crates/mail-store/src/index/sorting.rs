//! Rows of what messages are sorted and threaded by.

use mail_types::{MailboxId, Uid};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{
    Look,
    history::listed_uids,
    mailboxes::uid,
    rows::{ROWS_MAX, key_columns},
};
use crate::{
    SortBy, SortKey, StoreError, Threadable, UidSet,
    sort_keys::{StoredKeys, decode},
};

/// Adds keys of messages; those that have some keep them, and those that are gone get none.
pub(crate) async fn insert(
    look: &mut Look,
    mailbox: MailboxId,
    keys: &[(Uid, &StoredKeys)],
) -> Result<(), StoreError> {
    let failed = look.failed("add sort keys");
    for chunk in keys.chunks(ROWS_MAX) {
        let mut sql = QueryBuilder::<Sqlite>::new(concat!(
            "insert into sort_keys (",
            key_columns!(),
            ") select v.* from ("
        ));
        sql.push_values(chunk, |mut values, (uid, keys)| {
            values
                .push_bind(mailbox.0)
                .push_bind(i64::from(uid.number()))
                .push_bind(keys.sent)
                .push_bind(&keys.subject)
                .push_bind(&keys.from)
                .push_bind(&keys.to)
                .push_bind(&keys.cc)
                .push_bind(&keys.shown_from)
                .push_bind(&keys.shown_to)
                .push_bind(&keys.ids);
        });
        sql.push(
            ") v cross join messages m where m.mailbox = v.column1 and m.uid = v.column2
             on conflict do nothing",
        );
        sql.build().execute(look.db()?).await.map_err(&failed)?;
    }
    Ok(())
}

/// Whether messages of the mailbox have no keys: they came when none were kept.
pub(crate) async fn is_missing(look: &mut Look, mailbox: MailboxId) -> Result<bool, StoreError> {
    let failed = look.failed("look for sort keys");
    let missing: Option<bool> =
        sqlx::query_scalar("select keys_missing from mailboxes where id = ?")
            .bind(mailbox.0)
            .fetch_optional(look.db()?)
            .await
            .map_err(failed)?;
    missing.ok_or(StoreError::MailboxGone(mailbox))
}

/// Notes whether messages have none.
pub(crate) async fn set_missing(
    look: &mut Look,
    mailbox: MailboxId,
    missing: bool,
) -> Result<(), StoreError> {
    let failed = look.failed("note missing sort keys");
    sqlx::query("update mailboxes set keys_missing = ? where id = ?")
        .bind(missing)
        .bind(mailbox.0)
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Messages from this UID on that have no keys; at most so many, by UID.
pub(crate) async fn without(
    look: &mut Look,
    mailbox: MailboxId,
    from: Uid,
    limit: i64,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("look for messages without sort keys");
    let rows: Vec<i64> = sqlx::query_scalar(
        "select m.uid from messages m where m.mailbox = ?1 and m.uid >= ?2 and not exists
             (select 1 from sort_keys k where k.mailbox = m.mailbox and k.uid = m.uid)
         order by m.uid limit ?3",
    )
    .bind(mailbox.0)
    .bind(i64::from(from.number()))
    .bind(limit)
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    Ok(rows.into_iter().map(uid).collect())
}

/// What an order of all messages of a mailbox belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sortable {
    /// The index's file.
    file: u64,
    uid_validity: i64,
    uid_next: i64,
    pub(crate) messages: usize,
    /// Whether some have no keys yet.
    keys_missing: bool,
    /// Whether keys are there of messages that went.
    keys_left: bool,
}

impl Sortable {
    /// Whether the keys that are there are not those of all messages, and of no others.
    pub(crate) fn keys_differ(&self) -> bool {
        self.keys_missing || self.keys_left
    }
}

/// What there is to sort.
pub(crate) async fn sortable(look: &mut Look, mailbox: MailboxId) -> Result<Sortable, StoreError> {
    let (failed, file) = (look.failed("look at what is to be sorted"), look.file());
    let row: Option<(i64, i64, i64, bool, bool)> = sqlx::query_as(
        "select uid_validity, uid_next, messages, keys_missing,
             exists (select 1 from parsed_left where mailbox = id)
         from mailboxes where id = ?",
    )
    .bind(mailbox.0)
    .fetch_optional(look.db()?)
    .await
    .map_err(failed)?;
    let (uid_validity, uid_next, messages, keys_missing, keys_left) =
        row.ok_or(StoreError::MailboxGone(mailbox))?;
    let messages = usize::try_from(messages).unwrap_or(0);
    Ok(Sortable { file, uid_validity, uid_next, messages, keys_missing, keys_left })
}

/// The messages of the set in their order; equal ones by UID. Unless their own rows must be looked at
/// as well, those of their keys are enough.
pub(crate) async fn sorted(
    look: &mut Look,
    (mailbox, keys_differ): (MailboxId, bool),
    uids: &UidSet,
    by: &[SortBy],
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("sort messages");
    // One row, and the sorting where the keys are: rows of a hundred thousand messages would cost
    // more than all else.
    let by_rows = by.iter().any(|by| matches!(by.key, SortKey::Arrival | SortKey::Size));
    let keys_only = !keys_differ && !by_rows;
    let mut sql = QueryBuilder::<Sqlite>::new("select group_concat(uid) from (select ");
    if keys_only {
        sql.push("k.uid from json_each(").push_bind(uids.json());
        sql.push(") r cross join sort_keys k where k.mailbox = ").push_bind(mailbox.0);
        sql.push(" and k.uid between r.value ->> 0 and r.value ->> 1");
    } else {
        sql.push("m.uid");
        push_from(&mut sql, mailbox, uids);
    }
    sql.push(" order by ");
    for SortBy { key, reverse } in by {
        sql.push(if keys_only { key_column(*key) } else { column(*key) });
        sql.push(if *reverse { " desc, " } else { ", " });
    }
    sql.push("1)");
    let list: Option<String> =
        sql.build_query_scalar().fetch_one(look.db()?).await.map_err(failed)?;
    Ok(listed_uids(&list.unwrap_or_default()))
}

fn push_from(sql: &mut QueryBuilder<Sqlite>, mailbox: MailboxId, uids: &UidSet) {
    sql.push(" from json_each(").push_bind(uids.json());
    sql.push(
        ") r cross join messages m
         left join sort_keys k on k.mailbox = m.mailbox and k.uid = m.uid where m.mailbox = ",
    );
    sql.push_bind(mailbox.0);
    sql.push(" and m.uid between r.value ->> 0 and r.value ->> 1");
}

/// The sent date, or the internal one.
const SENT: &str = "coalesce(k.sent, m.internal_date / 1000)";

fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::Arrival => "m.internal_date",
        SortKey::Cc => "k.cc_box",
        SortKey::Date => SENT,
        SortKey::From => "k.from_box",
        SortKey::Size => "m.size",
        SortKey::Subject => "k.subject",
        SortKey::To => "k.to_box",
        SortKey::DisplayFrom => "k.from_shown",
        SortKey::DisplayTo => "k.to_shown",
    }
}

/// The same where only rows of keys are read: that of a message without a date of its own leads to its
/// internal one.
fn key_column(key: SortKey) -> &'static str {
    match key {
        SortKey::Date => {
            "coalesce(k.sent, (select m.internal_date / 1000 from messages m
                 where m.mailbox = k.mailbox and m.uid = k.uid))"
        }
        key => column(key),
    }
}

/// What threads are made of, by UID.
pub(crate) async fn threadables(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Vec<Threadable>, StoreError> {
    let failed = look.failed("read what threads are made of");
    let mut sql = QueryBuilder::<Sqlite>::new("select m.uid, ");
    sql.push(SENT).push(", k.subject, k.ids");
    push_from(&mut sql, mailbox, uids);
    let rows = sql.build().fetch_all(look.db()?).await.map_err(&failed)?;
    let threadable = |row: &sqlx::sqlite::SqliteRow| {
        let ids: Option<&[u8]> = row.try_get(3)?;
        let (is_reply_or_forward, id, references) = decode(ids.unwrap_or_default());
        Ok(Threadable {
            uid: uid(row.try_get(0)?),
            sent: row.try_get(1)?,
            subject: row.try_get::<Option<String>, _>(2)?.unwrap_or_default(),
            is_reply_or_forward,
            id,
            references,
        })
    };
    rows.iter().map(threadable).collect::<Result<_, sqlx::Error>>().map_err(failed)
}
