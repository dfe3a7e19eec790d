//! Destinations that the operator has paused: rows that a lease goes round.

use sqlx::SqliteConnection;
use stable_storage::{DatabaseError, Direct};

/// Pauses a lane, or all of other servers (`*`). What was paused before keeps its time.
pub(crate) fn pause(
    connection: &Direct,
    name: &str,
    reason: &str,
    now: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "insert into paused (name, since, reason) values ($1, $2, $3)
                       on conflict (name) do update set reason = excluded.reason";
    connection.execute(SQL, &[&name, &now, &reason])?;
    Ok(())
}

/// Resumes it; whether it was paused.
pub(crate) fn resume(connection: &Direct, name: &str) -> Result<bool, DatabaseError> {
    let changed = connection.execute("delete from paused where name = $1", &[&name])?;
    Ok(changed > 0)
}

/// What is paused: name, since when, why.
pub(crate) async fn paused(
    moment: &mut SqliteConnection,
) -> Result<Vec<(String, i64, String)>, DatabaseError> {
    let sql = "select name, since, reason from paused order by name";
    Ok(sqlx::query_as(sql).fetch_all(moment).await?)
}
