//! New entries: messages that come in, and notifications that a settlement causes.

use stable_storage::{DatabaseError, Direct};

/// Entries as parameters, any number of them.
#[derive(Debug)]
pub(crate) struct EntryParameters {
    /// Small contents, one behind the other.
    pub(crate) octets: Vec<u8>,
    /// `[[start in octets or null, id, queued_at, sender, account, size, file, message_id, version,
    /// facts, origin, cause, cause's token], ..]`; the last two null if nothing caused it.
    pub(crate) entries: String,
    /// `[[entry, number, lane, address, state, next_at, problem, facts, event, at, number of the
    /// sender, its place if it waits for its time, the first place of its priority's line], ..]`
    pub(crate) recipients: String,
}

/// Inserts entries. One with a cause is left out if its cause's lease is not what it was: whoever
/// settled then had no right to.
pub(crate) fn enqueue(connection: &Direct, new: &EntryParameters) -> Result<(), DatabaseError> {
    connection.execute(ENQUEUE, &[&new.octets, &new.entries, &new.recipients])?;
    Ok(())
}

pub(super) const ENQUEUE: &str = "
    insert into entry (id, queued_at, sender, account, size, file, message_id, version, facts)
    select value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
           value ->> 7, value ->> 8, value ->> 9
    from json_each($2)
    where value ->> 11 is null
       or exists (select 1 from recipient
                  where entry = value ->> 11 and token = value ->> 12);

    insert into content (entry, octets)
    select value ->> 1, coalesce(substr($1, (value ->> 0) + 1, value ->> 5), x'')
    from json_each($2)
    where value ->> 0 is not null and exists (select 1 from entry where id = value ->> 1);

    insert into story (entry, at, sender, account, size, message_id, origin)
    select value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 7,
           value ->> 10
    from json_each($2)
    where exists (select 1 from entry where id = value ->> 1);

    insert into journey (entry, at, event, detail)
    select value ->> 11, value ->> 2, 6, value ->> 1
    from json_each($2)
    where value ->> 11 is not null and exists (select 1 from entry where id = value ->> 1);

    insert into recipient (entry, number, lane, address, state, next_at, problem, facts, of_sender,
                           place)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6, value ->> 7, value ->> 10,
           coalesce(
               value ->> 11,
               coalesce(
                   (select max(mine.place) + 1 from recipient as mine
                    where mine.lane = value ->> 2 and mine.of_sender = value ->> 10
                      and mine.state = 0 and mine.place < 0
                      and mine.place between value ->> 12 and (value ->> 12) + 4398046511103),
                   (select min(head.place) from recipient as head
                    where head.lane = value ->> 2 and head.state = 0
                      and head.place between value ->> 12 and (value ->> 12) + 4398046511103),
                   value ->> 12)
               + row_number() over (partition by value ->> 2, value ->> 10, value ->> 11, value ->> 12
                                    order by key) - 1)
    from json_each($3)
    where exists (select 1 from entry where id = value ->> 0)
    order by key;

    insert into journey (entry, at, recipient, address, event, detail)
    select value ->> 0, value ->> 9, value ->> 1, value ->> 3, value ->> 8,
           coalesce(value ->> 6, case value ->> 2 when 'local' then 'for delivery-agent'
                                 else 'for smtp-relay, lane ' || (value ->> 2) end)
    from json_each($3)
    where exists (select 1 from entry where id = value ->> 0);

    insert into lane (name, local, due, line)
    select value ->> 2, value ->> 2 = 'local', min(value ->> 11),
           min(iif(value ->> 11 is null, (value ->> 12) + (value ->> 9), null))
    from json_each($3)
    where value ->> 4 = 0 and exists (select 1 from entry where id = value ->> 0)
    group by 1
    on conflict (name) do update
    set due = coalesce(min(due, excluded.due), due, excluded.due),
        line = coalesce(min(line, excluded.line), line, excluded.line)
    where due is null or due > excluded.due or line is null or line > excluded.line;
";
