//! The tables, and how the whole of them is read.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use mail_types::{AccountId, Address, Domain, Malformed, Quota, Timestamp};
use sqlx::SqliteConnection;
use stable_storage::Migration;

use crate::{
    Account, Alias, DirectoryError, DomainKind, Forward, HostedDomain, MailingList, RelayedTo,
    Sending, Subaddress, roster::Roster, srs::SrsKey,
};

/// The steps to the tables of `directory.db`.
///
/// `autoincrement`: an account's id is not given again after its row is gone.
pub(crate) const DIRECTORY: &[Migration] = &[FIRST, SENDING, WAYS, QUOTAS];

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

/// `kind` is `own`, `alias` (of `target`), `relayed`, `listed` or `asked`; `separator` is empty if
/// there is none.
const WAYS: Migration = Migration {
    name: "domain aliases, relayed domains, lists, forwards, expiry",
    sql: "
        alter table domain add column kind text not null default 'own';
        alter table domain add column target text;
        alter table domain add column separator text not null default '+';
        alter table domain add column filed integer not null default 0;
        alter table account add column expires_ms integer;
        alter table account add column forward_keep integer not null default 1;
        create table forward (
            id integer primary key autoincrement,
            account integer not null,
            target text not null,
            unique (account, target)
        ) strict;
        create table list (
            id integer primary key autoincrement,
            name text not null,
            folded text not null unique,
            owner text not null,
            posting text not null,
            description text
        ) strict;
        create table list_member (
            id integer primary key autoincrement,
            list integer not null,
            folded text not null,
            address text not null,
            unique (list, folded)
        ) strict;
        create table listed_recipient (
            folded text primary key,
            address text not null
        ) strict, without rowid;
        create table secret (
            name text primary key,
            octets blob not null
        ) strict, without rowid;
    ",
};

const QUOTAS: Migration = Migration {
    name: "how many messages an account may have, and how much mail a domain",
    sql: "
        alter table account add column quota_messages integer;
        alter table domain add column quota_bytes integer;
        alter table domain add column quota_messages integer;
    ",
};

/// What the hashes of the sender rewriting scheme are made with.
pub(crate) const SRS_SECRET: &str = "srs";

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

/// Reads everything: one statement a table, however much there is.
pub(crate) async fn read(connection: &mut SqliteConnection) -> Result<Roster, DirectoryError> {
    let domains = domains(connection).await?;
    let roster = Roster::new(domains, accounts(connection).await?, aliases(connection).await?);
    Ok(roster
        .with_sending(sending(connection).await?)
        .with_lists(lists(connection).await?)
        .with_forwards(forwards(connection).await?)
        .with_listed(listed(connection).await?)
        .with_srs(srs(connection).await?))
}

async fn domains(connection: &mut SqliteConnection) -> Result<Vec<HostedDomain>, DirectoryError> {
    type Row = (String, String, Option<String>, String, bool, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "select name, kind, target, separator, filed, quota_bytes, quota_messages \
         from domain order by id",
    )
    .fetch_all(connection)
    .await?;
    let domain = |(name, kind, target, separator, filed, octets, messages): Row| {
        let damage = |why| damaged("domain", &name, why);
        let kind = match (kind.as_str(), target) {
            ("own", _) => DomainKind::Own,
            ("alias", Some(of)) => DomainKind::AliasOf(Domain::parse(&of).map_err(damage)?),
            ("relayed", _) => DomainKind::Relayed(RelayedTo::Anybody),
            ("listed", _) => DomainKind::Relayed(RelayedTo::Listed),
            ("asked", _) => DomainKind::Relayed(RelayedTo::Asked),
            _ => return Err(damage(Malformed("an unknown kind of domain"))),
        };
        let subaddress = Subaddress { separator: separator.chars().next(), filed };
        let name = Domain::parse(&name).map_err(damage)?;
        Ok(HostedDomain { name, kind, subaddress, quota: quota(octets, messages) })
    };
    rows.into_iter().map(domain).collect()
}

