//! Accounts: made, disabled, given a new password, removed.

use mail_types::{AccountId, Address, Quota, Timestamp};
use sasl_core::PasswordVerifier;
use sqlx::SqliteConnection;

use crate::{
    Account, Alias, DirectoryError, Editor, Kept, MailingList, NewAccount, Removal,
    editor::names::check_free, roster::Roster, tables,
};

impl Editor {
    /// Makes an account.
    pub async fn add_account(&self, new: NewAccount) -> Result<Account, DirectoryError> {
        self.add_account_keeping(new, &Kept::default()).await
    }

    /// Makes an account, and keeps of its password what challenges are answered with.
    pub async fn add_account_keeping(
        &self,
        new: NewAccount,
        kept: &Kept,
    ) -> Result<Account, DirectoryError> {
        let NewAccount { address, verifier, quota_bytes, now } = new;
        let account = self
            .edit(|connection| {
                Box::pin(async move {
                    check_free(&tables::read(connection).await?, &address)?;
                    insert_account(connection, address, quota_bytes, now).await
                })
            })
            .await?;
        self.store_password(account.id, &verifier, kept, now).await?;
        Ok(account)
    }

    /// Sets a new password; proofs of the old one and sessions that rest on it end.
    pub async fn set_password(
        &self,
        address: &Address,
        verifier: &PasswordVerifier,
        now: Timestamp,
    ) -> Result<Account, DirectoryError> {
        self.set_password_keeping(address, verifier, &Kept::default(), now).await
    }

    /// The same, and keeps of the password what challenges are answered with.
    pub async fn set_password_keeping(
        &self,
        address: &Address,
        verifier: &PasswordVerifier,
        kept: &Kept,
        now: Timestamp,
    ) -> Result<Account, DirectoryError> {
        let account = existing(&*self.reader.roster().await?, address)?;
        self.store_password(account.id, verifier, kept, now).await?;
        self.end_sessions(address).await
    }

    /// Lets all proofs of the account's secrets, and the sessions that rest on them, end.
    pub(super) async fn end_sessions(&self, address: &Address) -> Result<Account, DirectoryError> {
        self.change_account(address, "update account set generation = generation + 1 where id = ?")
            .await
    }

    /// Disables an account, which ends its sessions, or enables it again. Its mail stays.
    pub async fn set_disabled(
        &self,
        address: &Address,
        disabled: bool,
    ) -> Result<Account, DirectoryError> {
        let statement = if disabled {
            "update account set disabled = 1, generation = generation + 1 where id = ?"
        } else {
            "update account set disabled = 0 where id = ?"
        };
        self.change_account(address, statement).await
    }

