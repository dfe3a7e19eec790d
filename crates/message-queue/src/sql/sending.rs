//! What accounts send, by the hour.

use sqlx::{Row, SqlitePool};
use stable_storage::{DatabaseError, Direct};

/// Counts messages: `[[account, time in ms, recipients], ..]`.
pub(crate) fn count_sending(connection: &Direct, rows: &str) -> Result<(), DatabaseError> {
    connection.execute(COUNT, &[&rows])?;
    Ok(())
}

/// "where true": or `on conflict` would be read as a join's `on`.
pub(super) const COUNT: &str = "
    insert into sending (account, hour, messages, recipients)
    select value ->> 0, (value ->> 1) / 3600000, count(*), sum(value ->> 2)
    from json_each($1)
    where true
    group by 1, 2
    on conflict (account, hour) do update
    set messages = messages + excluded.messages, recipients = recipients + excluded.recipients;
";

/// The hours in which an account sent anything, from this one on, the oldest first: hour, messages,
/// recipients.
pub(crate) async fn sending(
    reader: &SqlitePool,
    account: i64,
    since: i64,
) -> Result<Vec<[i64; 3]>, DatabaseError> {
    let rows = sqlx::query(READ).bind(account).bind(since).fetch_all(reader).await?;
    let hour = |row: &sqlx::sqlite::SqliteRow| {
        Ok::<_, sqlx::Error>([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?])
    };
    Ok(rows.iter().map(hour).collect::<Result<_, _>>()?)
}

pub(super) const READ: &str = "
    select hour, messages, recipients from sending
    where account = $1 and hour >= $2 order by hour
";
