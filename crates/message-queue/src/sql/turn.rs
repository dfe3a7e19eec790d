//! Settling, and what a lease is made of.

use rusqlite::Row;
use stable_storage::{DatabaseError, Direct};

/// The ends of leases, as parameters.
#[derive(Debug)]
pub(crate) struct SettleParameters<'a> {
    /// `[[entry, number, token, state, next_at or null to keep it, problem or null to keep it,
    /// event or null, detail, attempts to add, delay told], ..]`
    pub(crate) ends: &'a str,
    /// The names of their lanes.
    pub(crate) lanes: &'a str,
    /// The ids of the notifications that were to be queued.
    pub(crate) notifications: &'a str,
    pub(crate) now: i64,
}

/// What a settlement came to.
#[derive(Debug, Default)]
pub(crate) struct SettledRows {
    pub(crate) settled: usize,
    pub(crate) finished_files: Vec<String>,
    pub(crate) notified: Vec<String>,
}

/// Settles recipients that still have their token, and ends entries of which nothing is open.
pub(crate) fn settle(
    connection: &Direct,
    settle: &SettleParameters<'_>,
) -> Result<SettledRows, DatabaseError> {
    let SettleParameters { ends, lanes, notifications, now } = settle;
    let mut done = SettledRows::default();
    connection.run(SETTLE, &[ends, lanes, notifications, now], |row| {
        match row.as_ref().column_count() {
            1 => done.settled = done.settled.saturating_add(1),
            2 => done.finished_files.extend(row.get::<_, Option<String>>(1)?),
            _ => done.notified.push(row.get(0)?),
        }
        Ok(())
    })?;
    Ok(done)
}

/// What was leased, as it stands in the tables.
#[derive(Debug, Default)]
pub(crate) struct LeaseRows {
    pub(crate) recipients: Vec<RecipientRow>,
    pub(crate) entries: Vec<EntryRow>,
    pub(crate) next_due: Option<i64>,
    /// Holders of other leases: alive or dead.
    pub(crate) other_holders: Vec<String>,
    /// Lanes that are paused, and of which something is leased.
    pub(crate) paused: Vec<String>,
    /// Lanes that somebody says are worth an attempt.
    pub(crate) woken: Vec<String>,
}

impl LeaseRows {
    /// What a second look found, after a first that found nothing to lease. Lanes are said to be
    /// worth an attempt once only: those of the first are worth it still.
    pub(crate) fn then(self, mut second: Self) -> Self {
        let known: Vec<String> = self.woken;
        second.woken.retain(|lane| !known.contains(lane));
        second.woken.splice(0..0, known);
        second
    }
}

#[derive(Debug)]
pub(crate) struct RecipientRow {
    pub(crate) entry: String,
    pub(crate) number: i64,
    pub(crate) lane: String,
    pub(crate) address: String,
    pub(crate) token: i64,
    pub(crate) attempts: i64,
    /// One of [`super::told`].
    pub(crate) told: i64,
    pub(crate) problem: Option<String>,
    pub(crate) facts: String,
    pub(crate) place: i64,
}

#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) id: String,
    pub(crate) queued_at: i64,
    pub(crate) sender: String,
    pub(crate) account: Option<i64>,
    pub(crate) size: i64,
    pub(crate) file: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) version: i64,
    pub(crate) facts: String,
    pub(crate) octets: Option<Vec<u8>>,
}

impl RecipientRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entry: row.get(0)?,
            number: row.get(1)?,
            lane: row.get(2)?,
            address: row.get(3)?,
            token: row.get(4)?,
            attempts: row.get(5)?,
            told: row.get(6)?,
            problem: row.get(7)?,
            facts: row.get(8)?,
            place: row.get(9)?,
        })
    }
}

impl EntryRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            queued_at: row.get(1)?,
            sender: row.get(2)?,
            account: row.get(3)?,
            size: row.get(4)?,
            file: row.get(5)?,
            message_id: row.get(6)?,
            version: row.get(7)?,
            facts: row.get(8)?,
            octets: row.get(9)?,
        })
    }
}

/// Makes what dead holders (a JSON array of their names) had leased wait again, as it was.
pub(crate) fn free_dead(connection: &Direct, holders: &str) -> Result<(), DatabaseError> {
    connection.execute(FREE_DEAD, &[&holders])?;
    Ok(())
}

