//! All SQL of the queue: the tables, and one function for each thing that is asked of them.
//!
//! What changes something runs on the writer's thread ([`stable_storage::Direct`]), what only reads
//! goes through sqlx. Most functions here are one round for any number of rows: several statements in
//! one text that share their numbered parameters, rows as JSON arrays (read by `json_each`).
//! Parameters are spelled `$1`, not `?1`: the latter leave holes in the numbering of a statement that
//! doesn't use all of them, and sqlx fills holes with what comes next.
//!
//! On a message's way statements fail with `or fail`: what such a one has written by then goes with its
//! transaction, whereas to undo it alone SQLite would copy each page before each statement.

mod backup;
mod bounce;
mod check;
mod choice;
mod enqueue;
mod late;
mod lease;
mod look;
mod notes;
mod operate;
mod paused;
mod redirect;
mod schema;
mod sending;
mod story;
mod turn;

pub(crate) use backup::{holders, remote_lanes, spool_rows};
pub(crate) use bounce::{as_leased, claim};
pub(crate) use check::{
    CheckedRow, Mend, damage, entries, files, is_aside, lanes, mend, ownerless, recipients,
};
pub(crate) use choice::Choice;
pub(crate) use enqueue::{NewEntryRow, NewRecipientRow, enqueue};
pub(crate) use late::{Behind, Late, LateRow, last_looked_at, late};
pub(crate) use lease::{LeaseParameters, lease};
pub(crate) use look::{
    Counted, GroupRow, SummaryRow, content_files, counts, groups, happened, last_event, list,
    oldest, show, summaries,
};
pub(crate) use notes::{conditions, lanes_of, note_condition, pending, wake, wake_lanes_of};
pub(crate) use operate::{Chosen, Meant, Operation, Page, REMOVABLE, choose, last_row, operate};
pub(crate) use paused::{pause, paused, resume};
pub(crate) use redirect::{Others, RedirectRow, redirect, redirectable};
pub(crate) use schema::{MIGRATIONS, event, state, told};
pub(crate) use sending::{count_sending, sending};
pub(crate) use story::{
    By, EventRow, RefusalRow, StoryRow, events, note_refusals, prune, refusals, stories,
};
pub(crate) use turn::{
    EndRow, EntryRow, LeaseRows, RecipientRow, SettleParameters, SettledRows, free_dead,
    free_untold, set_aside, settle,
};

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

    use super::*;

    /// Planning a statement costs more than running it.
    #[test]
    fn no_statement_on_a_messages_way_is_planned_twice() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            connection.execute_batch(migration.sql).unwrap();
        }
        let texts = [
            sending::COUNT,
            lease::CANDIDATES,
            lease::TAKE,
            lease::TAKEN,
            lease::ENTRY,
            lease::OUTLOOK,
        ];
        let texts = [&enqueue::ALL[..], &turn::SETTLE, &texts].concat();
        for sql in texts.iter().flat_map(|text| text.split(';')).map(str::trim) {
            if sql.is_empty() {
                continue;
            }
            let mut statement = connection.prepare(sql).unwrap();
            for value in ["[]", "[[0]]", "[[1]]"] {
                for place in 1..=statement.parameter_count() {
                    statement.raw_bind_parameter(place, value).unwrap();
                }
                // Not every value is good in every place; planning comes first.
                let mut rows = statement.raw_query();
                while let Ok(Some(_)) = rows.next() {}
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }

    /// What waits in a queue of before has its octets.
    #[test]
    fn entries_come_to_have_their_contents() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let at =
            MIGRATIONS.iter().position(|one| one.name == "entries with their contents").unwrap();
        for migration in &MIGRATIONS[..at] {
            connection.execute_batch(migration.sql).unwrap();
        }
        connection
            .execute_batch(
                "insert into entry (id, queued_at, sender, size, file, version, facts) values
                     ('b', 2, 's@x.test', 3, null, 1, '{\"deliver_by\":{\"at\":7}}'),
                     ('a', 1, 's@x.test', 9, 'file', 1, '{}'), ('c', 3, '', 0, null, 1, '{}');
                 insert into content (entry, octets) values ('b', x'616263'), ('c', x'');
                 insert into recipient (entry, number, lane, address, state, next_at, facts)
                 values ('a', 0, 'local', 'r@y.test', 0, 0, ''), ('b', 0, 'local', '', 0, 0, '');",
            )
            .unwrap();
        connection.execute_batch(MIGRATIONS[at].sql).unwrap();
        let rows = |sql: &str| {
            let mut statement = connection.prepare(sql).unwrap();
            let row = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
            statement.query_map([], row).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        let whole =
            "select id || queued_at || sender || size || version || coalesce(file, '') || '/'
                            || coalesce(cast(octets as text), '-') from entry order by id";
        assert_eq!(rows(whole), ["a1s@x.test91file/-", "b2s@x.test31/abc", "c301/"]);
        let late = "select id from entry indexed by entry_deliver_by
                    where instr(facts, '\"deliver_by\":{') > 0
                      and (case when json_valid(facts) then facts ->> '$.deliver_by.at' end) = 7";
        assert_eq!(rows(late), ["b"]);
    }

    /// The cost of a message must not grow with the depth of the queue: no statement of its way
    /// looks at more rows than it is about.
    #[tokio::test]
    async fn no_statement_on_a_messages_way_scans_a_table() {
        const TABLES: [&str; 12] = [
            "entry",
            "recipient",
            "due",
            "first",
            "head",
            "mine",
            "chosen",
            "mate",
            "lane",
            "story",
            "journey",
            "sending",
        ];
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for migration in MIGRATIONS {
            sqlx::raw_sql(migration.sql).execute(&mut connection).await.unwrap();
        }
        let texts = [
            sending::COUNT,
            sending::READ,
            lease::CANDIDATES,
            lease::TAKE,
            lease::TAKEN,
            lease::ENTRY,
            lease::OUTLOOK,
            turn::FREE_DEAD,
            turn::FREE_UNTOLD,
            turn::SET_ASIDE,
            operate::CHANGE,
            redirect::REDIRECT,
            story::BY_MESSAGE_ID,
            story::BY_ADDRESS,
            late::LATE,
        ];
        let texts = [&enqueue::ALL[..], &turn::SETTLE, &texts].concat();
        for statement in texts.iter().flat_map(|text| text.split(';')).map(str::trim) {
            if statement.is_empty() {
                continue;
            }
            let explain = format!("explain query plan {statement}");
            let plan =
                sqlx::query(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
            for row in plan {
                let step: String = row.get(3);
                let scanned = step.strip_prefix("SCAN ").and_then(|of| of.split(' ').next());
                assert!(!scanned.is_some_and(|of| TABLES.contains(&of)), "{step}: {statement}");
            }
        }
    }
}
