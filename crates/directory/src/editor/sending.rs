//! What accounts may, and want, when they send.

use mail_types::Address;

use crate::{AliasName, DirectoryError, Editor, Sending, editor::accounts::existing, tables};

impl Editor {
    /// Lets an account send as an address, or as all of a domain; either may be another's, or of a
    /// domain that is not served here.
    pub async fn grant_send_as(
        &self,
        address: &Address,
        name: &AliasName,
    ) -> Result<(), DirectoryError> {
        let (address, name) = (address.clone(), name.clone());
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                let inserted = sqlx::query(
                    "insert or ignore into send_as (account, folded, name) values (?, ?, ?)",
                )
                .bind(account.id.0)
                .bind(name.folded())
                .bind(name.to_string())
                .execute(connection)
                .await?;
                match inserted.rows_affected() {
                    0 => Err(DirectoryError::GrantExists { account: account.address, name }),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Takes a grant back.
    pub async fn revoke_send_as(
        &self,
        address: &Address,
        name: &AliasName,
    ) -> Result<(), DirectoryError> {
        let (address, name) = (address.clone(), name.clone());
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                let deleted = sqlx::query("delete from send_as where account = ? and folded = ?")
                    .bind(account.id.0)
                    .bind(name.folded())
                    .execute(connection)
                    .await?;
                match deleted.rows_affected() {
                    0 => Err(DirectoryError::NoSuchGrant { account: account.address, name }),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Whether submission leaves a copy of what the account sends in its Sent mailbox.
    pub async fn set_sent_copy(
        &self,
        address: &Address,
        wanted: bool,
    ) -> Result<Sending, DirectoryError> {
        let address = address.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                sqlx::query("update account set sent_copy = ? where id = ?")
                    .bind(wanted)
                    .bind(account.id.0)
                    .execute(&mut *connection)
                    .await?;
                let roster = tables::read(connection).await?;
                Ok(roster.sending(account.id).cloned().unwrap_or_default())
            })
        })
        .await
    }
}