/// Makes what these tokens (a JSON array) have leased for a holder wait again, as it was.
pub(crate) fn free_untold(
    connection: &Direct,
    tokens: &str,
    holder: &str,
) -> Result<(), DatabaseError> {
    connection.execute(FREE_UNTOLD, &[&tokens, &holder])?;
    Ok(())
}

/// Sets aside recipients that can't be read: `[[entry, number or null for all, why], ..]`. What is
/// leased by another token than this is another one's, who may be handing it over: it stays.
pub(crate) fn set_aside(
    connection: &Direct,
    what: &str,
    token: Option<i64>,
    now: i64,
) -> Result<(), DatabaseError> {
    connection.execute(SET_ASIDE, &[&what, &now, &token])?;
    Ok(())
}

/// What is written down about what waits in a lane: when the first comes again, and since when its
/// line waits for its turn. A line that has just come to be has waited longest: what stands in it
/// was leased before.
macro_rules! waiting {
    () => {
        "due = (select min(place) from recipient
                   where lane = lane.name and state = 0 and place >= 0),
            line = (select ((min(place) >> 42) << 42)
                           + coalesce(lane.line - ((lane.line >> 42) << 42), 0)
                    from recipient where lane = lane.name and state = 0 and place < 0)"
    };
}
pub(super) use waiting;

/// Rows come back with 1 column (settled), 2 (finished entries), 3 (queued notifications).
pub(super) const SETTLE: &str = concat!(
    "
    insert into journey (entry, at, recipient, address, event, detail)
    select recipient.entry, $4, recipient.number, recipient.address, value ->> 6, value ->> 7
    from json_each($1) cross join recipient
    where recipient.entry = value ->> 0 and recipient.number = value ->> 1
      and recipient.token = value ->> 2 and value ->> 6 is not null;

    update recipient
    set state = ends.state, token = null,
        next_at = coalesce(ends.next_at, recipient.next_at),
        place = coalesce(max(ends.next_at, 0), recipient.place),
        problem = coalesce(ends.problem, recipient.problem),
        attempts = recipient.attempts + ends.attempts,
        delay_told = max(recipient.delay_told, ends.delay_told)
    from (select value ->> 0 as entry, value ->> 1 as number, value ->> 2 as token,
                 value ->> 3 as state, value ->> 4 as next_at, value ->> 5 as problem,
                 value ->> 8 as attempts, value ->> 9 as delay_told
          from json_each($1)) as ends
    where recipient.entry = ends.entry and recipient.number = ends.number
      and +recipient.token = ends.token
    returning recipient.number;

    delete from entry
    where id in (select value ->> 0 from json_each($1))
      and not exists (select 1 from recipient where entry = entry.id and state < 10)
    returning id, file;

    update lane
    set ",
    waiting!(),
    ",
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then holder end
    where name in (select value from json_each($2));

    delete from lane
    where name in (select value from json_each($2)) and due is null and line is null
      and holder is null;

    select id, 0, 0 from entry where id in (select value from json_each($3));
"
);

pub(super) const FREE_DEAD: &str = concat!(
    "
    update recipient set state = 0, token = null
    where state = 1 and lane in (
        select name from lane where holder in (select value from json_each($1)));

    update lane
    set ",
    waiting!(),
    ",
        holder = null
    where holder in (select value from json_each($1));
"
);

pub(super) const FREE_UNTOLD: &str = concat!(
    "
    update recipient set state = 0, token = null
    where +state = 1 and token in (select value from json_each($1));

    update lane
    set ",
    waiting!(),
    ",
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then holder end
    where holder = $2;
"
);

pub(super) const SET_ASIDE: &str = concat!(
    "
    insert into journey (entry, at, recipient, address, event, detail)
    select recipient.entry, $2, recipient.number, recipient.address, 10, value ->> 2
    from json_each($1) cross join recipient
    where recipient.entry = value ->> 0 and recipient.state < 10 and recipient.state <> 3
      and (recipient.state <> 1 or +recipient.token is $3)
      and (value ->> 1 is null or recipient.number = value ->> 1);

    update recipient set state = 3, token = null, problem = what.why
    from (select value ->> 0 as entry, value ->> 1 as number, value ->> 2 as why
          from json_each($1)) as what
    where recipient.entry = what.entry and recipient.state < 10
      and (recipient.state <> 1 or +recipient.token is $3)
      and (what.number is null or recipient.number = what.number);

    update lane
    set ",
    waiting!(),
    ",
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then holder end
    where name in (select lane from recipient
                   where entry in (select value ->> 0 from json_each($1)));
"
);
