//! What is due for its end although nobody leases it: by when it was to be delivered (RFC 2852).

use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};
use stable_storage::DatabaseError;

use super::Meant;

/// Where to go on: behind this time and this entry.
#[derive(Debug, Clone)]
pub(crate) struct Behind {
    pub(crate) at: i64,
    pub(crate) entry: String,
}

/// A recipient whose time is over.
#[derive(Debug)]
pub(crate) struct LateRow {
    pub(crate) meant: Meant,
    pub(crate) number: i64,
    pub(crate) is_held: bool,
    pub(crate) at: i64,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Late<'a> {
    pub(crate) local: bool,
    pub(crate) now: i64,
    /// The reasons (a JSON array) for which what is held counts too.
    pub(crate) held_for: &'a str,
    pub(crate) entries_max: u32,
}

/// Recipients that wait and whose time is over, of whole entries, in the order of their times: those
/// that are to be returned, and those whose sender has not been told yet.
pub(crate) async fn late(
    moment: &mut SqliteConnection,
    late: &Late<'_>,
    behind: &Behind,
) -> Result<Vec<LateRow>, DatabaseError> {
    let rows = sqlx::query(AssertSqlSafe(LATE)).bind(late.now).bind(behind.at);
    let rows = rows.bind(behind.entry.clone()).bind(late.entries_max).bind(late.local);
    let rows = rows.bind(late.held_for.to_owned()).fetch_all(moment).await?;
    let row = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(LateRow {
            meant: Meant { row: row.try_get(0)?, entry: row.try_get(1)? },
            number: row.try_get(2)?,
            is_held: row.try_get(3)?,
            at: row.try_get(4)?,
        })
    };
    Ok(rows.iter().map(row).collect::<Result<_, _>>()?)
}

/// The time by which an entry is to be delivered, as the index `entry_deliver_by` has it.
macro_rules! deliver_by {
    () => {
        "(case when json_valid(facts) then facts ->> '$.deliver_by.at' end)"
    };
}

/// Which entries stand in that index: hardly any, and a look is enough for all others.
macro_rules! has_time {
    () => {
        "instr(facts, '\"deliver_by\":{') > 0"
    };
}

/// The next entries whose time is over, in the order of their times.
macro_rules! over {
    () => {
        concat!(
            " from entry where ",
            has_time!(),
            " and ",
            deliver_by!(),
            " <= $1 and (",
            deliver_by!(),
            ", id) > ($2, $3) order by ",
            deliver_by!(),
            ", id limit $4"
        )
    };
}

/// What was late when it came is not ours to tell (RFC 2852 §4).
pub(super) const LATE: &str = concat!(
    "
    with over (id, at, returned, queued_at) as materialized (
        select id, ",
    deliver_by!(),
    ", facts ->> '$.deliver_by.returned', queued_at",
    over!(),
    ")
    select recipient.number_of_all, recipient.entry, recipient.number, recipient.state = 2, over.at
    from over cross join recipient
    where recipient.entry = over.id and (recipient.lane = 'local') = $5
      and (recipient.state = 0
           or (recipient.state = 2 and recipient.problem in (select value from json_each($6))))
      and (over.returned or (recipient.delay_told < 2 and over.at > over.queued_at))
    order by over.at, over.id, recipient.number"
);

/// The last entry that [`LATE`] has looked at, whether anything of it is late or not.
pub(crate) async fn last_looked_at(
    moment: &mut SqliteConnection,
    late: &Late<'_>,
    behind: &Behind,
) -> Result<Option<Behind>, DatabaseError> {
    const SQL: &str = concat!(
        "select at, id from (select ",
        deliver_by!(),
        " as at, id",
        over!(),
        ") order by at desc, id desc limit 1"
    );
    let row: Option<(i64, String)> = sqlx::query_as(SQL)
        .bind(late.now)
        .bind(behind.at)
        .bind(behind.entry.clone())
        .bind(late.entries_max)
        .fetch_optional(moment)
        .await?;
    Ok(row.map(|(at, entry)| Behind { at, entry }))
}
