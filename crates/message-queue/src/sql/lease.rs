//! Leasing: the first of the first lanes are found, [`crate::order`] chooses among them, and they are
//! taken.

use std::collections::BTreeSet;

use stable_storage::{DatabaseError, Direct};

use super::turn::{EntryRow, LeaseRows, RecipientRow};
use crate::{
    encode,
    order::{self, Candidate, Room},
};

/// What is to be leased, as parameters.
#[derive(Debug)]
pub(crate) struct LeaseParameters<'a> {
    pub(crate) local: bool,
    pub(crate) now: i64,
    pub(crate) holder: &'a str,
    pub(crate) token: i64,
    /// The names of lanes without room.
    pub(crate) except: &'a str,
    pub(crate) room: Room,
}

/// Leases recipients that are due, of lanes that nobody else leases from. All due recipients of a
/// chosen entry in its lane come along, so that they can share a transaction with the next hop.
pub(crate) fn lease(
    connection: &Direct,
    lease: &LeaseParameters<'_>,
) -> Result<LeaseRows, DatabaseError> {
    let LeaseParameters { local, now, holder, token, except, room } = lease;
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (mut again, mut line) = (Vec::new(), Vec::new());
    let [per_lane, leases] = [room.per_lane_max, room.leases_max].map(whole);
    let of_again = whole(room.again_max.min(room.leases_max));
    connection.run(
        CANDIDATES,
        &[local, now, holder, except, &per_lane, &leases, &of_again],
        |row| {
            let candidate = Candidate { number: row.get(0)?, lane: row.get(1)? };
            if row.get(2)? {
                line.push(candidate)
            } else {
                again.push(candidate)
            }
            Ok(())
        },
    )?;
    let mut leased = LeaseRows::default();
    let chosen = order::choose(&again, &line, *room);
    if !chosen.is_empty() {
        connection.run(TAKE, &[&encode::numbers(&chosen), token, now], |row| {
            leased.recipients.push(RecipientRow::of(row)?);
            Ok(())
        })?;
        taken(connection, lease, &mut leased)?;
    }
    connection.run(OUTLOOK, &[local, now, holder, except], |row| {
        match row.as_ref().column_count() {
            2 => leased.next_due = row.get(0)?,
            3 => leased.paused.push(row.get(0)?),
            4 => leased.woken.push(row.get(0)?),
            _ => leased.other_holders.push(row.get(0)?),
        }
        Ok(())
    })?;
    Ok(leased)
}

/// Notes in the lanes that they were leased from, and finds the entries of what was taken.
fn taken(
    connection: &Direct,
    lease: &LeaseParameters<'_>,
    leased: &mut LeaseRows,
) -> Result<(), DatabaseError> {
    let lanes: BTreeSet<&str> = leased.recipients.iter().map(|row| row.lane.as_str()).collect();
    let mut taken = connection.repeated(TAKEN)?;
    for lane in lanes {
        taken.execute(&[&lane, &lease.now, &lease.holder])?;
    }
    let ids: BTreeSet<&str> = leased.recipients.iter().map(|row| row.entry.as_str()).collect();
    let mut entry = connection.repeated(ENTRY)?;
    for id in ids {
        entry.run(&[&id], |row| {
            leased.entries.push(EntryRow::of(row)?);
            Ok(())
        })?;
    }
    Ok(())
}

/// Lanes of which this holder may lease now.
macro_rules! open {
    () => {
        "lane.local = $1 and (lane.holder is null or lane.holder = $3)
         and lane.name not in (select value from json_each($4))
         and not exists (select 1 from paused
                         where paused.name in (lane.name, iif($1, 'local', '*')))"
    };
}

/// Rows: number, lane, whether it stands in its line. First what comes again, then the lines.
///
/// The `with` tables are materialized: a bounded number of lanes, then a bounded number of
/// recipients of each, however many wait. "+ 0": a bare parameter as a limit would have SQLite look
/// at its value when it plans, and therefore plan anew whenever one is bound.
pub(super) const CANDIDATES: &str = concat!(
    "
    with open_lane (name, due) as materialized (
        select name, due from lane
        where due <= $2 and ",
    open!(),
    "
        order by due, name limit $7 + 0)
    select due.number_of_all, due.lane, 0
    from open_lane cross join recipient as due
    where due.number_of_all in (
        select first.number_of_all from recipient as first
        where first.lane = open_lane.name and first.state = 0 and first.place between 0 and $2
        order by first.place, first.number_of_all limit $5 + 0)
    order by open_lane.due, open_lane.name, due.place, due.number_of_all;

    with open_lane (name, line) as materialized (
        select name, line from lane
        where line is not null and ",
    open!(),
    "
        order by line, name limit $6 + 0)
    select due.number_of_all, due.lane, 1
    from open_lane cross join recipient as due
    where due.number_of_all in (
        select first.number_of_all from recipient as first
        where first.lane = open_lane.name and first.state = 0 and first.place < 0
        order by first.place, first.number_of_all limit $5 + 0)
    order by open_lane.line, open_lane.name, due.place, due.number_of_all
    limit $6 + 0;
"
);

pub(super) const TAKE: &str = "
    update or fail recipient set state = 1, token = $2
    where number_of_all in (
        select mate.number_of_all
        from json_each($1) as one cross join recipient as chosen cross join recipient as mate
        where chosen.number_of_all = one.value
          and mate.entry = chosen.entry and +mate.lane = chosen.lane
          and +mate.state = 0 and +mate.place <= $3)
    returning entry, number, lane, address, token, attempts, delay_told, problem, facts, place;
";

/// A lane that was leased from waits for its next turn from now on.
pub(super) const TAKEN: &str = "
    update or fail lane
    set due = (select min(place) from recipient
               where lane = lane.name and state = 0 and place >= 0),
        line = (select ((min(place) >> 42) << 42) + $2
                from recipient where lane = lane.name and state = 0 and place < 0),
        holder = $3
    where name = $1";

pub(super) const ENTRY: &str = "
    select id, queued_at, sender, account, size, file, message_id, version, facts, octets
    from entry where id = $1";

/// Rows with 2 columns (when the next is due: now, if something is that had no room), 1 (other
/// holders), 3 (paused lanes that the holder still leases from), 4 (lanes that were woken).
pub(super) const OUTLOOK: &str = concat!(
    "
    select iif(exists (select 1 from lane where line is not null and ",
    open!(),
    "),
               $2,
               max($2, (select due from lane where due is not null and ",
    open!(),
    " order by due limit 1))), 0;

    select distinct holder from lane where holder is not null and holder <> $3 and local = $1;

    select lane.name, 0, 0 from paused cross join lane
    where lane.name = paused.name and lane.holder = $3 and lane.local = $1
    union
    select lane.name, 0, 0 from (select 1 from paused where name = '*') cross join lane
    where lane.holder = $3 and lane.local = 0 and not $1;

    delete from woken where not $1 returning lane, 0, 0, 0;
"
);
