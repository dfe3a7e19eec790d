//! What the operator asks for and changes, and what the check looks at.

use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stable_storage::{DatabaseError, Direct};

use super::turn::EntryRow;

/// Which recipients are meant; nothing said means all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    pub(crate) entry: Option<String>,
    pub(crate) lane: Option<String>,
    pub(crate) state: Option<i64>,
    pub(crate) address: Option<String>,
    pub(crate) sender: Option<String>,
}

/// The condition that goes with [`Choice`]: five parameters from $1.
macro_rules! chosen {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " recipient.entry between coalesce($1, '') and coalesce($1, 'zz')
              and ($2 is null or recipient.lane = $2)
              and ($3 is null or recipient.state = $3)
              and ($4 is null or recipient.address = $4 collate nocase)
              and ($5 is null or exists (select 1 from entry
                   where entry.id = recipient.entry and entry.sender = $5 collate nocase)) ",
            $after
        )
    };
}

/// What is done to chosen recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Retry,
    Hold,
    Release,
    Remove,
}

impl Operation {
    /// The states it applies to, the new state, and the event: `[[from ..], to, event]`.
    fn plan(self) -> (&'static str, i64, i64) {
        use super::{event, state};
        match self {
            Self::Retry => ("[0]", state::WAITING, event::RETRIED),
            Self::Hold => ("[0]", state::HELD, event::HELD),
            Self::Release => ("[2,3]", state::WAITING, event::RELEASED),
            Self::Remove => ("[0,2,3]", state::REMOVED, event::REMOVED),
        }
    }
}

/// Recipients that an operation is about to change.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) changed: u64,
    /// Those of them that are local, or not: who is to be woken.
    pub(crate) local: bool,
    pub(crate) remote: bool,
    pub(crate) finished_files: Vec<String>,
}

/// Recipients that the operation can be done to: their row numbers, as a JSON array.
pub(crate) fn choose(
    connection: &Direct,
    choice: &Choice,
    operation: Operation,
    now: i64,
    limit: u32,
) -> Result<(String, Chosen), DatabaseError> {
    // A retry leaves alone what is due already.
    const SQL: &str = chosen!(
        "select number_of_all, lane = 'local' from recipient where",
        "and state in (select value from json_each($6)) and ($7 is null or next_at > $7) limit $8"
    );
    let due_after = (operation == Operation::Retry).then_some(now);
    let Choice { entry, lane, state, address, sender } = choice;
    let (mut numbers, mut chosen) = (Vec::new(), Chosen::default());
    let (from, limit) = (operation.plan().0, i64::from(limit));
    connection.run(
        SQL,
        &[entry, lane, state, address, sender, &from, &due_after, &limit],
        |row| {
            numbers.push(row.get::<_, i64>(0)?.to_string());
            let local: bool = row.get(1)?;
            chosen.local |= local;
            chosen.remote |= !local;
            chosen.changed = chosen.changed.saturating_add(1);
            Ok(())
        },
    )?;
    Ok((format!("[{}]", numbers.join(",")), chosen))
}

/// Does it to them; the files of entries that are finished by it are returned.
pub(crate) fn change(
    connection: &Direct,
    numbers: &str,
    operation: Operation,
    reason: Option<&str>,
    now: i64,
) -> Result<Vec<String>, DatabaseError> {
    let (_, to, event) = operation.plan();
    let mut files = Vec::new();
    connection.run(CHANGE, &[&numbers, &to, &event, &now, &reason], |row| {
        files.extend(row.get::<_, Option<String>>(0)?);
        Ok(())
    })?;
    Ok(files)
}

