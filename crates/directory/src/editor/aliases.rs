//! Aliases come and go.

use mail_types::{Address, Timestamp};
use sqlx::SqliteConnection;

use crate::{
    Alias, AliasName, DirectoryError, DomainKind, Editor, Occasion, Refusal, Route,
    editor::names::{check_free, check_known},
    roster::Roster,
    tables,
};

impl Editor {
    /// Makes an alias, or lets an existing one lead to further addresses.
    pub async fn add_alias(
        &self,
        name: &AliasName,
        targets: &[Address],
    ) -> Result<Alias, DirectoryError> {
        let (name, targets) = (name.clone(), targets.to_vec());
        self.edit(|connection| {
            Box::pin(async move {
                check(&tables::read(connection).await?, &name, &targets)?;
                insert(connection, &name, &targets).await?;
                let roster = tables::read(connection).await?;
                check_for_loop(&roster, &name)?;
                check_reach(&roster, &name)?;
                existing(&roster, &name)
            })
        })
        .await
    }

    /// Removes an alias, or one of the addresses it leads to.
    pub async fn remove_alias(
        &self,
        name: &AliasName,
        target: Option<&Address>,
    ) -> Result<(), DirectoryError> {
        let (name, target) = (name.clone(), target.cloned());
        self.edit(|connection| {
            Box::pin(async move {
                let alias = existing(&tables::read(connection).await?, &name)?;
                if let Some(target) = &target
                    && !alias.targets.contains(target)
                {
                    return Err(DirectoryError::NoSuchTarget {
                        alias: name,
                        target: target.clone(),
                    });
                }
                sqlx::query(
                    "delete from alias_target where folded = ? and target = ifnull(?, target)",
                )
                .bind(name.folded())
                .bind(target.map(|target| target.to_string()))
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }
}

fn existing(roster: &Roster, name: &AliasName) -> Result<Alias, DirectoryError> {
    let alias = roster.alias(&name.folded()).cloned();
    alias.ok_or_else(|| DirectoryError::NoSuchAlias(name.clone()))
}

fn check(roster: &Roster, name: &AliasName, targets: &[Address]) -> Result<(), DirectoryError> {
    match name {
        AliasName::Address(address) => match check_free(roster, address) {
            // It gets further addresses.
            Ok(()) | Err(DirectoryError::AliasExists(_)) => {}
            Err(error) => return Err(error),
        },
        AliasName::CatchAll(domain) => match roster.hosted(domain).map(|hosted| &hosted.kind) {
            Some(DomainKind::Own) => {}
            Some(_) => return Err(DirectoryError::NoMailboxesThere(domain.clone())),
            None => return Err(DirectoryError::NoSuchDomain(domain.clone())),
        },
    }
    if targets.is_empty() {
        return Err(DirectoryError::NoTargets);
    }
    for target in targets {
        let leads_to_itself = AliasName::Address(target.clone()).folded() == name.folded();
        if leads_to_itself {
            return Err(DirectoryError::AliasLoop(name.clone()));
        }
    }
    check_known(roster, targets)
}

async fn insert(
    connection: &mut SqliteConnection,
    name: &AliasName,
    targets: &[Address],
) -> Result<(), DirectoryError> {
    for target in targets {
        sqlx::query("insert or ignore into alias_target (alias, folded, target) values (?, ?, ?)")
            .bind(name.to_string())
            .bind(name.folded())
            .bind(target.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Follows the alias in the directory as it would be.
fn check_for_loop(roster: &Roster, name: &AliasName) -> Result<(), DirectoryError> {
    let start = name.folded();
    let mut waiting = vec![start.clone()];
    let mut seen = std::collections::HashSet::new();
    while let Some(key) = waiting.pop() {
        if !seen.insert(key.clone()) {
            continue;
        }
        let targets = roster.alias(&key).into_iter().flat_map(|alias| &alias.targets);
        for next in targets.map(Address::folded) {
            if next == start {
                return Err(DirectoryError::AliasLoop(name.clone()));
            }
            waiting.push(next);
        }
    }
    Ok(())
}

/// Whether somebody is reached, also by subaddresses, other domains and forwards.
fn check_reach(roster: &Roster, name: &AliasName) -> Result<(), DirectoryError> {
    let AliasName::Address(address) = name else { return Ok(()) };
    match roster.route(address, Occasion::inquiry(Timestamp::from_secs(0))) {
        Route::Refused(Refusal::AliasLoop) => Err(DirectoryError::AliasLoop(name.clone())),
        _ => Ok(()),
    }
}
