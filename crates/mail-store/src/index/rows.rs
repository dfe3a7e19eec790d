//! Rows of messages, written. A statement takes many rows: each one awaited costs as much as hundreds
//! of rows do.

use mail_types::{FlagSet, MailboxId, Timestamp, Uid};
use mime_core::structure::Structure;
use sqlx::{QueryBuilder, Sqlite};

use super::{
    Look,
    messages::{FileRow, Place},
    pending::json_string,
    sorting,
};
use crate::{
    StoreError, UidSet, mailbox::keywords_text, object_ids::EmailId, sort_keys::StoredKeys,
};

/// The most rows of one statement; SQLite takes 32,766 variables.
pub(super) const ROWS_MAX: usize = 1000;

/// What a row of a message says, in the order in which it is written.
macro_rules! message_columns {
    () => {
        "mailbox, uid, flags, keywords, modseq, size, octets, internal_date, base, info, place, \
         behind, bare_lf"
    };
}
/// What was parsed of it.
macro_rules! detail_columns {
    () => {
        "mailbox, uid, envelope, structure, email_id, preview"
    };
}
/// What it is sorted and threaded by.
macro_rules! key_columns {
    () => {
        "mailbox, uid, sent, subject, from_box, to_box, cc_box, from_shown, to_shown, ids"
    };
}
pub(super) use {detail_columns, key_columns, message_columns};

/// A message to be inserted.
#[derive(Debug)]
pub(crate) struct NewRow {
    pub(crate) row: FileRow,
    pub(crate) parsed: Parsed,
}

/// What was parsed, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parsed {
    pub(crate) envelope: Vec<u8>,
    pub(crate) structure: Vec<u8>,
    /// None of a message that came when no such keys were kept.
    pub(crate) keys: Option<StoredKeys>,
    /// None likewise.
    pub(crate) email_id: Option<EmailId>,
    /// None likewise.
    pub(crate) preview: Option<String>,
}

impl Parsed {
    /// What the structure pass found, encoded, and what else was taken out of the message.
    pub(crate) fn of(
        structure: &Structure,
        keys: StoredKeys,
        email_id: EmailId,
        preview: String,
    ) -> Self {
        Self {
            keys: Some(keys),
            email_id: Some(email_id),
            preview: Some(preview),
            ..Self::without_keys(structure)
        }
    }

    /// That of an empty message.
    pub(crate) fn nothing() -> Self {
        Self::without_keys(&Structure::of(b""))
    }

    fn without_keys(structure: &Structure) -> Self {
        Self {
            envelope: structure.envelope.encode(),
            structure: structure.body.encode(),
            keys: None,
            email_id: None,
            preview: None,
        }
    }
}

/// Adds messages.
pub(crate) async fn insert(
    look: &mut Look,
    mailbox: MailboxId,
    messages: &[NewRow],
) -> Result<(), StoreError> {
    let failed = look.failed("add messages");
    for chunk in messages.chunks(ROWS_MAX) {
        let mut sql = QueryBuilder::<Sqlite>::new(concat!(
            "insert into messages (",
            message_columns!(),
            ") "
        ));
        sql.push_values(chunk, |mut values, new| {
            let row = &new.row;
            values
                .push_bind(mailbox.0)
                .push_bind(i64::from(row.uid.number()))
                .push_bind(i64::from(row.flags.system_bits()))
                .push_bind(keywords_text(&row.flags))
                .push_bind(row.modseq)
                .push_bind(row.size)
                .push_bind(row.octets)
                .push_bind(row.internal_date.millis())
                .push_bind(&row.base)
                .push_bind(&row.info)
                .push_bind(i64::from(row.place == Place::Cur))
                .push_bind(row.behind)
                .push_bind(row.bare_lf);
        });
        sql.build().execute(look.db()?).await.map_err(&failed)?;
        let mut sql = QueryBuilder::<Sqlite>::new(concat!(
            "insert or replace into details (",
            detail_columns!(),
            ") "
        ));
        sql.push_values(chunk, |mut values, new| {
            values
                .push_bind(mailbox.0)
                .push_bind(i64::from(new.row.uid.number()))
                .push_bind(&new.parsed.envelope)
                .push_bind(&new.parsed.structure)
                .push_bind(new.parsed.email_id.as_ref().map(EmailId::as_octets))
                .push_bind(new.parsed.preview.as_deref());
        });
        sql.build().execute(look.db()?).await.map_err(&failed)?;
    }
    let keys: Vec<_> =
        messages.iter().filter_map(|new| Some((new.row.uid, new.parsed.keys.as_ref()?))).collect();
    if keys.len() < messages.len() {
        sorting::set_missing(look, mailbox, true).await?;
    }
    sorting::insert(look, mailbox, &keys).await
}