/// The ids of entries with a chosen recipient, behind `after`.
pub(crate) async fn list(
    moment: &mut SqliteConnection,
    choice: &Choice,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, DatabaseError> {
    const SQL: &str = chosen!(
        "select distinct entry from recipient where",
        "and entry > $6 order by entry limit $7"
    );
    let ids = bound(sqlx::query(SQL), choice)
        .bind(after.to_owned())
        .bind(limit)
        .fetch_all(moment)
        .await?;
    Ok(ids.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

fn bound<'q>(
    query: sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    choice: &Choice,
) -> sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    query
        .bind(choice.entry.clone())
        .bind(choice.lane.clone())
        .bind(choice.state)
        .bind(choice.address.clone())
        .bind(choice.sender.clone())
}

/// A recipient as the operator sees it, with what is needed of its entry.
#[derive(Debug)]
pub(crate) struct SummaryRow {
    pub(crate) entry: String,
    pub(crate) queued_at: i64,
    pub(crate) sender: String,
    pub(crate) account: Option<i64>,
    pub(crate) size: i64,
    pub(crate) message_id: Option<String>,
    pub(crate) number: i64,
    pub(crate) address: String,
    pub(crate) lane: String,
    pub(crate) state: i64,
    pub(crate) attempts: i64,
    pub(crate) next_at: i64,
    pub(crate) problem: Option<String>,
}

/// All recipients of these entries (a JSON array of ids), entry by entry.
pub(crate) async fn summaries(
    moment: &mut SqliteConnection,
    entries: &str,
) -> Result<Vec<SummaryRow>, DatabaseError> {
    let rows = sqlx::query(
        "select id, queued_at, sender, account, size, message_id,
                number, address, lane, state, attempts, next_at, problem
         from entry join recipient on recipient.entry = entry.id
         where id in (select value from json_each($1)) order by id, number",
    )
    .bind(entries.to_owned())
    .fetch_all(moment)
    .await?;
    let summary = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(SummaryRow {
            entry: row.try_get(0)?,
            queued_at: row.try_get(1)?,
            sender: row.try_get(2)?,
            account: row.try_get(3)?,
            size: row.try_get(4)?,
            message_id: row.try_get(5)?,
            number: row.try_get(6)?,
            address: row.try_get(7)?,
            lane: row.try_get(8)?,
            state: row.try_get(9)?,
            attempts: row.try_get(10)?,
            next_at: row.try_get(11)?,
            problem: row.try_get(12)?,
        })
    };
    Ok(rows.iter().map(summary).collect::<Result<_, _>>()?)
}

/// One entry with its content, if it is there.
pub(crate) async fn show(reader: &SqlitePool, id: &str) -> Result<Option<EntryRow>, DatabaseError> {
    let row = sqlx::query(
        "select id, queued_at, sender, account, size, file, message_id, version, facts, octets
         from entry left join content on content.entry = entry.id where id = $1",
    )
    .bind(id.to_owned())
    .fetch_optional(reader)
    .await?;
    let entry = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(EntryRow {
            id: row.try_get(0)?,
            queued_at: row.try_get(1)?,
            sender: row.try_get(2)?,
            account: row.try_get(3)?,
            size: row.try_get(4)?,
            file: row.try_get(5)?,
            message_id: row.try_get(6)?,
            version: row.try_get(7)?,
            facts: row.try_get(8)?,
            octets: row.try_get(9)?,
        })
    };
    Ok(row.as_ref().map(entry).transpose()?)
}

/// How many recipients: `(local, state, how many)`.
pub(crate) async fn counts(
    moment: &mut SqliteConnection,
) -> Result<Vec<(bool, i64, i64)>, DatabaseError> {
    let sql = "select lane = 'local', state, count(*) from recipient group by 1, 2";
    Ok(sqlx::query_as(sql).fetch_all(moment).await?)
}

/// When the oldest entry was queued.
pub(crate) async fn oldest(moment: &mut SqliteConnection) -> Result<Option<i64>, DatabaseError> {
    // Ids sort by time.
    let sql = "select queued_at from entry order by id limit 1";
    Ok(sqlx::query_scalar(sql).fetch_optional(moment).await?)
}

/// Those of these content files (a JSON array of names) that an entry has.
pub(crate) async fn content_files(
    reader: &SqlitePool,
    names: &str,
) -> Result<Vec<String>, DatabaseError> {
    let sql = "select file from entry where file in (select value from json_each($1))";
    Ok(sqlx::query_scalar(sql).bind(names.to_owned()).fetch_all(reader).await?)
}

pub(super) const CHANGE: &str = "
    insert into journey (entry, at, recipient, address, event, detail)
    select entry, $4, number, address, $3, $5 from recipient
    where number_of_all in (select value from json_each($1));

    update recipient
    set state = $2, problem = coalesce($5, problem),
        next_at = case when $2 = 0 then $4 else next_at end
    where number_of_all in (select value from json_each($1));

    insert into lane (name, local, due)
    select lane, lane = 'local', null from recipient
    where number_of_all in (select value from json_each($1))
    group by lane
    on conflict (name) do nothing;

    update lane
    set due = (select min(next_at) from recipient where lane = lane.name and state = 0)
    where name in (select lane from recipient
                   where number_of_all in (select value from json_each($1)));

    delete from lane where due is null and holder is null
      and name in (select lane from recipient
                   where number_of_all in (select value from json_each($1)));

    delete from entry
    where id in (select entry from recipient
                 where number_of_all in (select value from json_each($1)))
      and not exists (select 1 from recipient where entry = entry.id and state < 10)
    returning file;
";
