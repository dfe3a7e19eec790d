//! The tables; docs/queue.md says what each row means and when it goes.

use stable_storage::Migration;

/// The states of a recipient; those below 10 keep the entry.
pub(crate) mod state {
    pub(crate) const WAITING: i64 = 0;
    pub(crate) const LEASED: i64 = 1;
    pub(crate) const HELD: i64 = 2;
    pub(crate) const SET_ASIDE: i64 = 3;
    pub(crate) const DELIVERED: i64 = 10;
    pub(crate) const FAILED: i64 = 11;
    pub(crate) const REMOVED: i64 = 12;
    pub(crate) const REDIRECTED: i64 = 13;
}

/// What the sender was told of a recipient's delay, as `delay_told` has it: the more includes the
/// less.
pub(crate) mod told {
    pub(crate) const NOTHING: i64 = 0;
    pub(crate) const DELAY: i64 = 1;
    pub(crate) const OVERDUE: i64 = 2;
}

/// The events of a journey.
pub(crate) mod event {
    pub(crate) const QUEUED: i64 = 1;
    pub(crate) const HELD: i64 = 2;
    pub(crate) const DEFERRED: i64 = 3;
    pub(crate) const DELIVERED: i64 = 4;
    pub(crate) const FAILED: i64 = 5;
    pub(crate) const NOTIFIED: i64 = 6;
    pub(crate) const RELEASED: i64 = 7;
    pub(crate) const RETRIED: i64 = 8;
    pub(crate) const REMOVED: i64 = 9;
    pub(crate) const SET_ASIDE: i64 = 10;
    pub(crate) const REDIRECTED: i64 = 11;
}

pub(crate) const MIGRATIONS: &[Migration] =
    &[FIRST, SENDING, PAUSED, TURNS, KEPT, NOTES, PARTS, TIMES, TOGETHER, GOING];

const FIRST: Migration = Migration {
    name: "the tables of the queue",
    sql: "
        create table entry (
            id text primary key,
            queued_at integer not null,
            sender text not null,
            account integer,
            size integer not null,
            file text,
            message_id text,
            version integer not null,
            facts text not null
        ) without rowid;
        create unique index entry_file on entry (file) where file is not null;

        create table content (entry text primary key, octets blob not null);

        create table recipient (
            number_of_all integer primary key,
            entry text not null,
            number integer not null,
            lane text not null,
            address text not null,
            state integer not null,
            attempts integer not null default 0,
            next_at integer not null,
            token integer,
            delay_told integer not null default 0,
            problem text,
            facts text not null,
            unique (entry, number)
        );
        create index recipient_due on recipient (lane, state, next_at);
        create index recipient_token on recipient (token) where token is not null;

        create trigger entry_gone after delete on entry begin
            delete from content where entry = old.id;
            delete from recipient where entry = old.id;
        end;

        create table lane (
            name text primary key,
            local integer not null,
            due integer,
            holder text
        ) without rowid;
        create index lane_due on lane (local, due) where due is not null;
        create index lane_holder on lane (holder) where holder is not null;

        create table story (
            number integer primary key,
            entry text not null unique,
            at integer not null,
            sender text not null,
            account integer,
            size integer not null,
            message_id text,
            origin text not null
        );
        create index story_message_id on story (message_id) where message_id is not null;
        create index story_sender on story (sender collate nocase);

        create table journey (
            number integer primary key,
            entry text not null,
            at integer not null,
            recipient integer,
            address text,
            event integer not null,
            detail text
        );
        create index journey_entry on journey (entry);
        create index journey_address on journey (address collate nocase) where event = 1 or event = 2;

        create table refusal (
            number integer primary key autoincrement,
            at integer not null,
            agent text not null,
            peer text,
            sender text,
            recipient text,
            reply text not null
        );
    ",
};

/// `hour` counts from 1970. What is counted goes to other servers.
const SENDING: Migration = Migration {
    name: "what accounts send, by the hour",
    sql: "
        create table sending (
            account integer not null,
            hour integer not null,
            messages integer not null,
            recipients integer not null,
            primary key (account, hour)
        ) without rowid;
    ",
};

