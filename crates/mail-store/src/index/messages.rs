//! Rows of messages. A statement takes many rows: each one awaited costs as much as hundreds of
//! rows do.

use std::collections::BTreeSet;

use mail_types::{FlagSet, Keyword, MailboxId, ModSeq, QueueId, RecipientNumber, Timestamp, Uid};
use mime_core::structure::Structure;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use super::{
    Look,
    mailboxes::uid,
    pending::{hex, json_string},
};
use crate::{
    Details, MessageFile, MessageFlags, MessageRow, StoreError, UidSet, Want,
    mailbox::{flags_from, keywords_text},
};

/// The most rows of one statement; SQLite takes 32,766 variables.
const ROWS_MAX: usize = 1000;

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

    fn from(number: i64) -> Self {
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

/// The columns of [`file_row`], in its order.
const COLUMNS: &str = "m.uid, m.flags, m.keywords, m.modseq, m.size, m.octets, m.internal_date, \
                       m.base, m.info, m.place, m.behind, m.bare_lf";

fn file_row(row: &SqliteRow) -> Result<FileRow, sqlx::Error> {
    Ok(FileRow {
        uid: uid(row.try_get(0)?),
        flags: flags_from(row.try_get(1)?, row.try_get(2)?),
        modseq: row.try_get(3)?,
        size: row.try_get(4)?,
        octets: row.try_get(5)?,
        internal_date: Timestamp::from_millis(row.try_get(6)?),
        base: row.try_get(7)?,
        info: row.try_get(8)?,
        place: Place::from(row.try_get(9)?),
        behind: row.try_get(10)?,
        bare_lf: row.try_get(11)?,
    })
}

/// Rows of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which<'a> {
    /// Those of a set.
    In(&'a UidSet),
    /// Those of a set that have `\Deleted`.
    DeletedIn(&'a UidSet),
    /// Those whose names or keywords are behind; at most this many.
    Behind(i64),
}

/// The rows asked for, by UID.
pub(crate) async fn file_rows(
    look: &mut Look,
    mailbox: MailboxId,
    which: Which<'_>,
) -> Result<Vec<FileRow>, StoreError> {
    let failed = look.failed("read messages");
    let mut sql = QueryBuilder::<Sqlite>::new("select ");
    sql.push(COLUMNS);
    match which {
        Which::In(uids) | Which::DeletedIn(uids) => {
            sql.push(" from json_each(").push_bind(uids.json());
            sql.push(") r cross join messages m where m.mailbox = ").push_bind(mailbox.0);
            sql.push(" and m.uid between r.value ->> 0 and r.value ->> 1");
            if matches!(which, Which::DeletedIn(_)) {
                sql.push(" and m.flags & 8 <> 0");
            }
        }
        Which::Behind(limit) => {
            sql.push(" from messages m where m.behind <> 0 and m.mailbox = ").push_bind(mailbox.0);
            sql.push(" order by m.uid limit ").push_bind(limit);
        }
    }
    let rows = sql.build().fetch_all(look.db()?).await.map_err(&failed)?;
    rows.iter().map(file_row).collect::<Result<_, _>>().map_err(failed)
}

/// What a session fetches, by UID.
pub(crate) async fn fetch(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
    want: Want,
) -> Result<Vec<MessageRow>, StoreError> {
    let failed = look.failed("fetch messages");
    let details = want == Want::Details;
    let mut sql = QueryBuilder::<Sqlite>::new("select ");
    sql.push(COLUMNS).push(", b.dir");
    if details {
        sql.push(", d.envelope, d.structure");
    }
    sql.push(" from json_each(").push_bind(uids.json());
    sql.push(") r cross join messages m cross join mailboxes b on b.id = m.mailbox");
    if details {
        sql.push(" left join details d on d.mailbox = m.mailbox and d.uid = m.uid");
    }
    sql.push(" where m.mailbox = ").push_bind(mailbox.0);
    sql.push(" and m.uid between r.value ->> 0 and r.value ->> 1");
    let rows = sql.build().fetch_all(look.db()?).await.map_err(&failed)?;
    let message = |row: &SqliteRow| message_row(row, mailbox, details);
    rows.iter().map(message).collect::<Result<_, _>>().map_err(failed)
}

fn message_row(
    row: &SqliteRow,
    mailbox: MailboxId,
    details: bool,
) -> Result<MessageRow, sqlx::Error> {
    let facts = file_row(row)?;
    let details = if details { parsed(row)? } else { None };
    let size = u64::try_from(facts.size).unwrap_or(0);
    let file = MessageFile {
        mailbox,
        uid: facts.uid,
        path: facts.path(row.try_get(12)?),
        size,
        bare_lf: facts.bare_lf,
    };
    Ok(MessageRow {
        uid: facts.uid,
        modseq: modseq(facts.modseq),
        size,
        internal_date: facts.internal_date,
        flags: facts.flags,
        details,
        file,
    })
}

fn parsed(row: &SqliteRow) -> Result<Option<Details>, sqlx::Error> {
    let (Some(envelope), Some(structure)) =
        (row.try_get::<Option<&[u8]>, _>(13)?, row.try_get::<Option<&[u8]>, _>(14)?)
    else {
        return Ok(None);
    };
    Details::decode(envelope, structure).map(Some)
}

/// A modseq of a column.
pub(crate) fn modseq(number: i64) -> ModSeq {
    ModSeq(u64::try_from(number).unwrap_or(0))
}

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
}

impl Parsed {
    /// What the structure pass found, encoded.
    pub(crate) fn of(structure: &Structure) -> Self {
        Self { envelope: structure.envelope.encode(), structure: structure.body.encode() }
    }

    /// That of an empty message.
    pub(crate) fn nothing() -> Self {
        Self::of(&Structure::of(b""))
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
        let mut sql = QueryBuilder::<Sqlite>::new(
            "insert into messages (mailbox, uid, flags, keywords, modseq, size, octets,
                 internal_date, base, info, place, behind, bare_lf) ",
        );
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
        let mut sql =
            QueryBuilder::<Sqlite>::new("insert into details (mailbox, uid, envelope, structure) ");
        sql.push_values(chunk, |mut values, new| {
            values
                .push_bind(mailbox.0)
                .push_bind(i64::from(new.row.uid.number()))
                .push_bind(&new.parsed.envelope)
                .push_bind(&new.parsed.structure);
        });
        sql.build().execute(look.db()?).await.map_err(&failed)?;
    }
    Ok(())
}

