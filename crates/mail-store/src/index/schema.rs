//! The tables of an account's index.
//!
//! Counters of mailboxes are kept by triggers: whatever is done to the rows, they agree. Where many
//! messages come, change or go at once, `counting` does it instead, in one step for all of them.

use stable_storage::Migration;

/// The steps to the tables that this program knows.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "mailboxes", sql: FIRST },
    Migration { name: "a time in the expunge log, a counter of recent messages", sql: SECOND },
    Migration { name: "how far back the expunge log reaches", sql: THIRD },
    Migration { name: "what messages are sorted and threaded by", sql: FOURTH },
    Migration { name: "when messages were saved, their email ids and previews", sql: FIFTH },
    Migration { name: "how what is removed can be kept", sql: SIXTH },
    Migration { name: "counters are touched by flags that they count", sql: SEVENTH },
    Migration { name: "what is filed once", sql: EIGHTH },
    Migration { name: "one trigger for what comes, one for what goes", sql: NINTH },
    Migration { name: "what follows when messages went", sql: TENTH },
    Migration { name: "what has Deleted is found", sql: ELEVENTH },
];

/// `messages.behind`: the file's name doesn't tell the flags yet.
pub(crate) const NAME_BEHIND: i64 = 1;
/// `messages.behind`: `postrider-keywords` doesn't tell the keywords yet.
pub(crate) const KEYWORDS_BEHIND: i64 = 2;

const FIRST: &str = "
create table account (
    one integer primary key check (one = 1),
    boot text not null,
    -- grows with every message that comes or goes
    version integer not null
) strict;

create table mailboxes (
    id integer primary key,
    name text not null unique,
    -- below the account's folder; INBOX has the empty one
    dir text not null unique,
    special_use text,
    uid_validity integer not null,
    uid_next integer not null,
    uids_below integer not null,
    modseq integer not null,
    modseqs_below integer not null,
    recent_from integer not null,
    messages integer not null default 0,
    unseen integer not null default 0,
    deleted integer not null default 0,
    octets integer not null default 0,
    -- modification times of new/ and cur/ after the last change by us, in nanoseconds
    new_time integer not null,
    cur_time integer not null,
    -- when both were last listed, in milliseconds
    compared integer not null
) strict;

create table subscriptions (name text primary key) strict, without rowid;

create table messages (
    mailbox integer not null,
    uid integer not null,
    flags integer not null,
    keywords text not null,
    modseq integer not null,
    -- in wire form, and in the file
    size integer not null,
    octets integer not null,
    internal_date integer not null,
    base text not null,
    -- the rest of the last file name that we wrote or took over
    info text not null,
    -- 0 new, 1 cur
    place integer not null,
    behind integer not null,
    bare_lf integer not null,
    primary key (mailbox, uid)
) strict, without rowid;
create index messages_by_modseq on messages (mailbox, modseq);
create index messages_unseen on messages (mailbox, uid) where flags & 1 = 0;
create index messages_keywords on messages (mailbox, keywords) where keywords <> '';
create index messages_behind on messages (mailbox, uid) where behind <> 0;

-- what was parsed when the message came; apart, so that lists of flags read little
create table details (
    mailbox integer not null,
    uid integer not null,
    envelope blob not null,
    structure blob not null,
    primary key (mailbox, uid)
) strict, without rowid;

create table expunged (
    mailbox integer not null,
    modseq integer not null,
    uid integer not null,
    primary key (mailbox, modseq, uid)
) strict, without rowid;

create table delivered (
    queue_id blob not null,
    recipient integer not null,
    mailbox integer not null,
    uid integer not null,
    primary key (queue_id, recipient)
) strict, without rowid;

-- files and folders that are to go, below the account's folder
create table doomed (path text primary key) strict, without rowid;

-- folders that are to be renamed; without a new name the mailbox is to go
create table renames (
    mailbox integer primary key,
    from_dir text not null,
    to_dir text not null,
    name text
) strict;

create trigger message_comes after insert on messages begin
    update mailboxes set
        messages = messages + 1,
        unseen = unseen + (new.flags & 1 = 0),
        deleted = deleted + (new.flags & 8 <> 0),
        octets = octets + new.size
    where id = new.mailbox;
    update account set version = version + 1;