/// `name` is a lane's, or `*` for all lanes of other servers.
const PAUSED: Migration = Migration {
    name: "paused destinations",
    sql: "
        create table paused (
            name text primary key,
            since integer not null,
            reason text not null
        ) without rowid;
    ",
};

/// `place` is module `order`'s; what waited before this was to wait for its time. `of_sender` is the
/// number of a sender, `line` since when a lane waits for its turn.
const TURNS: Migration = Migration {
    name: "priorities, and senders that take turns",
    sql: "
        alter table recipient add column place integer not null default 0;
        alter table recipient add column of_sender integer not null default 0;
        alter table lane add column line integer;
        update recipient set place = max(next_at, 0);
        drop index recipient_due;
        create index recipient_place on recipient (lane, place) where state = 0;
        create index recipient_of_sender on recipient (lane, of_sender, place)
            where state = 0 and place < 0;
        create index recipient_leased on recipient (lane) where state = 1;
        create index lane_line on lane (local, line) where line is not null;
    ",
};

/// What waits for the operator is found without looking at all that waits for its time.
const KEPT: Migration = Migration {
    name: "what is held or set aside",
    sql: "
        create index recipient_kept on recipient (lane, state) where state between 2 and 3;
    ",
};

/// What processes tell each other, and what the operator should know.
const NOTES: Migration = Migration {
    name: "lanes that are worth an attempt, and conditions",
    sql: "
        create table woken (lane text primary key) without rowid;
        create table condition (
            name text primary key,
            since integer not null,
            text text not null
        ) without rowid;
    ",
};

/// What stories are found by stands in its index beside what came at the same time, in parts of 256
/// rows: a new one changes few pages, however many there are, and a search looks into each part.
const PARTS: Migration = Migration {
    name: "stories are found part by part",
    sql: "
        drop index story_message_id;
        drop index story_sender;
        drop index journey_address;
        create index story_message_id on story (number >> 8, message_id)
            where message_id is not null;
        create index story_sender on story (number >> 8, sender collate nocase);
        create index journey_address on journey (number >> 8, address collate nocase)
            where event = 1 or event = 2;
    ",
};

/// What is to be delivered by a time is found by it, whatever it waits for. Of all other entries the
/// index has nothing; what can't be read has no time.
const TIMES: Migration = Migration {
    name: "when entries are to be delivered",
    sql: "
        create index entry_deliver_by
            on entry ((case when json_valid(facts) then facts ->> '$.deliver_by.at' end), id)
            where instr(facts, '\"deliver_by\":{') > 0;
    ",
};

/// An entry has its octets in its own row, behind all else, and a lease is found by its entries: a
/// message on its way changes two pages less. Rows have numbers: where the id is the key of the rows
/// themselves, SQLite reads all octets of an entry to compare its id with another.
const TOGETHER: Migration = Migration {
    name: "entries with their contents",
    sql: "
        alter table entry rename to entry_before;
        create table entry (
            number_of_all integer primary key,
            id text not null unique,
            queued_at integer not null,
            sender text not null,
            account integer,
            size integer not null,
            file text,
            message_id text,
            version integer not null,
            facts text not null,
            octets blob
        );
        insert into entry (id, queued_at, sender, account, size, file, message_id, version, facts,
                           octets)
            select id, queued_at, sender, account, size, file, message_id, version, facts,
                   (select octets from content where content.entry = entry_before.id)
            from entry_before order by id;
        drop table entry_before;
        drop table content;
        create unique index entry_file on entry (file) where file is not null;
        create index entry_deliver_by
            on entry ((case when json_valid(facts) then facts ->> '$.deliver_by.at' end), id)
            where instr(facts, '\"deliver_by\":{') > 0;
        create trigger entry_gone after delete on entry begin
            delete from recipient where entry = old.id;
        end;
        drop index recipient_token;
    ",
};

/// Recipients go by statements of their own: a statement with a trigger keeps copies of all pages that
/// it changes, eight for a message that has arrived.
const GOING: Migration =
    Migration { name: "no trigger for what goes", sql: "drop trigger entry_gone;" };
