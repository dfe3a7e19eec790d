//! Domains come and go.

use mail_types::{Address, Domain, Quota};
use sqlx::SqliteConnection;

use crate::{
    DirectoryError, DomainKind, Editor, HostedDomain, RelayedTo, Subaddress, roster::Roster, tables,
};

impl Editor {
    /// Takes a domain's mail from now on.
    pub async fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        self.add_hosted(&HostedDomain::own(domain.clone())).await
    }

    /// The same for a domain of any kind.
    pub async fn add_hosted(&self, domain: &HostedDomain) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                check(&tables::read(connection).await?, &domain)?;
                insert(connection, &domain).await
            })
        })
        .await
    }

    /// How the domain's subaddresses are written from now on.
    pub async fn set_subaddress(
        &self,
        domain: &Domain,
        subaddress: Subaddress,
    ) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                must_be_own(&tables::read(connection).await?, &domain)?;
                sqlx::query("update domain set separator = ?, filed = ? where name = ?")
                    .bind(separator(subaddress))
                    .bind(subaddress.filed)
                    .bind(domain.as_str())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// How much mail the accounts of a domain may have together from now on.
    pub async fn set_domain_quota(
        &self,
        domain: &Domain,
        quota: Quota,
    ) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                must_be_own(&tables::read(connection).await?, &domain)?;
                sqlx::query("update domain set quota_bytes = ?, quota_messages = ? where name = ?")
                    .bind(tables::limit_column(quota.octets))
                    .bind(tables::limit_column(quota.messages))
                    .bind(domain.as_str())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Takes mail for a recipient of a domain that is relayed for listed recipients, or for them
    /// without asking the domain's server.
    pub async fn add_listed(&self, recipient: &Address) -> Result<(), DirectoryError> {
        let recipient = recipient.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                let hosted = roster.hosted(recipient.domain()).map(|hosted| &hosted.kind);
                if !matches!(
                    hosted,
                    Some(DomainKind::Relayed(RelayedTo::Listed | RelayedTo::Asked))
                ) {
                    return Err(DirectoryError::NotListing(recipient.domain().clone()));
                }
                sqlx::query(
                    "insert or ignore into listed_recipient (folded, address) values (?, ?)",
                )
                .bind(recipient.folded())
                .bind(recipient.to_string())
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Takes no more mail for such a recipient.
    pub async fn remove_listed(&self, recipient: &Address) -> Result<(), DirectoryError> {
        let recipient = recipient.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let deleted = sqlx::query("delete from listed_recipient where folded = ?")
                    .bind(recipient.folded())
                    .execute(connection)
                    .await?;
                match deleted.rows_affected() {
                    0 => Err(DirectoryError::NoSuchRecipient(recipient)),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Takes a domain's mail no more; it must have neither accounts nor aliases nor lists, and no
    /// other domain may be its alias.
    pub async fn remove_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                check_unused(&roster, &domain)?;
                for recipient in roster.listed().filter(|listed| *listed.domain() == domain) {
                    sqlx::query("delete from listed_recipient where folded = ?")
                        .bind(recipient.folded())
                        .execute(&mut *connection)
                        .await?;
                }
                sqlx::query("delete from domain where name = ?")
                    .bind(domain.as_str())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

fn check(roster: &Roster, domain: &HostedDomain) -> Result<(), DirectoryError> {
    if domain.name.is_literal() {
        return Err(DirectoryError::DomainIsLiteral(domain.name.clone()));
    }
    if roster.hosted(&domain.name).is_some() {
        return Err(DirectoryError::DomainExists(domain.name.clone()));
    }
    match &domain.kind {
        DomainKind::AliasOf(of) => {
            // One step and no more: no circles, and no questions which rules apply.
            match roster.hosted(of).map(|hosted| &hosted.kind) {
                Some(DomainKind::Own) => Ok(()),
                Some(_) => Err(DirectoryError::NoMailboxesThere(of.clone())),
                None => Err(DirectoryError::NoSuchDomain(of.clone())),
            }
        }
        DomainKind::Own | DomainKind::Relayed(_) => Ok(()),
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    domain: &HostedDomain,
) -> Result<(), DirectoryError> {
    let (kind, target) = match &domain.kind {
        DomainKind::Own => ("own", None),
        DomainKind::AliasOf(of) => ("alias", Some(of.as_str())),
        DomainKind::Relayed(RelayedTo::Anybody) => ("relayed", None),
        DomainKind::Relayed(RelayedTo::Listed) => ("listed", None),
        DomainKind::Relayed(RelayedTo::Asked) => ("asked", None),
    };
    sqlx::query(
        "insert into domain (name, kind, target, separator, filed, quota_bytes, quota_messages) \
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(domain.name.as_str())
    .bind(kind)
    .bind(target)
    .bind(separator(domain.subaddress))
    .bind(domain.subaddress.filed)
    .bind(tables::limit_column(domain.quota.octets))
    .bind(tables::limit_column(domain.quota.messages))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the domain has mailboxes of its own.
fn must_be_own(roster: &Roster, domain: &Domain) -> Result<(), DirectoryError> {
    match roster.hosted(domain).map(|hosted| &hosted.kind) {
        Some(DomainKind::Own) => Ok(()),
        Some(_) => Err(DirectoryError::NoMailboxesThere(domain.clone())),
        None => Err(DirectoryError::NoSuchDomain(domain.clone())),
    }
}

fn separator(subaddress: Subaddress) -> String {
    subaddress.separator.map(String::from).unwrap_or_default()
}

fn check_unused(roster: &Roster, domain: &Domain) -> Result<(), DirectoryError> {
    if roster.hosted(domain).is_none() {
        return Err(DirectoryError::NoSuchDomain(domain.clone()));
    }
    let accounts = roster.accounts().filter(|a| a.address.domain() == domain).count();
    let aliases = roster.aliases().filter(|a| a.name.domain() == domain).count();
    let lists = roster.lists().filter(|list| list.name.domain() == domain).count();
    if accounts + aliases + lists > 0 {
        let domain = domain.clone();
        return Err(DirectoryError::DomainInUse { domain, accounts, aliases, lists });
    }
    let is_alias = |other: &&HostedDomain| other.kind == DomainKind::AliasOf(domain.clone());
    match roster.domains().iter().find(is_alias) {
        Some(other) => Err(DirectoryError::DomainHasAlias {
            domain: domain.clone(),
            alias: other.name.clone(),
        }),
        None => Ok(()),
    }
}
