//! Small things that processes tell each other by way of the database.

use sqlx::SqliteConnection;
use stable_storage::{DatabaseError, Direct};

/// The lanes of these recipients (`[[row, entry], ..]`) are to be tried, whatever is known of their
/// hosts.
pub(crate) fn wake_lanes_of(connection: &Direct, meant: &str) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert or ignore into woken (lane)
        select distinct lane from json_each($1) cross join recipient
        where number_of_all = value ->> 0 and entry = value ->> 1 and lane <> 'local'";
    connection.execute(SQL, &[&meant])?;
    Ok(())
}

/// So are these (a JSON array).
pub(crate) fn wake(connection: &Direct, lanes: &str) -> Result<(), DatabaseError> {
    const SQL: &str = "insert or ignore into woken (lane) select value from json_each($1)";
    connection.execute(SQL, &[&lanes])?;
    Ok(())
}

/// Something has been found out about the world outside, or is so no more.
pub(crate) fn note_condition(
    connection: &Direct,
    name: &str,
    text: Option<&str>,
    now: i64,
) -> Result<(), DatabaseError> {
    const SET: &str = "insert into condition (name, since, text) values ($1, $2, $3)
                       on conflict (name) do update set text = excluded.text";
    match text {
        Some(text) => connection.execute(SET, &[&name, &now, &text])?,
        None => connection.execute("delete from condition where name = $1", &[&name])?,
    };
    Ok(())
}

/// What has been found out: name, since when, in words.
pub(crate) async fn conditions(
    moment: &mut SqliteConnection,
) -> Result<Vec<(String, i64, String)>, DatabaseError> {
    let sql = "select name, since, text from condition order by since";
    Ok(sqlx::query_as(sql).fetch_all(moment).await?)
}

/// The lanes of a domain, and with `below` of those below it, in which something waits, is handed
/// over or is held.
pub(crate) async fn lanes_of(
    moment: &mut SqliteConnection,
    domain: &str,
    below: bool,
) -> Result<Vec<String>, DatabaseError> {
    let sql = "
        with meant (lane) as (
            select name from lane
            where local = 0 and (due is not null or line is not null or holder is not null)
            union select lane from recipient where state between 2 and 3)
        select lane from meant
        where lane = '@' || $1 or ($2 and substr(lane, -length($1) - 1) = '.' || $1)
        order by lane";
    Ok(sqlx::query_scalar(sql).bind(domain.to_owned()).bind(below).fetch_all(moment).await?)
}

/// Messages that wait in a lane, are handed over, or are held for this reason.
pub(crate) async fn pending(
    moment: &mut SqliteConnection,
    lane: &str,
    reason: Option<&str>,
) -> Result<i64, DatabaseError> {
    let sql = "
        select count(*) from (
            select entry from recipient where lane = $1 and state = 0
            union
            select entry from recipient where lane = $1 and state = 1
            union
            select entry from recipient
            where lane = $1 and state = 2 and problem = $2)";
    let query = sqlx::query_scalar(sql).bind(lane.to_owned()).bind(reason.map(str::to_owned));
    Ok(query.fetch_one(moment).await?)
}