end;

create trigger message_goes after delete on messages begin
    update mailboxes set
        messages = messages - 1,
        unseen = unseen - (old.flags & 1 = 0),
        deleted = deleted - (old.flags & 8 <> 0),
        octets = octets - old.size
    where id = old.mailbox;
    delete from details where mailbox = old.mailbox and uid = old.uid;
    update account set version = version + 1;
end;

create trigger flags_change after update of flags on messages when old.flags <> new.flags begin
    update mailboxes set
        unseen = unseen + (new.flags & 1 = 0) - (old.flags & 1 = 0),
        deleted = deleted + (new.flags & 8 <> 0) - (old.flags & 8 <> 0)
    where id = new.mailbox;
end;
";

const SECOND: &str = "
-- when it went, in milliseconds: what is old is forgotten
alter table expunged add column gone_at integer not null default 0;
create index expunged_by_time on expunged (gone_at);

-- those from recent_from on
alter table mailboxes add column recent integer not null default 0;
update mailboxes set recent =
    (select count(*) from messages where mailbox = mailboxes.id and uid >= recent_from);

create trigger recent_comes after insert on messages begin
    update mailboxes set recent = recent + 1 where id = new.mailbox and new.uid >= recent_from;
end;

create trigger recent_goes after delete on messages begin
    update mailboxes set recent = recent - 1 where id = old.mailbox and old.uid >= recent_from;
end;

create trigger recent_is_claimed after update of recent_from on mailboxes
when old.recent_from <> new.recent_from begin
    update mailboxes set recent =
        (select count(*) from messages where mailbox = new.id and uid >= new.recent_from)
    where id = new.id;
end;
";

const THIRD: &str = "
-- what went after this modseq is in the expunge log, all of it
alter table mailboxes add column expunges_since integer not null default 0;
update mailboxes set expunges_since = modseq;
";

const FOURTH: &str = "
-- texts as they are compared; null: without a date of its own
create table sort_keys (
    mailbox integer not null,
    uid integer not null,
    sent integer,
    subject text not null,
    from_box text not null,
    to_box text not null,
    cc_box text not null,
    from_shown text not null,
    to_shown text not null,
    ids blob not null,
    primary key (mailbox, uid)
) strict, without rowid;

create trigger keys_go after delete on messages begin
    delete from sort_keys where mailbox = old.mailbox and uid = old.uid;
end;

-- whether some messages have no row there, because they came earlier
alter table mailboxes add column keys_missing integer not null default 0;
update mailboxes set keys_missing = 1;
";

const FIFTH: &str = "
-- when it was saved in its mailbox, in seconds: as its name says it, so nothing has to be filled in
-- for messages that are there, and a new index says the same
alter table messages add column saved integer generated always as (
    cast(case instr(base, ',T=') when 0 then base else substr(base, instr(base, ',T=') + 3) end
        as integer)) virtual;

-- null: not known yet, because the message came earlier
alter table details add column email_id blob;
alter table details add column preview text;
";

const SIXTH: &str = "
-- where a message's file goes if what is removed is kept, and the keywords that it had
alter table doomed add column kept_as text;
alter table doomed add column keywords text not null default '';
";

const SEVENTH: &str = "
-- the same as before, for changes of Seen and Deleted only
drop trigger flags_change;
create trigger flags_change after update of flags on messages
when (old.flags & 9) <> (new.flags & 9) begin
    update mailboxes set
        unseen = unseen + (new.flags & 1 = 0) - (old.flags & 1 = 0),
        deleted = deleted + (new.flags & 8 <> 0) - (old.flags & 8 <> 0)
    where id = new.mailbox;
end;
";

const EIGHTH: &str = "
-- digests of the Message-IDs of what was filed where a second copy is not wanted, and when that was;
-- the oldest have the lowest numbers
create table filed (
    number integer primary key,
    mailbox integer not null,
    key blob not null,
    uid integer not null,
    filed_at integer not null,
    unique (mailbox, key)
) strict;

create trigger filed_goes after delete on mailboxes begin
    delete from filed where mailbox = old.id;
end;
";

