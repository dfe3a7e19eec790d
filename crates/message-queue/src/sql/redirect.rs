//! Recipients that become others.

use std::collections::{BTreeMap, BTreeSet};

use stable_storage::{DatabaseError, Direct};

use super::{
    operate::{Chosen, REMOVABLE},
    turn::{ownerless, waiting},
};

/// A recipient that is redirected.
#[derive(Debug)]
pub(crate) struct RedirectRow {
    pub(crate) row: i64,
    pub(crate) entry: String,
    pub(crate) address: String,
    pub(crate) facts: String,
    pub(crate) of_sender: i64,
}

/// What an entry has beside the recipients that are redirected.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Addresses that get the message, or have got it, in lower case.
    pub(crate) addresses: BTreeSet<String>,
    /// The number of its last recipient.
    pub(crate) last: i64,
}

/// Those of the recipients (`[[row, entry], ..]`) that can be redirected, and what their entries
/// have beside them.
pub(crate) fn redirectable(
    connection: &Direct,
    meant: &str,
) -> Result<(Vec<RedirectRow>, BTreeMap<String, Others>), DatabaseError> {
    const SQL: &str = "
        select number_of_all, entry, address, facts, of_sender, 0 from json_each($1) cross join recipient
        where number_of_all = value ->> 0 and entry = value ->> 1
          and state in (select value from json_each($2))
        order by entry, number;

        select entry, number, lower(address), state, 0 from recipient
        where entry in (select value ->> 1 from json_each($1))
          and (number_of_all not in (select value ->> 0 from json_each($1))
               or state not in (select value from json_each($2)));

        select entry, max(number), 0 from recipient
        where entry in (select value ->> 1 from json_each($1)) group by entry;
    ";
    let (mut rows, mut others) = (Vec::new(), BTreeMap::<String, Others>::new());
    connection.run(SQL, &[&meant, &REMOVABLE], |row| {
        match row.as_ref().column_count() {
            6 => rows.push(RedirectRow {
                row: row.get(0)?,
                entry: row.get(1)?,
                address: row.get(2)?,
                facts: row.get(3)?,
                of_sender: row.get(4)?,
            }),
            // Who has failed, or was taken out, does not get it.
            5 if row.get::<_, i64>(3)? <= super::state::DELIVERED => {
                others.entry(row.get(0)?).or_default().addresses.insert(row.get(2)?);
            }
            5 => {}
            _ => others.entry(row.get(0)?).or_default().last = row.get(1)?,
        }
        Ok(())
    })?;
    Ok((rows, others))
}

/// Closes recipients (their row numbers, a JSON array) and adds others in their place
/// (`[[entry, number, lane, address, facts, number of the sender], ..]`).
pub(crate) fn redirect(
    connection: &Direct,
    numbers: &str,
    new: &str,
    detail: &str,
    now: i64,
) -> Result<Chosen, DatabaseError> {
    let mut chosen = Chosen::default();
    connection.run(REDIRECT, &[&numbers, &new, &detail, &now], |row| {
        match row.as_ref().column_count() {
            1 => chosen.changed = chosen.changed.saturating_add(1),
            2 => {
                let local: bool = row.get(0)?;
                chosen.local |= local;
                chosen.remote |= !local;
            }
            _ => chosen.finished_files.extend(row.get::<_, Option<String>>(0)?),
        }
        Ok(())
    })?;
    Ok(chosen)
}

/// Rows come back with 1 column (redirected), 2 (whether a new one is local), 3 (finished entries).
pub(super) const REDIRECT: &str = concat!(
    "
    insert into journey (entry, at, recipient, address, event, detail)
    select entry, $4, number, address, 11, $3 from recipient
    where number_of_all in (select value from json_each($1)) order by entry, number;

    update recipient set state = 13, token = null, problem = $3
    where number_of_all in (select value from json_each($1))
    returning number;

    insert into recipient (entry, number, lane, address, state, next_at, facts, of_sender, place)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0, $4, value ->> 4, value ->> 5,
           max($4, 0)
    from json_each($2);

    insert into journey (entry, at, recipient, address, event, detail)
    select value ->> 0, $4, value ->> 1, value ->> 3, 1,
           case value ->> 2 when 'local' then 'for delivery-agent'
                            else 'for smtp-relay, lane ' || (value ->> 2) end
    from json_each($2);

    insert into lane (name, local, due)
    select value ->> 2, value ->> 2 = 'local', null from json_each($2) where true group by 1
    on conflict (name) do nothing;

    update lane
    set ",
    waiting!(),
    "
    where name in (select lane from recipient
                   where number_of_all in (select value from json_each($1))
                   union select value ->> 2 from json_each($2));

    delete from lane where due is null and line is null and holder is null
      and name in (select lane from recipient
                   where number_of_all in (select value from json_each($1)));

    select distinct value ->> 2 = 'local', 0 from json_each($2);

    delete from entry
    where id in (select entry from recipient
                 where number_of_all in (select value from json_each($1)))
      and not exists (select 1 from recipient where entry = entry.id and state < 10)
    returning file, 0, 0;
",
    ownerless!()
);
