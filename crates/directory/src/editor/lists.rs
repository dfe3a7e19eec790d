//! Lists come and go, and so do their members.

use mail_types::{Address, ReversePath, Timestamp};
use sqlx::SqliteConnection;

use crate::{
    DirectoryError, Editor, MailingList, Occasion, Posting, Route,
    editor::names::{check_free, check_known},
    roster::Roster,
    tables,
};

/// What of a list is to be another; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct ListChange {
    /// Who hears of failures.
    pub owner: Option<Address>,
    /// Who may post.
    pub posting: Option<Posting>,
    /// What it is for; empty: nothing is said.
    pub description: Option<String>,
}

impl Editor {
    /// Makes a list, with the members that it has.
    pub async fn add_list(&self, list: &MailingList) -> Result<(), DirectoryError> {
        let list = list.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                check_free(&roster, &list.name)?;
                check_known(&roster, &list.members)?;
                check_owner(&roster, &list.owner)?;
                let description = list.description.as_deref().filter(|text| !text.is_empty());
                let inserted = sqlx::query(
                    "insert into list (name, folded, owner, posting, description) \
                     values (?, ?, ?, ?, ?)",
                )
                .bind(list.name.to_string())
                .bind(list.name.folded())
                .bind(list.owner.to_string())
                .bind(list.posting.to_string())
                .bind(description)
                .execute(&mut *connection)
                .await?;
                insert_members(connection, inserted.last_insert_rowid(), &list.members).await
            })
        })
        .await
    }

    /// Changes what a list is.
    pub async fn change_list(
        &self,
        name: &Address,
        change: &ListChange,
    ) -> Result<MailingList, DirectoryError> {
        let (name, change) = (name.clone(), change.clone());
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                existing(&roster, &name)?;
                change.owner.iter().try_for_each(|owner| check_owner(&roster, owner))?;
                sqlx::query(
                    "update list set owner = ifnull(?, owner), posting = ifnull(?, posting), \
                     description = nullif(ifnull(?, description), '') where folded = ?",
                )
                .bind(change.owner.map(|owner| owner.to_string()))
                .bind(change.posting.map(|posting| posting.to_string()))
                .bind(change.description)
                .bind(name.folded())
                .execute(&mut *connection)
                .await?;
                existing(&tables::read(connection).await?, &name)
            })
        })
        .await
    }

    /// Adds members; those that it has already stay.
    pub async fn add_members(
        &self,
        name: &Address,
        members: &[Address],
    ) -> Result<MailingList, DirectoryError> {
        let (name, members) = (name.clone(), members.to_vec());
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                existing(&roster, &name)?;
                if members.iter().any(|member| member.folded() == name.folded()) {
                    return Err(DirectoryError::AliasLoop(crate::AliasName::Address(name)));
                }
                check_known(&roster, &members)?;
                let id = sqlx::query_scalar("select id from list where folded = ?")
                    .bind(name.folded())
                    .fetch_one(&mut *connection)
                    .await?;
                insert_members(connection, id, &members).await?;
                existing(&tables::read(connection).await?, &name)
            })
        })
        .await
    }

    /// Removes a member.
    pub async fn remove_member(
        &self,
        name: &Address,
        member: &Address,
    ) -> Result<(), DirectoryError> {
        let (name, member) = (name.clone(), member.clone());
        self.edit(|connection| {
            Box::pin(async move {
                existing(&tables::read(connection).await?, &name)?;
                let deleted = sqlx::query(
                    "delete from list_member where folded = ? \
                     and list = (select id from list where folded = ?)",
                )
                .bind(member.folded())
                .bind(name.folded())
                .execute(connection)
                .await?;
                match deleted.rows_affected() {
                    0 => Err(DirectoryError::NoSuchMember { list: name, member }),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Removes a list.
    pub async fn remove_list(&self, name: &Address) -> Result<(), DirectoryError> {
        let name = name.clone();
        self.edit(|connection| {
            Box::pin(async move {
                existing(&tables::read(connection).await?, &name)?;
                for statement in [
                    "delete from list_member where list = (select id from list where folded = ?)",
                    "delete from list where folded = ?",
                ] {
                    sqlx::query(statement).bind(name.folded()).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

fn existing(roster: &Roster, name: &Address) -> Result<MailingList, DirectoryError> {
    let list = roster.list(&name.folded()).cloned();
    list.ok_or_else(|| DirectoryError::NoSuchList(name.clone()))
}

/// Whether notifications reach the owner: those to another list, say, would reach nobody.
fn check_owner(roster: &Roster, owner: &Address) -> Result<(), DirectoryError> {
    let notification = Occasion::message(&ReversePath::Null, Timestamp::from_secs(0));
    match roster.route(owner, notification) {
        Route::Refused(_) => Err(DirectoryError::TargetUnknown(owner.clone())),
        Route::Ours(_) | Route::Elsewhere(_) => Ok(()),
    }
}

async fn insert_members(
    connection: &mut SqliteConnection,
    list: i64,
    members: &[Address],
) -> Result<(), DirectoryError> {
    for member in members {
        sqlx::query("insert or ignore into list_member (list, folded, address) values (?, ?, ?)")
            .bind(list)
            .bind(member.folded())
            .bind(member.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