const NINTH: &str = "
-- the same as before, with fewer steps for each of many messages
drop trigger message_comes;
drop trigger recent_comes;
create trigger message_comes after insert on messages begin
    update mailboxes set
        messages = messages + 1,
        unseen = unseen + (new.flags & 1 = 0),
        deleted = deleted + (new.flags & 8 <> 0),
        octets = octets + new.size,
        recent = recent + (new.uid >= recent_from)
    where id = new.mailbox;
    update account set version = version + 1;
end;

drop trigger message_goes;
drop trigger recent_goes;
drop trigger keys_go;
create trigger message_goes after delete on messages begin
    update mailboxes set
        messages = messages - 1,
        unseen = unseen - (old.flags & 1 = 0),
        deleted = deleted - (old.flags & 8 <> 0),
        octets = octets - old.size,
        recent = recent - (old.uid >= recent_from)
    where id = old.mailbox;
    delete from details where mailbox = old.mailbox and uid = old.uid;
    delete from sort_keys where mailbox = old.mailbox and uid = old.uid;
    update account set version = version + 1;
end;
";

const TENTH: &str = "
-- what was parsed of messages that went, by their UIDs: it goes within seconds
create table parsed_left (
    mailbox integer not null,
    first integer not null,
    last integer not null,
    primary key (mailbox, first)
) strict, without rowid;

-- in the order in which it is to go, so that many rows are added at one place. What is kept gets its
-- name from the path, the flags and the time
create table doomed_now (
    -- never given again: who has read it may come late
    number integer primary key autoincrement,
    path text not null,
    -- of a message: the mailbox that it was removed from, and when, in milliseconds
    mailbox integer,
    removed_at integer not null default 0,
    flags integer not null default 0,
    keywords text not null default ''
) strict;
with kept as (
    select path, keywords, kept_as,
        substr(kept_as, instr(kept_as, ',R=') + 3) as behind,
        substr(kept_as, instr(kept_as, ':2,')) as info
    from doomed order by path)
insert into doomed_now (path, mailbox, removed_at, flags, keywords)
select path, cast(substr(kept_as, 1, instr(kept_as, '/') - 1) as integer),
    coalesce(cast(behind as integer) * 1000, 0),
    coalesce((instr(info, 'S') > 0) + 2 * (instr(info, 'R') > 0) + 4 * (instr(info, 'F') > 0)
        + 8 * (instr(info, 'T') > 0) + 16 * (instr(info, 'D') > 0), 0),
    trim(keywords || iif(instr(info, 'P') > 0, ' $Forwarded', ''))
from kept;
drop table doomed;
alter table doomed_now rename to doomed;

-- time grows with the modseq: the first rows of each mailbox are its oldest
drop index expunged_by_time;
";

const ELEVENTH: &str = "
-- so few of so many, nearly always: nobody looks at all of them
create index messages_deleted on messages (mailbox, uid) where flags & 8 <> 0;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_to_go_before_goes_as_it_was_to() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS.iter().take_while(|one| one.sql != TENTH) {
            db.execute_batch(migration.sql).unwrap();
        }
        db.execute_batch(
            "insert into doomed (path, kept_as, keywords) values
                 ('..gone-5', null, ''),
                 ('.Work/cur/17.a,U=3,S=9:2,Sx', '4/17.a,U=3,S=9,R=1800000000:2,DPSTx', 'later'),
                 ('new/18.b,U=7,S=9', '1/18.b,U=7,S=9,R=1800000001:2,', '')",
        )
        .unwrap();
        db.execute_batch(TENTH).unwrap();
        let sql = "select path, mailbox, removed_at, flags, keywords from doomed order by number";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        });
        let rows: Vec<(String, Option<i64>, i64, i64, String)> =
            rows.unwrap().collect::<Result<_, _>>().unwrap();
        let at = 1_800_000_000_000;
        let work = (".Work/cur/17.a,U=3,S=9:2,Sx".into(), Some(4), at, 25);
        let expected = [
            ("..gone-5".into(), None, 0, 0, String::new()),
            (work.0, work.1, work.2, work.3, "later $Forwarded".into()),
            ("new/18.b,U=7,S=9".into(), Some(1), at + 1000, 0, String::new()),
        ];
        assert_eq!(rows, expected);
    }
}