async fn accounts(connection: &mut SqliteConnection) -> Result<Vec<Account>, DirectoryError> {
    type Row = (i64, String, i64, bool, Option<i64>, Option<i64>, i64, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "select id, address, generation, disabled, quota_bytes, quota_messages, created_ms, \
             expires_ms from account",
    )
    .fetch_all(connection)
    .await?;
    let account = |(id, address, generation, disabled, octets, messages, created, expires): Row| {
        let Quota { octets: quota_bytes, messages: quota_messages } = quota(octets, messages);
        Ok(Account {
            id: AccountId(id),
            address: Address::parse(&address).map_err(|why| damaged("account", &address, why))?,
            generation,
            disabled,
            quota_bytes,
            quota_messages,
            created: Timestamp::from_millis(created),
            expires: expires.map(Timestamp::from_millis),
        })
    };
    rows.into_iter().map(account).collect()
}

/// Limits of two columns.
fn quota(octets: Option<i64>, messages: Option<i64>) -> Quota {
    let limit = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Quota { octets: limit(octets), messages: limit(messages) }
}

/// A limit as a column has it.
pub(crate) fn limit_column(limit: Option<u64>) -> Option<i64> {
    limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
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

async fn lists(connection: &mut SqliteConnection) -> Result<Vec<MailingList>, DirectoryError> {
    let members: Vec<(i64, String)> =
        sqlx::query_as("select list, address from list_member order by id")
            .fetch_all(&mut *connection)
            .await?;
    let mut of_list: HashMap<i64, Vec<Address>> = HashMap::new();
    for (list, member) in members {
        let parsed = Address::parse(&member).map_err(|why| damaged("list_member", &member, why))?;
        of_list.entry(list).or_default().push(parsed);
    }
    type Row = (i64, String, String, String, Option<String>);
    let rows: Vec<Row> = sqlx::query_as("select id, name, owner, posting, description from list")
        .fetch_all(connection)
        .await?;
    let list = |(id, name, owner, posting, description): Row| {
        let damage = |why| damaged("list", &name, why);
        Ok(MailingList {
            owner: Address::parse(&owner).map_err(damage)?,
            posting: posting.parse().map_err(damage)?,
            name: Address::parse(&name).map_err(damage)?,
            description,
            members: of_list.remove(&id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(list).collect()
}

/// Only of those who forward.
async fn forwards(
    connection: &mut SqliteConnection,
) -> Result<HashMap<AccountId, Forward>, DirectoryError> {
    let rows: Vec<(i64, bool, String)> = sqlx::query_as(
        "select account.id, forward_keep, target \
         from forward join account on account.id = forward.account order by forward.id",
    )
    .fetch_all(connection)
    .await?;
    let mut all: HashMap<AccountId, Forward> = HashMap::new();
    for (id, keep, target) in rows {
        let parsed = Address::parse(&target).map_err(|why| damaged("forward", &target, why))?;
        let forward = all.entry(AccountId(id)).or_default();
        forward.keep = keep;
        forward.targets.push(parsed);
    }
    Ok(all)
}

async fn listed(connection: &mut SqliteConnection) -> Result<Vec<Address>, DirectoryError> {
    let rows: Vec<String> =
        sqlx::query_scalar("select address from listed_recipient").fetch_all(connection).await?;
    let parse =
        |text: &String| Address::parse(text).map_err(|why| damaged("listed_recipient", text, why));
    rows.iter().map(parse).collect()
}

async fn srs(connection: &mut SqliteConnection) -> Result<Option<SrsKey>, DirectoryError> {
    let octets: Option<Vec<u8>> = sqlx::query_scalar("select octets from secret where name = ?")
        .bind(SRS_SECRET)
        .fetch_optional(connection)
        .await?;
    Ok(octets.map(SrsKey))
}

fn damaged(table: &'static str, row: &str, why: Malformed) -> DirectoryError {
    DirectoryError::Damaged { table, row: row.to_owned(), why }
}
