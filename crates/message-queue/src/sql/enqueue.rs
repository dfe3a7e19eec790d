//! New entries: messages that come in, and notifications that a settlement causes.
//!
//! The writer runs these statements where it stands, so one for each row costs less than JSON that
//! SQLite takes apart again.

use std::collections::{BTreeMap, HashMap};

use stable_storage::{DatabaseError, Direct, Repeated};

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

/// Whose turns are one line: a lane, a sender, the first place of a priority.
type Line<'a> = (&'a str, i64, i64);

/// The statements that run for each row.
struct Insertion<'c, 'a> {
    connection: &'c Direct,
    entry: Repeated<'c>,
    story: Repeated<'c>,
    recipient: Repeated<'c>,
    event: Repeated<'c>,
    /// The last places that were given; nobody else gives any before the commit.
    last: HashMap<Line<'a>, i64>,
}

/// Inserts entries, each with its octets if it has no file. One with a cause is left out if its
/// cause's lease is not what it was: whoever settled then had no right to.
pub(crate) fn enqueue<'a>(
    connection: &Direct,
    new: impl Iterator<Item = (&'a NewEntryRow, Option<&'a [u8]>)>,
) -> Result<(), DatabaseError> {
    let mut new = new.peekable();
    if new.peek().is_none() {
        return Ok(());
    }
    let mut insertion = Insertion::begin(connection)?;
    let mut lanes: BTreeMap<&str, Brought> = BTreeMap::new();
    for (row, octets) in new {
        if !insertion.insert(row, octets)? {
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

impl<'c, 'a> Insertion<'c, 'a> {
    fn begin(connection: &'c Direct) -> Result<Self, DatabaseError> {
        let [entry, story, recipient, event] =
            [ENTRY, STORY, RECIPIENT, EVENT].map(|sql| connection.repeated(sql));
        let (entry, story, recipient, event) = (entry?, story?, recipient?, event?);
        Ok(Self { connection, entry, story, recipient, event, last: HashMap::new() })
    }

    /// Whether it was inserted.
    fn insert(
        &mut self,
        row: &'a NewEntryRow,
        octets: Option<&[u8]>,
    ) -> Result<bool, DatabaseError> {
        let NewEntryRow { id, queued_at, sender, account, size, file, message_id, .. } = row;
        let NewEntryRow { version, facts, origin, .. } = row;
        let entry: [&dyn rusqlite::ToSql; 10] =
            [id, queued_at, sender, account, size, file, message_id, version, facts, &octets];
        if let Some((cause, token)) = &row.cause {
            let mut caused = false;
            self.connection.run(CAUSED, &[cause, token], |_| {
                caused = true;
                Ok(())
            })?;
            if !caused {
                return Ok(false);
            }
            self.connection.execute(CAUSE, &[cause, queued_at, id])?;
        }
        self.entry.execute(&entry)?;
        self.story.execute(&[id, queued_at, sender, account, size, message_id, origin])?;
        for (number, recipient) in (0i64..).zip(&row.recipients) {
            let place = self.place(recipient)?;
            let NewRecipientRow { lane, address, state, next_at, problem, facts, .. } = recipient;
            let NewRecipientRow { event, of_sender, .. } = recipient;
            let row: [&dyn rusqlite::ToSql; 10] =
                [id, &number, lane, address, state, next_at, problem, facts, of_sender, &place];
            self.recipient.execute(&row)?;
            self.event.execute(&[id, queued_at, &number, address, event, problem, lane])?;
        }
        Ok(true)
    }

    /// Where a recipient waits.
    fn place(&mut self, recipient: &'a NewRecipientRow) -> Result<i64, DatabaseError> {
        let NewRecipientRow { lane, of_sender, place, class, .. } = recipient;
        if let Some(place) = place {
            return Ok(*place);
        }
        let line = (lane.as_str(), *of_sender, *class);
        let place = match self.last.get(&line) {
            Some(last) => last.saturating_add(1),
            None => {
                let mut place = *class;
                self.connection.run(PLACE, &[lane, of_sender, class], |row| {
                    place = row.get(0)?;
                    Ok(())
                })?;
                place
            }
        };
        self.last.insert(line, place);
        Ok(place)
    }
}

/// What the functions here run.
#[cfg(test)]
pub(super) const ALL: [&str; 8] = [CAUSED, ENTRY, STORY, CAUSE, PLACE, RECIPIENT, EVENT, LANE];

const CAUSED: &str = "select 1 from recipient where entry = $1 and token = $2 limit 1";

const ENTRY: &str = "
    insert or fail into entry (id, queued_at, sender, account, size, file, message_id, version, facts,
                               octets)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const STORY: &str = "
    insert or fail into story (entry, at, sender, account, size, message_id, origin)
    values ($1, $2, $3, $4, $5, $6, $7)";

const CAUSE: &str = "insert into journey (entry, at, event, detail) values ($1, $2, 6, $3)";

/// Behind the last of the same sender's that waits in the line, else with its head.
const PLACE: &str = "
    select coalesce(
        (select max(mine.place) + 1 from recipient as mine
         where mine.lane = $1 and mine.of_sender = $2
           and mine.state = 0 and mine.place < 0
           and mine.place between $3 and $3 + 4398046511103),
        (select min(head.place) from recipient as head
         where head.lane = $1 and head.state = 0
           and head.place between $3 and $3 + 4398046511103),
        $3)";

const RECIPIENT: &str = "
    insert or fail into recipient (entry, number, lane, address, state, next_at, problem, facts,
                                   of_sender, place)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const EVENT: &str = "
    insert or fail into journey (entry, at, recipient, address, event, detail)
    values ($1, $2, $3, $4, $5,
            coalesce($6, case $7 when 'local' then 'for delivery-agent'
                                 else 'for smtp-relay, lane ' || $7 end))";

const LANE: &str = "
    insert into lane (name, local, due, line) values ($1, $1 = 'local', $2, $3)
    on conflict (name) do update
    set due = coalesce(min(due, excluded.due), due, excluded.due),
        line = coalesce(min(line, excluded.line), line, excluded.line)
    where due is null or due > excluded.due or line is null or line > excluded.line";
