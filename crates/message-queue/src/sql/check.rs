//! What the check looks at, page by page, and what it mends.

use sqlx::{Row, SqliteConnection, SqlitePool};
use stable_storage::{DatabaseError, Direct};

use super::turn::{EntryRow, RecipientRow, standing, waiting};

/// An entry with what tells whether it is whole.
#[derive(Debug)]
pub(crate) struct CheckedRow {
    pub(crate) entry: EntryRow,
    /// How many octets of content stand in its row, if it has them there.
    pub(crate) octets: Option<i64>,
    /// Its recipients that are open, and of them those that are set aside.
    pub(crate) open: i64,
    pub(crate) set_aside: i64,
}

/// The entries behind `after`, by their ids.
pub(crate) async fn entries(
    moment: &mut SqliteConnection,
    after: &str,
    limit: u32,
) -> Result<Vec<CheckedRow>, DatabaseError> {
    let rows = sqlx::query(
        "select id, queued_at, sender, account, size, file, message_id, version, facts,
                length(octets),
                (select count(*) from recipient where recipient.entry = entry.id and state < 10),
                (select count(*) from recipient where recipient.entry = entry.id and state = 3)
         from entry where id > $1 order by id limit $2",
    )
    .bind(after.to_owned())
    .bind(limit)
    .fetch_all(moment)
    .await?;
    let checked = |row: &sqlx::sqlite::SqliteRow| {
        let octets: Option<i64> = row.try_get(9)?;
        Ok::<_, sqlx::Error>(CheckedRow {
            entry: EntryRow {
                id: row.try_get(0)?,
                queued_at: row.try_get(1)?,
                sender: row.try_get(2)?,
                account: row.try_get(3)?,
                size: row.try_get(4)?,
                file: row.try_get(5)?,
                message_id: row.try_get(6)?,
                version: row.try_get(7)?,
                facts: row.try_get(8)?,
                // What stands in them does not matter here.
                octets: octets.map(|_| Vec::new()),
            },
            octets,
            open: row.try_get(10)?,
            set_aside: row.try_get(11)?,
        })
    };
    Ok(rows.iter().map(checked).collect::<Result<_, _>>()?)
}

/// The recipients of these entries (a JSON array of ids) that are open and not set aside.
pub(crate) async fn recipients(
    moment: &mut SqliteConnection,
    entries: &str,
) -> Result<Vec<RecipientRow>, DatabaseError> {
    let rows = sqlx::query(
        "select entry, number, lane, address, attempts, delay_told, problem, facts, place
         from recipient where entry in (select value from json_each($1)) and state < 3",
    )
    .bind(entries.to_owned())
    .fetch_all(moment)
    .await?;
    let recipient = |row: &sqlx::sqlite::SqliteRow| {
        Ok::<_, sqlx::Error>(RecipientRow {
            entry: row.try_get(0)?,
            number: row.try_get(1)?,
            lane: row.try_get(2)?,
            address: row.try_get(3)?,
            token: 0,
            attempts: row.try_get(4)?,
            told: row.try_get(5)?,
            problem: row.try_get(6)?,
            facts: row.try_get(7)?,
            place: row.try_get(8)?,
        })
    };
    Ok(rows.iter().map(recipient).collect::<Result<_, _>>()?)
}

/// Content files of entries, behind `after` and up to `last`, by their names: `(file, entry)`.
pub(crate) async fn files(
    reader: &SqlitePool,
    after: &str,
    last: &str,
    limit: u32,
) -> Result<Vec<(String, String)>, DatabaseError> {
    let sql = "select file, id from entry
               where file is not null and file > $1 and file <= $2 order by file limit $3";
    let query = sqlx::query_as(sql).bind(after.to_owned()).bind(last.to_owned()).bind(limit);
    Ok(query.fetch_all(reader).await?)
}

/// The ids of entries, some of them, that rows speak of though they are gone.
pub(crate) async fn ownerless(reader: &SqlitePool) -> Result<Vec<String>, DatabaseError> {
    let sql = "select entry from recipient
               where not exists (select 1 from entry where id = recipient.entry)
               group by entry limit 1000";
    Ok(sqlx::query_scalar(sql).fetch_all(reader).await?)
}

/// The names of lanes, some of them, of which something else is written down than waits there; and
/// of those in which something is leased by nobody.
pub(crate) async fn lanes(reader: &SqlitePool) -> Result<Vec<String>, DatabaseError> {
    let sql = "
        select name from lane
        where due is not (select min(place) from recipient
                          where lane = lane.name and state = 0 and place >= 0)
           or (line is null) = exists (select 1 from recipient
                                       where lane = lane.name and state = 0 and place < 0)
        union
        select lane from (select distinct lane from recipient where state = 0) as there
        where not exists (select 1 from lane where name = there.lane)
        union
        select lane from (select distinct lane from recipient where state = 1) as there
        where not exists (select 1 from lane where name = there.lane and holder is not null)
        limit 1000";
    Ok(sqlx::query_scalar(sql).fetch_all(reader).await?)
}

/// Whether everybody open of an entry is set aside already.
pub(crate) async fn is_aside(reader: &SqlitePool, id: &str) -> Result<bool, DatabaseError> {
    let sql = "select not exists (select 1 from recipient
                                  where entry = $1 and state < 10 and state <> 3)";
    Ok(sqlx::query_scalar(sql).bind(id.to_owned()).fetch_one(reader).await?)
}

/// What SQLite finds wrong with its file; nothing if it is sound.
pub(crate) async fn damage(reader: &SqlitePool) -> Result<Vec<String>, DatabaseError> {
    let found: Vec<String> = sqlx::query_scalar("pragma quick_check(20)").fetch_all(reader).await?;
    Ok(found.into_iter().filter(|word| word != "ok").collect())
}

/// Something to be mended, a JSON array each.
#[derive(Debug)]
pub(crate) enum Mend {
    /// Entries of which nothing is open go.
    Finished(String),
    /// Rows of entries that are gone go.
    Ownerless(String),
    /// What is written of lanes becomes what waits there.
    Lanes(String),
}

/// Mends it, if it still is so.
pub(crate) fn mend(connection: &Direct, mend: &Mend) -> Result<(), DatabaseError> {
    let (texts, what) = match mend {
        Mend::Finished(ids) => (&[FINISHED, OWNERLESS][..], ids),
        Mend::Ownerless(ids) => (&[OWNERLESS][..], ids),
        Mend::Lanes(names) => (&[LANES][..], names),
    };
    for text in texts {
        connection.execute(text, &[what])?;
    }
    Ok(())
}

const FINISHED: &str = "
    delete from entry
    where id in (select value from json_each($1))
      and not exists (select 1 from recipient where entry = entry.id and state < 10)";

const OWNERLESS: &str = "
    delete from recipient
    where entry in (select value from json_each($1))
      and not exists (select 1 from entry where id = recipient.entry)";

const LANES: &str = concat!(
    "
    update recipient set state = 0, token = null
    where state = 1 and lane in (select value from json_each($1))
      and not exists (select 1 from lane where name = recipient.lane and holder is not null);

    insert into lane (name, local)
    select value, value = 'local' from json_each($1) where true
    on conflict (name) do nothing;

    update lane
    set ",
    standing!(),
    "
    where name in (select value from json_each($1));

    delete from lane
    where name in (select value from json_each($1)) and due is null and line is null
      and holder is null"
);
