//! Leasing and settling.

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

/// What is to be leased, as parameters.
#[derive(Debug)]
pub(crate) struct LeaseParameters<'a> {
    pub(crate) local: bool,
    pub(crate) now: i64,
    pub(crate) holder: &'a str,
    pub(crate) token: i64,
    /// The names of lanes without room.
    pub(crate) except: &'a str,
    pub(crate) per_lane_max: u32,
    pub(crate) leases_max: u32,
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
}

#[derive(Debug)]
pub(crate) struct RecipientRow {
    pub(crate) entry: String,
    pub(crate) number: i64,
    pub(crate) lane: String,
    pub(crate) address: String,
    pub(crate) token: i64,
    pub(crate) attempts: i64,
    pub(crate) delay_told: bool,
    pub(crate) problem: Option<String>,
    pub(crate) facts: String,
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

/// Leases recipients that are due, of lanes that nobody else leases from.
///
/// The two `with` tables are materialized: a bounded number of lanes, then a bounded number of
/// recipients of each, however many wait. All due recipients of a chosen entry in its lane come
/// along, so that they can share a transaction with the next hop.
pub(crate) fn lease(
    connection: &Direct,
    lease: &LeaseParameters<'_>,
) -> Result<LeaseRows, DatabaseError> {
    let LeaseParameters { local, now, holder, token, except, per_lane_max, leases_max } = lease;
    let mut leased = LeaseRows::default();
    connection.run(
        LEASE,
        &[local, now, holder, token, except, per_lane_max, leases_max],
        |row| {
            match row.as_ref().column_count() {
                9 => leased.recipients.push(RecipientRow::of(row)?),
                10 => leased.entries.push(EntryRow::of(row)?),
                2 => leased.next_due = row.get(0)?,
                3 => leased.paused.push(row.get(0)?),
                _ => leased.other_holders.push(row.get(0)?),
            }
            Ok(())
        },
    )?;
    Ok(leased)
}

impl RecipientRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entry: row.get(0)?,
            number: row.get(1)?,
            lane: row.get(2)?,
            address: row.get(3)?,
            token: row.get(4)?,
            attempts: row.get(5)?,
            delay_told: row.get(6)?,
            problem: row.get(7)?,
            facts: row.get(8)?,
        })
    }
}

impl EntryRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
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

impl LeaseRows {
    /// Adds what a second look found.
    pub(crate) fn join(&mut self, more: Self) {
        self.recipients.extend(more.recipients);
        self.entries.extend(more.entries);
        self.next_due = more.next_due;
        self.other_holders = more.other_holders;
        self.paused = more.paused;
    }
}

/// Makes what dead holders (a JSON array of their names) had leased wait again, as it was.
pub(crate) fn free_dead(connection: &Direct, holders: &str) -> Result<(), DatabaseError> {
    connection.execute(FREE_DEAD, &[&holders])?;
    Ok(())
}

/// Sets aside leased recipients that can't be read: `[[entry, number or null for all, why], ..]`.
pub(crate) fn set_aside(connection: &Direct, what: &str, now: i64) -> Result<(), DatabaseError> {
    connection.execute(SET_ASIDE, &[&what, &now])?;
    Ok(())
}

/// Rows come back with 1 column (settled), 2 (finished entries), 3 (queued notifications).
pub(super) const SETTLE: &str = "
    insert into journey (entry, at, recipient, address, event, detail)
    select recipient.entry, $4, recipient.number, recipient.address, value ->> 6, value ->> 7
    from json_each($1) cross join recipient
    where recipient.entry = value ->> 0 and recipient.number = value ->> 1
      and recipient.token = value ->> 2 and value ->> 6 is not null;

    update recipient
    set state = ends.state, token = null,
        next_at = coalesce(ends.next_at, recipient.next_at),
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
    set due = (select min(next_at) from recipient where lane = lane.name and state = 0),
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then holder end
    where name in (select value from json_each($2));

    delete from lane
    where name in (select value from json_each($2)) and due is null and holder is null;

    select id, 0, 0 from entry where id in (select value from json_each($3));
