//! New entries: messages that come in, and notifications that a settlement causes.
//!
//! The writer runs these statements where it stands, so one for each row costs less than JSON that
//! SQLite takes apart again.

use std::collections::BTreeMap;

use stable_storage::{DatabaseError, Direct};

use super::schema::state;

/// An entry as it is inserted.
#[derive(Debug)]
pub(crate) struct NewEntryRow {
    pub(crate) id: String,
    pub(crate) queued_at: i64,
    pub(crate) sender: String,
    pub(crate) account: Option<i64>,
    pub(crate) size: i64,
    pub(crate) file: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) version: i64,
    pub(crate) facts: String,
    pub(crate) origin: String,
    /// The entry and the token of the lease that it tells of.
    pub(crate) cause: Option<(String, i64)>,
    pub(crate) recipients: Vec<NewRecipientRow>,
}

/// A recipient as it is inserted.
#[derive(Debug)]
pub(crate) struct NewRecipientRow {
    pub(crate) lane: String,
    pub(crate) address: String,
    pub(crate) state: i64,
    pub(crate) next_at: i64,
    pub(crate) problem: Option<String>,
    pub(crate) facts: String,
    pub(crate) event: i64,
    /// The number of its sender.
    pub(crate) of_sender: i64,
    /// Its place, if it waits for its time.
    pub(crate) place: Option<i64>,
    /// The first place of its priority's line.
    pub(crate) class: i64,
}

/// What new recipients bring to a lane.
#[derive(Debug, Default)]
struct Brought {
    due: Option<i64>,
    line: Option<i64>,
}

/// Inserts entries, each with its octets if it has no file. One with a cause is left out if its
/// cause's lease is not what it was: whoever settled then had no right to.
pub(crate) fn enqueue<'a>(
    connection: &Direct,
    new: impl Iterator<Item = (&'a NewEntryRow, Option<&'a [u8]>)>,
) -> Result<(), DatabaseError> {
    let mut lanes: BTreeMap<&str, Brought> = BTreeMap::new();
    for (row, octets) in new {
        if !insert(connection, row, octets)? {
            continue;
        }
        for recipient in row.recipients.iter().filter(|one| one.state == state::WAITING) {
            let brought = lanes.entry(&recipient.lane).or_default();
            let (waits, since) = match recipient.place {
                Some(place) => (&mut brought.due, place),
                None => (&mut brought.line, recipient.class.saturating_add(row.queued_at)),
            };
            *waits = Some(waits.map_or(since, |first| first.min(since)));
        }
    }
    for (lane, Brought { due, line }) in lanes {
        connection.execute(LANE, &[&lane, &due, &line])?;
    }
    Ok(())
}

/// Whether it was inserted.
fn insert(
    connection: &Direct,
    row: &NewEntryRow,
    octets: Option<&[u8]>,
) -> Result<bool, DatabaseError> {
    let NewEntryRow { id, queued_at, sender, account, size, file, message_id, .. } = row;
    let NewEntryRow { version, facts, origin, .. } = row;
    let (cause, token) = row.cause.as_ref().map(|(entry, token)| (entry, token)).unzip();
    let entry: [&dyn rusqlite::ToSql; 11] =
        [id, queued_at, sender, account, size, file, message_id, version, facts, &cause, &token];
    if connection.execute(ENTRY, &entry)? == 0 {
        return Ok(false);
    }
    if let Some(octets) = octets {
        connection.execute(CONTENT, &[id, &octets])?;
    }
    connection.execute(STORY, &[id, queued_at, sender, account, size, message_id, origin])?;
    if let Some(cause) = cause {
        connection.execute(CAUSE, &[cause, queued_at, id])?;
    }
    for (number, recipient) in (0i64..).zip(&row.recipients) {
        let NewRecipientRow { lane, address, state, next_at, problem, facts, event, .. } =
            recipient;
        let NewRecipientRow { of_sender, place, class, .. } = recipient;
        let row: [&dyn rusqlite::ToSql; 11] =
            [id, &number, lane, address, state, next_at, problem, facts, of_sender, place, class];
        connection.execute(RECIPIENT, &row)?;
        connection.execute(EVENT, &[id, queued_at, &number, address, event, problem, lane])?;
    }
    Ok(true)
}

/// What the functions here run.
#[cfg(test)]
pub(super) const ALL: [&str; 7] = [ENTRY, CONTENT, STORY, CAUSE, RECIPIENT, EVENT, LANE];

const ENTRY: &str = "
    insert into entry (id, queued_at, sender, account, size, file, message_id, version, facts)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9
    where $10 is null or exists (select 1 from recipient where entry = $10 and token = $11)";

const CONTENT: &str = "insert into content (entry, octets) values ($1, $2)";

const STORY: &str = "
    insert into story (entry, at, sender, account, size, message_id, origin)
    values ($1, $2, $3, $4, $5, $6, $7)";

const CAUSE: &str = "insert into journey (entry, at, event, detail) values ($1, $2, 6, $3)";

const RECIPIENT: &str = "
    insert into recipient (entry, number, lane, address, state, next_at, problem, facts, of_sender,
                           place)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9,
            coalesce(
                $10,
                (select max(mine.place) + 1 from recipient as mine
                 where mine.lane = $3 and mine.of_sender = $9
                   and mine.state = 0 and mine.place < 0
                   and mine.place between $11 and $11 + 4398046511103),
                (select min(head.place) from recipient as head
                 where head.lane = $3 and head.state = 0
                   and head.place between $11 and $11 + 4398046511103),
                $11))";

const EVENT: &str = "
    insert into journey (entry, at, recipient, address, event, detail)
    values ($1, $2, $3, $4, $5,
            coalesce($6, case $7 when 'local' then 'for delivery-agent'
                                 else 'for smtp-relay, lane ' || $7 end))";

const LANE: &str = "
    insert into lane (name, local, due, line) values ($1, $1 = 'local', $2, $3)
    on conflict (name) do update
    set due = coalesce(min(due, excluded.due), due, excluded.due),
        line = coalesce(min(line, excluded.line), line, excluded.line)
    where due is null or due > excluded.due or line is null or line > excluded.line";
