//! Accounts whose mail goes on to others.

use mail_types::{Address, Timestamp};

use crate::{
    Account, DirectoryError, Editor, Forward, Occasion, Refusal, Route,
    editor::{accounts::existing, names::check_known},
    tables,
};

impl Editor {
    /// Lets an account's mail go on to others from now on; to nobody if there are no targets.
    pub async fn set_forward(
        &self,
        address: &Address,
        forward: &Forward,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (address, forward) = (address.clone(), forward.clone());
        self.edit(|connection| {
            Box::pin(async move {
                let roster = tables::read(connection).await?;
                let account = existing(&roster, &address)?;
                check_known(&roster, &forward.targets)?;
                sqlx::query("delete from forward where account = ?")
                    .bind(account.id.0)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("update account set forward_keep = ? where id = ?")
                    .bind(forward.keep)
                    .bind(account.id.0)
                    .execute(&mut *connection)
                    .await?;
                for target in &forward.targets {
                    sqlx::query("insert or ignore into forward (account, target) values (?, ?)")
                        .bind(account.id.0)
                        .bind(target.to_string())
                        .execute(&mut *connection)
                        .await?;
                }
                let roster = tables::read(connection).await?;
                let route = roster.route(&account.address, Occasion::inquiry(now));
                // To itself, and nothing kept: what comes back would be cut off.
                let itself = forward.targets.iter().any(|to| roster.is_own(account.id, to, now));
                let nothing_left = route == Route::Refused(Refusal::AliasLoop);
                if nothing_left || itself && !forward.keep {
                    return Err(DirectoryError::ForwardLoop(account.address));
                }
                Ok(())
            })
        })
        .await
    }

    /// Lets an account count as disabled from this time on; none: never.
    pub async fn set_expiry(
        &self,
        address: &Address,
        expires: Option<Timestamp>,
    ) -> Result<Account, DirectoryError> {
        let address = address.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                sqlx::query("update account set expires_ms = ? where id = ?")
                    .bind(expires.map(Timestamp::millis))
                    .bind(account.id.0)
                    .execute(&mut *connection)
                    .await?;
                existing(&tables::read(connection).await?, &address)
            })
        })
        .await
    }
}
