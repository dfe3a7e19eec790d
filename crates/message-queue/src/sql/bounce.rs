//! Recipients that the operator gives up, as if they were leased for it.

use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use stable_storage::{DatabaseError, Direct};

use super::{operate::REMOVABLE, turn::RecipientRow};

/// Recipients of an entry (a JSON array of their row numbers) as a lease would show them.
pub(crate) async fn as_leased(
    reader: &SqlitePool,
    entry: &str,
    rows: &str,
    token: i64,
) -> Result<Vec<RecipientRow>, DatabaseError> {
    let rows = sqlx::query(
        "select entry, number, lane, address, attempts, delay_told, problem, facts, place
         from recipient
         where number_of_all in (select cast(value as integer) from json_each($1)) and entry = $2",
    )
    .bind(rows.to_owned())
    .bind(entry.to_owned())
    .fetch_all(reader)
    .await?;
    let recipient = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(RecipientRow {
            entry: row.try_get(0)?,
            number: row.try_get(1)?,
            lane: row.try_get(2)?,
            address: row.try_get(3)?,
            token,
            attempts: row.try_get(4)?,
            told: row.try_get(5)?,
            problem: row.try_get(6)?,
            facts: row.try_get(7)?,
            place: row.try_get(8)?,
        })
    };
    Ok(rows.iter().map(recipient).collect::<Result<_, _>>()?)
}

/// Gives recipients of an entry the token of a settlement that follows in this transaction; none of
/// them, unless it can be all (`count`).
pub(crate) fn claim(
    connection: &Direct,
    entry: &str,
    numbers: &str,
    token: i64,
    count: usize,
) -> Result<bool, DatabaseError> {
    const FREE: &str = "
        select 1 from recipient
        where entry = $1 and number in (select value from json_each($2))
          and state in (select value from json_each($3))";
    const CLAIM: &str = "
        update recipient set state = 1, token = $3
        where entry = $1 and number in (select value from json_each($2))";
    let mut free = 0_usize;
    connection.run(FREE, &[&entry, &numbers, &REMOVABLE], |_| {
        free = free.saturating_add(1);
        Ok(())
    })?;
    if free != count {
        return Ok(false);
    }
    connection.execute(CLAIM, &[&entry, &numbers, &token])?;
    Ok(true)
}
