//! What passwords are verified against, for agents in the group `credentials`.

use std::{collections::HashMap, path::Path, sync::Arc};

use mail_types::{AccountId, Malformed, Timestamp};
use sasl_core::{PasswordVerifier, ScramHash, ScramVerifier};
use sqlx::SqliteConnection;

use crate::{
    DirectoryError,
    snapshot::{Snapshot, Stamp},
    tables,
};

/// The secrets of all accounts, as far as they are kept; read only. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Credentials(Arc<Snapshot<All>>);

/// What is kept of a secret besides, so that challenges can be answered with it.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// For SCRAM.
    pub scram: Vec<ScramVerifier>,
    /// What is as good as the password, sealed under a key that this crate does not have.
    pub sealed: Option<Vec<u8>>,
}

/// An account's password.
#[derive(Debug, Clone)]
pub struct Password {
    /// What it is verified against.
    pub verifier: PasswordVerifier,
    /// What is kept of it besides.
    pub kept: Kept,
    /// When it was set.
    pub changed: Timestamp,
}

/// A secret that was made for one device.
#[derive(Debug, Clone)]
pub struct AppPassword {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls the device; one of each an account.
    pub label: String,
    /// The protocols that it is for; all if none is named.
    pub protocols: Vec<String>,
    /// By which it is found.
    pub digest: [u8; 32],
    /// What is kept of it besides.
    pub kept: Kept,
    /// When it was made.
    pub created: Timestamp,
}

/// A certificate with which an account's owner signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub label: String,
    /// The SHA-256 digest of it.
    pub digest: [u8; 32],
    /// When it was made known.
    pub created: Timestamp,
}

/// Of how many secrets something is kept; what nobody has need not be offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Passwords.
    pub passwords: usize,
    /// Passwords with a verifier for SCRAM-SHA-256.
    pub scram_sha_256: usize,
    /// Passwords with a verifier for SCRAM-SHA-1.
    pub scram_sha_1: usize,
    /// Secrets, app passwords included, with something sealed.
    pub sealed: usize,
    /// App passwords.
    pub app_passwords: usize,
    /// Certificates.
    pub certificates: usize,
}

/// Everything of one published copy.
#[derive(Debug, Default)]
struct All {
    passwords: HashMap<AccountId, Arc<Password>>,
    app_passwords: Vec<Arc<AppPassword>>,
    by_digest: HashMap<[u8; 32], usize>,
    certificates: HashMap<[u8; 32], Certificate>,
    census: Census,
}

impl Credentials {
    /// The credentials in this folder. Nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        let file = tables::credentials_file(folder);
        Self(Arc::new(Snapshot::new(file, tables::CREDENTIALS, |connection| {
            Box::pin(read(connection))
        })))
    }

    /// What stands for the credentials that are published now.
    pub fn stamp(&self) -> Result<Stamp, DirectoryError> {
        Ok(self.0.stamp()?)
    }

    /// An account's password; nothing if it has none.
    pub async fn password(&self, id: AccountId) -> Result<Option<Arc<Password>>, DirectoryError> {
        Ok(self.0.now().await?.passwords.get(&id).cloned())
    }

    /// The app password with this digest.
    pub async fn app_password_by_digest(
        &self,
        digest: &[u8; 32],
    ) -> Result<Option<Arc<AppPassword>>, DirectoryError> {
        let all = self.0.now().await?;
        let place = all.by_digest.get(digest);
        Ok(place.and_then(|place| all.app_passwords.get(*place)).cloned())
    }

    /// The app passwords of an account, by label.
    pub async fn app_passwords(
        &self,
        id: AccountId,
    ) -> Result<Vec<Arc<AppPassword>>, DirectoryError> {
        let all = self.0.now().await?;
        Ok(all.app_passwords.iter().filter(|one| one.account == id).cloned().collect())
    }

    /// The certificate with this digest.
    pub async fn certificate(
        &self,
        digest: &[u8; 32],
    ) -> Result<Option<Certificate>, DirectoryError> {
        Ok(self.0.now().await?.certificates.get(digest).cloned())
    }

    /// The certificates of an account, by label.
    pub async fn certificates(&self, id: AccountId) -> Result<Vec<Certificate>, DirectoryError> {
        let all = self.0.now().await?;
        let own = all.certificates.values().filter(|one| one.account == id);
        let mut own: Vec<Certificate> = own.cloned().collect();
        own.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(own)
    }

    /// How many there are of each kind.
    pub async fn census(&self) -> Result<Census, DirectoryError> {
        Ok(self.0.now().await?.census)
    }
}

