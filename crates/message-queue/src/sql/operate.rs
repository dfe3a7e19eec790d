//! What the operator changes.
//!
//! Recipients are looked for by readers, page by page, and changed by the writer, which looks again
//! whether each is still what it was: nobody who enqueues waits for a search.

use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};
use stable_storage::{DatabaseError, Direct};

use super::{
    Choice,
    turn::{ownerless, waiting},
};

/// What is done to chosen recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Retry,
    Hold,
    Release,
    Remove,
}

/// The states of recipients that can be taken out of the queue: a JSON array.
pub(crate) const REMOVABLE: &str = "[0,2,3]";

impl Operation {
    /// The states it applies to, as a JSON array.
    pub(crate) fn from(self) -> &'static str {
        match self {
            Self::Retry | Self::Hold => "[0]",
            Self::Release => "[2,3]",
            Self::Remove => REMOVABLE,
        }
    }

    /// The new state, and the event.
    fn plan(self) -> (i64, i64) {
        use super::{event, state};
        match self {
            Self::Retry => (state::WAITING, event::RETRIED),
            Self::Hold => (state::HELD, event::HELD),
            Self::Release => (state::WAITING, event::RELEASED),
            Self::Remove => (state::REMOVED, event::REMOVED),
        }
    }
}

/// A recipient that is meant: its row's number, which may be another's later, and its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) row: i64,
    pub(crate) entry: String,
}

/// A page of a search.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// The states that count, as a JSON array.
    pub(crate) states: &'a str,
    /// Only those that are due later than this, if it is said.
    pub(crate) due_after: Option<i64>,
    /// Rows behind this one ..
    pub(crate) after: i64,
    /// .. up to this one.
    pub(crate) last: i64,
    pub(crate) limit: u32,
}

/// The last row there is: what comes in later is not meant.
pub(crate) async fn last_row(moment: &mut SqliteConnection) -> Result<i64, DatabaseError> {
    let sql = "select coalesce(max(number_of_all), 0) from recipient";
    Ok(sqlx::query_scalar(sql).fetch_one(moment).await?)
}

/// The recipients of a page, in the order of rows.
pub(crate) async fn choose(
    moment: &mut SqliteConnection,
    choice: &Choice,
    page: &Page<'_>,
) -> Result<Vec<Meant>, DatabaseError> {
    let condition = choice.condition(moment).await?;
    let sql = format!(
        "select number_of_all, entry from recipient
         where {condition} and +state in (select value from json_each($8))
           and ($9 is null or next_at > $9) and number_of_all > $10 and number_of_all <= $11
         order by number_of_all limit $12"
    );
    let query = choice.bind(sqlx::query(AssertSqlSafe(sql)));
    let query = query.bind(page.states.to_owned()).bind(page.due_after);
    let rows = query.bind(page.after).bind(page.last).bind(page.limit).fetch_all(moment).await?;
    let meant = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(Meant { row: row.try_get(0)?, entry: row.try_get(1)? })
    };
    Ok(rows.iter().map(meant).collect::<Result<_, _>>()?)
}

/// What an operation has changed.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) changed: u64,
    /// Who is to be woken.
    pub(crate) local: bool,
    pub(crate) remote: bool,
    pub(crate) finished_files: Vec<String>,
}

/// Does it to those of the recipients (`[[row, entry], ..]`) to which it still can be done.
pub(crate) fn operate(
    connection: &Direct,
    meant: &str,
    operation: Operation,
    reason: Option<&str>,
    now: i64,
) -> Result<Chosen, DatabaseError> {
    const CONFIRM: &str = "
        select number_of_all, lane = 'local' from json_each($1) cross join recipient
        where number_of_all = value ->> 0 and entry = value ->> 1
          and state in (select value from json_each($2))";
    let (mut numbers, mut chosen) = (Vec::new(), Chosen::default());
    connection.run(CONFIRM, &[&meant, &operation.from()], |row| {
        numbers.push(row.get::<_, i64>(0)?.to_string());
        let local: bool = row.get(1)?;
        chosen.local |= local;
        chosen.remote |= !local;
        Ok(())
    })?;
    if numbers.is_empty() {
        return Ok(chosen);
    }
    chosen.changed = numbers.len() as u64;
    let (numbers, (to, event)) = (format!("[{}]", numbers.join(",")), operation.plan());
    connection.run(CHANGE, &[&numbers, &to, &event, &now, &reason], |row| {
        chosen.finished_files.extend(row.get::<_, Option<String>>(0)?);
        Ok(())
    })?;
    Ok(chosen)
}

/// What the operator lets go comes again ([`crate::order`]): at once.
pub(super) const CHANGE: &str = concat!(
    "
    insert into journey (entry, at, recipient, address, event, detail)
    select entry, $4, number, address, $3, $5 from recipient
    where number_of_all in (select value from json_each($1)) order by entry, number;

    update recipient
    set state = $2, problem = coalesce($5, problem),
        next_at = case when $2 = 0 then $4 else next_at end,
        place = case when $2 = 0 then max($4, 0) else place end
    where number_of_all in (select value from json_each($1));

    insert into lane (name, local, due)
    select lane, lane = 'local', null from recipient
    where number_of_all in (select value from json_each($1))
    group by lane
    on conflict (name) do nothing;

    update lane
    set ",
    waiting!(),
    "
    where name in (select lane from recipient
                   where number_of_all in (select value from json_each($1)));

    delete from lane where due is null and line is null and holder is null
      and name in (select lane from recipient
                   where number_of_all in (select value from json_each($1)));

    delete from entry
    where id in (select entry from recipient
                 where number_of_all in (select value from json_each($1)))
      and not exists (select 1 from recipient where entry = entry.id and state < 10)
    returning file;
",
    ownerless!()
);
