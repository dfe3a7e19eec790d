//! Settling, and what a lease is made of.

use std::collections::BTreeSet;

use rusqlite::Row;
use stable_storage::{DatabaseError, Direct, Repeated};

use super::schema::state;

/// The ends of leases, as parameters.
#[derive(Debug)]
pub(crate) struct SettleParameters<'a> {
    pub(crate) ends: &'a [EndRow],
    /// The names of their lanes.
    pub(crate) lanes: &'a str,
    /// The ids of the notifications that were to be queued.
    pub(crate) notifications: &'a str,
    pub(crate) now: i64,
}

/// The end of a leased recipient.
#[derive(Debug)]
pub(crate) struct EndRow {
    pub(crate) entry: String,
    pub(crate) number: i64,
    pub(crate) token: i64,
    pub(crate) state: i64,
    /// Nothing to keep it.
    pub(crate) next_at: Option<i64>,
    /// Nothing to keep it.
    pub(crate) problem: Option<String>,
    /// What the journey tells, if it does.
    pub(crate) event: Option<i64>,
    pub(crate) detail: Option<String>,
    /// To be added.
    pub(crate) attempts: i64,
    /// One of [`super::told`].
    pub(crate) told: i64,
}

impl EndRow {
    /// Whether the recipient is finished.
    fn closes(&self) -> bool {
        self.state >= state::DELIVERED
    }
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
    let (mut event, mut only, mut end) =
        (connection.repeated(EVENT)?, connection.repeated(ONLY)?, connection.repeated(END)?);
    let mut going = Going::begin(connection)?;
    let mut perhaps_finished = BTreeSet::new();
    for row in *ends {
        let EndRow { entry, number, token, state, next_at, problem, .. } = row;
        let EndRow { event: told_of, detail, attempts, told, .. } = row;
        if told_of.is_some() {
            event.execute(&[entry, number, token, now, told_of, detail])?;
        }
        let mut gone = false;
        if row.closes() {
            only.run(&[entry, number, token], |row| {
                gone = true;
                done.finished_files.extend(row.get::<_, Option<String>>(0)?);
                Ok(())
            })?;
        }
        if gone {
            going.entry(entry)?;
            done.settled = done.settled.saturating_add(1);
            continue;
        }
        let of_end: [&dyn rusqlite::ToSql; 8] =
            [entry, number, token, state, next_at, problem, attempts, told];
        let settled = end.execute(&of_end)?;
        done.settled = done.settled.saturating_add(usize::try_from(settled).unwrap_or(0));
        if row.closes() {
            perhaps_finished.insert(entry);
        }
    }
    let mut finished = connection.repeated(FINISHED)?;
    for entry in perhaps_finished {
        let mut gone = false;
        finished.run(&[entry], |row| {
            gone = true;
            done.finished_files.extend(row.get::<_, Option<String>>(0)?);
            Ok(())
        })?;
        if gone {
            going.entry(entry)?;
        }
    }
    connection.run(SETTLED, &[lanes, notifications], |row| {
        done.notified.push(row.get(0)?);
        Ok(())
    })?;
    Ok(done)
}

/// Entries that go, with their recipients.
///
/// A trigger or a `returning` would do this in one statement, but for each SQLite keeps copies of the
/// pages that it changes, and makes a table of its own for what is returned.
struct Going<'c> {
    recipients: Repeated<'c>,
    entry: Repeated<'c>,
}

impl<'c> Going<'c> {
    fn begin(connection: &'c Direct) -> Result<Self, DatabaseError> {
        let (recipients, entry) = (connection.repeated(GO_RECIPIENTS)?, connection.repeated(GO)?);
        Ok(Self { recipients, entry })
    }

    fn entry(&mut self, id: &str) -> Result<(), DatabaseError> {
        self.recipients.execute(&[&id])?;
        self.entry.execute(&[&id])?;
        Ok(())
    }
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

/// The same, and that nobody holds a lane of which nothing is leased.
macro_rules! standing {
    () => {
        concat!(
            waiting!(),
            ",
            holder = case when exists (select 1 from recipient
                                       where lane = lane.name and state = 1)
                     then holder end"
        )
    };
}
pub(super) use standing;

/// Removes the recipients of those rows (`$1`) whose entries have gone.
macro_rules! ownerless {
    () => {
        "delete from recipient
         where entry in (select entry from recipient
                         where number_of_all in (select value from json_each($1)))
           and not exists (select 1 from entry where id = recipient.entry)"
    };
}
pub(super) use ownerless;

/// What settling runs.
#[cfg(test)]
pub(super) const SETTLE: [&str; 7] = [EVENT, ONLY, END, FINISHED, GO_RECIPIENTS, GO, SETTLED];

const EVENT: &str = "
    insert or fail into journey (entry, at, recipient, address, event, detail)
    select entry, $4, number, address, $5, $6 from recipient
    where entry = $1 and number = $2 and +token = $3";

/// An entry whose only recipient comes to its end goes at once, and the recipient with it.
const ONLY: &str = "
    select file from entry
    where id = $1
      and exists (select 1 from recipient where entry = $1 and number = $2 and +token = $3)
      and not exists (select 1 from recipient where entry = $1 and number <> $2)";

const END: &str = "
    update or fail recipient
    set state = $4, token = null,
        next_at = coalesce($5, next_at),
        place = coalesce(max($5, 0), place),
        problem = coalesce($6, problem),
        attempts = attempts + $7,
        delay_told = max(delay_told, $8)
    where entry = $1 and number = $2 and +token = $3";

/// So does one of whose recipients none is open any more.
const FINISHED: &str = "
    select file from entry
    where id = $1 and not exists (select 1 from recipient where entry = $1 and state < 10)";

const GO_RECIPIENTS: &str = "delete from recipient where entry = $1";

const GO: &str = "delete from entry where id = $1";

/// Rows are queued notifications.
const SETTLED: &str = concat!(
    "
    update or fail lane
    set ",
    standing!(),
    "
    where name in (select value from json_each($1));

    delete from lane
    where name in (select value from json_each($1)) and due is null and line is null
      and holder is null;

    select id from entry where id in (select value from json_each($2));
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
    where state = 1 and lane in (select name from lane where holder = $2)
      and +token in (select value from json_each($1));

    update lane
    set ",
    standing!(),
    "
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
    standing!(),
    "
    where name in (select lane from recipient
                   where entry in (select value ->> 0 from json_each($1)));
"
);