async fn read(connection: &mut SqliteConnection) -> Result<All, DirectoryError> {
    type Row = (i64, String, String, Option<Vec<u8>>, i64);
    let mut all = All::default();
    let rows: Vec<Row> =
        sqlx::query_as("select account, verifier, scram, sealed, changed_ms from password")
            .fetch_all(&mut *connection)
            .await?;
    for (id, verifier, scram, sealed, changed) in rows {
        let parsed = PasswordVerifier::parse(&verifier)
            .and_then(|verifier| Ok((verifier, Kept::of_row(&scram, sealed)?)));
        let Some((verifier, kept)) = unless_damaged("password", &id.to_string(), parsed) else {
            continue;
        };
        let has = |hash| kept.scram.iter().any(|verifier| verifier.hash() == hash);
        all.census.passwords += 1;
        all.census.scram_sha_256 += usize::from(has(ScramHash::Sha256));
        all.census.scram_sha_1 += usize::from(has(ScramHash::Sha1));
        all.census.sealed += usize::from(kept.sealed.is_some());
        let changed = Timestamp::from_millis(changed);
        all.passwords.insert(AccountId(id), Arc::new(Password { verifier, kept, changed }));
    }
    read_app_passwords(connection, &mut all).await?;
    let rows: Vec<(Vec<u8>, i64, String, i64)> =
        sqlx::query_as("select digest, account, label, created_ms from certificate")
            .fetch_all(connection)
            .await?;
    for (digest, account, label, created) in rows {
        let digest = unless_damaged("certificate", &label, digest_of_row(digest));
        let Some(digest) = digest else { continue };
        let created = Timestamp::from_millis(created);
        let certificate = Certificate { account: AccountId(account), label, digest, created };
        all.certificates.insert(digest, certificate);
    }
    all.census.certificates = all.certificates.len();
    Ok(all)
}

async fn read_app_passwords(
    connection: &mut SqliteConnection,
    all: &mut All,
) -> Result<(), DirectoryError> {
    type Row = (i64, String, String, Vec<u8>, String, Option<Vec<u8>>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "select account, label, protocols, digest, scram, sealed, created_ms from app_password \
         order by account, label",
    )
    .fetch_all(connection)
    .await?;
    for (account, label, protocols, digest, scram, sealed, created) in rows {
        let parsed =
            digest_of_row(digest).and_then(|digest| Ok((digest, Kept::of_row(&scram, sealed)?)));
        let Some((digest, kept)) = unless_damaged("app_password", &label, parsed) else { continue };
        all.census.sealed += usize::from(kept.sealed.is_some());
        all.census.app_passwords += 1;
        all.by_digest.insert(digest, all.app_passwords.len());
        all.app_passwords.push(Arc::new(AppPassword {
            account: AccountId(account),
            label,
            protocols: protocols.split_whitespace().map(str::to_owned).collect(),
            digest,
            kept,
            created: Timestamp::from_millis(created),
        }));
    }
    Ok(())
}

impl Kept {
    fn of_row(scram: &str, sealed: Option<Vec<u8>>) -> Result<Self, Malformed> {
        let scram = scram.lines().map(ScramVerifier::parse).collect::<Result<_, _>>()?;
        Ok(Self { scram, sealed })
    }

    /// The SCRAM verifiers as they stand in a row.
    pub(crate) fn scram_text(&self) -> String {
        self.scram.iter().map(|verifier| format!("{verifier}\n")).collect()
    }
}

fn digest_of_row(digest: Vec<u8>) -> Result<[u8; 32], Malformed> {
    digest.try_into().map_err(|_| Malformed("a digest has 32 octets"))
}

/// What a row says; nothing, and a line in the log, if it is damaged: that is no reason to let nobody
/// else sign in.
fn unless_damaged<T>(table: &'static str, row: &str, parsed: Result<T, Malformed>) -> Option<T> {
    parsed.inspect_err(|why| tracing::error!(table, row, %why, "a damaged row of credentials")).ok()
}
