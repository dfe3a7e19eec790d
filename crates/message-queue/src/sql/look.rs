//! What the operator asks for, and what the check looks at.

use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stable_storage::DatabaseError;

use super::{Choice, turn::EntryRow};

/// The ids of entries with a chosen recipient, behind `after`.
pub(crate) async fn list(
    moment: &mut SqliteConnection,
    choice: &Choice,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, DatabaseError> {
    let condition = choice.condition(moment).await?;
    let sql = format!(
        "select distinct entry from recipient where {condition} and entry > $8
         order by entry limit $9"
    );
    let query = choice.bind(sqlx::query(AssertSqlSafe(sql))).bind(after.to_owned()).bind(limit);
    let ids = query.fetch_all(moment).await?;
    Ok(ids.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
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
         from entry where id = $1",
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
    // Each kind by its index, which is a small part of the table.
    let sql = "
        select lane = 'local', state, count(*) from recipient indexed by recipient_place
        where state = 0 group by 1
        union all
        select lane = 'local', state, count(*) from recipient indexed by recipient_leased
        where state = 1 group by 1
        union all
        select lane = 'local', state, count(*) from recipient indexed by recipient_kept
        where state between 2 and 3 group by 1, 2";
    Ok(sqlx::query_as(sql).fetch_all(moment).await?)
}

/// When the oldest entry was queued.
pub(crate) async fn oldest(moment: &mut SqliteConnection) -> Result<Option<i64>, DatabaseError> {
    // Ids sort by time.
    let sql = "select queued_at from entry order by id limit 1";
    Ok(sqlx::query_scalar(sql).fetch_optional(moment).await?)
}

/// By what recipients are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Lane,
    Sender,
    Problem,
}

/// Recipients with something in common.
#[derive(Debug)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    pub(crate) waiting: i64,
    pub(crate) leased: i64,
    pub(crate) held: i64,
    pub(crate) set_aside: i64,
    pub(crate) lanes: i64,
    pub(crate) attempts: i64,
    pub(crate) next_at: Option<i64>,
    pub(crate) oldest: Option<i64>,
    pub(crate) problem: Option<String>,
    /// How many groups there are, shown or not.
    pub(crate) groups: i64,
}

/// The groups with the most recipients.
pub(crate) async fn groups(
    moment: &mut SqliteConnection,
    choice: &Choice,
    counted: Counted,
    limit: u32,
) -> Result<Vec<GroupRow>, DatabaseError> {
    let condition = choice.condition(moment).await?;
    let (name, lanes, problem) = match counted {
        // The one that was tried last waits longest.
        Counted::Lane => (
            "recipient.lane",
            "1",
            "coalesce(
                (select problem from recipient as tried
                 where tried.lane = name and tried.state = 0 and tried.problem is not null
                 order by tried.place desc limit 1),
                of_others)",
        ),
        Counted::Sender => (
            "(select sender from entry where entry.id = recipient.entry)",
            "count(distinct recipient.lane)",
            "null",
        ),
        Counted::Problem => {
            ("coalesce(recipient.problem, '')", "count(distinct recipient.lane)", "null")
        }
    };
    let sql = format!(
        "with counted as materialized (
            select {name} as name, sum(state = 0) as waiting, sum(state = 1) as leased,
                   sum(state = 2) as held, sum(state = 3) as set_aside, {lanes} as lanes,
                   max(attempts) as attempts, min(case state when 0 then next_at end) as next_at,
                   min(recipient.entry) as first, max(iif(state <> 0, problem, null)) as of_others,
                   count(*) over () as groups
            from recipient where {condition}
            group by 1 order by count(*) desc, 1 limit $8)
         select name, waiting, leased, held, set_aside, lanes, attempts, next_at,
                (select queued_at from entry where id = first), {problem}, groups
         from counted"
    );
    let query = choice.bind(sqlx::query(AssertSqlSafe(sql))).bind(limit);
    let group = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(GroupRow {
            name: row.try_get::<Option<String>, _>(0)?.unwrap_or_default(),
            waiting: row.try_get(1)?,
            leased: row.try_get(2)?,
            held: row.try_get(3)?,
            set_aside: row.try_get(4)?,
            lanes: row.try_get(5)?,
            attempts: row.try_get(6)?,
            next_at: row.try_get(7)?,
            oldest: row.try_get(8)?,
            problem: row.try_get(9)?,
            groups: row.try_get(10)?,
        })
    };
    let rows = query.fetch_all(moment).await?;
    Ok(rows.iter().map(group).collect::<Result<_, _>>()?)
}

/// The number of the newest event.
pub(crate) async fn last_event(moment: &mut SqliteConnection) -> Result<i64, DatabaseError> {
    let sql = "select coalesce(max(number), 0) from journey";
    Ok(sqlx::query_scalar(sql).fetch_one(moment).await?)
}

/// What has happened to recipients behind one event, up to another: `(@domain, event, how often)`.
pub(crate) async fn happened(
    moment: &mut SqliteConnection,
    after: i64,
    last: i64,
) -> Result<Vec<(String, i64, i64)>, DatabaseError> {
    // A domain holds no at sign, and a local part may: what stands before the last one is removed.
    let sql = "
        select lower(substr(address, length(rtrim(address, replace(address, '@', ''))))) as domain,
               event, count(*)
        from journey where number > $1 and number <= $2 and address is not null
        group by 1, 2";
    Ok(sqlx::query_as(sql).bind(after).bind(last).fetch_all(moment).await?)
}

/// Those of these content files (a JSON array of names) that an entry has.
pub(crate) async fn content_files(
    reader: &SqlitePool,
    names: &str,
) -> Result<Vec<String>, DatabaseError> {
    let sql = "select file from entry where file in (select value from json_each($1))";
    Ok(sqlx::query_scalar(sql).bind(names.to_owned()).fetch_all(reader).await?)
}
