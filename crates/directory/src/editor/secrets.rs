//! Secrets beside the password: app passwords and certificates.

use mail_types::{AccountId, Address, Timestamp};
use sqlx::{Row, SqliteConnection};

use super::accounts::existing;
use crate::{Account, DirectoryError, Editor, Kept};

/// An app password to be kept.
#[derive(Debug, Clone)]
pub struct NewAppPassword {
    /// What its owner calls the device.
    pub label: String,
    /// The protocols that it is for; all if none is named.
    pub protocols: Vec<String>,
    /// By which it is found.
    pub digest: [u8; 32],
    /// What is kept of it besides.
    pub kept: Kept,
    /// The time.
    pub now: Timestamp,
}

/// The longest label, in characters.
const LABEL_MAX: usize = 40;

impl Editor {
    /// Keeps an app password.
    pub async fn add_app_password(
        &self,
        address: &Address,
        new: NewAppPassword,
    ) -> Result<Account, DirectoryError> {
        check_label(&new.label)?;
        let account = existing(&*self.reader.roster().await?, address)?;
        let id = account.id;
        self.credentials
            .edit(|connection| {
                Box::pin(async move {
                    if has_label(connection, id, &new.label).await? {
                        return Err(DirectoryError::SecretExists(new.label));
                    }
                    sqlx::query(
                        "insert into app_password (account, label, protocols, digest, scram, \
                         sealed, created_ms) values (?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(id.0)
                    .bind(new.label)
                    .bind(new.protocols.join(" "))
                    .bind(new.digest.to_vec())
                    .bind(new.kept.scram_text())
                    .bind(new.kept.sealed)
                    .bind(new.now.millis())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await?;
        Ok(account)
    }

    /// Makes a certificate known, by its SHA-256 digest.
    pub async fn add_certificate(
        &self,
        address: &Address,
        label: &str,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Account, DirectoryError> {
        check_label(label)?;
        let account = existing(&*self.reader.roster().await?, address)?;
        let (id, label) = (account.id, label.to_owned());
        self.credentials
            .edit(|connection| {
                Box::pin(async move {
                    if has_label(connection, id, &label).await? {
                        return Err(DirectoryError::SecretExists(label));
                    }
                    let known = sqlx::query("select 1 from certificate where digest = ?")
                        .bind(digest.to_vec())
                        .fetch_optional(&mut *connection)
                        .await?;
                    if known.is_some() {
                        return Err(DirectoryError::CertificateKnown);
                    }
                    sqlx::query("insert into certificate values (?, ?, ?, ?)")
                        .bind(digest.to_vec())
                        .bind(id.0)
                        .bind(label)
                        .bind(now.millis())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        Ok(account)
    }

    /// Revokes an app password or a certificate; the account's sessions end.
    pub async fn remove_secret(
        &self,
        address: &Address,
        label: &str,
    ) -> Result<Account, DirectoryError> {
        let account = existing(&*self.reader.roster().await?, address)?;
        let (id, label) = (account.id, label.to_owned());
        self.credentials
            .edit(|connection| {
                Box::pin(async move {
                    if !has_label(connection, id, &label).await? {
                        return Err(DirectoryError::NoSuchSecret(label));
                    }
                    for statement in [
                        "delete from app_password where account = ? and label = ?",
                        "delete from certificate where account = ? and label = ?",
                    ] {
                        sqlx::query(statement)
                            .bind(id.0)
                            .bind(&label)
                            .execute(&mut *connection)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.end_sessions(address).await
    }
}

/// It is typed behind a `%`, and shown in logs.
fn check_label(label: &str) -> Result<(), DirectoryError> {
    let fits = !label.is_empty()
        && label.chars().count() <= LABEL_MAX
        && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits { Ok(()) } else { Err(DirectoryError::BadLabel(label.to_owned())) }
}

async fn has_label(
    connection: &mut SqliteConnection,
    id: AccountId,
    label: &str,
) -> Result<bool, DirectoryError> {
    let row = sqlx::query(
        "select exists (select 1 from app_password where account = ?1 and label = ?2) \
         or exists (select 1 from certificate where account = ?1 and label = ?2)",
    )
    .bind(id.0)
    .bind(label)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}
