//! Rows of messages, read. A statement brings many rows: each one awaited costs as much as hundreds
//! of rows do.

pub(super) mod packed;

use mail_types::{FlagSet, MailboxId, ModSeq, Timestamp, Uid};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use super::{Look, mailboxes::uid, rows::Parsed};
use crate::{StoreError, UidSet, naming::file, object_ids::EmailId, sort_keys::StoredKeys};

/// Rows that come as one text: some megabytes.
const PAGE: i64 = 20_000;

/// Which of a mailbox's folders a file is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) enum Place {
    New,
    Cur,
}

impl Place {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
        }
    }

    pub(crate) fn from(number: i64) -> Self {
        if number == 0 { Self::New } else { Self::Cur }
    }
}

/// A message's row, without what was parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileRow {
    pub(crate) uid: Uid,
    pub(crate) flags: FlagSet,
    pub(crate) modseq: i64,
    /// Octets in wire form.
    pub(crate) size: i64,
    /// Octets in the file.
    pub(crate) octets: i64,
    pub(crate) internal_date: Timestamp,
    pub(crate) base: String,
    pub(crate) info: String,
    pub(crate) place: Place,
    pub(crate) behind: i64,
    pub(crate) bare_lf: bool,
}

impl FileRow {
    /// When it was saved in its mailbox; of what an older tool named without a date, when it came.
    pub(crate) fn saved(&self) -> Timestamp {
        file::saved_in(&self.base).map_or(self.internal_date, Timestamp::from_secs)
    }

    /// The file, below the account's folder.
    pub(crate) fn path(&self, dir: &str) -> String {
        path(dir, self.place, &self.base, &self.info)
    }
}

/// A message file, below the account's folder.
pub(crate) fn path(dir: &str, place: Place, base: &str, info: &str) -> String {
    let slash = if dir.is_empty() { "" } else { "/" };
    format!("{dir}{slash}{}/{base}{info}", place.as_str())
}

/// Rows of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which<'a> {
    /// Those of a set.
    In(&'a UidSet),
    /// Those whose names or keywords are behind; at most this many.
    Behind(i64),
}

/// The rows asked for, by UID.
pub(crate) async fn file_rows(
    look: &mut Look,
    mailbox: MailboxId,
    which: Which<'_>,
) -> Result<Vec<FileRow>, StoreError> {
    if let Which::Behind(most) = which {
        return page_of_rows(look, mailbox, which, 0, most).await;
    }
    let mut rows: Vec<FileRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| i64::from(row.uid.number()));
        let page = page_of_rows(look, mailbox, which, after, PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        let is_last = i64::try_from(page.len()).is_ok_and(|count| count < PAGE);
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

/// At most so many of them, from behind a UID.
async fn page_of_rows(
    look: &mut Look,
    mailbox: MailboxId,
    which: Which<'_>,
    after: i64,
    most: i64,
) -> Result<Vec<FileRow>, StoreError> {
    let failed = look.failed("read messages");
    let mut sql = QueryBuilder::<Sqlite>::new("select group_concat(");
    sql.push(packed::FILE_ROW).push(", '') from (select m.* from ");
    match which {
        Which::In(uids) => {
            sql.push("json_each(").push_bind(uids.json());
            sql.push(") r cross join messages m where m.mailbox = ").push_bind(mailbox.0);
            sql.push(" and m.uid between max(r.value ->> 0, ").push_bind(after.saturating_add(1));
            sql.push(") and r.value ->> 1");
        }
        Which::Behind(_) => {
            sql.push("messages m where m.behind <> 0 and m.mailbox = ").push_bind(mailbox.0);
            sql.push(" order by m.uid");
        }
    }
    sql.push(" limit ").push_bind(most).push(") m");
    let rows: Option<String> =
        sql.build_query_scalar().fetch_one(look.db()?).await.map_err(&failed)?;
    packed::file_rows(&rows.unwrap_or_default()).ok_or_else(|| failed(packed::no_such_rows()))
}

/// A modseq of a column.
pub(crate) fn modseq(number: i64) -> ModSeq {
    ModSeq(u64::try_from(number).unwrap_or(0))
}

/// Reads what was parsed, for rows that go to another mailbox.
pub(crate) async fn parsed_of(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Vec<(Uid, Parsed)>, StoreError> {
    let failed = look.failed("read details");
    let rows = sqlx::query(
        "select d.uid, d.envelope, d.structure, k.sent, k.subject, k.from_box, k.to_box, k.cc_box,
             k.from_shown, k.to_shown, k.ids, d.email_id, d.preview
         from json_each(?1) r cross join details d
         left join sort_keys k on k.mailbox = d.mailbox and k.uid = d.uid
         where d.mailbox = ?2 and d.uid between r.value ->> 0 and r.value ->> 1",
    )
    .bind(uids.json())
    .bind(mailbox.0)
    .fetch_all(look.db()?)
    .await
    .map_err(&failed)?;
    let parsed = |row: &SqliteRow| {
        let keys = keys_of(row)?;
        let (envelope, structure) = (row.try_get(1)?, row.try_get(2)?);
        let email_id = row.try_get::<Option<&[u8]>, _>(11)?.and_then(EmailId::from_octets);
        let preview = row.try_get(12)?;
        let parsed = Parsed { envelope, structure, keys, email_id, preview };
        Ok((uid(row.try_get(0)?), parsed))
    };
    rows.iter().map(parsed).collect::<Result<_, sqlx::Error>>().map_err(failed)
}

fn keys_of(row: &SqliteRow) -> Result<Option<StoredKeys>, sqlx::Error> {
    let Some(ids) = row.try_get::<Option<Vec<u8>>, _>(10)? else { return Ok(None) };
    Ok(Some(StoredKeys {
        sent: row.try_get(3)?,
        subject: row.try_get(4)?,
        from: row.try_get(5)?,
        to: row.try_get(6)?,
        cc: row.try_get(7)?,
        shown_from: row.try_get(8)?,
        shown_to: row.try_get(9)?,
        ids,
    }))
}

/// Mailboxes that have messages whose names are behind.
pub(crate) async fn mailboxes_behind(look: &mut Look) -> Result<Vec<MailboxId>, StoreError> {
    let failed = look.failed("look for names that are behind");
    let rows: Vec<i64> =
        sqlx::query_scalar("select distinct mailbox from messages where behind <> 0")
            .fetch_all(look.db()?)
            .await
            .map_err(failed)?;
    Ok(rows.into_iter().map(MailboxId).collect())
}

/// Messages that were saved in the mailbox before this; at most so many.
pub(crate) async fn saved_before(
    look: &mut Look,
    mailbox: MailboxId,
    before: Timestamp,
    at_most: u32,
) -> Result<UidSet, StoreError> {
    let failed = look.failed("look for old messages");
    let rows: Vec<i64> = sqlx::query_scalar(
        "select uid from messages where mailbox = ?
             and coalesce(saved, internal_date / 1000) < ? order by uid limit ?",
    )
    .bind(mailbox.0)
    .bind(before.secs())
    .bind(at_most)
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    Ok(rows.into_iter().map(uid).collect())
}