/// Removes messages, and notes that they are gone.
pub(crate) async fn expunge(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
    modseq: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    // One text with two statements, which share their parameters by number.
    const SQL: &str = "
        insert into expunged (mailbox, modseq, uid, gone_at)
        select m.mailbox, $3, m.uid, $4 from json_each($1) r cross join messages m
        where m.mailbox = $2 and m.uid between r.value ->> 0 and r.value ->> 1;
        delete from messages where mailbox = $2 and uid in (
            select m.uid from json_each($1) r cross join messages m
            where m.mailbox = $2 and m.uid between r.value ->> 0 and r.value ->> 1);
    ";
    let failed = look.failed("remove messages");
    let statement = sqlx::query(SQL).bind(uids.json()).bind(mailbox.0).bind(modseq);
    statement.bind(now.millis()).execute(look.db()?).await.map_err(failed)?;
    Ok(())
}

/// A change of flags, and what the file says already.
#[derive(Clone, Debug)]
pub(crate) struct FlagUpdate {
    pub(crate) uid: Uid,
    pub(crate) flags: FlagSet,
    pub(crate) behind: i64,
}

/// Writes flags; the change has one modseq.
pub(crate) async fn update_flags(
    look: &mut Look,
    mailbox: MailboxId,
    updates: &[FlagUpdate],
    modseq: i64,
) -> Result<(), StoreError> {
    if updates.is_empty() {
        return Ok(());
    }
    let failed = look.failed("write flags");
    // Each row says its mailbox as well. Against one that is given apart, SQLite would rather walk
    // through the mailbox and read all of the list for each of its messages.
    let rows: Vec<String> = updates
        .iter()
        .map(|update| {
            let (system, keywords) = (update.flags.system_bits(), keywords_text(&update.flags));
            let (uid, keywords) = (update.uid, json_string(&keywords));
            format!("[{},{uid},{system},{keywords},{}]", mailbox.0, update.behind)
        })
        .collect();
    sqlx::query(
        "update messages set flags = j.value ->> 2, keywords = j.value ->> 3,
             behind = behind | (j.value ->> 4), modseq = ?2
         from json_each(?1) j where mailbox = j.value ->> 0 and uid = j.value ->> 1",
    )
    .bind(format!("[{}]", rows.join(",")))
    .bind(modseq)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// All messages of a mailbox change, whatever their flags.
pub(crate) async fn all_changed(
    look: &mut Look,
    mailbox: MailboxId,
    modseq: i64,
) -> Result<(), StoreError> {
    let failed = look.failed("raise modseqs");
    sqlx::query("update messages set modseq = ? where mailbox = ?")
        .bind(modseq)
        .bind(mailbox.0)
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Where files are now, and what of them is still behind.
pub(crate) async fn update_names(
    look: &mut Look,
    mailbox: MailboxId,
    rows: &[FileRow],
) -> Result<(), StoreError> {
    let failed = look.failed("write file names");
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let (base, info) = (json_string(&row.base), json_string(&row.info));
            let place = i64::from(row.place == Place::Cur);
            format!("[{},{},{base},{info},{place},{}]", mailbox.0, row.uid, row.behind)
        })
        .collect();
    sqlx::query(
        "update messages set base = j.value ->> 2, info = j.value ->> 3, place = j.value ->> 4,
             behind = j.value ->> 5
         from json_each(?1) j where mailbox = j.value ->> 0 and uid = j.value ->> 1",
    )
    .bind(format!("[{}]", rows.join(",")))
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}