/// Reads what was parsed, for rows that go to another mailbox.
pub(crate) async fn parsed_of(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Vec<(Uid, Parsed)>, StoreError> {
    let failed = look.failed("read details");
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select d.uid, d.envelope, d.structure
         from json_each(?1) r cross join details d
         where d.mailbox = ?2 and d.uid between r.value ->> 0 and r.value ->> 1",
    )
    .bind(uids.json())
    .bind(mailbox.0)
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|(number, envelope, structure)| (uid(number), Parsed { envelope, structure }))
        .collect())
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

/// Forgets what went before `before` (milliseconds).
pub(crate) async fn forget_expunged(look: &mut Look, before: i64) -> Result<(), StoreError> {
    let failed = look.failed("shorten the expunge log");
    sqlx::query("delete from expunged where gone_at < ?")
        .bind(before)
        .execute(look.db()?)
        .await
        .map_err(failed)?;
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

fn listed_uids(list: &str) -> Vec<Uid> {
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

/// The keywords that messages of the mailbox have. Jumps from one combination of them to the next:
/// the cost goes with the number of combinations.
pub(crate) async fn keywords_in_use(
    look: &mut Look,
    mailbox: MailboxId,
) -> Result<Vec<Keyword>, StoreError> {
    let failed = look.failed("read the keywords in use");
    let combinations: Vec<String> = sqlx::query_scalar(
        "with recursive used (list) as (
             select min(keywords) from messages where mailbox = ?1 and keywords <> ''
             union all
             select (select min(keywords) from messages
                     where mailbox = ?1 and keywords <> '' and keywords > used.list)
             from used where used.list is not null)
         select list from used where list is not null",
    )
    .bind(mailbox.0)
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let all = combinations.iter().flat_map(|list| flags_from(0, list).keywords().to_vec());
    Ok(all.collect::<BTreeSet<Keyword>>().into_iter().collect())
}

/// Messages that came or changed after `since`, by UID.
pub(crate) async fn changed_since(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<Vec<MessageFlags>, StoreError> {
    let failed = look.failed("read changes");
    let rows: Vec<(i64, i64, String, i64)> = sqlx::query_as(
        "select uid, flags, keywords, modseq from messages where mailbox = ? and modseq > ?",
    )
    .bind(mailbox.0)
    .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let mut changed: Vec<MessageFlags> = rows
        .into_iter()
        .map(|(number, system, keywords, when)| MessageFlags {
            uid: uid(number),
            flags: flags_from(system, &keywords),
            modseq: modseq(when),
        })
        .collect();
    changed.sort_unstable_by_key(|message| message.uid);
    Ok(changed)
}

/// Messages that went after `since`, by UID.
pub(crate) async fn expunged_since(
    look: &mut Look,
    mailbox: MailboxId,
    since: ModSeq,
) -> Result<Vec<Uid>, StoreError> {
    let failed = look.failed("read the expunge log");
    let rows: Vec<i64> =
        sqlx::query_scalar("select uid from expunged where mailbox = ? and modseq > ?")
            .bind(mailbox.0)
            .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
            .fetch_all(look.db()?)
            .await
            .map_err(failed)?;
    Ok(rows.into_iter().map(uid).collect::<BTreeSet<_>>().into_iter().collect())
}

/// A recipient of a queue entry, and where its message went.
pub(crate) type Pair = ((QueueId, RecipientNumber), (MailboxId, Uid));

/// Those of the recipients that were served already.
pub(crate) async fn delivered(
    look: &mut Look,
    pairs: &[(QueueId, RecipientNumber)],
) -> Result<Vec<Pair>, StoreError> {
    let failed = look.failed("look for deliveries");
    let list: Vec<String> =
        pairs.iter().map(|(id, number)| format!("[\"{}\",{number}]", hex(&id.bytes()))).collect();
    let rows: Vec<(Vec<u8>, i64, i64, i64)> = sqlx::query_as(
        "select d.queue_id, d.recipient, d.mailbox, d.uid from json_each(?) j
         cross join delivered d
             on d.queue_id = unhex(j.value ->> 0) and d.recipient = j.value ->> 1",
    )
    .bind(format!("[{}]", list.join(",")))
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let pair = |(id, number, mailbox, to): (Vec<u8>, i64, i64, i64)| {
        let queue_id = QueueId::from_bytes(id.try_into().ok()?);
        let recipient = RecipientNumber(u32::try_from(number).ok()?);
        Some(((queue_id, recipient), (MailboxId(mailbox), uid(to))))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// Remembers recipients that are served.
pub(crate) async fn remember(look: &mut Look, pairs: &[Pair]) -> Result<(), StoreError> {
    let failed = look.failed("remember deliveries");
    for chunk in pairs.chunks(ROWS_MAX) {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "insert into delivered (queue_id, recipient, mailbox, uid) ",
        );
        sql.push_values(chunk, |mut values, ((queue_id, recipient), (mailbox, uid))| {
            values
                .push_bind(queue_id.bytes().to_vec())
                .push_bind(i64::from(recipient.0))
                .push_bind(mailbox.0)
                .push_bind(i64::from(uid.number()));
        });
        sql.push(" on conflict do nothing");
        sql.build().execute(look.db()?).await.map_err(&failed)?;
    }
    Ok(())
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
