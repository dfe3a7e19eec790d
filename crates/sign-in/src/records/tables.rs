//! The tables of `sign-ins.db`.

use stable_storage::Migration;

/// The steps to them.
///
/// A failure's `network` and `subject` are what it counts against; `mark` tells one wrong secret
/// from the next and is too short to be tried against. `counted` is taken back when a block is
/// lifted. In `good_network` is who signed in from where lately; the account 0 is any.
pub(super) const TABLES: &[Migration] = &[
    Migration {
        name: "failures and last sign-ins",
        sql: "
            create table failure (
                id integer primary key autoincrement,
                at_ms integer not null,
                protocol text not null,
                address text not null,
                name text not null,
                cause text not null
            ) strict;
            create table last_sign_in (
                account integer not null,
                protocol text not null,
                address text not null,
                at_ms integer not null,
                primary key (account, protocol)
            ) strict, without rowid;
        ",
    },
    Migration {
        name: "devices, known networks, blocks",
        sql: "
            alter table failure add column network text not null default '';
            alter table failure add column subject text not null default '';
            alter table failure add column mark integer not null default 0;
            alter table failure add column counted integer not null default 0;
            create index failure_of_network on failure (network, at_ms);
            create index failure_of_subject on failure (subject, at_ms);
            create table last_use (
                account integer not null,
                device text not null,
                protocol text not null,
                address text not null,
                at_ms integer not null,
                primary key (account, device, protocol)
            ) strict, without rowid;
            insert into last_use select account, '', protocol, address, at_ms from last_sign_in;
            drop table last_sign_in;
            create table good_network (
                network text not null,
                account integer not null,
                at_ms integer not null,
                primary key (network, account)
            ) strict, without rowid;
            create table block (
                kind text not null,
                subject text not null,
                since_ms integer not null,
                until_ms integer not null,
                reason text not null,
                primary key (kind, subject)
            ) strict, without rowid;
        ",
    },
];
