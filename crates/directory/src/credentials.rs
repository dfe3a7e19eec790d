//! What passwords are verified against, for agents in the group `credentials`.

use std::{collections::HashMap, path::Path, sync::Arc};

use mail_types::AccountId;
use sasl_core::PasswordVerifier;

use crate::{DirectoryError, snapshot::Snapshot, tables};

/// The verifiers of all accounts, read only. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Credentials(Arc<Snapshot<Verifiers>>);

type Verifiers = HashMap<AccountId, Box<str>>;

impl Credentials {
    /// The credentials in this folder. Nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        let file = tables::credentials_file(folder);
        Self(Arc::new(Snapshot::new(file, tables::CREDENTIALS, |connection| {
            Box::pin(async move {
                let rows: Vec<(i64, String)> =
                    sqlx::query_as("select account, verifier from password")
                        .fetch_all(connection)
                        .await?;
                let row = |(id, verifier): (i64, String)| (AccountId(id), verifier.into());
                Ok(rows.into_iter().map(row).collect())
            })
        })))
    }

    /// What an account's password is verified against; nothing if it has none.
    pub async fn password(
        &self,
        id: AccountId,
    ) -> Result<Option<PasswordVerifier>, DirectoryError> {
        let verifiers = self.0.now().await?;
        let Some(text) = verifiers.get(&id) else { return Ok(None) };
        PasswordVerifier::parse(text).map(Some).map_err(|why| DirectoryError::Damaged {
            table: "password",
            row: id.to_string(),
            why,
        })
    }
}