";

/// Rows come back with 9 columns (recipients), 10 (entries), 2 (when the next is due),
/// 1 (other holders), 3 (paused lanes that the holder still leases from).
///
/// "+ 0": a bare parameter as a limit would have SQLite look at its value when it plans, and
/// therefore plan anew whenever one is bound.
pub(super) const LEASE: &str = "
    update recipient set state = 1, token = $4
    where number_of_all in (
        with open_lane (name) as materialized (
            select name from lane
            where local = $1 and due <= $2 and (holder is null or holder = $3)
              and name not in (select value from json_each($5))
              and not exists (select 1 from paused
                              where paused.name in (lane.name, iif($1, 'local', '*')))
            order by due limit $7 + 0),
        first (entry, lane) as materialized (
            select recipient.entry, recipient.lane
            from open_lane cross join recipient
            where recipient.number_of_all in (
                select due.number_of_all from recipient as due
                where due.lane = open_lane.name and due.state = 0 and due.next_at <= $2
                order by due.next_at limit $6 + 0)
            limit $7 + 0)
        select mate.number_of_all
        from first cross join recipient as mate
        where mate.entry = first.entry and +mate.lane = first.lane
          and +mate.state = 0 and +mate.next_at <= $2)
    returning entry, number, lane, address, token, attempts, delay_told, problem, facts;

    update lane
    set due = (select min(next_at) from recipient where lane = lane.name and state = 0),
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then $3 end
    where name in (
        select name from lane
        where local = $1 and due <= $2 and (holder is null or holder = $3)
          and name not in (select value from json_each($5))
          and not exists (select 1 from paused
                          where paused.name in (lane.name, iif($1, 'local', '*')))
        order by due limit $7 + 0);

    select id, queued_at, sender, account, size, file, message_id, version, facts, octets
    from entry left join content on content.entry = entry.id
    where id in (select entry from recipient where token = $4);

    select due, 0 from lane
    where local = $1 and due is not null and (holder is null or holder = $3)
      and name not in (select value from json_each($5))
      and not exists (select 1 from paused
                      where paused.name in (lane.name, iif($1, 'local', '*')))
    order by due limit 1;

    select distinct holder from lane where holder is not null and holder <> $3 and local = $1;

    select lane.name, 0, 0 from paused cross join lane
    where lane.name = paused.name and lane.holder = $3 and lane.local = $1
    union
    select lane.name, 0, 0 from (select 1 from paused where name = '*') cross join lane
    where lane.holder = $3 and lane.local = 0 and not $1;
";

pub(super) const FREE_DEAD: &str = "
    update recipient set state = 0, token = null
    where state = 1 and lane in (
        select name from lane where holder in (select value from json_each($1)));

    update lane
    set due = (select min(next_at) from recipient where lane = lane.name and state = 0),
        holder = null
    where holder in (select value from json_each($1));
";

pub(super) const SET_ASIDE: &str = "
    insert into journey (entry, at, recipient, address, event, detail)
    select recipient.entry, $2, recipient.number, recipient.address, 10, value ->> 2
    from json_each($1) cross join recipient
    where recipient.entry = value ->> 0 and recipient.state < 10 and recipient.state <> 3
      and (value ->> 1 is null or recipient.number = value ->> 1);

    update recipient set state = 3, token = null, problem = what.why
    from (select value ->> 0 as entry, value ->> 1 as number, value ->> 2 as why
          from json_each($1)) as what
    where recipient.entry = what.entry and recipient.state < 10
      and (what.number is null or recipient.number = what.number);

    update lane
    set due = (select min(next_at) from recipient where lane = lane.name and state = 0),
        holder = case when exists (select 1 from recipient
                                   where lane = lane.name and state = 1)
                 then holder end
    where name in (select lane from recipient
                   where entry in (select value ->> 0 from json_each($1)));
";
