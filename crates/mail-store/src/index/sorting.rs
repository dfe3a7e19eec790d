//! Rows of what messages are sorted and threaded by.

use mail_types::{MailboxId, Uid};
use sqlx::{QueryBuilder, Sqlite};

use super::{
    Here, Look,
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

/// Of which messages rows are read: `$1` is the set, `$2` the mailbox.
const FROM: &str = "
    from json_each($1) r cross join messages m
    left join sort_keys k on k.mailbox = m.mailbox and k.uid = m.uid
    where m.mailbox = $2 and m.uid between r.value ->> 0 and r.value ->> 1";
/// The same if what they are sorted by is enough.
const FROM_KEYS: &str = "
    from json_each($1) r cross join sort_keys k
    where k.mailbox = $2 and k.uid between r.value ->> 0 and r.value ->> 1";

impl Here {
    /// Whether messages of the mailbox have no keys: they came when none were kept.
    pub(crate) fn are_keys_missing(&self, mailbox: MailboxId) -> Result<bool, StoreError> {
        Ok(self.sortable(mailbox)?.keys_missing)
    }

    /// What there is to sort.
    pub(crate) fn sortable(&self, mailbox: MailboxId) -> Result<Sortable, StoreError> {
        let file = self.file();
        let found = self.one(
            "look at what is to be sorted",
            "select uid_validity, uid_next, messages, keys_missing,
                 exists (select 1 from parsed_left where mailbox = id)
             from mailboxes where id = $1",
            &[&mailbox.0],
            |row| {
                Ok(Sortable {
                    file,
                    uid_validity: row.get(0)?,
                    uid_next: row.get(1)?,
                    messages: usize::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                    keys_missing: row.get(3)?,
                    keys_left: row.get(4)?,
                })
            },
        )?;
        found.ok_or(StoreError::MailboxGone(mailbox))
    }

    /// The messages of the set in their order; equal ones by UID. Unless their own rows must be looked
    /// at as well, those of their keys are enough.
    pub(crate) fn sorted(
        &self,
        (mailbox, now): (MailboxId, &Sortable),
        uids: &UidSet,
        by: &[SortBy],
    ) -> Result<Vec<Uid>, StoreError> {
        self.going_to_read(now.messages.min(uids.numbers()))?;
        let by_rows = by.iter().any(|by| matches!(by.key, SortKey::Arrival | SortKey::Size));
        let keys_only = !now.keys_differ() && !by_rows;
        let (table, from) = if keys_only { ("k", FROM_KEYS) } else { ("m", FROM) };
        let mut sql = format!("select {table}.uid {from} order by ");
        for SortBy { key, reverse } in by {
            sql.push_str(if keys_only { key_column(*key) } else { column(*key) });
            sql.push_str(if *reverse { " desc, " } else { ", " });
        }
        sql.push('1');
        self.uids("sort messages", &sql, &[&uids.json(), &mailbox.0])
    }

    /// What threads are made of, by UID.
    pub(crate) fn threadables(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<Vec<Threadable>, StoreError> {
        self.going_to_read(uids.numbers())?;
        let sql = format!("select m.uid, {SENT}, k.subject, k.ids {FROM}");
        let mut all = Vec::new();
        self.each("read what threads are made of", &sql, &[&uids.json(), &mailbox.0], |row| {
            let ids = row.get_ref(3)?.as_blob_or_null()?;
            let (is_reply_or_forward, id, references) = decode(ids.unwrap_or_default());
            all.push(Threadable {
                uid: uid(row.get(0)?),
                sent: row.get(1)?,
                subject: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                is_reply_or_forward,
                id,
                references,
            });
            Ok(())
        })?;
        Ok(all)
    }
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
