//! The journey, and the ring of refusals.

use sqlx::{Row, SqliteConnection, SqlitePool};
use stable_storage::{DatabaseError, Direct};

/// A row of `story`.
#[derive(Debug)]
pub(crate) struct StoryRow {
    pub(crate) entry: String,
    pub(crate) at: i64,
    pub(crate) sender: String,
    pub(crate) account: Option<i64>,
    pub(crate) size: i64,
    pub(crate) message_id: Option<String>,
    pub(crate) origin: String,
}

/// A row of `journey`.
#[derive(Debug)]
pub(crate) struct EventRow {
    pub(crate) entry: String,
    pub(crate) at: i64,
    pub(crate) recipient: Option<i64>,
    pub(crate) address: Option<String>,
    pub(crate) event: i64,
    pub(crate) detail: Option<String>,
}

/// By what stories are looked for.
#[derive(Debug)]
pub(crate) enum By<'a> {
    Entry(&'a str),
    MessageId(&'a str),
    Address(&'a str),
}

/// The indexes have their rows part by part ([`super::schema`]): all parts are looked into.
pub(super) const BY_MESSAGE_ID: &str = "
    with recursive part (number) as (
        select min(number) >> 8 from story union all
        select number + 1 from part where number < (select max(number) >> 8 from story))
    select story.number from part cross join story
    where story.number >> 8 = part.number and story.message_id = $1";

/// The same for who sent it and for those to whom it went.
pub(super) const BY_ADDRESS: &str = "
    with recursive part (number) as (
        select min(number) >> 8 from story union all
        select number + 1 from part where number < (select max(number) >> 8 from story)),
    event_part (number) as (
        select min(number) >> 8 from journey union all
        select number + 1 from event_part where number < (select max(number) >> 8 from journey))
    select story.number from part cross join story
    where story.number >> 8 = part.number and story.sender = $1 collate nocase
    union
    select story.number from event_part cross join journey cross join story
    where journey.number >> 8 = event_part.number and journey.address = $1 collate nocase
      and (journey.event = 1 or journey.event = 2) and story.entry = journey.entry";

/// The newest entries found by one thing.
pub(crate) async fn stories(
    moment: &mut SqliteConnection,
    by: By<'_>,
    limit: u32,
) -> Result<Vec<StoryRow>, DatabaseError> {
    let (found, text) = match by {
        By::Entry(id) => ("select number from story where entry = $1", id),
        By::MessageId(id) => (BY_MESSAGE_ID, id),
        By::Address(address) => (BY_ADDRESS, address),
    };
    let sql = format!(
        "select entry, at, sender, account, size, message_id, origin from story
         where number in ({found}) order by number desc limit $2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(text.to_owned())
        .bind(limit)
        .fetch_all(moment)
        .await?;
    let story = |row: &sqlx::sqlite::SqliteRow| {
        Ok::<_, sqlx::Error>(StoryRow {
            entry: row.try_get(0)?,
            at: row.try_get(1)?,
            sender: row.try_get(2)?,
            account: row.try_get(3)?,
            size: row.try_get(4)?,
            message_id: row.try_get(5)?,
            origin: row.try_get(6)?,
        })
    };
    Ok(rows.iter().map(story).collect::<Result<_, _>>()?)
}

/// The events of these entries (a JSON array of their ids), in the order in which they happened.
pub(crate) async fn events(
    moment: &mut SqliteConnection,
    entries: &str,
) -> Result<Vec<EventRow>, DatabaseError> {
    let rows = sqlx::query(
        "select entry, at, recipient, address, event, detail from journey
         where entry in (select value from json_each($1)) order by number",
    )
    .bind(entries.to_owned())
    .fetch_all(moment)
    .await?;
    let event = |row: &sqlx::sqlite::SqliteRow| {
        Ok::<_, sqlx::Error>(EventRow {
            entry: row.try_get(0)?,
            at: row.try_get(1)?,
            recipient: row.try_get(2)?,
            address: row.try_get(3)?,
            event: row.try_get(4)?,
            detail: row.try_get(5)?,
        })
    };
    Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
}

/// Removes some of the oldest events and stories from before `before`; returns how many of both.
///
/// Rows are numbered in the order in which they came, so whatever came before an old row is old:
/// what a clock that was ahead wrote goes with its neighbours. `not_after` is a time that no right
/// clock has shown yet; rows beyond it tell nothing about their age. What accounts sent goes after
/// a month.
pub(crate) fn prune(
    connection: &Direct,
    before: i64,
    not_after: i64,
    rows_max: u32,
) -> Result<u64, DatabaseError> {
    const SQL: &str = "
        delete from journey where number in (
            select number from journey where number <= (
                select max(number) from (
                    select number, at from journey where at <= $3 order by number limit $2)
                where at < $1)
            order by number limit $2);
        delete from story where number in (
            select number from story where number <= (
                select max(number) from (
                    select number, at from story where at <= $3 order by number limit $2)
                where at < $1)
            order by number limit $2);
        delete from sending where hour < $3 / 3600000 - 24 * 32;
    ";
    connection.execute(SQL, &[&before, &rows_max, &not_after])
}

/// Notes refusals (`[[at, agent, peer, sender, recipient, reply], ..]`) and lets the oldest go.
pub(crate) fn note_refusals(
    connection: &Direct,
    refusals: &str,
    ring_max: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into refusal (at, agent, peer, sender, recipient, reply)
        select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
        from json_each($1);
        delete from refusal where number <= (select max(number) from refusal) - $2;
    ";
    connection.execute(SQL, &[&refusals, &ring_max])?;
    Ok(())
}

/// A row of `refusal`.
#[derive(Debug)]
pub(crate) struct RefusalRow {
    pub(crate) at: i64,
    pub(crate) agent: String,
    pub(crate) peer: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) reply: String,
}

/// The newest refusals, the newest first.
pub(crate) async fn refusals(
    reader: &SqlitePool,
    limit: u32,
) -> Result<Vec<RefusalRow>, DatabaseError> {
    let rows = sqlx::query(
        "select at, agent, peer, sender, recipient, reply from refusal
         order by number desc limit $1",
    )
    .bind(limit)
    .fetch_all(reader)
    .await?;
    let refusal = |row: &sqlx::sqlite::SqliteRow| {
        Ok::<_, sqlx::Error>(RefusalRow {
            at: row.try_get(0)?,
            agent: row.try_get(1)?,
            peer: row.try_get(2)?,
            sender: row.try_get(3)?,
            recipient: row.try_get(4)?,
            reply: row.try_get(5)?,
        })
    };
    Ok(rows.iter().map(refusal).collect::<Result<_, _>>()?)
}
