//! Domains come and go.

use mail_types::Domain;

use crate::{DirectoryError, Editor, tables};

impl Editor {
    /// Serves a domain from now on.
    pub async fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                if domain.is_literal() {
                    return Err(DirectoryError::DomainIsLiteral(domain));
                }
                if tables::read(connection).await?.is_ours(&domain) {
                    return Err(DirectoryError::DomainExists(domain));
                }
                sqlx::query("insert into domain (name) values (?)")
                    .bind(domain.as_str())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Serves a domain no more; it must have neither accounts nor aliases.
    pub async fn remove_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let domain = domain.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                if !roster.is_ours(&domain) {
                    return Err(DirectoryError::NoSuchDomain(domain));
                }
                let accounts = roster.accounts().filter(|a| *a.address.domain() == domain).count();
                let aliases = roster.aliases().filter(|a| *a.name.domain() == domain).count();
                if accounts + aliases > 0 {
                    return Err(DirectoryError::DomainInUse { domain, accounts, aliases });
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