    /// Sets how much mail an account may have; counts for what comes next, whatever is there
    /// already.
    pub async fn set_quota(
        &self,
        address: &Address,
        quota: Quota,
    ) -> Result<Account, DirectoryError> {
        let address = address.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                sqlx::query("update account set quota_bytes = ?, quota_messages = ? where id = ?")
                    .bind(tables::limit_column(quota.octets))
                    .bind(tables::limit_column(quota.messages))
                    .bind(account.id.0)
                    .execute(&mut *connection)
                    .await?;
                existing(&tables::read(connection).await?, &address)
            })
        })
        .await
    }

    /// What removing an account would do.
    pub async fn removal_of(&self, address: &Address) -> Result<Removal, DirectoryError> {
        removal(&*self.reader.roster().await?, address)
    }

    /// Removes an account, and itself from all aliases. Its mail folder stays where it is.
    pub async fn remove_account(&self, address: &Address) -> Result<Removal, DirectoryError> {
        let address = address.clone();
        let removal = self
            .edit(|connection| {
                Box::pin(async move {
                    let roster = tables::read(connection).await?;
                    let removal = removal(&roster, &address)?;
                    delete_account(connection, &roster, &removal).await?;
                    Ok(removal)
                })
            })
            .await?;
        // If this half is lost the row stays, and counts for nobody: ids are not given again.
        let id = removal.account.id;
        self.credentials
            .edit(|connection| {
                Box::pin(async move {
                    for statement in [
                        "delete from password where account = ?",
                        "delete from app_password where account = ?",
                        "delete from certificate where account = ?",
                    ] {
                        sqlx::query(statement).bind(id.0).execute(&mut *connection).await?;
                    }
                    Ok::<_, DirectoryError>(())
                })
            })
            .await?;
        Ok(removal)
    }

    /// Runs a statement that changes one account by its id.
    async fn change_account(
        &self,
        address: &Address,
        statement: &'static str,
    ) -> Result<Account, DirectoryError> {
        let address = address.clone();
        self.edit(|connection| {
            Box::pin(async move {
                let account = existing(&tables::read(connection).await?, &address)?;
                sqlx::query(statement).bind(account.id.0).execute(&mut *connection).await?;
                existing(&tables::read(connection).await?, &address)
            })
        })
        .await
    }

    async fn store_password(
        &self,
        id: AccountId,
        verifier: &PasswordVerifier,
        kept: &Kept,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (verifier, kept) = (verifier.to_string(), kept.clone());
        self.credentials
            .edit(|connection| {
                Box::pin(async move {
                    sqlx::query(
                        "insert or replace into password \
                         (account, verifier, scram, sealed, changed_ms) values (?, ?, ?, ?, ?)",
                    )
                    .bind(id.0)
                    .bind(verifier)
                    .bind(kept.scram_text())
                    .bind(kept.sealed)
                    .bind(now.millis())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}

pub(super) fn existing(roster: &Roster, address: &Address) -> Result<Account, DirectoryError> {
    let account = roster.account_at(address).cloned();
    account.ok_or_else(|| DirectoryError::NoSuchAccount(address.clone()))
}

async fn insert_account(
    connection: &mut SqliteConnection,
    address: Address,
    quota_bytes: Option<u64>,
    now: Timestamp,
) -> Result<Account, DirectoryError> {
    let inserted = sqlx::query(
        "insert into account (address, folded, quota_bytes, created_ms) values (?, ?, ?, ?)",
    )
    .bind(address.to_string())
    .bind(address.folded())
    .bind(quota_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
    .bind(now.millis())
    .execute(connection)
    .await?;
    let id = AccountId(inserted.last_insert_rowid());
    Ok(Account {
        id,
        address,
        generation: 1,
        disabled: false,
        quota_bytes,
        quota_messages: None,
        created: now,
        expires: None,
    })
}

fn removal(roster: &Roster, address: &Address) -> Result<Removal, DirectoryError> {
    let account = existing(roster, address)?;
    let key = account.address.folded();
    if let Some(list) = roster.lists().find(|list| list.owner.folded() == key) {
        let (account, list) = (account.address, list.name.clone());
        return Err(DirectoryError::OwnsList { account, list });
    }
    let member_of = |list: &&MailingList| list.members.iter().any(|m| m.folded() == key);
    let lists_without_it = roster.lists().filter(member_of).map(|list| list.name.clone()).collect();
    let forwarding = roster.forward_targets().filter(|(_, target)| target.folded() == key);
    let forwarding = forwarding.filter_map(|(id, _)| roster.account(id));
    let forwards_ended = forwarding.map(|account| account.address.clone()).collect();
    let mut removal = Removal {
        forwards_ended,
        account,
        aliases_without_it: Vec::new(),
        aliases_removed: Vec::new(),
        lists_without_it,
    };
    for alias in roster.aliases() {
        let leads_to_it = |target: &&Address| target.folded() == key;
        match alias.targets.iter().filter(leads_to_it).count() {
            0 => {}
            all if all == alias.targets.len() => removal.aliases_removed.push(alias.name.clone()),
            _ => removal.aliases_without_it.push(alias.name.clone()),
        }
    }
    Ok(removal)
}

async fn delete_account(
    connection: &mut SqliteConnection,
    roster: &Roster,
    removal: &Removal,
) -> Result<(), DirectoryError> {
    let key = removal.account.address.folded();
    let leads_to_it = |alias: &Alias| alias.targets.iter().any(|target| target.folded() == key);
    for alias in roster.aliases().filter(|alias| leads_to_it(alias)) {
        for target in alias.targets.iter().filter(|target| target.folded() == key) {
            sqlx::query("delete from alias_target where folded = ? and target = ?")
                .bind(alias.name.folded())
                .bind(target.to_string())
                .execute(&mut *connection)
                .await?;
        }
    }
    // Whoever forwarded to it alone gets mail again instead of losing it.
    for (id, target) in roster.forward_targets().filter(|(_, target)| target.folded() == key) {
        sqlx::query("delete from forward where account = ? and target = ?")
            .bind(id.0)
            .bind(target.to_string())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("delete from list_member where folded = ?")
        .bind(key)
        .execute(&mut *connection)
        .await?;
    for statement in [
        "delete from send_as where account = ?",
        "delete from forward where account = ?",
        "delete from account where id = ?",
    ] {
        sqlx::query(statement).bind(removal.account.id.0).execute(&mut *connection).await?;
    }
    Ok(())
}
