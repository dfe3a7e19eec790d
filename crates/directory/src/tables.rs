//! The tables, and how the whole of them is read.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use mail_types::{AccountId, Address, Domain, Malformed, Timestamp};
use sqlx::SqliteConnection;
use stable_storage::Migration;

use crate::{Account, Alias, DirectoryError, Sending, roster::Roster};

/// The steps to the tables of `directory.db`.
///
/// `autoincrement`: an account's id is not given again after its row is gone.
pub(crate) const DIRECTORY: &[Migration] = &[FIRST, SENDING];

const FIRST: Migration = Migration {
    name: "domains, accounts, aliases",
    sql: "
        create table domain (
            id integer primary key autoincrement,
            name text not null unique
        ) strict;
        create table account (
            id integer primary key autoincrement,
            address text not null,
            folded text not null unique,
            generation integer not null default 1,
            disabled integer not null default 0,
            quota_bytes integer,
            created_ms integer not null
        ) strict;
        create table alias_target (
            id integer primary key autoincrement,
            alias text not null,
            folded text not null,
            target text not null,
            unique (folded, target)
        ) strict;
    ",
};

/// `name` is an address or `@domain`, as it was given.
const SENDING: Migration = Migration {
    name: "grants to send as others, copies of what was sent",
    sql: "
        alter table account add column sent_copy integer not null default 0;
        create table send_as (
            id integer primary key autoincrement,
            account integer not null,
            folded text not null,
            name text not null,
            unique (account, folded)
        ) strict;
    ",
};

/// The steps to the tables of `credentials.db`.
pub(crate) const CREDENTIALS: &[Migration] = &[
    Migration {
        name: "passwords",
        sql: "
            create table password (
                account integer primary key,
                verifier text not null,
                changed_ms integer not null
            ) strict;
        ",
    },
    // `scram` has a verifier a line.
    Migration {
        name: "what challenges are answered with, app passwords, certificates",
        sql: "
            alter table password add column scram text not null default '';
            alter table password add column sealed blob;
            create table app_password (
                account integer not null,
                label text not null,
                protocols text not null,
                digest blob not null unique,
                scram text not null,
                sealed blob,
                created_ms integer not null,
                primary key (account, label)
            ) strict, without rowid;
            create table certificate (
                digest blob primary key,
                account integer not null,
                label text not null,
                created_ms integer not null
            ) strict, without rowid;
        ",
    },
];

/// The file under the directory's folder.
pub(crate) fn directory_file(folder: &Path) -> PathBuf {
    folder.join("directory.db")
}

/// The file under the credentials' folder.
pub(crate) fn credentials_file(folder: &Path) -> PathBuf {
    folder.join("credentials.db")
}

/// Reads everything: five statements, however much there is.
pub(crate) async fn read(connection: &mut SqliteConnection) -> Result<Roster, DirectoryError> {
    let domains: Vec<String> = sqlx::query_scalar("select name from domain order by id")
        .fetch_all(&mut *connection)
        .await?;
    let domains = domains
        .iter()
        .map(|name| Domain::parse(name).map_err(|why| damaged("domain", name, why)))
        .collect::<Result<_, _>>()?;
    let roster = Roster::new(domains, accounts(connection).await?, aliases(connection).await?);
    Ok(roster.with_sending(sending(connection).await?))
}

async fn accounts(connection: &mut SqliteConnection) -> Result<Vec<Account>, DirectoryError> {
    type Row = (i64, String, i64, bool, Option<i64>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "select id, address, generation, disabled, quota_bytes, created_ms from account",
    )
    .fetch_all(connection)
    .await?;
    let account = |(id, address, generation, disabled, quota, created): Row| {
        Ok(Account {
            id: AccountId(id),
            address: Address::parse(&address).map_err(|why| damaged("account", &address, why))?,
            generation,
            disabled,
            quota_bytes: quota.and_then(|bytes| u64::try_from(bytes).ok()),
            created: Timestamp::from_millis(created),
        })
    };
    rows.into_iter().map(account).collect()
}

async fn aliases(connection: &mut SqliteConnection) -> Result<Vec<Alias>, DirectoryError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("select folded, alias, target from alias_target order by folded, id")
            .fetch_all(connection)
            .await?;
    let mut aliases: Vec<(String, Alias)> = Vec::new();
    for (folded, name, target) in rows {
        let damage = |why| damaged("alias", &name, why);
        let target = Address::parse(&target).map_err(damage)?;
        match aliases.last_mut() {
            Some((key, alias)) if *key == folded => alias.targets.push(target),
            _ => {
                let name = name.parse().map_err(damage)?;
                aliases.push((folded, Alias { name, targets: vec![target] }));
            }
        }
    }
    Ok(aliases.into_iter().map(|(_, alias)| alias).collect())
}

/// Only those about whom there is something to say.
async fn sending(
    connection: &mut SqliteConnection,
) -> Result<HashMap<AccountId, Sending>, DirectoryError> {
    let mut all: HashMap<AccountId, Sending> = HashMap::new();
    let copied: Vec<i64> = sqlx::query_scalar("select id from account where sent_copy")
        .fetch_all(&mut *connection)
        .await?;
    for id in copied {
        all.entry(AccountId(id)).or_default().sent_copy = true;
    }
    let grants: Vec<(i64, String)> =
        sqlx::query_as("select account, name from send_as order by id")
            .fetch_all(connection)
            .await?;
    for (id, name) in grants {
        let parsed = name.parse().map_err(|why| damaged("send_as", &name, why))?;
        all.entry(AccountId(id)).or_default().send_as.push(parsed);
    }
    Ok(all)
}

fn damaged(table: &'static str, row: &str, why: Malformed) -> DirectoryError {
    DirectoryError::Damaged { table, row: row.to_owned(), why }
}
